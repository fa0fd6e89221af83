"""What both databases share when they are filled: the counts of rows, and the refusal."""

from collections.abc import Callable

import msgspec

from .rows import Part

type Progress = Callable[[int], None]


class ShopNotEmptyError(Exception):
    """The database has products or categories already."""

    def __init__(self) -> None:
        super().__init__("The database has products or categories already; demo data needs an empty one.")


class Counts(msgspec.Struct):
    """Number of rows written."""

    categories: int = 0
    brands: int = 0
    products: int = 0
    variants: int = 0
    tags: int = 0

    def add(self, part: Part) -> None:
        """Count the rows of a part."""
        self.categories += len(part["category"])
        self.brands += len(part["brand"])
        self.products += len(part["product"])
        self.variants += len(part["variant"])
        self.tags += len(part["tag"])
