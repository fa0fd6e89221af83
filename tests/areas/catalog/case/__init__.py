"""The case of the catalogue: one EntityCase per resource."""

from tests.areas.catalog.case.brands import BRAND
from tests.areas.catalog.case.categories import CATEGORY
from tests.areas.catalog.case.media import MEDIA
from tests.areas.catalog.case.products import PRODUCT
from tests.areas.catalog.case.tags import TAG
from tests.areas.catalog.case.variants import VARIANT
from tests.parity.case import AreaCase

CASE = AreaCase(entities=(CATEGORY, BRAND, PRODUCT, VARIANT, MEDIA, TAG))
