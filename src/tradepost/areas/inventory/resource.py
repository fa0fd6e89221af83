"""Resources of inventory: visible rows, filters and sorts."""

from uuid import UUID

from tradepost.areas.catalog.resource import variants
from tradepost.kit.db.column_types import Id
from tradepost.kit.resource.filters import Filter, Sort, equality_filter, range_filters
from tradepost.kit.resource.resource import Resource, Result

from . import policy
from .models import StockLevelRow, StockLocationRow, StockMovementRow
from .schemas import StockLevel, StockLocation, StockMovement, StockMovementKind, StockSummary

AVAILABLE = StockLevelRow.on_hand - StockLevelRow.reserved

stock_locations = Resource(
    StockLocation,
    StockLocationRow,
    visible=policy.stock_locations,
    order=("priority",),
    filters={
        "code": equality_filter(StockLocationRow.code, bounded=True),
        "active": equality_filter(StockLocationRow.active, bool),
    },
    sorts={
        "priority": Sort(expression=StockLocationRow.priority),
        "name": Sort(expression=StockLocationRow.name),
        "created_at": Sort(expression=StockLocationRow.created_at),
    },
    actions={
        "stock_location_replace": policy.writers,
        "stock_location_update": policy.writers,
        "stock_location_delete": policy.writers,
    },
)

stock_levels = Resource(
    StockLevel,
    StockLevelRow,
    visible=policy.stock_levels,
    filters={
        "variant_id": Filter(type=UUID, where=lambda bind: StockLevelRow.variant_id == bind(Id), convert=str),
        "location_id": Filter(type=UUID, where=lambda bind: StockLevelRow.location_id == bind(Id), convert=str),
        "available_lt": range_filters("available", AVAILABLE)["available_lt"],
    },
    sorts={"created_at": Sort(expression=StockLevelRow.created_at)},
    expressions={"available": AVAILABLE},
)

stock_movements = Resource(
    StockMovement,
    StockMovementRow,
    visible=policy.stock_movements,
    filters={"kind": equality_filter(StockMovementRow.kind, StockMovementKind)},
    sorts={"created_at": Sort(expression=StockMovementRow.created_at)},
)

stock_summaries = Result(StockSummary, name="VariantStock")

stock_levels.has_one("variant", variants, join=StockLevelRow.variant_id)
stock_levels.has_one("location", stock_locations, join=StockLevelRow.location_id)
stock_movements.has_one("location", stock_locations, join=StockMovementRow.location_id)
variants.has_many(
    "stock_movements",
    stock_movements,
    join=StockMovementRow.variant_id,
    paged=True,
    access=policy.read,
    doc="Changes of its stock, newest first.",
)
