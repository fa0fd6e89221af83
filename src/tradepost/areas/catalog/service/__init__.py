"""Services of the catalogue, one file per aggregate."""

from .batch import ProductBatches
from .brands import Brands
from .categories import Categories
from .currency_check import check_currency
from .media import MediaItems
from .products import Products
from .tags import Tags
from .variants import VariantService

__all__ = [
    "Brands",
    "Categories",
    "MediaItems",
    "ProductBatches",
    "Products",
    "Tags",
    "VariantService",
    "check_currency",
]
