"""Services of inventory."""

from .counts import StockCounts
from .imported_quantities import take_imported_quantities
from .locations import StockLocations
from .movements import StockMovements
from .order_numbers import OrderNumbers
from .reservations import Release, ReservationLine, release, reserve
from .stock_levels import StockLevels
from .variant_changes import copy_allow_backorder, refuse_to_delete_reserved_variants
from .variant_stock import VariantStock, stock_of

__all__ = [
    "OrderNumbers",
    "Release",
    "ReservationLine",
    "StockCounts",
    "StockLevels",
    "StockLocations",
    "StockMovements",
    "VariantStock",
    "copy_allow_backorder",
    "refuse_to_delete_reserved_variants",
    "release",
    "reserve",
    "stock_of",
    "take_imported_quantities",
]
