"""Resources of inventory, and what they add to variants and products."""

from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Text, and_, case, cast, exists, func, or_, select

from tradepost.areas.catalog.resource import products, variants
from tradepost.kit.auth.access import Viewer
from tradepost.kit.resource.filters import Filter, Sort, equality_filter, range_filters
from tradepost.kit.resource.resource import Resource, Result

from . import policy
from .models import StockLevelRow, StockLocationRow, StockMovementRow
from .schemas import Availability, StockLevel, StockLocation, StockMovement, StockMovementKind, StockSummary

LOW_STOCK = "low_stock"
"""The name of the setting: at this many available units or fewer, the stock of a variant without a
threshold is low."""
VARIANT: Any = variants.model
PRODUCT: Any = products.model
AVAILABLE = StockLevelRow.on_hand - StockLevelRow.reserved
HAS_ACTIVE_LOCATION = select(StockLocationRow.id).where(StockLocationRow.active).correlate(None).exists()
CAN_BACKORDER: ColumnElement[bool] = and_(VARIANT.allow_backorder, HAS_ACTIVE_LOCATION)
"""Whether more units of a variant than there are can be ordered: they need a location."""

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
        "variant_id": equality_filter(StockLevelRow.variant_id, UUID),
        "location_id": equality_filter(StockLevelRow.location_id, UUID),
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


def at_active_locations(value: ColumnElement[Any]) -> Any:
    """Return the query of a value of the levels of a variant at active locations."""
    is_active = and_(StockLocationRow.id == StockLevelRow.location_id, StockLocationRow.active)
    return (
        select(value)
        .select_from(StockLevelRow)
        .join(StockLocationRow, is_active)
        .where(StockLevelRow.variant_id == VARIANT.id)
        .correlate(VARIANT)
        .scalar_subquery()
    )


def availability(viewer: Viewer) -> ColumnElement[str]:
    """Return the availability of a variant: `availability_of` in the services, as SQL."""
    units = func.coalesce(func.sum(AVAILABLE), 0)
    low_stock = func.coalesce(VARIANT.low_stock_threshold, viewer.settings.get(LOW_STOCK, 0))
    by_units = case(
        (units > low_stock, Availability.IN_STOCK.value),
        (units > 0, Availability.LOW.value),
        (CAN_BACKORDER, Availability.BACKORDER.value),
        else_=Availability.OUT_OF_STOCK.value,
    )
    state = case((VARIANT.track_inventory, at_active_locations(by_units)), else_=Availability.IN_STOCK.value)
    return cast(state, Text)


def is_in_stock() -> ColumnElement[bool]:
    """Products with a variant that has available units, or whose inventory is not tracked."""
    units = at_active_locations(func.coalesce(func.sum(AVAILABLE), 0))
    return exists().where(VARIANT.product_id == PRODUCT.id, or_(VARIANT.track_inventory.is_(False), units > 0))


variants.add_member(
    "availability", Availability, expression=availability, doc="Whether it can be ordered, by its stock."
)
products.add_filter(
    "in_stock",
    Filter(
        type=bool,
        where=lambda bind: is_in_stock() == bind(Boolean),
        doc="Whether any variant has available units, or an inventory that is not tracked.",
    ),
)
