"""The events of inventory."""

from uuid import UUID

from msgspec import Struct

from tradepost.areas.catalog.resource import variants
from tradepost.kit.writes.event_types import EventType, row_event_types

from . import policy
from .resource import stock_locations, stock_movements
from .schemas import StockMovementKind


class MovedStock(Struct, forbid_unknown_fields=True):
    """The variant and location of the stock that moved, and the kind of movement."""

    level_id: UUID
    variant_id: UUID
    location_id: UUID
    kind: StockMovementKind


class StockOfVariant(Struct, forbid_unknown_fields=True):
    """The product of the variant."""

    product_id: UUID


EVENT_TYPES = [
    *row_event_types(stock_locations, policy.read),
    EventType("stock.moved", stock_movements, "The quantity on hand changed.", MovedStock, policy.read),
    EventType("stock.low", variants, "The stock of a variant fell to its threshold.", StockOfVariant, policy.read),
    EventType("stock.available", variants, "A variant can be bought again.", StockOfVariant, policy.read),
]
