"""Inventory, described to the general tests."""

from tests.areas.inventory.case.additions import PRODUCT_ADDITIONS, VARIANT_ADDITIONS
from tests.areas.inventory.case.stock_levels import STOCK_LEVEL, VARIANT_STOCK
from tests.areas.inventory.case.stock_locations import STOCK_LOCATION
from tests.areas.inventory.case.stock_movements import STOCK_MOVEMENT
from tests.parity.case import AreaCase

CASE = AreaCase(
    entities=(STOCK_LOCATION, STOCK_LEVEL, STOCK_MOVEMENT),
    results=(VARIANT_STOCK,),
    additions=(VARIANT_ADDITIONS, PRODUCT_ADDITIONS),
)
