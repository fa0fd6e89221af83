"""Values in values, lists of values and expressions behind values, in resources with a table."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from tests import servers
from tests.conftest import HERE
from tests.factories import create, make_product, make_variant, read, unique
from tests.kit.sample_basket import (
    CHANGES,
    SampleBasketInput,
    SampleBasketLineRow,
    SampleBasketRow,
    baskets,
    running_basket_app,
)
from tests.kit.sample_quote import QUOTE, SampleLine
from tests.kit.test_nested_values import Tree, fields_text, keep, trees
from tests.parity.fields import graphql_fields, graphql_input, normalize_answer
from tradepost.app import TradepostApp
from tradepost.kit.schema.wire_form import wire_form
from tradepost.settings import Settings

pytestmark = pytest.mark.anyio

PATH = "/v1/sample-baskets"
ADDRESS = {"name": "Kim", "lines": ["Vestergade 12"], "city": "Aarhus", "country": "DK"}
WHOLE_ADDRESS = {
    "name": "Kim",
    "company": "",
    "lines": ["Vestergade 12"],
    "city": "Aarhus",
    "postcode": "",
    "region": None,
    "country": "DK",
    "phone": None,
}
FULL: dict[str, Any] = {
    "subtotal": wire_form(QUOTE.grand_total),
    "shipping_total": {"amount": 490, "currency": "EUR"},
    "shipping": wire_form(QUOTE.shipping),
    "top_rate": wire_form(QUOTE.tax_lines[0]),
    "address": ADDRESS,
    "gift": {"items": wire_form(QUOTE.lines), "wrapped": True},
    "tax_lines": wire_form(QUOTE.tax_lines),
    "items": wire_form(QUOTE.lines),
    "parcels": wire_form(QUOTE.parcels),
}
EMPTY: dict[str, Any] = {name: {"amount": 0, "currency": "EUR"} for name in ("subtotal", "shipping_total")}
NULLS = {"shipping": None, "top_rate": None, "address": None, "gift": None, "parcels": None}


@pytest.fixture(scope="module")
async def shop(module_settings: Settings, anyio_backend: object) -> AsyncIterator[TradepostApp]:
    """The app with baskets."""
    async with running_basket_app(module_settings) as app:
        yield app


@pytest.fixture(scope="module")
async def guest(shop: TradepostApp) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a credential."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        yield client


@pytest.fixture(scope="module")
async def editor(module_settings: Settings, shop: TradepostApp) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a staff API key."""
    key = servers.staff_key(module_settings.database_url)
    transport = httpx.ASGITransport(app=shop)
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers={"X-API-Key": key}) as client:
        yield client


@pytest.fixture(scope="module")
async def full(guest: httpx.AsyncClient) -> Any:
    """A basket with all values."""
    return await create(guest, PATH, FULL)


@pytest.fixture(scope="module")
async def empty(guest: httpx.AsyncClient) -> Any:
    """A basket whose values are null and whose lists are empty."""
    return await create(guest, PATH, EMPTY)


def without_links(record: Any) -> Any:
    """Return a record without the member that the doors spell differently."""
    return {name: value for name, value in record.items() if name != "links"}


async def graphql(client: httpx.AsyncClient, document: str, **variables: Any) -> Any:
    """Return the data of a GraphQL document."""
    answer = (await client.post("/graphql", json={"query": document, "variables": variables})).json()
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


async def test_what_was_written_is_read_back(full: Any, empty: Any, guest: httpx.AsyncClient) -> None:
    expected = FULL | {"address": WHOLE_ADDRESS}
    assert {name: full[name] for name in FULL} == expected
    assert without_links(await read(guest, f"{PATH}/{full['id']}")) == without_links(full)
    assert {name: empty[name] for name in NULLS} == NULLS
    assert (empty["tax_lines"], empty["items"]) == ([], [])
    page = await read(guest, PATH, limit=100)
    assert {without_links(r)["id"]: without_links(r) for r in page["data"]} == {
        r["id"]: without_links(r) for r in (full, empty)
    }


@hypothesis_settings(max_examples=25)
@given(tree=trees(baskets))
async def test_both_doors_select_the_whole_record_filtered(
    guest: httpx.AsyncClient, full: Any, empty: Any, tree: Tree
) -> None:
    tree = {name: below for name, below in tree.items() if name != "available_actions"} or {"id": None}
    fields = fields_text(tree)
    for whole in (full, empty):
        rest = await guest.get(f"{PATH}/{whole['id']}", params={"fields": fields})
        assert msgspec.json.decode(rest.content) == keep(tree, whole), fields
        assert rest.content == msgspec.json.encode(keep(tree, whole))
        document = f'{{ sampleBasket(id: "{whole["id"]}") {{ {graphql_fields(baskets, fields)} }} }}'
        data = await graphql(guest, document)
        assert normalize_answer(baskets, data["sampleBasket"]) == rest.json()


