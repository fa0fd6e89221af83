"""Wire types of inventory, the same in both APIs."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from tradepost.areas.catalog.schemas import SLUG_PATTERN
from tradepost.kit.schema.validation import SingleLineText

MAX_QUANTITY = 1_000_000_000
"""Units at one location, and in one change."""


class Availability(StrEnum):
    """Whether a variant can be ordered.

    `low`: few units are left. `backorder`: none is left, but it can be ordered.
    """

    IN_STOCK = "in_stock"
    LOW = "low"
    OUT_OF_STOCK = "out_of_stock"
    BACKORDER = "backorder"


class MovementKind(StrEnum):
    """Why a stock level changed.

    `receive`: goods arrived. `adjust`: a correction. `transfer`: between two locations.
    `reserve`, `release`: for an order. `ship`, `return`: of an order.
    """

    RECEIVE = "receive"
    ADJUST = "adjust"
    TRANSFER = "transfer"
    RESERVE = "reserve"
    RELEASE = "release"
    SHIP = "ship"
    RETURN = "return"


LocationCode = Annotated[
    str,
    Meta(
        pattern=SLUG_PATTERN,
        max_length=100,
        description="A unique short name, in lower-case words joined by hyphens.",
        examples=["main"],
    ),
]
LocationName = Annotated[SingleLineText, Meta(min_length=1, max_length=200, examples=["Warehouse in Hamburg"])]
Priority = Annotated[
    int,
    Meta(ge=0, le=1_000_000, description="Stock is taken from the location with the lowest number.", examples=[1]),
]
Active = Annotated[
    bool, Meta(description="Whether its stock is for sale. Stock at other locations is kept, but not sold.")
]
OnHand = Annotated[int, Meta(ge=0, le=MAX_QUANTITY, description="Units at the location.", examples=[12])]
Reserved = Annotated[int, Meta(ge=0, description="Units reserved for orders.", examples=[2])]
Reason = Annotated[SingleLineText, Meta(min_length=1, max_length=200, examples=["Broken in transport"])]


class StockLocation(Struct):
    """A place where goods are stored."""

    id: UUID
    code: LocationCode
    name: LocationName
    priority: Priority
    active: Active
    created_at: datetime
    updated_at: datetime
    version: int


class StockLocationInput(Struct, forbid_unknown_fields=True):
    """Input for a stock location. Fields that are omitted or null get their defaults."""

    code: LocationCode
    name: LocationName
    priority: Priority = 0
    active: Active = True


class StockLevel(Struct):
    """The stock of a variant at a location."""

    id: UUID
    variant_id: UUID
    location_id: UUID
    on_hand: OnHand
    reserved: Reserved
    available: Annotated[
        int, Meta(description="`on_hand` less `reserved`; negative if units are backordered.", examples=[10])
    ]
    created_at: datetime
    updated_at: datetime
    version: int


class StockMovement(Struct):
    """A change of the stock of a variant at a location. Movements are never changed."""

    id: UUID
    variant_id: UUID
    location_id: UUID
    kind: MovementKind
    on_hand_delta: Annotated[int, Meta(description="The change of `on_hand`.", examples=[12])]
    reserved_delta: Annotated[int, Meta(description="The change of `reserved`.", examples=[0])]
    reason: Reason | None
    actor_id: Annotated[UUID | None, Meta(description="The user or API key that made it.")]
    reference: Annotated[
        str,
        Meta(
            description="The id of the step that made it, such as an order; `import` for a quantity of an import.",
            examples=["import"],
        ),
    ]
    created_at: datetime
