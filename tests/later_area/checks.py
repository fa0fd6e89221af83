"""Tests of the area `wishlists`, run by `tests/doors/test_later_area.py`."""

import asyncio
from io import BytesIO
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import literal, select

from tests.factories import Json, make_product, make_variant, unique
from tests.later_area.install import create_tables, install

install()

from tests.parity.harness import UNKNOWN_ID, DualDoorApp  # noqa: E402
from tradepost.app import TradepostApp  # noqa: E402
from tradepost.areas.accounts.service import SYSTEM  # noqa: E402
from tradepost.areas.catalog.formats.writing import FORMATS  # noqa: E402
from tradepost.areas.catalog.service.exporter import Exporter  # noqa: E402
from tradepost.kit.cache.read_cache import ReadCache  # noqa: E402
from tradepost.kit.operations.idempotency.records import RECORDS  # noqa: E402
from tradepost.kit.writes.call_context import CallContext  # noqa: E402

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="session")
async def harness(app: TradepostApp, client: httpx.AsyncClient, staff: httpx.AsyncClient) -> DualDoorApp:
    """The app with the area."""
    await create_tables(app)
    return await DualDoorApp.create(app, client, staff)


@pytest.fixture
async def cache(harness: DualDoorApp) -> ReadCache:
    """The app's read cache, empty and connected."""
    cache: ReadCache = harness.app.state.cache
    for _ in range(100):
        if not cache.suspended:
            break
        await asyncio.sleep(0.05)
    cache.clear()
    return cache


@pytest.fixture
async def variant(harness: DualDoorApp) -> Json:
    """A new variant."""
    product = await make_product(harness.staff.client)
    return await make_variant(harness.staff.client, product["id"])


@pytest.fixture
async def wishlist(harness: DualDoorApp) -> Json:
    """A new wishlist."""
    answer = await harness.anonymous.rest("POST", "/wishlists", json={"number": unique("n"), "name": "Birthday"})
    assert answer.status_code == 201, answer.text
    return answer.json()


WISHES = "name,wishes{variant_id,quantity}"
GRAPHQL_WISHES = "name wishes { variantId quantity }"


async def set_wish(harness: DualDoorApp, door: str, wishlist: str, variant: str, quantity: int, key: str = "") -> Any:
    """Set a wish by a door and return its outcome: the object, or the code of the problem."""
    headers = {"Idempotency-Key": key} if key else {}
    if door == "rest":
        path = f"/wishlists/{wishlist}/wishes/{variant}"
        answer = await harness.anonymous.rest(
            "PUT", path, json={"quantity": quantity}, params={"fields": WISHES}, headers=headers
        )
        return answer.json().get("code", answer.json())
    text = (
        "mutation ($wishlist: ID!, $variant: ID!, $input: WishInput!)"
        f" {{ it: wishSet(wishlistId: $wishlist, variantId: $variant, input: $input) {{ {GRAPHQL_WISHES} }} }}"
    )
    variables = {"wishlist": wishlist, "variant": variant, "input": {"quantity": quantity}}
    document = await harness.anonymous.post(text, variables, headers)
    return document["errors"][0]["extensions"]["code"] if "errors" in document else document["data"]["it"]


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_a_path_with_two_ids(harness: DualDoorApp, wishlist: Json, variant: Json, door: str) -> None:
    id_name = "variant_id" if door == "rest" else "variantId"
    expected = {"name": "Birthday", "wishes": [{id_name: variant["id"], "quantity": 2}]}
    assert await set_wish(harness, door, wishlist["id"], variant["id"], 2) == expected
    assert await set_wish(harness, door, wishlist["id"], variant["id"].upper(), 2) == expected
    if door == "rest":
        path = f"/wishlists/{wishlist['id']}/wishes/{variant['id']}"
        answer = await harness.anonymous.rest("DELETE", path, params={"fields": WISHES})
        assert (answer.status_code, answer.json()["wishes"]) == (200, [])
        assert (await harness.anonymous.rest("DELETE", path)).status_code == 404
    else:
        call = f'wishRemove(wishlistId: "{wishlist["id"]}", variantId: "{variant["id"]}")'
        data = await harness.anonymous.data(f"mutation {{ it: {call} {{ {GRAPHQL_WISHES} }} }}")
        assert data["it"]["wishes"] == []


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_an_id_in_a_path_that_names_no_row_is_not_found(
    harness: DualDoorApp, wishlist: Json, variant: Json, door: str
) -> None:
    known = wishlist["id"], variant["id"]
    for first, second in [("x", known[1]), (known[0], "x"), (UNKNOWN_ID, known[1]), (known[0], UNKNOWN_ID)]:
        assert await set_wish(harness, door, first, second, 2) == "not_found", (first, second)


