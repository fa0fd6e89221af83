"""Services of the catalogue, one file per aggregate."""

from .batch import ProductBatches
from .brands import Brands
from .categories import Categories
from .media import MediaItems
from .prices import check_prices, find_other_currency
from .products import Products
from .settings import CatalogSettings
from .tags import Tags
from .variants import VariantService

__all__ = [
    "Brands",
    "CatalogSettings",
    "Categories",
    "MediaItems",
    "ProductBatches",
    "Products",
    "Tags",
    "VariantService",
    "check_prices",
    "find_other_currency",
]
