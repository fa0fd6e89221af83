"""Tables with values in values, lists of values and expressions, and the app with their resources.

A basket has one column for the currency of all its amounts. A line's `unit_price` is that of the
variant now, and null if the caller may not see the variant.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller
from msgspec import Meta
from sqlalchemy import BigInteger, ColumnElement, MetaData, select, true
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from tests.kit.sample_quote import SampleLine, SampleParcel, SampleShipping, SampleTaxLine, create_app_with
from tradepost.app import TradepostApp
from tradepost.areas.accounts.schemas import PostalAddress
from tradepost.areas.catalog import policy as catalog_policy
from tradepost.areas.catalog.models import VariantRow
from tradepost.areas.catalog.resource import variants
from tradepost.doors.graphql import GraphQLRequest, mutation, query
from tradepost.doors.rest import RestRequest, get, patch, post
from tradepost.kit.auth.access import ANYONE, Viewer
from tradepost.kit.db.base import Versioned
from tradepost.kit.db.column_types import Id, Json
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import ExpectedVersion, Service, apply_changes, changed_members, column_values
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.filters import equality_filter
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.resource import Resource
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.money import Money
from tradepost.kit.schema.patch import JsonPatch, MergePatch, Patch
from tradepost.settings import Settings

metadata = MetaData()
CHANGES: list[list[str]] = []
"""The members that each update has changed."""


class SampleStatus(StrEnum):
    """The status of a basket."""

    OPEN = "open"
    CLOSED = "closed"


class SampleBasketRow(Versioned):
    """A basket."""

    metadata = metadata
    __tablename__, __number__ = "sample_basket", 240
    status: Mapped[str]
    currency: Mapped[str]
    subtotal_amount: Mapped[int] = mapped_column(BigInteger)
    shipping_total_amount: Mapped[int] = mapped_column(BigInteger)
    delivery_price_amount: Mapped[int | None] = mapped_column(BigInteger)
    delivery_discount_amount: Mapped[int | None] = mapped_column(BigInteger)
    delivery_tax_amount: Mapped[int | None] = mapped_column(BigInteger)
    delivery_total_amount: Mapped[int | None] = mapped_column(BigInteger)
    top_rate_percentage: Mapped[int | None]
    top_rate_taxable_amount: Mapped[int | None] = mapped_column(BigInteger)
    top_rate_tax_amount: Mapped[int | None] = mapped_column(BigInteger)
    address_name: Mapped[str | None]
    address_company: Mapped[str | None]
    address_lines: Mapped[list[str] | None] = mapped_column(Json)
    address_city: Mapped[str | None]
    address_postcode: Mapped[str | None]
    address_region: Mapped[str | None]
    address_country: Mapped[str | None]
    address_phone: Mapped[str | None]
    gift_items: Mapped[list[Any] | None] = mapped_column(Json)
    gift_wrapped: Mapped[bool | None]
    tax_lines: Mapped[list[Any]] = mapped_column(Json)
    items: Mapped[list[Any]] = mapped_column(Json)
    parcels: Mapped[list[Any] | None] = mapped_column(Json)


class SampleBasketLineRow(Versioned):
    """A line of a basket."""

    metadata = metadata
    __tablename__, __number__ = "sample_basket_line", 241
    basket_id: Mapped[str] = mapped_column(Id)
    variant_id: Mapped[str] = mapped_column(Id)
    quantity: Mapped[int]


class SampleGift(msgspec.Struct):
    """A list of values and a Boolean inside a value."""

    items: list[SampleLine]
    wrapped: bool


class SampleBasket(msgspec.Struct):
    """A basket."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    status: SampleStatus
    currency: Annotated[str, Meta(max_length=3)]
    subtotal: Money
    shipping_total: Money
    shipping: SampleShipping | None
    top_rate: SampleTaxLine | None
    address: PostalAddress | None
    gift: SampleGift | None
    tax_lines: list[SampleTaxLine]
    items: list[SampleLine]
    parcels: list[SampleParcel] | None


class SampleBasketInput(msgspec.Struct, forbid_unknown_fields=True):
    """Input for a basket."""

    subtotal: Money
    shipping_total: Money
    status: SampleStatus = SampleStatus.OPEN
    currency: Annotated[str, Meta(max_length=3)] = "EUR"
    shipping: SampleShipping | None = None
    top_rate: SampleTaxLine | None = None
    address: PostalAddress | None = None
    gift: SampleGift | None = None
    tax_lines: list[SampleTaxLine] = []
    items: list[SampleLine] = []
    parcels: list[SampleParcel] | None = None


class SampleBasketLine(msgspec.Struct):
    """A line of a basket."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    variant_id: UUID
    quantity: int
    unit_price: Money | None


def everyone(viewer: Viewer) -> ColumnElement[bool]:
    """All rows."""
    return true()


def live_price(column: InstrumentedAttribute[Any]) -> Any:
    """Return the expression that reads a column of the line's variant, if it may be seen."""
    return lambda viewer: (
        select(column)
        .where(VariantRow.id == SampleBasketLineRow.variant_id, catalog_policy.variants(viewer))
        .scalar_subquery()
    )


