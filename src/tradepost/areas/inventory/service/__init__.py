"""Services of inventory."""

from .counts import StockCounts
from .locations import StockLocations
from .movements import StockMovements
from .reservations import ReservationLine, release, reserve
from .settings import InventorySettings
from .stock_levels import StockLevels
from .variant_stock import VariantStock, stock_of

__all__ = [
    "InventorySettings",
    "ReservationLine",
    "StockCounts",
    "StockLevels",
    "StockLocations",
    "StockMovements",
    "VariantStock",
    "release",
    "reserve",
    "stock_of",
]
