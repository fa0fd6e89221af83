"""Lines whose quantity was reduced when carts were merged."""

from msgspec import Struct


class CappedLine(Struct, frozen=True):
    """A line that was reduced: the requested quantity, and the one that the cart has.

    quantity: 0 if the cart was full.
    """

    variant_id: str
    sku: str
    requested: int
    quantity: int