async def test_the_methods_of_a_path_with_two_ids(harness: DualDoorApp, wishlist: Json, variant: Json) -> None:
    path = f"/wishlists/{wishlist['id']}/wishes/{variant['id']}"
    options = await harness.anonymous.rest("OPTIONS", path)
    assert options.headers["allow"] == "DELETE, OPTIONS, PUT"
    refused = await harness.anonymous.rest("POST", path)
    assert (refused.status_code, refused.headers["allow"]) == (405, "DELETE, OPTIONS, PUT")


async def test_an_idempotency_key_covers_both_ids_at_both_doors(
    harness: DualDoorApp, wishlist: Json, variant: Json
) -> None:
    other = await make_variant(harness.staff.client, variant["product_id"], options={"number": "other"})
    key = unique("key")
    assert (await set_wish(harness, "rest", wishlist["id"], variant["id"], 2, key))["name"] == "Birthday"
    assert (await set_wish(harness, "graphql", wishlist["id"], variant["id"].upper(), 2, key))["name"] == "Birthday"
    for door in ("rest", "graphql"):
        assert await set_wish(harness, door, wishlist["id"], other["id"], 2, key) == "idempotency_key_reused"


async def test_rows_have_no_link_to_a_path_with_two_ids(harness: DualDoorApp, wishlist: Json) -> None:
    id = wishlist["id"]
    assert wishlist["links"] == {
        "self": {"href": f"/v1/wishlists/{id}"},
        "wishes": {"href": f"/v1/wishlists/{id}/wishes"},
        "wish_create": {"href": f"/v1/wishlists/{id}/wishes", "method": "POST"},
        "update": {"href": f"/v1/wishlists/{id}", "method": "PATCH"},
        "claim": {"href": f"/v1/wishlists/{id}/claim", "method": "POST"},
    }
    data = await harness.anonymous.data(f'{{ wishlist(id: "{id}") {{ availableActions }} }}')
    assert data["wishlist"]["availableActions"] == [
        "wishlistUpdate",
        "wishSet",
        "wishRemove",
        "wishCreate",
        "wishlistClaim",
    ]


async def test_a_command_on_a_row_that_is_not_open_is_refused(
    harness: DualDoorApp, wishlist: Json, variant: Json
) -> None:
    assert (await harness.anonymous.rest("POST", f"/wishlists/{wishlist['id']}/claim")).json()["status"] == "claimed"
    for door in ("rest", "graphql"):
        assert await set_wish(harness, door, wishlist["id"], variant["id"], 2) == "invalid_transition"


