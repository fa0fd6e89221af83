"""Wire types of pricing, the same in both APIs."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from tradepost.areas.accounts.schemas import Country, Region
from tradepost.areas.catalog.schemas import PRICE_LIMIT, SLUG_PATTERN, PriceInput, TaxClass
from tradepost.kit.schema.money import Money
from tradepost.kit.schema.rate import Rate
from tradepost.kit.schema.validation import MultilineText, SingleLineText

RatedTaxClass = Annotated[TaxClass, Meta(max_length=40, description="The tax class of variants that the rate is for.")]
Countries = Annotated[
    list[Country], Meta(max_length=250, description="The countries of delivery; empty: all.", examples=[["DE", "AT"]])
]
MethodCode = Annotated[
    str,
    Meta(
        pattern=SLUG_PATTERN,
        max_length=100,
        description="A unique short name, in lower-case words joined by hyphens.",
        examples=["standard"],
    ),
]
MethodName = Annotated[SingleLineText, Meta(min_length=1, max_length=200, examples=["Standard delivery"])]
MethodDescription = Annotated[MultilineText, Meta(max_length=2_000, examples=["2 to 4 working days."])]
FREE_FROM = "Delivery is free if the goods, after discounts, cost as much or more."
Grams = Annotated[int, Meta(ge=0, le=100_000_000, description="Grams.", examples=[2000])]
Position = Annotated[int, Meta(ge=0, le=1_000_000, description="Lists are sorted by it.", examples=[1])]
ShippingTaxClass = Annotated[
    Annotated[TaxClass, Meta(max_length=40)] | None,
    Meta(description="The tax class of shipping. Null: taxed like the goods that are shipped, in proportion."),
]
Active = Annotated[bool, Meta(description="Whether it is offered, and shown to everyone.", examples=[True])]
RateActive = Annotated[bool, Meta(description="Whether it is applied.", examples=[True])]


class TaxRate(Struct):
    """The tax of one class of goods in a country, or in a region of it."""

    id: UUID
    country: Country
    region: Region | None
    tax_class: RatedTaxClass
    percentage: Rate
    active: RateActive
    created_at: datetime
    updated_at: datetime
    version: int


class TaxRateInput(Struct, forbid_unknown_fields=True):
    """Input for a tax rate. Fields that are omitted or null get their defaults."""

    country: Country
    tax_class: RatedTaxClass
    percentage: Rate
    region: Region | None = None
    active: RateActive = True


class ShippingMethod(Struct):
    """A way of delivery and its price."""

    id: UUID
    code: MethodCode
    name: MethodName
    description: MethodDescription
    countries: Countries
    price: Money
    free_from: Annotated[Money | None, Meta(description=FREE_FROM)]
    min_weight_grams: Grams
    max_weight_grams: Grams | None
    tax_class: ShippingTaxClass
    position: Position
    active: Active
    created_at: datetime
    updated_at: datetime
    version: int


class ShippingMethodInput(Struct, forbid_unknown_fields=True):
    """Input for a shipping method. Fields that are omitted or null get their defaults."""

    code: MethodCode
    name: MethodName
    price: PriceInput
    description: MethodDescription = ""
    countries: Countries = []
    free_from: Annotated[Money | None, Meta(description=f"{FREE_FROM} {PRICE_LIMIT}")] = None
    min_weight_grams: Grams = 0
    max_weight_grams: Grams | None = None
    tax_class: ShippingTaxClass = None
    position: Position = 0
    active: Active = True


class PaymentMethod(Struct):
    """A way to pay that the shop offers."""

    provider: Annotated[str, Meta(examples=["manual"])]
    method: Annotated[
        str | None, Meta(description="The method, if the provider has several.", examples=["bank_transfer"])
    ]
    name: Annotated[str, Meta(examples=["Bank transfer"])]
