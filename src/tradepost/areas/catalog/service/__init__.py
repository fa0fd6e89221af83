"""The rules of the catalogue, one file per aggregate."""

from .categories import Categories
from .products import Products
from .tags import Tags
from .variants import Variants

__all__ = ["Categories", "Products", "Tags", "Variants"]
