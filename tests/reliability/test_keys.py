"""Idempotency keys: their syntax, header and directive, and the problems that are not stored."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from tests.factories import assert_problem, faults, make_category, unique
from tests.reliability.client import (
    CREATE,
    DualDoorClient,
    is_replay,
    problem_in,
    products_named,
    records,
    replayed_fields,
)
from tests.servers import ROOT
from tradepost.areas.catalog.service import Products
from tradepost.kit.db.errors import LostRace
from tradepost.kit.operations.idempotency.records import is_final
from tradepost.kit.problems import (
    AlreadyExists,
    Conflict,
    Forbidden,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    Internal,
    InvalidTransition,
    NotFound,
    PatchTargetMissing,
    PatchTestFailed,
    PreconditionFailed,
    Unauthenticated,
    Unavailable,
    Validation,
)

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.usefixtures("no_claims_left")

BARE = "mutation($input: ProductCreateInput!) { productCreate(input: $input) { id } }"
VALID_KEYS = [
    "a",
    "!",
    "~",
    "x" * 255,
    '"quoted"',
    f'"{"x" * 255}"',
    '"with\\"quotes\\"and\\\\"',
    "8e03978e-40d5-43dd-bc93-6894a57f9324",
    "a;b=c",
    "a\\b",
]
INVALID_KEYS = [
    "",
    '""',
    '"',
    "x" * 256,
    f'"{"x" * 256}"',
    "two words",
    '"two words"',
    '"open',
    '"a"b',
    '"a";p=1',
    '"a\\b"',
    "a,\tb",
    "gr\u00fcn",
    '"a", "b"',
]


@pytest.mark.parametrize("key", VALID_KEYS)
async def test_a_key_has_1_to_255_visible_characters_bare_or_quoted(
    caller: DualDoorClient, app: "TradepostApp", key: str
) -> None:
    name = unique("good")
    first = await caller.rest("POST", "/products", key, {"name": name})
    # `a` and `"a"` are the same key, so another case may have used it.
    assert first.status_code in (201, 422)
    plain = key[1:-1].replace('\\"', '"').replace("\\\\", "\\") if key.startswith('"') else key
    assert await records(app, plain)
    assert is_replay(await caller.graphql(CREATE, key=plain, input={"name": name})) is (first.status_code == 201)


@pytest.mark.parametrize("key", INVALID_KEYS)
async def test_an_invalid_key_is_400(caller: DualDoorClient, app: "TradepostApp", key: str) -> None:
    name = unique("bad")
    headers: Any = {"Idempotency-Key": key.encode("latin-1")}
    problem = assert_problem(
        answer := await caller.client.post("/v1/products", json={"name": name}, headers=headers),
        400,
        "invalid_parameter",
    )
    assert faults(answer) == {("Idempotency-Key", "invalid")}
    assert "`Idempotency-Key`" in problem["detail"]
    for accept in ("application/json", "application/graphql-response+json"):
        body = {"query": BARE, "variables": {"input": {"name": name}}}
        answer = await caller.client.post("/graphql", json=body, headers=headers | {"Accept": accept})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"]["errors"][0]["parameter"] == "Idempotency-Key"
    answer = await caller.create("graphql", key, {"name": name})
    assert answer.json()["data"] == {"productCreate": None}
    assert answer.json()["errors"][0]["extensions"]["errors"] == [
        {"parameter": "key", "code": "invalid", "detail": answer.json()["errors"][0]["message"]}
    ]
    assert await products_named(app, name) == []


async def test_a_key_is_ignored_on_a_read(caller: DualDoorClient) -> None:
    assert (await caller.rest("GET", "/products", "two words")).status_code == 200
    assert (await caller.graphql("{ products(first: 1) { nodes { id } } }", header="two words")).status_code == 200


async def test_the_header_is_the_key_of_the_only_mutation_field(caller: DualDoorClient, app: "TradepostApp") -> None:
    name, key = unique("header"), unique("key")
    text = "mutation($input: ProductCreateInput!) { __typename productCreate(input: $input) { id } }"
    first, again = [await caller.graphql(text, header=key, input={"name": name}) for _ in range(2)]
    assert [is_replay(a) for a in (first, again)] == [False, True]
    assert first.json()["data"] == again.json()["data"]
    assert len(await products_named(app, name)) == 1


async def test_the_header_with_several_mutation_fields_is_refused(caller: DualDoorClient, app: "TradepostApp") -> None:
    name = unique("several")
    each = f'productCreate(input: $input) @idempotent(key: "{name}") {{ id }}'
    text = f"mutation($input: ProductCreateInput!) {{ a: productCreate(input: $input) {{ id }} b: {each} }}"
    answer = await caller.graphql(text, header=unique("key"), input={"name": name})
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "invalid_parameter"
    assert error["extensions"]["errors"][0]["parameter"] == "Idempotency-Key"
    assert "data" not in answer.json()
    assert await products_named(app, name) == []


async def test_a_replay_with_an_invalid_selection_is_refused_without_the_replay_header(caller: DualDoorClient) -> None:
    category = await make_category(caller.client)
    key, body = unique("key"), {"name": unique("cursor"), "category_id": category["id"]}
    assert (await caller.rest("POST", "/products", key, body)).status_code == 201
    invalid = {"fields": 'category{products(after: "x"){id}},id'}
    refused = await caller.rest("POST", "/products", key, body, query=invalid)
    assert (refused.status_code, is_replay(refused)) == (400, False)
    replay = await caller.rest("POST", "/products", key, body, query={"fields": "category{products{id}},id"})
    assert (replay.status_code, is_replay(replay)) == (201, True)


async def test_the_directive_overrides_the_header(caller: DualDoorClient, app: "TradepostApp") -> None:
    name, key, header = unique("both"), unique("key"), unique("header")
    answer = await caller.graphql(CREATE, header=header, key=key, input={"name": name})
    assert answer.json()["data"]["productCreate"]["name"] == name
    assert len(await records(app, key)) == 1
    assert await records(app, header) == []
    # An overridden header is not validated.
    assert is_replay(await caller.graphql(CREATE, header="two words", key=key, input={"name": name}))


async def test_every_field_may_have_its_own_key(caller: DualDoorClient, app: "TradepostApp") -> None:
    name, keys = unique("each"), [unique("key") for _ in range(3)]
    text = """mutation($i: ProductCreateInput!, $a: String!, $b: String!) {
      a: productCreate(input: $i) @idempotent(key: $a) { id } ...More }
      fragment More on Mutation { b: productCreate(input: $i) @idempotent(key: $b) { id } }"""
    first = await caller.graphql(text, i={"name": name}, a=keys[0], b=keys[1])
    mixed = await caller.graphql(text, i={"name": name}, a=keys[0], b=keys[2])
    again = await caller.graphql(text, i={"name": name}, a=keys[0], b=keys[2])
    assert [replayed_fields(a) for a in (first, mixed, again)] == [[], ["a"], ["a", "b"]]
    # The header is only sent if every field was replayed.
    assert [a.headers.get("idempotent-replayed") for a in (first, mixed, again)] == [None, None, "true"]
    assert again.json()["data"] == mixed.json()["data"]
    assert len(await products_named(app, name)) == 3
    same = await caller.graphql(text, i={"name": name}, a=keys[1], b=keys[1])
    assert same.json()["data"]["a"] == same.json()["data"]["b"] == first.json()["data"]["b"]


@pytest.mark.parametrize(
    "text",
    [
        '{ products(first: 1) @idempotent(key: "k") { nodes { id } } }',
        'mutation { productCreate(input: {name: "x"}) { id @idempotent(key: "k") } }',
        'mutation { productCreate(input: {name: "x"}) @idempotent { id } }',
        'mutation { productCreate(input: {name: "x"}) @idempotent(key: null) { id } }',
        'mutation { productCreate(input: {name: "x"}) @idempotent(key: "a") @idempotent(key: "b") { id } }',
        'mutation { productCreate(input: {name: "x"}) @idempotent(key: "a") { id } '
        'productCreate(input: {name: "x"}) @idempotent(key: "b") { id } }',
        'mutation($k: String) { productCreate(input: {name: "x"}) @idempotent(key: $k) { id } }',
        'mutation @idempotent(key: "k") { productCreate(input: {name: "x"}) { id } }',
    ],
)
async def test_a_directive_at_another_place_or_without_a_key_is_refused(caller: DualDoorClient, text: str) -> None:
    answer = await caller.client.post(
        "/graphql", json={"query": text}, headers={"Accept": "application/graphql-response+json"}
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["extensions"]["code"] in ("invalid_document", "invalid_parameter")


async def test_introspection_lists_the_idempotent_directive(caller: DualDoorClient) -> None:
    text = "{ __schema { directives { name locations args { name type { kind ofType { name } } } } } }"
    directives = (await caller.graphql(text)).json()["data"]["__schema"]["directives"]
    [directive] = [d for d in directives if d["name"] == "idempotent"]
    assert directive == {
        "name": "idempotent",
        "locations": ["FIELD"],
        "args": [{"name": "key", "type": {"kind": "NON_NULL", "ofType": {"name": "String"}}}],
    }


def test_openapi_has_the_key_on_every_operation_that_accepts_one_and_on_no_other(app: "TradepostApp") -> None:
    for path in (Path("tests/contract/openapi.json"), Path("tests/contract/openapi.v2.json")):
        document = msgspec.json.decode((ROOT / path).read_bytes())
        operations = {
            o["operationId"]: o
            for methods in document["paths"].values()
            for o in methods.values()
            if "operationId" in o
        }
        for name, operation in app.state.registry.operations.items():
            shared, parameters = "#/components/parameters/Idempotency-Key", operations[name]["parameters"]
            required = [p["required"] for p in parameters if p.get("name") == "Idempotency-Key"]
            assert required == ([True] if operation.requires_idempotency_key else [])
            has_key = {"$ref": shared} in parameters or bool(required)
            responses = [r["$ref"].rsplit("/", 1)[1] for r in operations[name]["responses"].values() if "$ref" in r]
            assert has_key is operation.accepts_idempotency_key, name
            assert operation.is_write or not has_key
            for problem in ("IdempotencyInProgress", "IdempotencyKeyReused"):
                assert any(problem in response for response in responses) is has_key


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_a_key_with_another_input_is_422(caller: DualDoorClient, app: "TradepostApp", door: str) -> None:
    name, key = unique("input"), unique("key")
    await caller.create("rest", key, {"name": name})
    problem = problem_in(await caller.create(door, key, {"name": name, "description": "more"}))
    assert problem is not None
    assert (problem["status"], problem["code"], problem["type"]) == (
        422,
        "idempotency_key_reused",
        "/problems/idempotency_key_reused",
    )
    with_default = await caller.create(door, key, {"name": name, "description": ""})
    assert is_replay(with_default), "an explicit default is the same input"
    assert len(await products_named(app, name)) == 1


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_a_validation_error_is_not_stored(caller: DualDoorClient, app: "TradepostApp", door: str) -> None:
    key, name = unique("key"), unique("corrected")
    missing = "01a1fdf4-f534-734d-a2e4-9a1d33482601"
    invalid = await caller.create("rest", key, {"name": name, "category_id": missing})
    assert (problem_in(invalid) or {})["code"] == "validation"
    assert (problem_in(await caller.create(door, key, {"name": ""})) or {})["code"] == "validation"
    assert await records(app, key) == []
    corrected = await caller.create(door, key, {"name": name})
    assert problem_in(corrected) is None
    assert not is_replay(corrected)


async def test_a_caller_without_the_permission_leaves_no_record_and_gets_no_replay(
    app: "TradepostApp", client: httpx.AsyncClient, caller: DualDoorClient
) -> None:
    key = unique("key")
    await caller.create("rest", key, {"name": "x"})
    before = await records(app, key)
    customer = await app.state.credentials.create(name="a customer", role="customer")
    for headers, status in (({}, 401), ({"X-API-Key": customer}, 403)):
        answer = await client.post("/v1/products", json={"name": "x"}, headers={"Idempotency-Key": key, **headers})
        assert answer.status_code == status
        body = {"query": BARE, "variables": {"input": {"name": "x"}}}
        answer = await client.post("/graphql", json=body, headers={"Idempotency-Key": key, **headers})
        assert answer.json()["errors"][0]["extensions"]["status"] == status
    assert await records(app, key) == before


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_an_internal_error_releases_the_key(
    caller: DualDoorClient, app: "TradepostApp", door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, key, name = Products.read_back, unique("key"), unique("error")

    async def broken(*_: Any) -> Any:
        raise RuntimeError("in the middle of a write")

    monkeypatch.setattr(Products, "read_back", broken)
    assert (problem_in(await caller.create(door, key, {"name": name})) or {})["code"] == "internal"
    monkeypatch.setattr(Products, "read_back", real)
    assert await products_named(app, name) == []
    answer = await caller.create(door, key, {"name": name})
    assert problem_in(answer) is None
    assert not is_replay(answer)


def test_only_problems_of_the_business_rules_are_final() -> None:
    final = {NotFound(), AlreadyExists(), Conflict(), InvalidTransition(), PatchTestFailed(), PreconditionFailed()}
    others = {
        Validation(),
        PatchTargetMissing(),
        Unauthenticated(),
        Forbidden(),
        IdempotencyInProgress(),
        IdempotencyKeyReused(),
        Unavailable(),
        Internal(),
    }
    assert {p for p in final | others | {Conflict.lost_race("Try again.")} if is_final(p)} == final


async def test_a_lost_race_is_not_stored(
    caller: DualDoorClient, app: "TradepostApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The problem asks the caller to retry, which would fail again if it were stored."""
    for path, body in (
        ("/products", {"name": "x"}),
        ("/products/batch?atomic=true", {"items": [{"op": "create", "input": {"name": "x"}}]}),
    ):
        real, key = Products.add, unique("key")

        async def lose_race(*_: Any) -> Any:
            raise LostRace

        monkeypatch.setattr(Products, "add", lose_race)
        assert_problem(await caller.rest("POST", path, key, body), 409, "conflict")
        assert await records(app, key) == []
        monkeypatch.setattr(Products, "add", real)
        assert (await caller.rest("POST", path, key, body)).status_code in (200, 201)
