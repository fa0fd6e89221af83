"""What messages say: plain words, short quotations, the nearest name, printable pointers."""

import json
import re
from typing import Any

import httpx
import msgspec
import pytest

from tests.factories import unique, variant_input
from tests.parity.harness import DualDoorApp, Json
from tradepost.app import create_app
from tradepost.kit.schema.fault_texts import pattern_texts
from tradepost.settings import Settings

CREATE = "mutation($input: ProductCreateInput!) { productCreate(input: $input) { id } }"
SLUG = "lower-case letters and digits joined by hyphens, such as `oak-chair`"
UNITS = "Amounts are in minor units of the currency"
DESCENDING = "`-` before a name sorts descending"
POINTER_PATTERN = re.compile("^(/.*)?$")


async def faults_of(harness: DualDoorApp, body: Json) -> list[Json]:
    """Return the faults of a product input, the same at both doors."""
    rest = await harness.staff.rest("POST", "/products", json=body)
    assert rest.status_code == 422, rest.text
    graphql = await harness.staff.post(CREATE, {"input": body})
    faults = rest.json()["errors"]
    assert graphql["errors"][0]["extensions"]["errors"] == faults
    assert graphql["errors"][0]["message"] == rest.json()["detail"]
    return faults


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        ({"currency": "eur"}, "`eur` is not valid; expected: three capital letters, such as `EUR`."),
        ({"amount": -1}, "`-1` is less than the minimum of 0."),
        ({"currency": ""}, '`""` is not valid; expected: three capital letters, such as `EUR`.'),
    ],
)
async def test_a_fault_of_a_price_says_what_is_expected(harness: DualDoorApp, members: Json, detail: str) -> None:
    price = {"amount": 1000, "currency": "EUR"} | members
    [fault] = await faults_of(harness, {"name": "x", "variants": [variant_input() | {"price": price}]})
    assert fault["detail"] == detail


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"slug": "Oak Chair"}, f"`Oak Chair` is not valid; expected: {SLUG}."),
        ({"name": "a\tb"}, "`a\ufffdb` is not valid; expected: one line of text without control characters."),
        ({"name": "x" * 300}, f"`{'x' * 99}…` is longer than 200 characters."),
        ({"tags": ["t"] * 101}, "The value has 101 items; at most 100 are allowed."),
    ],
)
async def test_a_fault_is_told_in_words(harness: DualDoorApp, body: Json, detail: str) -> None:
    faults = await faults_of(harness, {"name": "x"} | body)
    assert detail in [fault["detail"] for fault in faults]


@pytest.mark.parametrize(
    ("price", "detail"),
    [
        (129.5, f'`129.5` is not an object. {UNITS}: `{{"amount": 12950, "currency": "EUR"}}` is 129.50 euros.'),
        ({"amount": 129.5, "currency": "EUR"}, f"`129.5` is not a whole number. {UNITS}: 12950 for 129.50."),
    ],
)
async def test_a_price_in_major_units_gets_a_hint(harness: DualDoorApp, price: Any, detail: str) -> None:
    body = {"name": "x", "variants": [variant_input() | {"price": price}]}
    answer = await harness.staff.rest("POST", "/products", json=body)
    assert [fault["detail"] for fault in answer.json()["errors"]] == [detail]


async def test_a_decimal_amount_gets_a_hint_in_graphql_too(harness: DualDoorApp) -> None:
    """GraphQL's own coercion refuses it before the input is validated."""
    body = {"name": "x", "variants": [variant_input() | {"price": {"amount": 129.5, "currency": "EUR"}}]}
    [error] = (await harness.staff.post(CREATE, {"input": body}))["errors"]
    assert "amounts are in minor units: 12950 for 129.50" in error["message"]