async def test_a_result_below_a_row(harness: DualDoorApp, wishlist: Json, variant: Json) -> None:
    await set_wish(harness, "rest", wishlist["id"], variant["id"], 3)
    for key in (wishlist["id"], wishlist["number"]):
        answer = await harness.anonymous.rest("GET", f"/wishlists/{key}/summary")
        assert answer.json() == {"wishes": 1, "units": 3}
    text = '{{ wishlistSummary(wishlistId: "{}") {{ wishes units }} }}'
    data = await harness.anonymous.data(text.format(wishlist["id"]))
    assert data["wishlistSummary"] == {"wishes": 1, "units": 3}
    assert (await harness.anonymous.rest("GET", f"/wishlists/{UNKNOWN_ID}/summary")).status_code == 404
    assert await harness.anonymous.data(text.format(UNKNOWN_ID)) == {"wishlistSummary": None}
    headers = {"accept": "application/graphql"}
    document = await harness.anonymous.rest("GET", f"/wishlists/{wishlist['id']}/summary", headers=headers)
    assert document.status_code == 200
    assert (await harness.anonymous.data(document.text))["wishlistSummary"] == {"wishes": 1, "units": 3}


async def test_a_create_below_a_row_of_another_resource(harness: DualDoorApp, wishlist: Json, variant: Json) -> None:
    path, body = f"/wishlists/{wishlist['id']}/wishes", {"variant_id": variant["id"]}
    assert (await harness.anonymous.rest("POST", path, json=body)).json()["code"] == "idempotency_key_missing"
    headers = {"Idempotency-Key": unique("key")}
    answer = await harness.anonymous.rest("POST", path, json=body, headers=headers)
    assert (answer.status_code, answer.json()["quantity"]) == (201, 1)
    assert "location" not in answer.headers, "wishes have no path of their own"
    text = "mutation ($id: ID!, $input: NewWishInput!) { it: wishCreate(wishlistId: $id, input: $input) { id } }"
    variables = {"id": wishlist["id"], "input": {"variantId": variant["id"]}}
    assert (await harness.anonymous.post(text, variables, headers))["data"] == {"it": {"id": answer.json()["id"]}}
    variables["id"] = UNKNOWN_ID
    refused = await harness.anonymous.post(text, variables, {"Idempotency-Key": unique("key")})
    assert refused["errors"][0]["extensions"]["code"] == "not_found"


async def test_a_row_is_read_by_its_id_or_number(harness: DualDoorApp, wishlist: Json) -> None:
    number = wishlist["number"]
    assert (await harness.anonymous.rest("GET", f"/wishlists/{number}")).json()["id"] == wishlist["id"]
    text = "query ($id: ID, $number: String) { wishlist(id: $id, number: $number) { id } }"
    for variables in ({"id": wishlist["id"]}, {"number": number}):
        assert (await harness.anonymous.data(text, variables))["wishlist"] == {"id": wishlist["id"]}
    for variables in ({}, {"id": wishlist["id"], "number": number}):
        problem = (await harness.anonymous.post(text, variables))["errors"][0]["extensions"]
        assert (problem["code"], problem["detail"]) == ("invalid_parameter", "Give exactly one of `id`, `number`.")
    headers = {"accept": "application/graphql"}
    document = await harness.anonymous.rest("GET", f"/wishlists/{number}", params={"fields": "id"}, headers=headers)
    assert document.text == f'{{ wishlist(number: "{number}") {{ id }} }}\n'


async def test_openapi_describes_all_forms_of_paths(harness: DualDoorApp) -> None:
    document = msgspec.json.decode(harness.app.state.contract()["openapi.json"])
    paths = document["paths"]
    operation = paths["/v1/wishlists/{key}/wishes/{variant_id}"]["put"]
    key, variant = [p for p in operation["parameters"] if p.get("in") == "path" or p.get("$ref", "").endswith(".key")]
    assert key == {"$ref": "#/components/parameters/Wishlist.key"}
    assert document["components"]["parameters"]["Wishlist.key"]["description"] == "The id or number of the wishlist."
    assert (variant["name"], variant["required"], variant["schema"]["format"]) == ("variant_id", True, "uuid")
    assert variant["description"] == "The id of the variant."
    assert {"404", "409", "422"} <= set(operation["responses"])
    summary = paths["/v1/wishlists/{key}/summary"]["get"]
    assert {"$ref": "#/components/parameters/Wishlist.key"} in summary["parameters"]
    assert "404" in summary["responses"]
    create = paths["/v1/wishlists/{key}/wishes"]["post"]
    assert {"$ref": "#/components/parameters/Wishlist.key"} in create["parameters"]
    assert {"self", "wishes", "claim", "wish_create", "update", "reopen"} == set(
        document["components"]["schemas"]["WishlistLinks"]["properties"]
    )


