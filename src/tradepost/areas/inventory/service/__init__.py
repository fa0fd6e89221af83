"""Services of inventory."""

from .counts import StockCounts
from .imported_quantities import take_imported_quantities
from .locations import StockLocations
from .movements import StockMovements
from .order_numbers import OrderNumbers
from .packing import pack
from .reservations import PackedUnits, Release, ReservationLine, release, reserve, reserve_again
from .returned_goods import ReturnedUnits, check_locations, load_shipped_lines, take_back
from .shipments import ship, ship_available
from .stock_levels import StockLevels
from .variant_changes import copy_allow_backorder, refuse_to_delete_reserved_variants
from .variant_stock import VariantStock, stock_of

__all__ = [
    "OrderNumbers",
    "PackedUnits",
    "Release",
    "ReservationLine",
    "ReturnedUnits",
    "StockCounts",
    "StockLevels",
    "StockLocations",
    "StockMovements",
    "VariantStock",
    "check_locations",
    "copy_allow_backorder",
    "load_shipped_lines",
    "pack",
    "refuse_to_delete_reserved_variants",
    "release",
    "reserve",
    "reserve_again",
    "ship",
    "ship_available",
    "stock_of",
    "take_back",
    "take_imported_quantities",
]
