"""Services of inventory."""

from .reservations import ReservationLine, release, reserve
from .settings import InventorySettings
from .variant_stock import VariantStock, stock_of

__all__ = [
    "InventorySettings",
    "ReservationLine",
    "VariantStock",
    "release",
    "reserve",
    "stock_of",
]
