"""What filling either database has in common."""

from collections.abc import Callable

import msgspec

from .rows import Part

type Progress = Callable[[int], None]


class ShopNotEmptyError(Exception):
    """The database has goods already, which a demo shop must not mix with."""

    def __init__(self) -> None:
        super().__init__("The shop has products or categories already; a demo shop is only made in an empty database.")


class Counts(msgspec.Struct):
    """How many rows were made."""

    categories: int = 0
    products: int = 0
    variants: int = 0
    tags: int = 0

    def add(self, part: Part) -> None:
        """Count a part's rows."""
        self.categories += len(part["category"])
        self.products += len(part["product"])
        self.variants += len(part["variant"])
        self.tags += len(part["tag"])