@pytest.mark.parametrize(
    ("method", "below", "operation", "points"),
    [
        ("PUT", "/wishes/{}?fields=id", "wish_set", 10),
        ("DELETE", "/wishes/{}?fields=id", "wish_remove", 10),
        ("GET", "/summary", "wishlist_summary", 1),
        ("POST", "/claim", "wishlist_claim", 11),
        ("POST", "/wishes", "wish_create", 10),
    ],
)
async def test_a_quote_of_each_form_of_path(
    harness: DualDoorApp, wishlist: Json, variant: Json, method: str, below: str, operation: str, points: int
) -> None:
    url = f"/v1/wishlists/{wishlist['id']}{below.format(variant['id'])}"
    answer = await harness.anonymous.rest("POST", "/price", json={"method": method, "url": url})
    assert answer.status_code == 200, answer.text
    assert [(o["operation"], o["points"]) for o in answer.json()["operations"]] == [(operation, points)]


async def test_the_parity_report_names_both_parameters(harness: DualDoorApp) -> None:
    report = (await harness.staff.client.get("/parity", headers={"accept": "application/json"})).json()
    operations = {o["operation"]: o for o in report["operations"]}
    assert operations["wish_set"]["rest"] == "PUT /v1/wishlists/{key}/wishes/{variant_id}"


async def test_a_default_relation_is_returned_if_no_fields_are_selected(
    harness: DualDoorApp, wishlist: Json, variant: Json
) -> None:
    assert wishlist["wishes"] == [], "also by a create"
    await set_wish(harness, "rest", wishlist["id"], variant["id"], 2)
    path = f"/wishlists/{wishlist['id']}"
    row = (await harness.anonymous.rest("GET", path)).json()
    [wish] = row["wishes"]
    assert (wish["variant_id"], wish["quantity"]) == (variant["id"], 2)
    assert {"id", "created_at", "version"} < set(wish)
    rows = (await harness.anonymous.rest("GET", "/wishlists", params={"limit": "1"})).json()["data"]
    assert rows == [row]
    assert "wishes" not in (await harness.anonymous.rest("GET", path, params={"fields": "id,name"})).json()


async def test_the_default_fields_have_an_equal_document(harness: DualDoorApp, wishlist: Json, variant: Json) -> None:
    await set_wish(harness, "rest", wishlist["id"], variant["id"], 2)
    path = f"/wishlists/{wishlist['id']}"
    rest = harness.rest_query("wishlist_get", {}, frozenset())
    document = (await harness.anonymous.rest("GET", path, headers={"accept": "application/graphql"})).text
    assert "wishes { id variantId quantity" in document
    selection, _ = harness.graphql_query(document, {}, frozenset())
    assert selection == rest.selection
    [price] = harness.prepare(document, {}, frozenset()).prices
    assert rest.price == price


@pytest.mark.parametrize(
    ("operation", "params", "points"),
    [("wishlist_get", {}, 2), ("wishlist_get", {"fields": "id"}, 1), ("wishlist_list", {"limit": "20"}, 23)],
)
async def test_a_default_relation_is_priced_as_ten_rows(
    harness: DualDoorApp, operation: str, params: Json, points: int
) -> None:
    assert harness.rest_query(operation, params, frozenset()).price.points == points
    answer = await harness.anonymous.rest("POST", "/price", json={"method": "GET", "url": url_of(operation, params)})
    assert answer.json()["points"] == points


