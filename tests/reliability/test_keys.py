"""How a key is given, and what is no outcome."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from tests.factories import assert_problem, faults, unique
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
GOOD = [
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
BAD = [
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


@pytest.mark.parametrize("key", GOOD)
async def test_a_key_is_1_to_255_visible_characters_bare_or_quoted(
    mine: DualDoorClient, app: "TradepostApp", key: str
) -> None:
    name = unique("good")
    first = await mine.rest("POST", "/products", key, {"name": name})
    # Bare and quoted are one key, which the next of these may find used.
    assert first.status_code in (201, 422)
    plain = key[1:-1].replace('\\"', '"').replace("\\\\", "\\") if key.startswith('"') else key
    assert await records(app, plain)
    assert is_replay(await mine.graphql(CREATE, key=plain, input={"name": name})) is (first.status_code == 201)


@pytest.mark.parametrize("key", BAD)
async def test_any_other_key_is_400_and_named(mine: DualDoorClient, app: "TradepostApp", key: str) -> None:
    name = unique("bad")
    headers: Any = {"Idempotency-Key": key.encode("latin-1")}
    problem = assert_problem(
        answer := await mine.client.post("/v1/products", json={"name": name}, headers=headers), 400, "invalid_parameter"
    )
    assert faults(answer) == {("Idempotency-Key", "invalid")}
    assert "`Idempotency-Key`" in problem["detail"]
    for accept in ("application/json", "application/graphql-response+json"):
        body = {"query": BARE, "variables": {"input": {"name": name}}}
        answer = await mine.client.post("/graphql", json=body, headers=headers | {"Accept": accept})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"]["errors"][0]["parameter"] == "Idempotency-Key"
    answer = await mine.create("graphql", key, {"name": name})
    assert answer.json()["data"] == {"productCreate": None}
    assert answer.json()["errors"][0]["extensions"]["errors"] == [
        {"parameter": "key", "code": "invalid", "detail": answer.json()["errors"][0]["message"]}
    ]
    assert await products_named(app, name) == []


async def test_a_key_has_no_meaning_on_a_read(mine: DualDoorClient) -> None:
    assert (await mine.rest("GET", "/products", "two words")).status_code == 200
    assert (await mine.graphql("{ products(first: 1) { nodes { id } } }", header="two words")).status_code == 200


async def test_the_header_counts_for_the_one_mutation_field(mine: DualDoorClient, app: "TradepostApp") -> None:
    name, key = unique("header"), unique("key")
    text = "mutation($input: ProductCreateInput!) { __typename productCreate(input: $input) { id } }"
    first, again = [await mine.graphql(text, header=key, input={"name": name}) for _ in range(2)]
    assert [is_replay(a) for a in (first, again)] == [False, True]
    assert first.json()["data"] == again.json()["data"]
    assert len(await products_named(app, name)) == 1


async def test_the_header_with_several_mutation_fields_runs_nothing(mine: DualDoorClient, app: "TradepostApp") -> None:
    name = unique("several")
    each = f'productCreate(input: $input) @idempotent(key: "{name}") {{ id }}'
    text = f"mutation($input: ProductCreateInput!) {{ a: productCreate(input: $input) {{ id }} b: {each} }}"
    answer = await mine.graphql(text, header=unique("key"), input={"name": name})
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["errors"][0]["parameter"]) == (
        "invalid_parameter",
        "Idempotency-Key",
    )
    assert "data" not in answer.json()
    assert await products_named(app, name) == []


async def test_a_replay_that_cannot_be_shown_is_no_replay(mine: DualDoorClient) -> None:
    key, body = unique("key"), {"name": unique("cursor")}
    assert (await mine.rest("POST", "/products", key, body)).status_code == 201
    broken = await mine.rest("POST", "/products", key, body, query={"fields": 'category{products(after: "x"){id}},id'})
    whole = await mine.rest("POST", "/products", key, body, query={"fields": "category{products{id}},id"})
    assert (whole.status_code, is_replay(whole)) == (201, True)
    assert is_replay(broken) is (broken.status_code == 201)


async def test_the_directive_wins_over_the_header(mine: DualDoorClient, app: "TradepostApp") -> None:
    name, key, header = unique("both"), unique("key"), unique("header")
    answer = await mine.graphql(CREATE, header=header, key=key, input={"name": name})
    assert answer.json()["data"]["productCreate"]["name"] == name
    assert len(await records(app, key)) == 1
    assert await records(app, header) == []
    # What does not count is not read.
    assert is_replay(await mine.graphql(CREATE, header="two words", key=key, input={"name": name}))


async def test_several_fields_have_keys_of_their_own(mine: DualDoorClient, app: "TradepostApp") -> None:
    name, keys = unique("each"), [unique("key") for _ in range(3)]
    text = """mutation($i: ProductCreateInput!, $a: String!, $b: String!) {
      a: productCreate(input: $i) @idempotent(key: $a) { id } ...More }
      fragment More on Mutation { b: productCreate(input: $i) @idempotent(key: $b) { id } }"""
    first = await mine.graphql(text, i={"name": name}, a=keys[0], b=keys[1])
    mixed = await mine.graphql(text, i={"name": name}, a=keys[0], b=keys[2])
    again = await mine.graphql(text, i={"name": name}, a=keys[0], b=keys[2])
    assert [replayed_fields(a) for a in (first, mixed, again)] == [[], ["a"], ["a", "b"]]
    # The header speaks of the whole answer.
    assert [a.headers.get("idempotent-replayed") for a in (first, mixed, again)] == [None, None, "true"]
    assert again.json()["data"] == mixed.json()["data"]
    assert len(await products_named(app, name)) == 3
    same = await mine.graphql(text, i={"name": name}, a=keys[1], b=keys[1])
    assert same.json()["data"]["a"] == same.json()["data"]["b"] == first.json()["data"]["b"]


@pytest.mark.parametrize(
    "text",
    [
        '{ products(first: 1) @idempotent(key: "k") { nodes { id } } }',
        'mutation { productCreate(input: {name: "x"}) { id @idempotent(key: "k") } }',
        'mutation { productCreate(input: {name: "x"}) @idempotent { id } }',
        'mutation { productCreate(input: {name: "x"}) @idempotent(key: null) { id } }',
        'mutation { productCreate(input: {name: "x"}) @idempotent(key: "a") @idempotent(key: "b") { id } }',
        'mutation { productCreate(input: {name: "x"}) @idempotent(key: "a") { id } productCreate(input: {name: "x"}) @idempotent(key: "b") { id } }',
        'mutation($k: String) { productCreate(input: {name: "x"}) @idempotent(key: $k) { id } }',
        'mutation @idempotent(key: "k") { productCreate(input: {name: "x"}) { id } }',
    ],
)
async def test_a_directive_that_would_not_be_kept_is_refused(mine: DualDoorClient, text: str) -> None:
    answer = await mine.client.post(
        "/graphql", json={"query": text}, headers={"Accept": "application/graphql-response+json"}
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["extensions"]["code"] in ("invalid_document", "invalid_parameter")


async def test_the_schema_shows_the_directive(mine: DualDoorClient) -> None:
    said = (
        await mine.graphql("{ __schema { directives { name locations args { name type { kind ofType { name } } } } } }")
    ).json()["data"]["__schema"]
    [found] = [d for d in said["directives"] if d["name"] == "idempotent"]
    assert found == {
        "name": "idempotent",
        "locations": ["FIELD"],
        "args": [{"name": "key", "type": {"kind": "NON_NULL", "ofType": {"name": "String"}}}],
    }


def test_openapi_shows_the_key_on_every_write_that_takes_one_and_nowhere_else(app: "TradepostApp") -> None:
    for document in (Path("tests/contract/openapi.json"), Path("tests/contract/openapi.v2.json")):
        said = msgspec.json.decode((ROOT / document).read_bytes())
        operations = {
            o["operationId"]: o for path in said["paths"].values() for o in path.values() if "operationId" in o
        }
        for name, operation in app.state.registry.operations.items():
            keyed = {"$ref": "#/components/parameters/Idempotency-Key"} in operations[name]["parameters"]
            refusals = [r["$ref"].rsplit("/", 1)[1] for r in operations[name]["responses"].values() if "$ref" in r]
            assert keyed is operation.accepts_idempotency_key, name
            assert operation.writes or not keyed
            assert (
                any("IdempotencyInProgress" in r for r in refusals)
                is any("IdempotencyKeyReused" in r for r in refusals)
                is keyed
            )


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_another_input_is_422(mine: DualDoorClient, app: "TradepostApp", door: str) -> None:
    name, key = unique("input"), unique("key")
    await mine.create("rest", key, {"name": name})
    problem = problem_in(await mine.create(door, key, {"name": name, "description": "more"}))
    assert problem is not None
    assert (problem["status"], problem["code"], problem["type"]) == (
        422,
        "idempotency_key_reused",
        "/problems/idempotency_key_reused",
    )
    assert is_replay(await mine.create(door, key, {"name": name, "description": ""})), (
        "a default that is written out is no other input"
    )
    assert len(await products_named(app, name)) == 1


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_a_validation_is_no_outcome(mine: DualDoorClient, app: "TradepostApp", door: str) -> None:
    key, name = unique("key"), unique("mended")
    nowhere = "01a1fdf4-f534-734d-a2e4-9a1d33482601"
    wrong = await mine.create("rest", key, {"name": name, "category_id": nowhere})
    assert (problem_in(wrong) or {})["code"] == "validation"
    assert (problem_in(await mine.create(door, key, {"name": ""})) or {})["code"] == "validation"
    assert await records(app, key) == []
    mended = await mine.create(door, key, {"name": name})
    assert problem_in(mended) is None
    assert not is_replay(mended)


async def test_who_may_not_leaves_no_record_and_learns_nothing(
    app: "TradepostApp", client: httpx.AsyncClient, mine: DualDoorClient
) -> None:
    key = unique("key")
    await mine.create("rest", key, {"name": "x"})
    kept = await records(app, key)
    customer = await app.state.credentials.create(name="a customer", role="customer")
    for headers, status in (({}, 401), ({"X-API-Key": customer}, 403)):
        answer = await client.post("/v1/products", json={"name": "x"}, headers={"Idempotency-Key": key, **headers})
        assert answer.status_code == status
        said = await client.post(
            "/graphql",
            json={"query": BARE, "variables": {"input": {"name": "x"}}},
            headers={"Idempotency-Key": key, **headers},
        )
        assert said.json()["errors"][0]["extensions"]["status"] == status
    assert await records(app, key) == kept


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_a_fault_of_ours_gives_the_key_back(
    mine: DualDoorClient, app: "TradepostApp", door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, key, name = Products.read_back, unique("key"), unique("fault")

    async def broken(*_: Any) -> Any:
        raise RuntimeError("in the middle of a write")

    monkeypatch.setattr(Products, "read_back", broken)
    assert (problem_in(await mine.create(door, key, {"name": name})) or {})["code"] == "internal"
    monkeypatch.setattr(Products, "read_back", real)
    assert await products_named(app, name) == []
    answer = await mine.create(door, key, {"name": name})
    assert problem_in(answer) is None
    assert not is_replay(answer)


def test_of_the_problems_only_refusals_by_the_rules_are_final() -> None:
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


async def test_a_lost_race_is_no_outcome(
    mine: DualDoorClient, app: "TradepostApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells the caller to come again, which would be of no use if it were kept."""
    for path, body in (
        ("/products", {"name": "x"}),
        ("/products/batch?atomic=true", {"items": [{"op": "create", "input": {"name": "x"}}]}),
    ):
        real, key = Products.make, unique("key")

        async def lost(*_: Any) -> Any:
            raise LostRace

        monkeypatch.setattr(Products, "make", lost)
        assert_problem(await mine.rest("POST", path, key, body), 409, "conflict")
        assert await records(app, key) == []
        monkeypatch.setattr(Products, "make", real)
        assert (await mine.rest("POST", path, key, body)).status_code in (200, 201)
