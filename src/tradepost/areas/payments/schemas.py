"""Wire types of payments, the same in both APIs."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from tradepost.areas.carts.schemas import TaxLine
from tradepost.areas.orders.schemas import MAX_LINES, OrderUnitsInput
from tradepost.kit.schema.money import Money
from tradepost.kit.schema.validation import Code, HttpUrl, SingleLineText

Provider = Annotated[Code, Meta(min_length=1, max_length=40, description="The payment provider.", examples=["manual"])]
ReturnUrl = Annotated[HttpUrl, Meta(max_length=2000)]
Method = Annotated[
    Code,
    Meta(
        min_length=1, max_length=40, description="The method, if the provider has several.", examples=["bank_transfer"]
    ),
]


class PaymentStatus(StrEnum):
    """The status of a payment.

    `created`: it waits for the money. `requires_action`: it waits for the customer. `processing`:
    the provider waits for the bank. `authorized`: the money is certain and not yet taken.
    `captured`: the shop has the money. `unknown`: the provider has not answered in time; read the
    payment until that changes. `failed` and `voided`: it can never succeed.
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
    """The kind of step.

    `redirect`: go to `url`. `client_secret`: continue with the provider's library in the browser.
    `instructions`: a text for the customer.
    """

    REDIRECT = "redirect"
    CLIENT_SECRET = "client_secret"  # noqa: S105 - not a secret
    INSTRUCTIONS = "instructions"


class PaymentAction(Struct):
    """The next step of the customer.

    `url` and `client_secret` open the payment. They are only in the answers of `payment_create`
    and `payment_complete`, and null everywhere else. If the provider did not answer, they are null
    there too: call `payment_complete` to get them.
    """

    type: PaymentActionType
    url: Annotated[str | None, Meta(description="The page where the customer pays.", examples=[None])]
    client_secret: Annotated[
        str | None, Meta(description="The secret for the provider's library in the browser.", examples=[None])
    ]
    text: Annotated[
        str | None,
        Meta(description="Instructions for the customer.", examples=["Transfer 12.50 EUR and state the number 1001."]),
    ]


class PaymentDispute(Struct):
    """A dispute: the customer's bank asks for the money back."""

    amount: Money
    reason: Annotated[str, Meta(examples=["fraudulent"])]
    due_by: Annotated[
        datetime | None, Meta(description="When the shop's evidence is due.", examples=["2026-07-08T12:00:00Z"])
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
    authorized: Annotated[Money, Meta(description="The amount that can be captured.")]
    captured: Annotated[Money, Meta(description="The amount received.")]
    refunded: Annotated[Money, Meta(description="The amount paid back.")]
    status: PaymentStatus
    next_action: Annotated[PaymentAction | None, Meta(description="Null if there is nothing to do.")]
    failure: Annotated[PaymentFailure | None, Meta(description="Null if no attempt failed.")]
    capture_before: Annotated[
        datetime | None, Meta(description="When the authorization lapses.", examples=["2026-07-08T12:00:00Z"])
    ]
    dispute: Annotated[PaymentDispute | None, Meta(description="Null if there is no open dispute.")]


class PaymentInput(Struct, forbid_unknown_fields=True):
    """Input to pay an order by one of its `payment_methods`."""

    provider: Provider
    method: Method | None = None
    amount: Annotated[
        Money | None, Meta(description="Needs `payments:write`. Default: the amount still to be paid.")
    ] = None
    return_url: Annotated[
        ReturnUrl | None,
        Meta(
            description="Where the customer's browser goes back to after the payment. Its origin is that of the "
            "shop's storefront.",
            examples=["https://shop.example/orders/thanks"],
        ),
    ] = None


class PaymentCaptureInput(Struct, forbid_unknown_fields=True):
    """Input to capture a payment."""

    amount: Annotated[
        Money | None,
        Meta(
            description="The amount to take, or with `manual` the amount received: at most that of the payment and "
            "what is still to be paid. Default: the most that is possible. The rest of an authorization lapses."
        ),
    ] = None


RefundReason = Annotated[
    SingleLineText,
    Meta(min_length=1, max_length=500, description="The reason for the refund.", examples=["Scratched on arrival."]),
]


class RefundStatus(StrEnum):
    """The status of a refund.

    `created`: the provider was not called yet. `pending`: the money is on its way; with the
    provider `manual`, staff have still to pay it back. `failed`: the amount was given back to the
    payment. `unknown`: the provider has not answered in time.
    """

    CREATED = "created"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class RefundActor(StrEnum):
    """The cause of a refund: staff, the shop itself, or the pages of the payment provider."""

    STAFF = "staff"
    SYSTEM = "system"
    PROVIDER = "provider"


class RefundFailure(Struct):
    """The reason why a refund failed."""

    code: Annotated[str, Meta(examples=["expired_or_canceled_card"])]
    detail: Annotated[str, Meta(examples=["The card has expired."])]


class Refund(Struct):
    """Money of a payment that is paid back."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    payment_id: UUID
    order_id: UUID
    return_id: Annotated[UUID | None, Meta(description="The return that it pays back. Null: none.")]
    amount: Annotated[Money, Meta(description="The amount paid back.")]
    shipping: Annotated[Money, Meta(description="The part of it that pays back the costs of shipping.")]
    tax_lines: Annotated[list[TaxLine], Meta(description="The tax in the amount, by rate.")]
    reason: RefundReason | None
    actor: RefundActor
    status: RefundStatus
    failure: Annotated[RefundFailure | None, Meta(description="Null unless it has failed.")]


class RefundLine(Struct):
    """Units of an order line that a refund pays back."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    refund_id: UUID
    order_line_id: UUID
    quantity: Annotated[int, Meta(ge=1, le=9_999, description="The number of units.", examples=[2])]
    amount: Annotated[
        Money, Meta(description="The price of the units, after discounts and with tax. The refund may be smaller.")
    ]
    tax: Annotated[Money, Meta(description="The tax in it.")]


class RefundLineInput(OrderUnitsInput, forbid_unknown_fields=True):
    """Units of one order line to refund."""


class RefundInput(Struct, forbid_unknown_fields=True):
    """Input to refund a payment. Fields that are omitted or null get their defaults.

    Without `amount`, `lines` and `shipping`, the units of the return are refunded if `return_id` is
    given, and else all that is left of the payment.
    """

    amount: Annotated[
        Money | None,
        Meta(
            description="At most what is left of the payment, and at most the price of the `lines` and of `shipping` "
            "if they are given: a smaller amount keeps a part of it, such as a fee. Default: their price."
        ),
    ] = None
    lines: Annotated[
        Annotated[list[RefundLineInput], Meta(min_length=1, max_length=MAX_LINES)] | None,
        Meta(description="The units to refund, which were neither cancelled nor refunded."),
    ] = None
    shipping: Annotated[
        bool, Meta(description="Whether the costs of shipping are refunded, as far as they have not been.")
    ] = False
    reason: RefundReason | None = None
    return_id: Annotated[UUID | None, Meta(description="The return of the order that it pays back.")] = None


class ProviderEventOutcome(StrEnum):
    """The outcome of an event.

    `applied`: the payment was read at the provider and updated. `repeated`: the event was applied
    before. `ignored`: it is about no payment of this shop.
    """

    APPLIED = "applied"
    REPEATED = "repeated"
    IGNORED = "ignored"


class ProviderEventReceipt(Struct):
    """Confirms that an event of a payment provider was received."""

    outcome: ProviderEventOutcome