async def test_a_basket_is_written_alike_through_graphql(guest: httpx.AsyncClient, full: Any) -> None:
    members = ["subtotal", "shipping_total", "shipping", "top_rate", "address", "gift", "tax_lines", "items", "parcels"]
    document = (
        "mutation($input: SampleBasketInput!) { sampleBasketCreate(input: $input) { "
        f"{graphql_fields(baskets, ','.join(members))} }} }}"
    )
    data = await graphql(guest, document, input=graphql_input(SampleBasketInput, FULL))
    assert normalize_answer(baskets, data["sampleBasketCreate"]) == {name: full[name] for name in members}


async def test_messagepack_has_the_same_values(guest: httpx.AsyncClient, full: Any) -> None:
    answer = await guest.get(f"{PATH}/{full['id']}", headers={"Accept": "application/msgpack"})
    assert without_links(msgspec.msgpack.decode(answer.content)) == without_links(full)


async def test_a_member_that_was_added_after_the_row_was_written_is_null(
    guest: httpx.AsyncClient, shop: TradepostApp
) -> None:
    basket = await create(guest, PATH, EMPTY)
    async with shop.state.database.transaction() as session:
        row = await session.get_one(SampleBasketRow, basket["id"])
        row.items = [{"quantity": 3, "removed_member": 1}]
    fields = "items{quantity,unit_price{amount},options,tags,availability}"
    [item] = (await read(guest, f"{PATH}/{basket['id']}", fields=fields))["items"]
    assert item == {"quantity": 3, "unit_price": None, "options": None, "tags": None, "availability": None}


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({"shipping": None}, ["shipping"]),
        ({"shipping_total": {"amount": 1, "currency": "EUR"}}, ["shipping_total"]),
        ({"address": {"city": "Odense"}, "top_rate": {"percentage": "7"}}, ["top_rate", "address"]),
        ({"subtotal": {"amount": 1, "currency": "EUR"}, "items": []}, ["subtotal", "items"]),
        ({"gift": {"wrapped": False}, "parcels": None}, ["gift", "parcels"]),
        ({"status": "open"}, []),
    ],
)
async def test_a_patch_changes_values_and_names_the_members(
    guest: httpx.AsyncClient, patch: dict[str, Any], changed: list[str]
) -> None:
    basket = await create(guest, PATH, FULL)
    answer = await guest.patch(f"{PATH}/{basket['id']}", json=patch)
    assert answer.status_code == 200, answer.text
    assert CHANGES[-1] == changed

    def merged(old: Any, new: Any) -> Any:
        if not isinstance(new, dict) or not isinstance(old, dict):
            return new
        return old | {name: merged(old.get(name), value) for name, value in new.items()}

    stamps = ("version", "updated_at", "links")
    expected, actual = merged(basket, patch), answer.json()
    assert {n: v for n, v in actual.items() if n not in stamps} == {
        n: v for n, v in expected.items() if n not in stamps
    }