def url_of(operation: str, params: Json) -> str:
    """Return the URL of a read, of a row that does not exist."""
    path = "/v1/wishlists" + ("" if operation == "wishlist_list" else f"/{UNKNOWN_ID}")
    return str(httpx.URL(path, params=params)) if params else path


async def test_a_replay_reads_default_relations_again_and_stores_none(
    harness: DualDoorApp, wishlist: Json, variant: Json
) -> None:
    path, key = f"/wishlists/{wishlist['id']}/wishes/{variant['id']}", unique("key")
    headers = {"Idempotency-Key": key}
    first = await harness.anonymous.rest("PUT", path, json={"quantity": 2}, headers=headers)
    assert [w["quantity"] for w in first.json()["wishes"]] == [2]
    await set_wish(harness, "rest", wishlist["id"], variant["id"], 5)
    again = await harness.anonymous.rest("PUT", path, json={"quantity": 2}, headers=headers)
    assert again.headers["idempotent-replayed"] == "true"
    assert [w["quantity"] for w in again.json()["wishes"]] == [5]
    assert again.json()["version"] == first.json()["version"]
    async with harness.app.state.database.engine.connect() as connection:
        query = select(RECORDS.c.outcome).where(RECORDS.c.key == key)
        outcome = msgspec.json.decode((await connection.execute(query)).scalar_one())
    assert "name" in outcome["record"]["members"]
    assert "wishes" not in outcome["record"]["members"]


async def test_a_patch_document_has_no_relation(harness: DualDoorApp, wishlist: Json) -> None:
    async def patch(document: Any) -> Any:
        headers = {"Content-Type": "application/json-patch+json"}
        content = msgspec.json.encode(document)
        path = f"/wishlists/{wishlist['id']}"
        return await harness.anonymous.rest("PATCH", path, content=content, headers=headers)

    tested = await patch([{"op": "test", "path": "/wishes", "value": []}])
    assert tested.json()["code"] == "patch_test_failed"
    changed = await patch([{"op": "replace", "path": "/name", "value": "Wedding"}])
    assert (changed.status_code, changed.json()["name"], changed.json()["wishes"]) == (200, "Wedding", [])


async def test_openapi_says_that_a_relation_is_returned_by_default(harness: DualDoorApp) -> None:
    document = msgspec.json.decode(harness.app.state.contract()["openapi.json"])
    schema = document["components"]["schemas"]["Wishlist"]
    assert schema["properties"]["wishes"]["description"].endswith("Returned by default.")
    assert schema["description"].endswith("by default all of them and, of the relations, `wishes`.")
    [wish] = document["components"]["examples"]["Wishlist"]["value"]["wishes"]
    assert wish["quantity"] == 2


async def test_a_later_area_adds_members_to_a_resource(harness: DualDoorApp, wishlist: Json, variant: Json) -> None:
    path = f"/variants/{variant['id']}"
    assert list(variant)[-4:] == ["demand", "wished_units", "wished_value", "links"]
    assert variant["demand"] == "none"
    await set_wish(harness, "rest", wishlist["id"], variant["id"], 3)
    row = (await harness.anonymous.rest("GET", path)).json()
    assert row["demand"] == "some"
    assert "wished_units" not in row, "it needs a permission"
    fields = {"fields": "demand,wished_units,wished_value"}
    assert (await harness.anonymous.rest("GET", path, params=fields)).status_code == 401
    read = (await harness.staff.rest("GET", path, params=fields)).json()
    value = {"amount": 3 * variant["price"]["amount"], "currency": "EUR"}
    assert read == {"demand": "some", "wished_units": 3, "wished_value": value}
    text = f'{{ variant(id: "{variant["id"]}") {{ demand wishedUnits wishedValue {{ amount currency }} }} }}'
    data = await harness.staff.data(text)
    assert data["variant"] == {"demand": "SOME", "wishedUnits": 3, "wishedValue": value}
    refused = await harness.anonymous.post(text)
    assert refused["errors"][0]["extensions"]["code"] == "unauthenticated"


