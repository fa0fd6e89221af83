"""Wire types of returns: units of an order that come back."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from tradepost.kit.schema.validation import SingleLineText

from .orders import MAX_LINES, OrderUnitsInput

ReturnReason = Annotated[SingleLineText, Meta(min_length=1, max_length=500, examples=["Too small."])]
RejectionReason = Annotated[SingleLineText, Meta(min_length=1, max_length=500, examples=["The lamp has been used."])]
ReturnedUnits = Annotated[int, Meta(ge=1, le=9_999, description="The number of units.", examples=[1])]
Refund = Annotated[bool, Meta(description="Refund the units. Needs `payments:write`.")]
RefundShipping = Annotated[
    bool | None,
    Meta(
        description="Whether the refund includes the costs of shipping. Default: `refunds_shipping` of the return. "
        "Needs `payments:write`."
    ),
]


class ReturnKind(StrEnum):
    """The kind of a return.

    `return`: under the conditions of the shop. `withdrawal`: the customer withdraws from the
    contract, within 14 days after the delivery.
    """

    RETURN = "return"
    WITHDRAWAL = "withdrawal"


class ReturnStatus(StrEnum):
    """The status of a return.

    `requested`: the units are to come back. `received`: they are back. `rejected`: the shop does
    not take them back. `cancelled`: the customer keeps them.
    """

    REQUESTED = "requested"
    RECEIVED = "received"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class Return(Struct):
    """Units of an order that come back to the shop."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    order_id: UUID
    kind: ReturnKind
    status: ReturnStatus
    reason: ReturnReason | None
    rejection_reason: RejectionReason | None
    refunds_shipping: Annotated[
        bool,
        Meta(description="Whether a refund includes the costs of shipping, as if the whole order is withdrawn."),
    ]
    fulfilment_id: Annotated[UUID | None, Meta(description="The fulfilment, if it could not be delivered.")]


class ReturnLine(Struct):
    """Units of one order line in a return: the requested ones, then the received ones."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    return_id: UUID
    order_line_id: UUID
    quantity: ReturnedUnits
    restock: Annotated[
        bool | None,
        Meta(description="Whether the units go back into the stock. Null until that is decided."),
    ]
    location_id: Annotated[UUID | None, Meta(description="The stock location that they come back to.")]


class ReturnLineInput(OrderUnitsInput, forbid_unknown_fields=True):
    """Units of one order line that come back.

    A line can be given twice: with `restock` and without it.
    """

    restock: Annotated[
        bool | None,
        Meta(description="Whether the units go back into the stock. Default: they do. Needs `stock:write`."),
    ] = None
    location_id: Annotated[
        UUID | None,
        Meta(description="The stock location. Default: the one that they shipped from. Needs `stock:write`."),
    ] = None


ReturnLines = Annotated[list[ReturnLineInput], Meta(min_length=1, max_length=MAX_LINES)]


class ReturnCreateInput(Struct, forbid_unknown_fields=True):
    """Input to return units of an order. Fields that are omitted or null get their defaults."""

    kind: ReturnKind = ReturnKind.RETURN
    lines: Annotated[
        ReturnLines | None,
        Meta(description="The units. A withdrawal without `lines` is one from the whole order; a return needs them."),
    ] = None
    reason: ReturnReason | None = None
    received: Annotated[bool, Meta(description="Whether the units are back already. Needs `orders:write`.")] = False
    refund: Refund = False
    shipping: RefundShipping = None


class ReturnReceiveInput(Struct, forbid_unknown_fields=True):
    """Input to receive a return. Without `lines` it has the units that were requested."""

    lines: Annotated[ReturnLines | None, Meta(description="The units that came back.")] = None
    refund: Refund = False
    shipping: RefundShipping = None


class ReturnRejectInput(Struct, forbid_unknown_fields=True):
    """Input to reject a return."""

    reason: RejectionReason | None = None