async def test_a_json_patch_points_into_values(guest: httpx.AsyncClient) -> None:
    basket = await create(guest, PATH, FULL)
    steps = [
        {"op": "test", "path": "/items/0/unit_price/currency", "value": "EUR"},
        {"op": "replace", "path": "/shipping/price/amount", "value": 7},
        {"op": "remove", "path": "/parcels/0"},
    ]
    answer = await guest.patch(
        f"{PATH}/{basket['id']}",
        content=msgspec.json.encode(steps),
        headers={"Content-Type": "application/json-patch+json"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["shipping"] == basket["shipping"] | {"price": {"amount": 7, "currency": "EUR"}}
    assert answer.json()["parcels"] == basket["parcels"][1:]


@pytest.mark.parametrize("body", [FULL, EMPTY])
async def test_a_replay_has_the_stored_values_in_any_selection(guest: httpx.AsyncClient, body: dict[str, Any]) -> None:
    headers = {"Idempotency-Key": unique("a-key-of-a-basket")}
    first = await guest.post(PATH, json=body, headers=headers)
    changes = {"shipping": None, "items": [], "gift": None, "address": ADDRESS}
    await guest.patch(f"{PATH}/{first.json()['id']}", json=changes)
    again = await guest.post(PATH, json=body, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    fields = "items{unit_price{amount},options},shipping{tax{amount}},gift{wrapped,items{tags}},subtotal,address"
    part = await guest.post(f"{PATH}?fields={fields}", json=body, headers=headers)
    assert part.headers["Idempotent-Replayed"] == "true"
    line = {"unit_price": {"amount": None}, "options": None}
    tree: Tree = {
        "items": line,
        "shipping": {"tax": {"amount": None}},
        "gift": {"wrapped": None, "items": {"tags": None}},
        "subtotal": None,
        "address": None,
    }
    assert part.json() == keep(tree, first.json())


async def test_faults_inside_values_have_pointers(guest: httpx.AsyncClient) -> None:
    body = EMPTY | {
        "items": [FULL["items"][0] | {"unit_price": {"amount": -1, "currency": "EUR"}, "availability": "gone"}],
        "parcels": [{"number": 1, "contents": {"lines": [], "value": {"amount": 1, "currency": "eur"}}}],
    }
    answer = await guest.post(PATH, json=body)
    assert answer.status_code == 422
    pointers = {e["pointer"] for e in answer.json()["errors"]}
    assert pointers == {"/items/0/unit_price/amount", "/items/0/availability", "/parcels/0/contents/value/currency"}


async def make_line(shop: TradepostApp, basket: str, variant: str) -> str:
    """Insert a line of a basket."""
    async with shop.state.database.transaction() as session:
        row = SampleBasketLineRow(basket_id=basket, variant_id=variant, quantity=2)
        session.add(row)
        await session.flush()
        return row.id


async def test_a_price_behind_a_value_is_that_of_the_variant_now(
    shop: TradepostApp, guest: httpx.AsyncClient, editor: httpx.AsyncClient
) -> None:
    baskets = [await create(guest, PATH, EMPTY) for _ in range(2)]
    product = await make_product(editor)
    prices = [100, 200]
    variants = [await make_variant(editor, product["id"], price) for price in prices]
    for basket in baskets:
        for variant in variants:
            await make_line(shop, basket["id"], variant["id"])
    path = f"{PATH}/{baskets[0]['id']}"

    async def lines(client: httpx.AsyncClient, fields: str = "unit_price") -> Any:
        return (await read(client, path, fields=f"lines{{{fields}}}"))["lines"]

    assert await lines(guest) == [{"unit_price": {"amount": p, "currency": "EUR"}} for p in prices]
    await editor.patch(f"/v1/variants/{variants[1]['id']}", json={"price": {"amount": 250, "currency": "EUR"}})
    assert await lines(guest, "quantity,p: unit_price{amount},q: unit_price{currency},variant{price{amount}}") == [
        {"quantity": 2, "p": {"amount": p}, "q": {"currency": "EUR"}, "variant": {"price": {"amount": p}}}
        for p in (100, 250)
    ]
    page = await read(guest, PATH, fields="id,lines{unit_price{amount}}", limit=2)
    assert [[li["unit_price"]["amount"] for li in r["lines"]] for r in page["data"]] == [[100, 250]] * 2
    await editor.patch(f"/v1/products/{product['id']}", json={"status": "draft"})
    assert await lines(guest) == [{"unit_price": None}] * 2
    assert await lines(guest, "unit_price{currency}") == [{"unit_price": None}] * 2
    assert await lines(editor, "unit_price{amount}") == [{"unit_price": {"amount": p}} for p in (100, 250)]
    await editor.delete(f"/v1/variants/{variants[0]['id']}")
    assert (await lines(editor, "unit_price"))[0] == {"unit_price": None}


async def test_an_enum_column_is_an_enum_in_both_documents_and_filters_accept_only_its_values(
    guest: httpx.AsyncClient, full: Any
) -> None:
    sdl = (await guest.get("/schema.graphql")).text
    assert "status: SampleStatus!" in sdl
    assert "status: SampleStatus\n" in sdl[sdl.index("input SampleBasketFilter") :]
    document = (await guest.get("/v1/openapi.json")).json()
    assert document["components"]["schemas"]["SampleStatus"]["enum"] == ["closed", "open"]
    assert full["id"] in [r["id"] for r in (await read(guest, PATH, status="open", limit=100))["data"]]
    assert (await read(guest, PATH, status="closed"))["data"] == []
    answer = await guest.get(PATH, params={"status": "Open"})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "status")
    data = await graphql(guest, "{ sampleBaskets(filter: {status: OPEN}, first: 1) { nodes { status } } }")
    assert data["sampleBaskets"]["nodes"] == [{"status": "OPEN"}]
    wrong = await guest.post("/graphql", json={"query": '{ sampleBaskets(filter: {status: "open"}) { nodes { id } } }'})
    assert "data" not in wrong.json()


def test_the_wire_form_is_what_the_doors_render() -> None:
    [line, _] = wire_form(QUOTE.lines)
    assert line["added_at"] == "2026-01-02T12:01:00.000000Z"
    assert line["unit_price"] == {"amount": 2**53 - 1, "currency": "EUR"}
    assert set(line) == {f.name for f in msgspec.structs.fields(SampleLine)}
    assert wire_form([1, "a", None, {"b": True}]) == [1, "a", None, {"b": True}]