async def test_the_sql_of_an_added_member_depends_on_the_caller(
    harness: DualDoorApp, wishlist: Json, variant: Json
) -> None:
    await set_wish(harness, "rest", wishlist["id"], variant["id"], 30)
    await harness.anonymous.rest("POST", f"/wishlists/{wishlist['id']}/claim")
    path = f"/products/{variant['product_id']}"
    for caller, demand in ((harness.anonymous, "none"), (harness.staff, "high")):
        answer = await caller.rest("GET", path, params={"fields": "variants{demand}"})
        assert answer.json() == {"variants": [{"demand": demand}]}


async def test_a_later_area_adds_a_filter_and_a_sort_key(harness: DualDoorApp, wishlist: Json, variant: Json) -> None:
    other = await make_product(harness.staff.client)
    await set_wish(harness, "rest", wishlist["id"], variant["id"], 1)

    async def ids(door: str, wished: bool | None, sort: str = "") -> list[str]:
        if door == "rest":
            params = {"fields": "id", "limit": "100"} | ({"wished": str(wished).lower()} if wished is not None else {})
            params |= {"sort": sort} if sort else {}
            answer = await harness.anonymous.rest("GET", "/products", params=params)
            return [row["id"] for row in answer.json()["data"]]
        arguments = ["first: 100"] + ([f"filter: {{wished: {str(wished).lower()}}}"] if wished is not None else [])
        arguments += [f"sort: [{sort.upper()}_ASC, CREATED_AT_DESC]"] if sort else []
        data = await harness.anonymous.data(f"{{ products({', '.join(arguments)}) {{ nodes {{ id }} }} }}")
        return [row["id"] for row in data["products"]["nodes"]]

    for door in ("rest", "graphql"):
        assert variant["product_id"] in await ids(door, True)
        assert other["id"] not in await ids(door, True)
        assert variant["product_id"] not in await ids(door, False)
        assert other["id"] in await ids(door, False)
        ordered = await ids(door, None, "wished,-created_at" if door == "rest" else "wished")
        assert ordered[0] == other["id"], door


async def test_a_later_area_adds_relations_in_both_directions(
    harness: DualDoorApp, wishlist: Json, variant: Json
) -> None:
    await set_wish(harness, "rest", wishlist["id"], variant["id"], 1)
    path, fields = f"/wishlists/{wishlist['id']}", {"fields": "wishes{variant{sku,wishes{quantity}}}"}
    [wish] = (await harness.anonymous.rest("GET", path, params=fields)).json()["wishes"]
    assert wish["variant"]["sku"] == variant["sku"]
    assert wish["variant"]["wishes"]["data"] == [{"quantity": 1}]


async def test_a_later_area_adds_an_action(harness: DualDoorApp, wishlist: Json, variant: Json) -> None:
    path = f"/variants/{variant['id']}"
    assert "unwish" not in variant["links"]
    assert (await harness.anonymous.rest("DELETE", f"{path}/wishes")).json()["code"] == "invalid_transition"
    await set_wish(harness, "rest", wishlist["id"], variant["id"], 1)
    row = (await harness.anonymous.rest("GET", path)).json()
    assert row["links"]["unwish"] == {"href": f"/v1{path}/wishes", "method": "DELETE"}
    data = await harness.anonymous.data(f'{{ variant(id: "{variant["id"]}") {{ availableActions }} }}')
    assert data["variant"]["availableActions"] == ["variantUnwish"]
    removed = await harness.anonymous.rest("DELETE", f"{path}/wishes")
    assert (removed.status_code, removed.json()["demand"]) == (200, "none")


