"""Wire types of payments, the same in both APIs."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from tradepost.kit.schema.money import Money
from tradepost.kit.schema.validation import Code

Provider = Annotated[Code, Meta(min_length=1, max_length=40, description="The payment provider.", examples=["manual"])]
Method = Annotated[
    Code,
    Meta(
        min_length=1, max_length=40, description="The method, if the provider has several.", examples=["bank_transfer"]
    ),
]


class PaymentStatus(StrEnum):
    """The status of a payment.

    `created`: it waits for the money. `authorized`: the money is certain and not yet taken.
    `captured`: the shop has the money. `unknown`: the provider has not answered in time.
    """

    CREATED = "created"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    FAILED = "failed"
    VOIDED = "voided"
    UNKNOWN = "unknown"


class PaymentActionType(StrEnum):
    """The kind of step: `instructions` are a text for the customer."""

    INSTRUCTIONS = "instructions"


class PaymentAction(Struct):
    """The next step of the customer."""

    type: PaymentActionType
    text: Annotated[
        str | None,
        Meta(description="Instructions for the customer.", examples=["Transfer 12.50 EUR and state the number 1001."]),
    ]


class PaymentFailure(Struct):
    """The reason why the last attempt to pay failed."""

    code: Annotated[str, Meta(examples=["declined"])]
    detail: Annotated[str, Meta(examples=["The payment was declined."])]


class Payment(Struct):
    """A payment of an order."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    order_id: UUID
    provider: Provider
    method: Method | None
    amount: Annotated[Money, Meta(description="The amount to be paid.")]
    captured: Annotated[Money, Meta(description="The amount received.")]
    refunded: Annotated[Money, Meta(description="The amount paid back.")]
    status: PaymentStatus
    next_action: Annotated[PaymentAction | None, Meta(description="Null if there is nothing to do.")]
    failure: Annotated[PaymentFailure | None, Meta(description="Null if no attempt failed.")]


class PaymentInput(Struct, forbid_unknown_fields=True):
    """Input to pay an order by one of its `payment_methods`."""

    provider: Provider
    method: Method | None = None
    amount: Annotated[
        Money | None, Meta(description="Needs `payments:write`. Default: the amount still to be paid.")
    ] = None


class PaymentCaptureInput(Struct, forbid_unknown_fields=True):
    """Input to capture a payment."""

    amount: Annotated[
        Money | None,
        Meta(
            description="The amount received, at most that of the payment and what is still to be paid. Default: the "
            "most that is possible."
        ),
    ] = None
