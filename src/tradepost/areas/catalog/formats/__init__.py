"""Product files: the formats that can be read and written, one file each, and what they share."""

from .format import ParsedProduct
from .issues import Issue, UnreadableError
from .numbers import DecimalSeparator
from .product_file import ProductFile
from .registry import open_file

__all__ = ["DecimalSeparator", "Issue", "ParsedProduct", "ProductFile", "UnreadableError", "open_file"]