async def test_a_later_area_adds_a_step_to_a_state_machine(harness: DualDoorApp, wishlist: Json) -> None:
    path = f"/wishlists/{wishlist['id']}"
    refused = (await harness.staff.rest("POST", f"{path}/reopening")).json()
    assert refused["detail"] == (
        "`wishlist_reopen` is not possible while the status is `open`; possible now: `wishlist_claim`."
    )
    claimed = (await harness.anonymous.rest("POST", f"{path}/claim")).json()
    assert {"reopen", "update"} <= set(claimed["links"])
    assert "claim" not in claimed["links"]
    assert (await harness.staff.rest("POST", f"{path}/reopening")).json()["status"] == "open"


async def test_added_members_can_be_read_but_not_changed_by_a_patch(harness: DualDoorApp, variant: Json) -> None:
    path, headers = f"/variants/{variant['id']}", {"Content-Type": "application/json-patch+json"}

    async def patch(*steps: Json) -> httpx.Response:
        return await harness.staff.rest("PATCH", path, content=msgspec.json.encode(list(steps)), headers=headers)

    tested = await patch({"op": "test", "path": "/demand", "value": "none"}, {"op": "remove", "path": "/barcode"})
    assert tested.status_code == 200, tested.text
    changed = await patch({"op": "replace", "path": "/demand", "value": "high"})
    assert (changed.status_code, changed.json()["code"]) == (422, "validation")
    merged = await harness.staff.rest("PATCH", path, json={"demand": "high"})
    assert (merged.status_code, merged.json()["errors"][0]["pointer"]) == (422, "/demand")


async def test_a_replay_has_the_added_members_as_they_were(harness: DualDoorApp, wishlist: Json, variant: Json) -> None:
    headers, path = {"Idempotency-Key": unique("key")}, f"/variants/{variant['id']}"
    first = await harness.staff.rest("PATCH", path, json={"weight_grams": 7}, headers=headers)
    await set_wish(harness, "rest", wishlist["id"], variant["id"], 1)
    again = await harness.staff.rest("PATCH", path, json={"weight_grams": 7}, headers=headers)
    assert (first.status_code, again.content) == (200, first.content)
    assert first.json()["demand"] == "none"


@pytest.mark.parametrize("format", FORMATS)
async def test_exports_do_not_have_the_added_members(harness: DualDoorApp, variant: Json, format: str) -> None:
    exporter, file = Exporter(CallContext(SYSTEM, harness.app.state.database, door="cli")), BytesIO()
    await exporter.write(format, file, currency="EUR", on_progress=lambda count: None)
    assert variant["sku"].encode() in file.getvalue()
    assert b"demand" not in file.getvalue()


async def test_the_documents_describe_added_members(harness: DualDoorApp) -> None:
    contract = harness.app.state.contract()
    document, sdl = msgspec.json.decode(contract["openapi.json"]), contract["schema.graphql"].decode()
    schemas = document["components"]["schemas"]
    members = schemas["Variant"]["properties"]
    assert members["demand"] == {
        "description": "How much the variant is wanted.",
        "$ref": "#/components/schemas/Demand",
    }
    assert schemas["Demand"]["enum"] == ["high", "none", "some"]
    assert members["wished_units"]["x-permission"] == "stock:read"
    assert members["wished_units"]["description"] == (
        "How many units are on wishlists. Requires the permission `stock:read`."
    )
    assert document["components"]["examples"]["Variant"]["value"]["demand"] == "high"
    assert "wished" in {p.get("name") for p in document["components"]["parameters"].values()}
    assert "How much the variant is wanted." in sdl
    assert "demand: Demand!" in sdl
    assert "WISHED_ASC" in sdl


