"""Wire types of inventory, the same in both APIs."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from tradepost.areas.catalog.schemas import SLUG_PATTERN, Sku
from tradepost.kit.schema.validation import RowId, SingleLineText

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


class StockMovementKind(StrEnum):
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
Available = Annotated[
    int, Meta(description="`on_hand` less `reserved`; negative if units are backordered.", examples=[10])
]
INT64 = {"format": "int64"}
TotalOnHand = Annotated[
    int, Meta(ge=0, description="Units at all active locations.", examples=[12], extra_json_schema=INT64)
]
TotalReserved = Annotated[
    int, Meta(ge=0, description="Units reserved for orders there.", examples=[2], extra_json_schema=INT64)
]
TotalAvailable = Annotated[
    int,
    Meta(
        description="`on_hand` less `reserved`; negative if units are backordered.",
        examples=[10],
        extra_json_schema=INT64,
    ),
]
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
    available: Available
    created_at: datetime
    updated_at: datetime
    version: int


class StockMovement(Struct):
    """A change of the stock of a variant at a location. Movements are never changed."""

    id: UUID
    variant_id: UUID
    location_id: UUID
    kind: StockMovementKind
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


class StockAtLocation(Struct):
    """The stock of a variant at one location."""

    location_id: UUID
    code: LocationCode
    on_hand: OnHand
    reserved: Reserved


class StockSummary(Struct):
    """The stock of a variant at all active locations together, and at each location."""

    on_hand: TotalOnHand
    reserved: TotalReserved
    available: TotalAvailable
    locations: Annotated[
        list[StockAtLocation], Meta(description="Locations with a stock level, in the order of their priority.")
    ]


class StockMoveKind(StrEnum):
    """The kind of a new stock movement.

    `receive` adds units, `adjust` corrects the stock by a positive or negative quantity, `transfer`
    moves units to another location.
    """

    RECEIVE = "receive"
    ADJUST = "adjust"
    TRANSFER = "transfer"


class StockMove(Struct, forbid_unknown_fields=True):
    """Input for a stock movement. Without a location: the active one that is first by priority."""

    kind: StockMoveKind
    quantity: Annotated[
        int,
        Meta(
            ge=-MAX_QUANTITY,
            le=MAX_QUANTITY,
            description="Units. Negative only to adjust, and never 0.",
            examples=[12],
        ),
    ]
    location_id: UUID | None = None
    to_location_id: Annotated[UUID | None, Meta(description="The location that a transfer moves units to.")] = None
    reason: Reason | None = None


class CountedStock(Struct, forbid_unknown_fields=True):
    """The units of a variant that were counted at a location.

    Give `variant_id` or `sku`. Without a location: the active one that is first by priority.
    """

    on_hand: OnHand
    variant_id: RowId | UnsetType = UNSET
    sku: Sku | UnsetType = UNSET
    location_id: UUID | None = None
    expected_on_hand: Annotated[
        Annotated[int, Meta(ge=0, le=MAX_QUANTITY)] | None,
        Meta(description="If `on_hand` is another number now, the item is refused: goods moved since.", examples=[14]),
    ] = None


class StockCount(Struct, forbid_unknown_fields=True):
    """Up to 100 counts, made in one transaction."""

    counts: Annotated[
        list[CountedStock],
        Meta(min_length=1, max_length=100, examples=[[{"sku": "CHAIR-OAK-01", "on_hand": 12, "expected_on_hand": 14}]]),
    ]
