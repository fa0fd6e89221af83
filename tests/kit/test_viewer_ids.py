"""A rule about rows sees the three ids of its caller: the user, the cart and the order."""

from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import or_

from tests.factories import make_category
from tradepost.app import TradepostApp
from tradepost.areas.catalog.models import CategoryRow
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.operations.row_writes import visible_ids
from tradepost.kit.operations.service import Service
from tradepost.kit.query.records import Page
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.resource import Resource
from tradepost.kit.resource.selection import default_selection
from tradepost.kit.writes.call_context import CallContext

IDENTITIES = ("id", "cart_id", "order_id")


class Parcel(msgspec.Struct):
    """A row that a caller sees by one of its ids."""

    id: str
    name: str


parcels = Resource(
    Parcel,
    CategoryRow,
    name="ParcelOfCaller",
    visible=lambda viewer: or_(*[CategoryRow.id == id for id in (viewer.id, viewer.cart, viewer.order)]),
    order=("id",),
)
parcels.has_many("children", parcels, join=CategoryRow.parent_id, paged=True)


@pytest.fixture(scope="module")
async def ids(staff: httpx.AsyncClient) -> list[str]:
    """A category and two below it."""
    ids: list[str] = []
    for _ in range(3):
        ids.append((await make_category(staff, parent_id=ids[0] if ids else None))["id"])
    return ids


def row_ids(page: Page[Parcel]) -> list[str]:
    """Return the ids on a page."""
    return [row["id"] for row in msgspec.json.decode(msgspec.json.encode(page.body))]


async def read(app: TradepostApp, caller: Caller, ids: list[str]) -> dict[str, list[str]]:
    """Read the parcels in every way there is and return the ids that each way showed."""
    database, selection = app.state.database, default_selection(parcels, frozenset())
    context = CallContext(caller, database)
    reads, reader = database.reads, context.reader
    records: list[Any] = [await reads.one(reader, parcels, selection, "id", id, context) for id in ids]
    page = await reads.page(reader, parcels, selection, ListQuery(total=True), context)
    shown = {
        "one": [r.id for r in records if r is not None],
        "by_ids": list(await reads.by_ids(reader, parcels, selection, ids, context)),
        "page": row_ids(page),
    }
    assert page.total == len(shown["page"])
    seen = set[str]()
    for id in ids:
        query = ListQuery(first=5, total=True)
        if (
            children := await reads.related(reader, parcels, "id", id, "children", query, selection, context)
        ) is not None:
            seen |= {id, *row_ids(children)}
    shown["related"] = list(seen)
    async with context.transaction():
        shown["references"] = list(await visible_ids(Service(context), parcels, ids))
    return {way: sorted(visible) for way, visible in shown.items()}


async def test_callers_with_equal_plans_see_the_rows_of_their_own_ids(app: TradepostApp, ids: list[str]) -> None:
    for identity in IDENTITIES:
        for id in ids:
            caller = msgspec.structs.replace(ANONYMOUS, **{identity: id})
            assert set(map(tuple, (await read(app, caller, ids)).values())) == {(id,)}, identity
    everything = await read(app, Caller(id=ids[0], cart_id=ids[1], order_id=ids[2]), ids)
    assert set(map(tuple, everything.values())) == {tuple(sorted(ids))}
    assert set(map(tuple, (await read(app, ANONYMOUS, ids)).values())) == {()}
