"""The rules of the catalogue, one file per aggregate."""

from .batch import ProductBatches
from .categories import Categories
from .products import Products
from .tags import Tags
from .variants import Variants

__all__ = ["Categories", "ProductBatches", "Products", "Tags", "Variants"]