def test_every_pattern_of_an_input_is_described_in_words(harness: DualDoorApp) -> None:
    for operation in harness.registry.operations.values():
        if operation.input is not None:
            schema = json.dumps(msgspec.json.schema(operation.input))
            patterns = [json.loads(text) for text in re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', schema)]
            assert set(patterns) <= set(pattern_texts), operation.name


ALLOWED = "Allowed: limit, cursor, before, fields, sort, include, page, page_size, slug, "


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/products?limitt=3", "`limitt` is not a parameter here. Did you mean `limit`? " + ALLOWED),
        ("/products?statu=active", "`statu` is not a parameter here. Did you mean `status`? " + ALLOWED),
        ("/products?sort=-pricee", f"`-pricee` is not a sort key; {DESCENDING}. Did you mean `price`? Allowed: "),
        ("/products?fields=nmae", "`nmae` is not a field of Product. Did you mean `name`? Allowed: "),
        (
            "/products?fields=variants(frist: 1)",
            "`variants`: `frist` is not an argument here. Did you mean `first`? Allowed: ",
        ),
        (
            "/products?status=activ",
            "`status` is `activ`; expected: one of the allowed values. Did you mean `active`? Allowed: ",
        ),
        ("/products?price_gte=cheap", "`price_gte` is `cheap`; expected: a whole number."),
        ("/products/x?feilds=id", "`feilds` is not a parameter here. Did you mean `fields`? Allowed: fields."),
    ],
)
async def test_an_unknown_name_of_a_query_gets_the_nearest_one(harness: DualDoorApp, path: str, detail: str) -> None:
    answer = await harness.anonymous.client.get(f"/v1{path}")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(detail), answer.json()["detail"]


async def test_the_second_version_does_not_list_page_numbers(harness: DualDoorApp) -> None:
    detail = (await harness.anonymous.client.get("/v2/products?pagee=3")).json()["detail"]
    assert "Allowed: limit, cursor, before, fields, sort, include, slug, " in detail
    assert "page_size" not in detail


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({"name": "x", "descripton": "y"}, "/descripton", "Unknown member `descripton`. Did you mean `description`?"),
        (
            {"name": "x", "variants": [variant_input() | {"skuu": 1}]},
            "/variants/0/skuu",
            "Unknown member `skuu`. Did you mean `sku`?",
        ),
        ({"name": "x", "zzzzz": 1}, "/zzzzz", "Unknown member `zzzzz`."),
        (
            {"name": "x", "status": "drafft"},
            "/status",
            "`drafft` is not one of `active`, `archived`, `draft`. Did you mean `draft`?",
        ),
    ],
)
async def test_an_unknown_member_gets_the_nearest_one(
    harness: DualDoorApp, body: Json, pointer: str, detail: str
) -> None:
    answer = await harness.staff.rest("POST", "/products", json=body)
    [fault] = answer.json()["errors"]
    assert (fault["pointer"], fault["detail"]) == (pointer, detail)
    assert "suggestion" not in fault


async def test_a_misspelled_member_of_a_merge_patch_gets_the_nearest_one(harness: DualDoorApp) -> None:
    product = (await harness.staff.rest("POST", "/products", json={"name": unique("Patched")})).json()
    answer = await harness.staff.rest("PATCH", f"/products/{product['id']}", json={"descripton": None})
    assert answer.json()["errors"][0]["detail"] == "Unknown member `descripton`. Did you mean `description`?"