async def test_a_write_of_the_later_area_invalidates_cached_reads_of_the_earlier_resource(
    harness: DualDoorApp, cache: ReadCache, wishlist: Json, variant: Json
) -> None:
    product = f"/products/{variant['product_id']}"
    reads: list[tuple[str, Json]] = [
        (product, {"fields": "variants{demand}"}),
        (f"/variants/{variant['id']}", {}),
        ("/products", {"fields": "id", "wished": "true", "limit": "100"}),
    ]
    text = f'{{ variant(id: "{variant["id"]}") {{ demand }} }}'

    async def read_all() -> list[Any]:
        bodies = [(await harness.anonymous.rest("GET", path, params=params)).json() for path, params in reads]
        document = await harness.anonymous.client.get("/graphql", params={"query": text})
        return [*bodies, document.json()["data"]]

    before = await read_all()
    hits = cache.hits
    assert await read_all() == before
    assert cache.hits - hits == 4, "all are cached"
    await set_wish(harness, "rest", wishlist["id"], variant["id"], 1)
    after = await read_all()
    assert [a != b for a, b in zip(after, before, strict=True)] == [True] * 4
    assert after[0]["variants"] == [{"demand": "some"}]
    await harness.anonymous.rest("DELETE", f"/variants/{variant['id']}/wishes")
    assert await read_all() == before


def test_callers_who_write_what_a_public_read_shows_are_not_served_from_the_cache(harness: DualDoorApp) -> None:
    """`stock:write` is required by one write of the area whose table the variants' members read."""
    assert {"catalog:write", "stock:write"} <= harness.registry.public_write_permissions


def test_nothing_is_added_twice_or_after_the_registry_is_frozen(harness: DualDoorApp) -> None:
    variants = harness.registry.resources["Variant"]
    with pytest.raises(ValueError, match="cannot add the member `late` to Variant: the registry is frozen"):
        variants.add_member("late", int, expression=literal(1))
    variants.frozen = False
    try:
        for add in (
            lambda: variants.add_member("demand", int, expression=literal(1)),
            lambda: variants.add_member("product", int, expression=literal(1)),
            lambda: variants.add_filter("sku", variants.filters["sku"]),
            lambda: variants.add_sort("sku", variants.sorts["sku"]),
            lambda: variants.add_action("variant_update", variants.visible),
        ):
            with pytest.raises(ValueError, match="the name is taken"):
                add()
        with pytest.raises(TypeError):
            variants.add_member("odd", complex, expression=literal(1))
        assert list(variants.members)[-1] == "available_actions"
    finally:
        variants.frozen = True


async def test_a_problem_has_the_same_members_at_both_doors_and_in_a_replay(
    harness: DualDoorApp, wishlist: Json, variant: Json
) -> None:
    expected = [{"variant_id": variant["id"], "sku": None, "requested": 95, "available": 90}]
    path = f"/wishlists/{wishlist['id']}/wishes/{variant['id']}"
    call = f'wishSet(wishlistId: "{wishlist["id"]}", variantId: "{variant["id"]}", input: {{quantity: 95}})'
    for headers in ({}, {"Idempotency-Key": unique("key")}):
        rest = [await harness.anonymous.rest("PUT", path, json={"quantity": 95}, headers=headers) for _ in range(2)]
        document = await harness.anonymous.post(f"mutation {{ it: {call} {{ id }} }}", {}, headers)
        extensions = document["errors"][0]["extensions"]
        assert [answer.status_code for answer in rest] == [409, 409]
        for problem in (*[answer.json() for answer in rest], extensions):
            assert (problem["code"], problem["lines"]) == ("out_of_stock", expected)
        assert ("idempotent-replayed" in rest[1].headers) == bool(headers)


async def test_openapi_describes_the_members_of_problems(harness: DualDoorApp) -> None:
    components = msgspec.json.decode(harness.app.state.contract()["openapi.json"])["components"]
    lines = components["schemas"]["Problem"]["properties"]["lines"]
    assert lines["items"] == {"$ref": "#/components/schemas/OutOfStockLine"}
    assert set(components["schemas"]["OutOfStockLine"]["properties"]) == {"variant_id", "sku", "requested", "available"}
    assert components["examples"]["OutOfStock"]["value"]["lines"][0]["requested"] == 3