AMOUNTS = ("subtotal", "shipping_total", "top_rate_taxable", "top_rate_tax")
DELIVERY = ("delivery_price", "delivery_discount", "delivery_tax", "delivery_total")
baskets = Resource(
    SampleBasket,
    SampleBasketRow,
    visible=everyone,
    filters={"status": equality_filter(SampleBasketRow.status, SampleStatus)},
    expressions={f"{name}_currency": SampleBasketRow.currency for name in (*AMOUNTS, *DELIVERY)},
    # `shipping.total` would have the column of `shipping_total`.
    column_prefixes={"shipping": "delivery"},
    actions={"sample_basket_update": everyone},
)
basket_lines = Resource(
    SampleBasketLine,
    SampleBasketLineRow,
    visible=everyone,
    order=("id",),
    expressions={
        "unit_price_amount": live_price(VariantRow.price_amount),
        "unit_price_currency": live_price(VariantRow.price_currency),
    },
)
basket_lines.has_one("basket", baskets, join=SampleBasketLineRow.basket_id, back="lines", back_paged=False)
basket_lines.has_one("variant", variants, join=SampleBasketLineRow.variant_id)


class SampleBaskets(Service):
    """Baskets."""

    @operation("sample_basket_list", "list", baskets, access=ANYONE, public=True)
    async def list(self, list_query: ListQuery, selection: Selection[SampleBasket]) -> Page[SampleBasket]:
        """List baskets."""
        return await self.page(baskets, selection, list_query)

    @operation("sample_basket_get", "get", baskets, access=ANYONE, public=True)
    async def get(self, key: str, selection: Selection[SampleBasket]) -> Record[SampleBasket]:
        """Get a basket by its id."""
        return await self.one(baskets, selection, key)

    @operation("sample_basket_create", "create", baskets, access=ANYONE, input=SampleBasketInput)
    async def create(self, new: SampleBasketInput, selection: Selection[SampleBasket]) -> Record[SampleBasket]:
        """Create a basket."""
        [id] = await self.insert(SampleBasketRow, column_values(baskets, new))
        return await self.read_back(baskets, selection, id)

    @operation("sample_basket_update", "update", baskets, access=ANYONE, input=SampleBasketInput)
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, selection: Selection[SampleBasket]
    ) -> Record[SampleBasket]:
        """Update a basket."""
        row = await self.lock_for_update(SampleBasketRow, baskets, key, expected)
        new = await self.apply_patch(baskets, key, patch, SampleBasketInput)
        CHANGES.append(changed_members(baskets, apply_changes(row, column_values(baskets, new))))
        return await self.read_back(baskets, selection, row.id)


class SampleBasketController(Controller):
    """Baskets."""

    path, tags = "/sample-baskets", ["Baskets"]

    @get("/", SampleBaskets.list)
    async def sample_baskets(self, request: RestRequest) -> Page[SampleBasket]:
        return await SampleBaskets(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", SampleBaskets.get)
    async def sample_basket(self, request: RestRequest, key: str) -> Record[SampleBasket]:
        return await SampleBaskets(request.context).get(key, request.selection)

    @post("/", SampleBaskets.create)
    async def sample_basket_create(self, request: RestRequest) -> Record[SampleBasket]:
        return await SampleBaskets(request.context).create(await request.body(SampleBasketInput), request.selection)

    @patch("/{key:str}", SampleBaskets.update)
    async def sample_basket_update(self, request: RestRequest, key: str) -> Record[SampleBasket]:
        return await SampleBaskets(request.context).update(
            key, await request.patch(), request.expected_version, request.selection
        )


@query(SampleBaskets.list)
async def sample_baskets(request: GraphQLRequest) -> Page[SampleBasket]:
    return await SampleBaskets(request.context).list(request.list_query, request.selection)


@query(SampleBaskets.get)
async def sample_basket(request: GraphQLRequest, id: UUID) -> Record[SampleBasket]:
    return await SampleBaskets(request.context).get(str(id), request.selection)


@mutation(SampleBaskets.create)
async def sample_basket_create(request: GraphQLRequest, input: SampleBasketInput) -> Record[SampleBasket]:
    return await SampleBaskets(request.context).create(input, request.selection)


@mutation(SampleBaskets.update)
async def sample_basket_update(
    request: GraphQLRequest,
    id: UUID,
    patch: MergePatch | None = None,
    json_patch: JsonPatch | None = None,
    expected_version: int | None = None,
) -> Record[SampleBasket]:
    return await SampleBaskets(request.context).update(
        str(id), request.patch(patch, json_patch), expected_version, request.selection
    )


@asynccontextmanager
async def running_basket_app(settings: Settings) -> AsyncIterator[TradepostApp]:
    """The app with these resources, started, and their tables in its database."""
    app = create_app_with(settings, sys.modules[__name__])
    async with app.lifespan():
        async with app.state.database.engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        yield app
