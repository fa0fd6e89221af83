"""The settings of inventory."""

import msgspec


class InventorySettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that inventory depends on.

    low_stock: the number of available units at or below which stock is low, for variants without a
        threshold of their own.
    """

    low_stock: int = 5
