"""Wire types of orders, their lines and timelines."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from tradepost.areas.accounts.schemas import Email
from tradepost.areas.carts.schemas import (
    BillingAddress,
    Locale,
    Note,
    PromotionAmount,
    ShippingAddress,
    ShippingAmounts,
    TaxLine,
)
from tradepost.areas.catalog.schemas import Options
from tradepost.areas.pricing.schemas import PaymentMethod
from tradepost.kit.schema.money import Currency, Money
from tradepost.kit.schema.rate import Rate
from tradepost.kit.schema.small_object import SmallObject
from tradepost.kit.schema.validation import MultilineText, SingleLineText

MAX_LINES = 100

OrderNumber = Annotated[
    SingleLineText,
    Meta(
        min_length=1,
        max_length=20,
        description="The number that the customer sees. It is unique, but not an invoice number: there are gaps.",
        examples=["1001"],
    ),
]
CancelReason = Annotated[SingleLineText, Meta(min_length=1, max_length=500, examples=["Ordered twice by mistake."])]
LineQuantity = Annotated[int, Meta(ge=1, le=9_999, description="The number of units ordered.", examples=[2])]
Units = Annotated[int, Meta(ge=0, le=9_999, description="A number of units of the line.", examples=[0])]


class OrderStatus(StrEnum):
    """The status of an order.

    `pending`: it waits for payment. `confirmed`: it is paid, or the payment is certain.
    `completed`: everything was delivered. `expired`: it was not paid in time.
    """

    PENDING = "pending"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class OrderPaymentStatus(StrEnum):
    """How far an order is paid, derived from its payments and refunds."""

    UNPAID = "unpaid"
    PROCESSING = "processing"
    AUTHORIZED = "authorized"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


class OrderFulfilmentStatus(StrEnum):
    """How far an order is delivered, derived from its lines."""

    UNFULFILLED = "unfulfilled"
    PARTIALLY_FULFILLED = "partially_fulfilled"
    FULFILLED = "fulfilled"
    PARTIALLY_RETURNED = "partially_returned"
    RETURNED = "returned"


class OrderActor(StrEnum):
    """The cause of an event: the customer, staff, or the shop itself."""

    CUSTOMER = "customer"
    STAFF = "staff"
    SYSTEM = "system"


class OrderShippingMethod(Struct):
    """The shipping method of an order, as it was called when the order was placed."""

    code: Annotated[str, Meta(examples=["standard"])]
    name: Annotated[str, Meta(examples=["Standard delivery"])]


class Order(Struct):
    """An order. Its prices, names, taxes and addresses are those of the time it was placed."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    number: OrderNumber
    status: OrderStatus
    payment_status: OrderPaymentStatus
    fulfilment_status: OrderFulfilmentStatus
    email: Email
    locale: Locale
    currency: Currency
    subtotal: Annotated[Money, Meta(description="The prices of all units, before discounts.")]
    discount_total: Money
    shipping_total: Annotated[Money, Meta(description="The price of shipping, before its discount.")]
    shipping: Annotated[ShippingAmounts | None, Meta(description="Null if nothing is shipped.")]
    tax_total: Money
    tax_lines: list[TaxLine]
    grand_total: Annotated[Money, Meta(description="The total when the order was placed.")]
    cancelled_total: Annotated[Money, Meta(description="The part of it that was cancelled.")]
    authorized: Annotated[Money, Meta(description="The amount that is authorized and not captured.")]
    captured: Money
    refunded: Money
    prices_include_tax: bool
    promotions: list[PromotionAmount]
    shipping_address: ShippingAddress
    billing_address: BillingAddress
    shipping_method: OrderShippingMethod | None
    customer_id: Annotated[UUID | None, Meta(description="The user that it belongs to. Null: a guest.")]
    payment_methods: Annotated[
        list[PaymentMethod], Meta(description="The ways to pay that were offered when the order was placed.")
    ]
    note: Note
    attributes: SmallObject
    placed_at: datetime
    expires_at: Annotated[
        datetime | None, Meta(description="When the order expires unless it is paid. Null if it does not expire.")
    ]
    cancel_reason: CancelReason | None


class OrderLine(Struct):
    """A line of an order. It never changes with the catalogue, only its counts of units do."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    order_id: UUID
    variant_id: UUID
    sku: Annotated[str, Meta(examples=["CHAIR-OAK-01"])]
    product_name: Annotated[str, Meta(examples=["Oak chair"])]
    variant_name: Annotated[str, Meta(examples=["Oiled"])]
    options: Options
    image_url: Annotated[str | None, Meta(examples=["https://images.example.com/oak-chair-front.jpg"])]
    withdrawal_excluded: Annotated[
        bool,
        Meta(description="Whether it is excluded from the right of withdrawal, as goods made to measure are."),
    ]
    quantity: LineQuantity
    unit_price: Money
    discount: Annotated[Money, Meta(description="The reduction by promotions.")]
    tax: Annotated[Money, Meta(description="The tax on the discounted line.")]
    tax_percentage: Rate
    total: Annotated[Money, Meta(description="The price of the line, after discounts and with tax.")]
    shipped: Units
    cancelled: Units
    returned: Units


class OrderEvent(Struct):
    """An entry of an order's timeline."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    order_id: UUID
    type: Annotated[str, Meta(description="The kind of event.", examples=["placed"])]
    actor: OrderActor
    data: Annotated[
        dict[str, Any],
        Meta(description="Details that depend on the type.", examples=[{"reason": "Ordered twice by mistake."}]),
    ]


class OrderPlaceInput(Struct, forbid_unknown_fields=True):
    """Input to place an order."""

    cart_id: UUID
    expected_total: Annotated[
        Money, Meta(description="The `grand_total` of the quote that the customer agreed to. If it differs: 409.")
    ]


class OrderUnitsInput(Struct, forbid_unknown_fields=True):
    """Units of one line of an order."""

    order_line_id: UUID
    quantity: Annotated[int, Meta(ge=1, le=9_999, description="The number of units.", examples=[2])]


class OrderCancelLineInput(OrderUnitsInput, forbid_unknown_fields=True):
    """Units of one line to cancel."""


class OrderCancelInput(Struct, forbid_unknown_fields=True):
    """Input to cancel an order. Without `lines` the whole order is cancelled."""

    lines: Annotated[
        list[OrderCancelLineInput] | None, Meta(description="The units to cancel. Omitted or null: all of them.")
    ] = None
    reason: CancelReason | None = None


class OrderNoteInput(Struct, forbid_unknown_fields=True):
    """Input for a note in the timeline of an order, which only staff read."""

    text: Annotated[MultilineText, Meta(min_length=1, max_length=2_000, examples=["Called: deliver after 5 pm."])]


class OrderAccessInput(Struct, forbid_unknown_fields=True):
    """Input to have a link to an order sent to the e-mail address that it was placed with."""

    number: OrderNumber
    email: Email