async def test_the_price_of_a_document_is_asked_for_with_document(harness: DualDoorApp) -> None:
    answer = await harness.staff.rest("POST", "/price", json={"query": "{ __typename }"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["detail"] == "Unknown member `query`. Did you mean `document`?"


@pytest.mark.parametrize(
    ("document", "suggestion"),
    [
        ({"query": "{ prodcts { nodes { id } } }"}, "Did you mean 'products'"),
        ({"query": "{ products(frist: 1) { nodes { id } } }"}, "Did you mean 'first'"),
        ({"query": "{ products(filter: {statu: ACTIVE}) { nodes { id } } }"}, "Did you mean 'status'"),
        ({"query": "{ products(sort: [NAME_ASCC]) { nodes { id } } }"}, "NAME_ASC'"),
        (
            {"query": "query Home { __typename } query Shop { __typename }", "operationName": "Hom"},
            "Did you mean `Home`?",
        ),
    ],
)
async def test_an_unknown_name_of_a_document_gets_the_nearest_one(
    harness: DualDoorApp, document: Json, suggestion: str
) -> None:
    answer = await harness.anonymous.client.post("/graphql", json=document)
    assert suggestion in answer.json()["errors"][0]["message"]


async def test_without_introspection_no_name_is_suggested_to_anonymous_callers(settings: Settings) -> None:
    app = create_app(msgspec.structs.replace(settings, introspection=False))
    transport = httpx.ASGITransport(app=app)
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://tradepost.test") as client:
        answers = [
            await client.get("/v1/products?limitt=3"),
            await client.get("/v1/products?fields=nmae"),
            await client.get("/v1/products?sort=pricee"),
            await client.get("/v1/products?status=activ"),
            await client.post("/v1/auth/register", json={"emial": "kim@shop.example"}),
            await client.post("/graphql", json={"query": "{ prodcts { nodes { id } } }"}),
            await client.post("/v1/price", json={"query": "{ __typename }"}),
        ]
    for answer in answers:
        assert "Did you mean" not in answer.text, answer.text
        assert "Allowed:" not in answer.text, answer.text


NASTY_KEYS = ["a\nb", "a\r\nb", "\x00", "\x1b[31m", "\u2028", "a~/b", "x" * 100_000]


@pytest.mark.parametrize("key", NASTY_KEYS, ids=range(len(NASTY_KEYS)))
async def test_a_pointer_matches_its_published_pattern(harness: DualDoorApp, key: str) -> None:
    client = harness.staff.client
    answers = [
        await client.post("/v1/products", json={"name": "x", key: 1}),
        await client.post("/v1/products", json={"name": "x", "attributes": {key: {key: "\x00"}}}),
        await client.post("/v1/products", json={"name": "x", "attributes": {key: 2**70}}),
        await client.post(
            "/graphql", json={"query": CREATE, "variables": {"input": {"name": "x", "attributes": {key: 2**70}}}}
        ),
    ]
    for answer in answers:
        problem = answer.json() if "code" in answer.json() else answer.json()["errors"][0]["extensions"]
        assert problem["code"] == "validation", problem
        for fault in problem["errors"]:
            assert POINTER_PATTERN.fullmatch(fault["pointer"])
            assert fault["pointer"].isprintable()
            assert len(fault["pointer"]) <= 1000
        assert len(answer.content) < 5000


async def test_a_long_key_above_many_faults_is_not_repeated_in_full(harness: DualDoorApp) -> None:
    body = {"name": "x", "attributes": {"k" * 400_000: [2**70] * 200}}
    answer = await harness.staff.rest("POST", "/products", json=body)
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 100)
    assert len(answer.content) < 50_000


async def test_of_many_unknown_members_the_first_ten_get_a_suggestion(harness: DualDoorApp) -> None:
    body = {"name": "x"} | {f"descriptio{number}": 1 for number in range(5000)}
    answer = await harness.staff.rest("POST", "/products", json=body)
    details = [fault["detail"] for fault in answer.json()["errors"]]
    assert len(details) == 100
    assert ["Did you mean" in detail for detail in details] == [True] * 10 + [False] * 90


async def test_a_batch_of_101_items_is_refused_without_quoting_them(harness: DualDoorApp) -> None:
    items = [{"op": "create", "input": {"name": "x", "description": "y" * 1000}}] * 101
    answer = await harness.staff.rest("POST", "/products/batch", json={"items": items})
    assert answer.json()["detail"] == "/items: The value has 101 items; at most 100 are allowed."


LONG = "z" * 5000


@pytest.mark.parametrize(
    "path",
    [
        f"/products/{LONG}",
        f"/products?limit={LONG}",
        f"/products?{LONG}=1",
        f"/products?sort={LONG}",
        f"/products?fields={LONG}",
        f"/products?include={LONG}",
        f"/products?status={LONG}",
        f"/products?price_gte={LONG}",
        f"/products?a{LONG}=1&a{LONG}=1",
        "/products?q=" + "!" * 5000,
    ],
    ids=range(10),
)
async def test_a_long_value_of_a_query_is_shortened_where_it_is_quoted(harness: DualDoorApp, path: str) -> None:
    answer = await harness.anonymous.client.get(f"/v1{path}")
    problem = answer.json()
    assert answer.status_code in (400, 404)
    assert len(problem["detail"]) < 1000
    assert len(answer.content) < 9000  # `instance` is the path
