"""A result with values in values and lists of values, and the app with an operation of it.

Depths: `lines` 1, `lines.unit_price` 2, `parcels.contents.lines.unit_price` 4.
"""

import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from litestar import Controller
from msgspec import Meta

from tradepost import app as composition_root
from tradepost.doors.graphql import GraphQLRequest, query
from tradepost.doors.rest import RestRequest, get
from tradepost.kit.auth.access import ANYONE
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.query.records import Record
from tradepost.kit.resource.resource import Result
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.money import Money
from tradepost.kit.schema.rate import Rate
from tradepost.settings import Settings

Text = Annotated[str, Meta(max_length=100, examples=["text"])]


class SampleAvailability(StrEnum):
    """Whether a variant can be bought."""

    IN_STOCK = "in_stock"
    OUT_OF_STOCK = "out_of_stock"


class SampleLine(msgspec.Struct):
    """A line."""

    variant_id: UUID
    quantity: int
    unit_price: Money | None
    discount: Money
    tax_percentage: Rate
    availability: SampleAvailability
    in_gift_wrap: bool
    options: dict[str, Any]
    tags: list[Text]
    moods: list[SampleAvailability]
    added_at: datetime | None = None


class SampleShipping(msgspec.Struct):
    """The shipping of a quote."""

    price: Money
    discount: Money
    tax: Money
    total: Money


class SampleTaxLine(msgspec.Struct):
    """The tax of one rate."""

    percentage: Rate
    taxable: Money
    tax: Money


class SampleMethod(msgspec.Struct):
    """A way of delivery."""

    id: UUID
    code: Text
    name: Text
    price: Money


class SampleProblem(msgspec.Struct):
    """A problem of a quote."""

    code: Text
    pointer: Text | None
    detail: Text


class SampleContents(msgspec.Struct):
    """What is in a parcel."""

    lines: list[SampleLine]
    value: Money | None


class SampleParcel(msgspec.Struct):
    """A parcel."""

    number: int
    contents: SampleContents | None


class SampleQuote(msgspec.Struct):
    """A quote."""

    lines: list[SampleLine]
    shipping: SampleShipping | None
    grand_total: Money
    tax_lines: list[SampleTaxLine]
    shipping_methods: list[SampleMethod]
    parcels: list[SampleParcel] | None
    problems: list[SampleProblem]
    prices_include_tax: bool
    locale: Text


sample_quotes = Result(SampleQuote)


def eur(amount: int) -> Money:
    """Return an amount in euros."""
    return Money(amount, "EUR")


def sample_line(number: int, unit_price: Money | None = None) -> SampleLine:
    """Return a line that differs from those with other numbers."""
    return SampleLine(
        variant_id=UUID(int=number),
        quantity=number,
        unit_price=unit_price,
        discount=eur(number),
        tax_percentage="19" if number % 2 else "7.5",
        availability=SampleAvailability.OUT_OF_STOCK if unit_price is None else SampleAvailability.IN_STOCK,
        in_gift_wrap=bool(number % 2),
        options={"größe": [1, None, {"a": True}]},
        tags=["a", "b"],
        moods=[SampleAvailability.IN_STOCK],
        added_at=datetime(2026, 1, 2, 12, number, tzinfo=UTC) if number % 2 else None,
    )


QUOTE = SampleQuote(
    lines=[sample_line(1, eur(2**53 - 1)), sample_line(2)],
    shipping=SampleShipping(eur(500), eur(100), eur(64), eur(400)),
    grand_total=eur(12_345),
    tax_lines=[SampleTaxLine("19", eur(100), eur(16)), SampleTaxLine("7", eur(0), eur(0))],
    shipping_methods=[SampleMethod(UUID(int=7), "standard", "Standard", eur(490))],
    parcels=[
        SampleParcel(1, SampleContents([sample_line(3, eur(7))], eur(9))),
        SampleParcel(2, SampleContents([], None)),
        SampleParcel(3, None),
    ],
    problems=[
        SampleProblem("out_of_stock", "/lines/1", "Not enough."),
        SampleProblem("email_missing", None, "Add it."),
    ],
    prices_include_tax=True,
    locale="de-DE",
)
EMPTY = SampleQuote([], None, eur(0), [], [], None, [], False, "en")


class SampleQuotes(Service):
    """Quotes."""

    @operation("sample_quote", "get", sample_quotes, access=ANYONE)
    async def sample_quote(self, selection: Selection[SampleQuote]) -> Record[SampleQuote]:
        """Get the quote."""
        return self.respond(sample_quotes, QUOTE, selection)


class SampleQuoteController(Controller):
    """The quote."""

    path, tags = "/sample-quote", ["Quote"]

    @get("/", SampleQuotes.sample_quote)
    async def sample_quote(self, request: RestRequest) -> Record[SampleQuote]:
        return await SampleQuotes(request.context).sample_quote(request.selection)


@query(SampleQuotes.sample_quote)
async def sample_quote(request: GraphQLRequest) -> Record[SampleQuote]:
    return await SampleQuotes(request.context).sample_quote(request.selection)


def create_app_with(settings: Settings, *modules: Any) -> composition_root.TradepostApp:
    """Create the app with the resources, services and routes of some test modules."""
    with pytest.MonkeyPatch.context() as patch:
        load_modules = composition_root.load_modules
        patch.setattr(composition_root, "load_modules", lambda *files: [*load_modules(*files), *modules])
        # Not those that other apps of this process share.
        patch.setattr(composition_root, "declarations", composition_root.declarations.__wrapped__)
        return composition_root.create_app(settings)


def create_quote_app(settings: Settings) -> composition_root.TradepostApp:
    """Create the app with the operation of this module."""
    return create_app_with(settings, sys.modules[__name__])
