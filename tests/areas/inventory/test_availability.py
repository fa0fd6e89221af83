"""What everyone sees of the stock: the availability of variants, and the filter of products."""

from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from sqlalchemy import select, update

from tests.areas.inventory.stock import context, main_location, new_location, new_variant, put, rolled_back, transaction
from tests.users import create_user
from tradepost.areas.catalog.models import VariantRow
from tradepost.areas.catalog.resource import variants
from tradepost.areas.inventory.models import StockLocationRow
from tradepost.areas.inventory.service import ReservationLine, reserve, stock_of
from tradepost.kit.ids import new_id
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import OutOfStock
from tradepost.kit.resource.selection import Field, FieldSet, Selection

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def varied_stock(app: "TradepostApp") -> dict[str, tuple[str, bool]]:
    """Return variants by id with their availability, and whether their product is in stock."""
    main, closed = await main_location(app), await new_location(app, 1, active=False)
    made: dict[str, tuple[str, bool]] = {}
    for values, units, state, in_stock in (
        ({}, 6, "in_stock", True),
        ({}, 5, "low", True),
        ({"low_stock_threshold": 4}, 5, "in_stock", True),
        ({"low_stock_threshold": 0}, 1, "in_stock", True),
        ({}, 0, "out_of_stock", False),
        ({"allow_backorder": True}, 0, "backorder", False),
        ({"allow_backorder": True}, 9, "in_stock", True),
        ({"track_inventory": False}, 0, "in_stock", True),
    ):
        variant = await new_variant(app, **values)
        made[variant] = state, in_stock
        if units:
            await put(app, variant, main, units)
    elsewhere = await new_variant(app)
    await put(app, elsewhere, closed, 9)
    made[elsewhere] = "out_of_stock", False
    owed = await new_variant(app, allow_backorder=True)
    async with transaction(app) as call:
        await reserve(call, new_id(40), [ReservationLine(new_id(41), owed, 3)])
    made[owed] = "backorder", False
    return made


async def test_everyone_sees_the_availability_that_carts_use(app: "TradepostApp", client: httpx.AsyncClient) -> None:
    made = await varied_stock(app)
    stock = await stock_of(context(app), made)
    for variant, (state, _) in made.items():
        row = (await client.get(f"/v1/variants/{variant}")).json()
        assert (row["availability"], stock[variant].availability) == (state, state)
        assert not {"on_hand", "reserved", "available"} & set(row)
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Variant { availability } } }"
    answer = await client.post("/graphql", json={"query": text, "variables": {"ids": [*made]}})
    assert [node["availability"] for node in answer.json()["data"]["nodes"]] == [s.upper() for s, _ in made.values()]


async def test_without_an_active_location_nothing_can_be_backordered(app: "TradepostApp") -> None:
    variant = await new_variant(app, allow_backorder=True)
    selection: Selection[Any] = Selection(FieldSet((Field("availability"),)))
    async with rolled_back(app) as call:
        await call.session.execute(update(StockLocationRow).values(active=False))
        stock = (await stock_of(call, [variant]))[variant]
        assert (stock.backorder, stock.availability) == (False, "out_of_stock")
        record = await Service(call).one(variants, selection, variant)
        assert msgspec.json.encode(record.body) == b'{"availability":"out_of_stock"}'
        with pytest.raises(OutOfStock):
            await reserve(call, new_id(40), [ReservationLine(new_id(41), variant, 1)])


async def test_products_are_filtered_by_whether_they_are_in_stock(
    app: "TradepostApp", client: httpx.AsyncClient
) -> None:
    made = await varied_stock(app)
    async with app.state.database.session_factory() as session:
        rows = await session.execute(select(VariantRow.id, VariantRow.product_id).where(VariantRow.id.in_(made)))
        product_of = {variant: product for variant, product in rows}
    ids: dict[bool, set[str]] = {}
    for wanted in (True, False):
        params: dict[str, Any] = {"in_stock": str(wanted).lower(), "fields": "id", "limit": 100}
        ids[wanted] = {row["id"] for row in (await client.get("/v1/products", params=params)).json()["data"]}
    for variant, (_, in_stock) in made.items():
        assert product_of[variant] in ids[in_stock]
        assert product_of[variant] not in ids[not in_stock]


async def test_a_reader_sees_the_change_of_availability_at_once(app: "TradepostApp", client: httpx.AsyncClient) -> None:
    variant = await new_variant(app)
    path = f"/v1/variants/{variant}?fields=availability"
    assert (await client.get(path)).json() == {"availability": "out_of_stock"}
    await put(app, variant, await main_location(app), 9)
    assert (await client.get(path)).json() == {"availability": "in_stock"}


async def test_exact_numbers_need_the_permission(app: "TradepostApp", client: httpx.AsyncClient) -> None:
    variant = await new_variant(app)
    customer = await create_user(app)
    async with customer.client() as signed_in:
        for path in (f"/v1/variants/{variant}/stock", f"/v1/variants/{variant}/stock/movements", "/v1/stock-levels"):
            assert (await client.get(path)).status_code == 401
            assert (await signed_in.get(path)).status_code == 403


async def test_only_who_may_read_stock_gets_a_link_to_movements(
    app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    path = f"/v1/variants/{await new_variant(app)}"
    assert "stock_movements" not in (await client.get(path)).json()["links"]
    links = (await staff.get(path)).json()["links"]
    assert links["stock_movements"] == {"href": f"{path}/stock/movements"}
