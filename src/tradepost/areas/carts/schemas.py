"""Wire types of carts, the same in both APIs."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from tradepost.areas.accounts.schemas import Email, PostalAddress
from tradepost.areas.pricing.schemas import PaymentMethod
from tradepost.kit.schema.fault_texts import described_pattern
from tradepost.kit.schema.money import Currency, Money
from tradepost.kit.schema.rate import Rate
from tradepost.kit.schema.small_object import SmallObject
from tradepost.kit.schema.validation import END_OF_TEXT, MultilineText

PRICE_EXAMPLE = {"amount": 14900, "currency": "EUR"}

Locale = Annotated[
    str,
    Meta(
        pattern=described_pattern(
            "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}" + END_OF_TEXT, "a BCP 47 language tag, such as `de-AT`"
        ),
        max_length=35,
        description="The language of e-mails about the order, as a BCP 47 tag.",
        examples=["en"],
    ),
]
Note = Annotated[
    MultilineText,
    Meta(max_length=2_000, description="A note by the customer.", examples=["Please ring twice."]),
]
Quantity = Annotated[
    int, Meta(ge=1, le=9_999, description="Units of the variant. CART_LINE_MAX limits it further.", examples=[2])
]
ShippingAddress = Annotated[PostalAddress | None, Meta(description="Where the goods are delivered.")]
BillingAddress = Annotated[
    PostalAddress | None, Meta(description="The address of the invoice. Null: the shipping address.")
]


class CartStatus(StrEnum):
    """The status of a cart.

    `open`: it can be changed. `completed`: an order was placed from it. `expired`: it was not
    changed for a long time. `merged`: its lines were moved into the cart of a user.
    """

    OPEN = "open"
    COMPLETED = "completed"
    EXPIRED = "expired"
    MERGED = "merged"


class LineAvailability(StrEnum):
    """The availability of a variant in a cart.

    `low`: few units are left. `backorder`: it is delivered later. `not_available`: it is no longer
    sold.
    """

    IN_STOCK = "in_stock"
    LOW = "low"
    OUT_OF_STOCK = "out_of_stock"
    BACKORDER = "backorder"
    NOT_AVAILABLE = "not_available"


class Cart(Struct):
    """A cart: the goods that a guest or a customer intends to buy."""

    id: UUID
    token: Annotated[
        str | None,
        Meta(
            description="The token of a guest's cart, to be sent in `X-Cart-Token`. It is only shown in the response "
            "that creates the cart.",
            examples=["tpc_4fZ8sQ1kXw9LmN2b..."],
        ),
    ]
    status: CartStatus
    currency: Currency
    locale: Locale
    email: Email | None
    customer_id: Annotated[UUID | None, Meta(description="The user that it belongs to. Null: a guest.")]
    shipping_address: ShippingAddress
    billing_address: BillingAddress
    shipping_method_id: UUID | None
    note: Note
    attributes: SmallObject
    expires_at: Annotated[datetime, Meta(description="When it expires unless it is changed.")]
    created_at: datetime
    updated_at: datetime
    version: int


class CartLine(Struct):
    """A quantity of a variant in a cart."""

    id: UUID
    variant_id: UUID
    quantity: Quantity
    unit_price: Annotated[
        Money | None,
        Meta(description="The price now. Null if the variant is not available.", examples=[PRICE_EXAMPLE]),
    ]
    added_price: Annotated[Money, Meta(description="The price when the line was added.", examples=[PRICE_EXAMPLE])]
    total: Annotated[
        Money | None,
        Meta(
            description="The price of all units, before discounts and added tax.",
            examples=[{"amount": 29800, "currency": "EUR"}],
        ),
    ]
    product_name: Annotated[str, Meta(examples=["Oak chair"])]
    variant_name: Annotated[str, Meta(examples=["M / red"])]
    sku: Annotated[str, Meta(examples=["CHAIR-OAK-01"])]
    image_url: Annotated[str | None, Meta(examples=["https://images.example.com/oak-chair-front.jpg"])]
    availability: LineAvailability
    created_at: datetime
    updated_at: datetime
    version: int


class CartInput(Struct, forbid_unknown_fields=True):
    """Input for a cart. Fields that are omitted or null get their defaults."""

    email: Email | None = None
    locale: Locale = "en"
    shipping_address: ShippingAddress = None
    billing_address: BillingAddress = None
    shipping_method_id: UUID | None = None
    note: Note = ""
    attributes: SmallObject = {}


class CartLineInput(Struct, forbid_unknown_fields=True):
    """Input for a line of a new cart."""

    variant_id: UUID
    quantity: Quantity


class CartCreate(CartInput, forbid_unknown_fields=True):
    """Input for a new cart. Fields that are omitted or null get their defaults."""

    lines: Annotated[list[CartLineInput], Meta(max_length=100)] = []
    customer_id: Annotated[
        UUID | None, Meta(description="The user that the cart is for. Needs `orders:write`. Default: yourself.")
    ] = None


class CartLineQuantity(Struct, forbid_unknown_fields=True):
    """Input for the quantity of a variant in a cart."""

    quantity: Quantity


class QuoteLine(Struct):
    """The price of a line. Without a price, the variant is not available."""

    variant_id: UUID
    quantity: Quantity
    unit_price: Money | None
    discount: Money | None
    tax: Money | None
    tax_percentage: Rate | None
    total: Annotated[Money | None, Meta(description="The amount to pay for the line, after discounts and with tax.")]
    availability: LineAvailability


class ShippingAmounts(Struct):
    """The price of shipping, its discount and its tax."""

    price: Money
    discount: Money
    tax: Money
    total: Annotated[Money, Meta(description="The amount to pay for shipping, after discounts and with tax.")]


class TaxLine(Struct):
    """The tax at one rate."""

    percentage: Rate
    taxable: Annotated[Money, Meta(description="The taxed amount, without the tax.")]
    tax: Money


class PromotionAmount(Struct):
    """A promotion that was applied, and its reduction."""

    name: Annotated[str, Meta(examples=["Summer sale"])]
    code: Annotated[str | None, Meta(examples=["SUMMER26"])]
    kind: Annotated[str, Meta(examples=["percent"])]
    amount: Money


class OfferedShippingMethod(Struct):
    """A shipping method that can deliver the cart, and its price for it."""

    id: UUID
    code: Annotated[str, Meta(examples=["standard"])]
    name: Annotated[str, Meta(examples=["Standard delivery"])]
    price: Money


class QuoteProblemCode(StrEnum):
    """Why a cart cannot be ordered as it is."""

    OUT_OF_STOCK = "out_of_stock"
    NOT_AVAILABLE = "not_available"
    EMAIL_MISSING = "email_missing"
    SHIPPING_ADDRESS_MISSING = "shipping_address_missing"
    SHIPPING_METHOD_MISSING = "shipping_method_missing"
    SHIPPING_METHOD_NOT_POSSIBLE = "shipping_method_not_possible"
    CART_EMPTY = "cart_empty"


class QuoteProblem(Struct):
    """A reason why the cart cannot be ordered as it is."""

    code: QuoteProblemCode
    pointer: Annotated[str, Meta(description="JSON pointer to the member of the cart.", examples=["/lines/0"])]
    detail: Annotated[str, Meta(examples=["`CHAIR-OAK-01` is no longer sold. Remove the line."])]


class QuoteNoticeCode(StrEnum):
    """A change that the customer should know of before ordering.

    `price_changed`: since the line was added. `quantity_capped`: when carts were merged.
    """

    PRICE_CHANGED = "price_changed"
    QUANTITY_CAPPED = "quantity_capped"


class QuoteNotice(Struct):
    """A change that the customer should know of. It does not prevent the order."""

    code: QuoteNoticeCode
    pointer: Annotated[str, Meta(description="JSON pointer to the member of the cart.", examples=["/lines/0"])]
    detail: Annotated[str, Meta(examples=["The price has changed since the line was added."])]


class CartQuote(Struct):
    """The totals of a cart now, and the problems that prevent an order.

    Lines without a price are left out of the totals.
    """

    lines: list[QuoteLine]
    subtotal: Annotated[Money, Meta(description="The prices of all units, before discounts.")]
    discount_total: Money
    shipping_total: Annotated[Money, Meta(description="The price of shipping, before its discount.")]
    shipping: Annotated[ShippingAmounts | None, Meta(description="Null if no shipping method is chosen or needed.")]
    tax_total: Money
    tax_lines: list[TaxLine]
    tax_estimated: Annotated[
        bool, Meta(description="Whether the tax is that of the shop's country, because there is no address yet.")
    ]
    grand_total: Annotated[Money, Meta(description="The amount to pay. Send it as `expected_total` of the order.")]
    prices_include_tax: bool
    promotions: list[PromotionAmount]
    shipping_methods: Annotated[
        list[OfferedShippingMethod],
        Meta(description="The shipping methods that can deliver the cart. Empty if nothing is shipped."),
    ]
    payment_methods: list[PaymentMethod]
    problems: Annotated[
        list[QuoteProblem], Meta(max_length=103, description="Why the cart cannot be ordered. Empty: it can be.")
    ]
    notices: Annotated[
        list[QuoteNotice],
        Meta(max_length=200, description="Changes for the customer. They do not prevent an order."),
    ]
