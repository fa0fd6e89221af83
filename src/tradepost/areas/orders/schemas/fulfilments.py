"""Wire types of fulfilments: the parcels in which an order leaves the shop."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from tradepost.kit.schema.validation import Code, HttpUrl, SingleLineText

from .orders import MAX_LINES, OrderUnitsInput

Carrier = Annotated[SingleLineText, Meta(min_length=1, max_length=100, description="The carrier.", examples=["DHL"])]
TrackingNumber = Annotated[Code, Meta(min_length=1, max_length=100, examples=["00340434161094042557"])]
TrackingUrl = Annotated[
    HttpUrl,
    Meta(
        max_length=2_000,
        description="The page of the carrier that shows where the parcel is.",
        examples=["https://tracking.example.com/00340434161094042557"],
    ),
]
FulfilledUnits = Annotated[int, Meta(ge=1, le=9_999, description="The number of units in it.", examples=[2])]
AllowUnpaid = Annotated[
    bool, Meta(description="Ship although the order is not fully authorized or captured. Needs `payments:write`.")
]


class FulfilmentStatus(StrEnum):
    """The status of a fulfilment.

    `pending`: it is being packed. `shipped`: it has left the shop. `delivered`: it has arrived.
    `returned`: it could not be delivered and came back.
    """

    PENDING = "pending"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    RETURNED = "returned"


class Fulfilment(Struct):
    """Units of an order that are packed and shipped together, from one stock location."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    order_id: UUID
    status: FulfilmentStatus
    location_id: Annotated[UUID, Meta(description="The stock location that it is shipped from.")]
    carrier: Carrier | None
    tracking_number: TrackingNumber | None
    tracking_url: TrackingUrl | None
    shipped_at: datetime | None
    delivered_at: datetime | None


class FulfilmentLine(Struct):
    """Units of one order line in a fulfilment."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    fulfilment_id: UUID
    order_line_id: UUID
    quantity: FulfilledUnits


class FulfilmentLineInput(OrderUnitsInput, forbid_unknown_fields=True):
    """Units of one order line to fulfil."""


class FulfilmentCreateInput(Struct, forbid_unknown_fields=True):
    """Input to fulfil units of an order. Fields that are omitted or null get their defaults."""

    lines: Annotated[list[FulfilmentLineInput], Meta(min_length=1, max_length=MAX_LINES)]
    location_id: Annotated[
        UUID | None,
        Meta(description="The stock location to ship from. Default: the one where all the units are reserved."),
    ] = None
    carrier: Carrier | None = None
    tracking_number: TrackingNumber | None = None
    tracking_url: TrackingUrl | None = None
    shipped: Annotated[bool, Meta(description="Whether it has left the shop already. Default: it is `pending`.")] = (
        False
    )
    allow_unpaid: AllowUnpaid = False


class FulfilmentShipInput(Struct, forbid_unknown_fields=True):
    """Input to ship a fulfilment. Tracking data that is omitted or null stays as it was."""

    carrier: Carrier | None = None
    tracking_number: TrackingNumber | None = None
    tracking_url: TrackingUrl | None = None
    allow_unpaid: AllowUnpaid = False


class FulfilmentInput(Struct, forbid_unknown_fields=True):
    """The members of a fulfilment that can be changed: its tracking data."""

    carrier: Carrier | None = None
    tracking_number: TrackingNumber | None = None
    tracking_url: TrackingUrl | None = None
