"""Every operation stands behind both doors under its name, takes the same input, and does, announces and refuses the same."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from graphql import GraphQLInputObjectType, get_named_type, is_non_null_type
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.factories import unique
from tests.parity.account_write_cases import ACTS, client_with_role, invalid_body, prepare_case
from tests.parity.harness import DualDoorApp, Json, assert_same, hypothesis_settings
from tests.parity.query_rendering import camel
from tests.parity.sample_rows import SampleRows
from tests.parity.write_cases import (
    CHANGES,
    METHODS,
    PRODUCT,
    WANTED,
    DoorWriter,
    complete_product,
    events,
    mask_own_names,
    normalize_written,
    plain,
    problem,
    row_of,
)
from tradepost.kit.operations.operation import Operation
from tradepost.kit.writes.outbox import OutboxEvent

PLURALS = {"Category": "categories", "Product": "products", "Variant": "variants", "Media": "media", "Tag": "tags", "AuditEntry": "audit",
           "User": "users", "Address": "addresses", "ApiKey": "api_keys"}  # fmt: skip

# Operations whose path does not follow from their kind and resource: those of the caller's own account, what is done with a row, and what answers with none.
PATHS = {
    "register": "/auth/register", "login": "/auth/login", "token_refresh": "/auth/refresh", "logout": "/auth/logout",
    "logout_everywhere": "/auth/logout-everywhere", "email_verify": "/auth/email-verification",
    "email_verification_request": "/auth/email-verification/request", "email_change": "/auth/email-change", "password_change": "/auth/password",
    "password_reset": "/auth/password-reset", "password_reset_confirm": "/auth/password-reset/confirmation", "me": "/users/me", "me_update": "/users/me",
    "me_close": "/users/me/closure", "user_role_set": "/users/{0}/role", "user_suspend": "/users/{0}/suspension", "user_restore": "/users/{0}/restoration",
    "token_grant": "/auth/token", "rate_limit": "/rate-limit", "price": "/price",
}  # fmt: skip
# Collections whose path is not their name.
BASES = {"Address": "users/me/addresses", "ApiKey": "api-keys"}

# Fields of GraphQL that are no operation: they are other ways to the operations that read one row.
NO_OPERATION = {"node", "nodes"}


def graphql_name(of: Operation[Any, ..., Any]) -> str:
    """Writes are called as the operation, reads by their nouns."""
    if of.is_write or of.name in ("me", "rate_limit", "price"):
        return camel(of.name)
    if of.kind == "get":
        return camel(of.result.operation_prefix)
    return (
        camel(f"{of.parent_relation[0].name.lower()}_{of.parent_relation[1]}")
        if of.parent_relation
        else camel(PLURALS[of.result.name])
    )


def rest_path(of: Operation[Any, ..., Any]) -> str:
    """Collections and items; lists below a row and what is made in them under its path."""
    if of.name in PATHS:
        return PATHS[of.name]
    if of.parent_relation:
        return f"/{PLURALS[of.parent_relation[0].name]}/{{0}}/{of.parent_relation[1]}"
    if of.kind == "batch":
        return f"/{PLURALS[of.result.name]}/batch"
    return f"/{BASES.get(of.result.name, PLURALS[of.result.name])}" + (
        "/{0}" if of.kind in ("get", "replace", "update", "delete") else ""
    )


def test_every_operation_has_a_route_and_a_field_of_its_name(harness: DualDoorApp) -> None:
    routes = harness.app.state.rest.links[1].endpoints
    for name, of in harness.registry.operations.items():
        if of.exclusive_to:
            continue
        assert (routes[name].method, routes[name].path) == (METHODS[of.kind], rest_path(of)), name
        field = harness.root(name)
        assert field.name == graphql_name(of)
        parent = harness.executor.schema.mutation_type if of.is_write else harness.executor.schema.query_type
        assert field.name in parent.fields


def test_no_door_has_more_than_the_registry(harness: DualDoorApp) -> None:
    known = {n for n, o in harness.registry.operations.items() if o.is_exposed_at("graphql")}
    assert set(harness.app.state.rest.links[1].endpoints) == {
        n for n, o in harness.registry.operations.items() if o.is_exposed_at("rest")
    }
    schema = harness.executor.schema
    fields = {*schema.query_type.fields, *schema.mutation_type.fields}
    assert fields == {graphql_name(harness.operation(n)) for n in known} | NO_OPERATION


def test_inputs_have_the_same_members_on_both_doors(harness: DualDoorApp) -> None:
    openapi = msgspec.json.decode(harness.app.state.contract()["openapi.json"])
    schemas = openapi["components"]["schemas"]
    compared = 0
    for name, of in harness.registry.operations.items():
        if of.input is None or of.kind == "update" or of.exclusive_to:
            continue
        route = harness.app.state.rest.links[1].endpoints[name]
        path = next(p for p in openapi["paths"] if p.replace("{key}", "{0}") == f"/v1{route.path}")
        body = openapi["paths"][path][route.method.lower()]["requestBody"]["content"]["application/json"]["schema"]
        if of.kind == "query":
            # Its arguments stand in the place of a body's members.
            assert {camel(n) for n in schemas[body["$ref"].rpartition("/")[2]]["properties"]} == set(
                harness.executor.schema.query_type.fields[camel(name)].args
            )
            continue
        argument = harness.executor.schema.mutation_type.fields[camel(name)].args["input"]
        compared += compare_input(schemas, body, get_named_type(argument.type), name)
    assert compared >= 40


def compare_input(schemas: Json, given: Json, there: Any, at: str, seen: frozenset[str] = frozenset()) -> int:
    """Compares the members of an input on both doors, and those of the inputs in it; returns how many."""
    while "$ref" in given or "anyOf" in given or given.get("type") == "array" or "items" in given:
        if "$ref" in given:
            given = schemas[given["$ref"].rpartition("/")[2]]
        elif "anyOf" in given:
            given = next(b for b in given["anyOf"] if b.get("type") != "null")
        else:
            given = given["items"]
    if not isinstance(there, GraphQLInputObjectType) or there.name in seen or "properties" not in given:
        return 0
    mine = {camel(n) for n in given["properties"]}
    assert mine == set(there.fields), at
    assert {camel(n) for n in given.get("required", ())} == {
        n for n, f in there.fields.items() if is_non_null_type(f.type)
    }, at
    deeper = [
        compare_input(schemas, s, get_named_type(there.fields[camel(n)].type), f"{at}.{n}", seen | {there.name})
        for n, s in given["properties"].items()
    ]
    return len(mine) + sum(deeper)


def test_every_problem_of_an_operation_is_in_its_document(harness: DualDoorApp) -> None:
    openapi = msgspec.json.decode(harness.app.state.contract()["openapi.json"])
    for name, of in harness.registry.operations.items():
        if of.exclusive_to:
            continue
        route = harness.app.state.rest.links[1].endpoints[name]
        said = openapi["paths"][f"/v1{route.path}".replace("{0}", "{key}")][route.method.lower()]["responses"]
        assert {str(p.status) for p in of.problems} <= set(said), name


# Writes through one door each: on two rows that are alike, or on one that stays as it is.


@pytest.mark.parametrize(("operation", "kind", "body"), CHANGES)
async def test_a_write_gives_the_same_result_version_and_events_through_either_door(
    harness: DualDoorApp, operation: str, kind: str, body: Callable[[str], Json]
) -> None:
    outcomes: list[Any] = []
    for way in ("rest", "graphql"):
        own = unique("m").replace("-", "")
        key = await row_of(harness, kind, own) if kind else ""
        door = DoorWriter(harness, harness.staff, operation)
        before = 1 if kind == "Category" else None
        given: Any = body(own)
        steps = given.pop("steps", None)
        more: Json = {"steps": steps} if steps else {} if door.of.kind == "delete" else {"body": given}
        wanted = WANTED[door.of.result.name][way == "graphql"]
        extra = "id" if way == "graphql" else ",id"
        made = await (
            door.rest(wanted + extra, key, version=before if key else None, **more)
            if way == "rest"
            else door.graphql(f"{wanted} {extra}", key, version=before if key else None, **more)
        )
        assert not isinstance(made, tuple), made
        ids = [key] if made == "gone" else [made.pop("id")]
        outcomes.append((plain(made, own), await events(harness, own, ids)))
    assert_same(*outcomes)
    assert outcomes[0][1] or body("x") == {}


@pytest.mark.parametrize("operation", ACTS)
async def test_what_is_done_with_an_account_gives_the_same_result_and_events_through_either_door(
    harness: DualDoorApp, operation: str
) -> None:
    outcomes: list[Any] = []
    for way in ("rest", "graphql"):
        own = unique("m").replace("-", "")
        visitor, key, body = await prepare_case(harness, operation, own)
        door = DoorWriter(harness, visitor, operation)
        door.headers["X-Request-ID"] = request_id = unique("done")
        wanted = WANTED[door.of.result.name]
        version = 1 if door.of.kind in ("update", "replace", "delete") else None
        made = await (
            door.rest(wanted[0], key, body, version) if way == "rest" else door.graphql(wanted[1], key, body, version)
        )
        assert not isinstance(made, tuple), made
        outcomes.append((plain(made, own), await events_of(harness, request_id, own)))
    assert_same(*outcomes)
    assert outcomes[0][1]


async def events_of(harness: DualDoorApp, request_id: str, own: str) -> list[Any]:
    """What was announced and which letters were asked for by one request, without what differs by row."""
    async with harness.app.state.database.session_factory() as session:
        found = await session.scalars(
            select(OutboxEvent).where(OutboxEvent.request_id == request_id).order_by(OutboxEvent.id)
        )
        return [
            (e.type, {k: mask_own_names(v, own) for k, v in e.data.items() if k not in ("user_id", "mark")})
            for e in found
        ]


def test_every_write_is_tried(harness: DualDoorApp) -> None:
    tried = {name for name, *_ in CHANGES} | {"product_batch"} | set(ACTS)
    assert tried == {n for n, o in harness.registry.operations.items() if o.is_write and not o.exclusive_to}


async def test_a_batch_has_the_same_outcomes_through_either_door(harness: DualDoorApp) -> None:
    outcomes: list[Any] = []
    for way in ("rest", "graphql"):
        own = unique("m").replace("-", "")
        key, gone = await row_of(harness, "Product", own), await row_of(harness, "Product", own + "b")
        items = [
            {"op": "create", "input": {"name": f"A {own}"}}, {"op": "create", "input": {"name": "", "slug": "No", "tags": ["T"]}},
            {"op": "update", "id": key, "patch": {"description": "x", "attributes": {"a_b": None, "snake_key": {"camelKey": 1}}}},
            {"op": "update", "id": key, "patch": {"name": f"Whole {own}"}}, {"op": "update", "id": key, "patch": {"name": ""}},
            {"op": "update", "id": key, "patch": {"name": "x"}, "expected_version": 99}, {"op": "delete", "id": gone}, {"op": "delete", "id": gone},
            {"op": "upsert", "input": complete_product(own) | {"description": "changed"}}, {"op": "upsert", "input": complete_product(own) | {"description": "changed"}},
            {"op": "update"}, {"op": "create", "input": complete_product(own) | {"external_reference": f"other-{own}"}},
            {"op": "delete", "id": key, "patch": {"name": "x"}},
            {"op": "create", "input": {"name": "x", "slug": f"whole-{own}"}},
            {"op": "upsert", "input": {"name": f"U {own}", "slug": f"u-{own}"}, "expected_version": 1},
        ]  # fmt: skip
        if way == "rest":
            answer = await harness.staff.rest(
                "POST", "/products/batch", json={"items": items}, params={"fields": PRODUCT[0]}
            )
            results = answer.json()["results"]
        else:
            inner = f"status changed data {{ {PRODUCT[1]} }} error {{ type title status code detail errors {{ pointer code detail }} members }}"
            text = (
                f"mutation ($input: ProductBatchInput!) {{ productBatch(input: $input) {{ results {{ {inner} }} }} }}"
            )
            results = (await harness.staff.data(text, {"input": normalize_written({"items": items})}))["productBatch"][
                "results"
            ]
        shown = [
            (
                r["status"],
                r.get("changed", True),
                plain(r.get("data"), own),
                r.get("error") and problem(mask_own_names(r["error"], own)),
            )
            for r in results
        ]
        shown = msgspec.json.decode(msgspec.json.encode(shown).decode().replace(key, "KEY").replace(gone, "GONE"))
        outcomes.append((shown, await events(harness, own, [key, gone])))
    for mine, theirs in zip(outcomes[0][0], outcomes[1][0], strict=True):
        assert_same(mine, theirs)
    assert_same(outcomes[0][1], outcomes[1][1])
    statuses = [r[0] for r in outcomes[0][0]]
    assert statuses == [201, 422, 200, 200, 422, 412, 204, 404, 200, 200, 422, 409, 422, 409, 422]
    assert [r[1] for r in outcomes[0][0]][3] is False
    assert [r[1] for r in outcomes[0][0]][9] is False


UNKNOWN = "01924560-6c00-7d4b-bb5e-72fc1f750d02"
REFUSALS: list[tuple[str, Json, str]] = [
    ("unknown id", {"key": UNKNOWN}, "not_found"),
    ("no id at all", {"key": "no-id"}, "not_found"),
    ("stale version", {"version": 99}, "precondition_failed"),
]


@pytest.mark.parametrize(("case", "change", "code"), REFUSALS, ids=[c for c, *_ in REFUSALS])
async def test_a_change_is_refused_alike(harness: DualDoorApp, case: str, change: Json, code: str) -> None:
    own = unique("m").replace("-", "")
    for name, of in harness.registry.operations.items():
        if of.kind not in ("replace", "update", "delete"):
            continue
        if name in ACTS and "key" not in of.signature.parameters and "key" in change:
            # The caller's own account is not named by a key.
            continue
        visitor = harness.staff
        if name in ACTS:
            visitor, key, body = await prepare_case(harness, name, f"{own}{name.replace('_', '')}")
            given: Json = {"key": key, "body": body} | change
        else:
            given = {"key": await row_of(harness, of.result.name, f"{own}{name.replace('_', '')}")} | change
        if of.kind != "delete" and name not in ACTS:
            given["body"] = (
                {"sku": "s", "price": {"amount": 1, "currency": "EUR"}}
                if of.result.name == "Variant"
                else {"name": "n"}
            )
        door, wanted = DoorWriter(harness, visitor, name), WANTED[of.result.name]
        mine, theirs = await door.rest(wanted[0], **given), await door.graphql(wanted[1], **given)
        assert_same(mine, theirs)
        assert mine[0] == code, name


@pytest.mark.parametrize("visitor_name", ["anonymous", "customer"])
async def test_who_may_not_write_is_told_so_alike_whatever_was_sent(harness: DualDoorApp, visitor_name: str) -> None:
    visitor = harness.anonymous if visitor_name == "anonymous" else await client_with_role(harness, "customer")
    for name, of in harness.registry.operations.items():
        if not of.is_write or of.access.allows(visitor.permissions):
            continue
        wanted = WANTED[of.result.name] if of.kind != "batch" else ("id", "results { status }")
        more: Json = {"key": UNKNOWN} if "key" in of.signature.parameters or of.parent_relation else {}
        body: Json | None = (
            {"items": []} if of.kind == "batch" else {"name": "", "sku": "", "price": {"amount": -1, "currency": "x"}}
        )
        if name in ACTS:
            body = invalid_body(of.input)
        elif of.kind not in ("batch", "delete"):
            body = {k: v for k, v in body.items() if of.result.name == "Variant" or k == "name"}
        more |= {} if of.kind == "delete" else {"body": body}
        door = DoorWriter(harness, visitor, name)
        mine, theirs = await door.rest(wanted[0], **more), await door.graphql(wanted[1], **more)
        assert_same(mine, theirs)
        assert mine[:2] == (("unauthenticated", 401) if visitor_name == "anonymous" else ("forbidden", 403)), name


FAULTS: dict[str, list[Any]] = {
    "name": ["", "x" * 201, "bell\u0007", "a\nb", "ok"], "slug": ["No", "a--b", UNKNOWN, "batch", "x" * 101, ""],
    "description": ["\u0000", "x" * 20_001, "fine\n"],
    "tags": [["A"], ["a", "b c"], ["t"] * 101, ["x" * 61]], "category_id": [UNKNOWN, "no-id", None], "category_ids": [[UNKNOWN], ["x"], []],
    "external_reference": ["", "x" * 201, None], "attributes": [{"a": {"b": "\u0001"}}, {"k\u0000": 1}, {"n": 1}], "source": [{"a": "\u0085"}, None],
    "position": [-1, 1_000_001, 3], "parent_id": [UNKNOWN, "x", None], "sku": ["", "x" * 101, "a\tb"],
    "options": [{"": "x"}, {"a": ""}, {str(i): "x" for i in range(11)}],
    "price": [{"amount": -1, "currency": "EUR"}, {"amount": 1, "currency": "eur"}, {"amount": 2**53, "currency": "EUR"}, {"amount": 1, "currency": "ZZZ"}],
    "compare_at_price": [{"amount": -1, "currency": "EUR"}, {"amount": 1, "currency": "USD"}, None], "weight_grams": [-1, 2**31 - 1, None],
    "barcode": ["x" * 61, "\u0000"],
    "tax_class": ["A b", "", "reduced"],
}  # fmt: skip
INPUTS = {
    "product_create": [
        "name",
        "slug",
        "description",
        "tags",
        "category_id",
        "category_ids",
        "external_reference",
        "attributes",
        "source",
    ],
    "category_create": ["name", "slug", "description", "position", "parent_id"],
    "variant_create": [
        "sku",
        "price",
        "options",
        "compare_at_price",
        "weight_grams",
        "barcode",
        "tax_class",
        "attributes",
        "source",
        "position",
    ],
}
INPUTS |= {
    "product_update": INPUTS["product_create"],
    "category_update": INPUTS["category_create"],
    "variant_update": INPUTS["variant_create"],
}


@st.composite
def bad_inputs(draw: Any) -> tuple[str, Json]:
    """A write, and a body in which some members have something wrong with them."""
    operation = draw(st.sampled_from(sorted(INPUTS)))
    names = draw(st.lists(st.sampled_from(INPUTS[operation]), min_size=1, max_size=4, unique=True))
    body: Json = {n: draw(st.sampled_from(FAULTS[n])) for n in names}
    if operation.endswith("create"):
        needed = (
            {"sku": "", "price": {"amount": 1, "currency": "EUR"}}
            if operation == "variant_create"
            else {"name": "x" * 300}
        )
        body = needed | body
    if operation == "product_create" and draw(st.booleans()):
        body["variants"] = [
            {"sku": "s", "price": draw(st.sampled_from(FAULTS["price"]))},
            {"sku": "", "price": {"amount": 1, "currency": "EUR"}},
        ]
    return operation, body


@pytest.fixture(scope="package")
async def keys(harness: DualDoorApp, known: SampleRows) -> dict[str, str]:
    """A row of each kind that the refused writes are about."""
    return {
        kind: await row_of(harness, kind, unique("m").replace("-", "")) for kind in ("Product", "Category", "Variant")
    }


@hypothesis_settings(120)
@given(bad=bad_inputs())
async def test_a_bad_input_is_the_same_problem_through_either_door(
    harness: DualDoorApp, keys: dict[str, str], bad: tuple[str, Json]
) -> None:
    operation, body = bad
    door = DoorWriter(harness, harness.staff, operation)
    wanted = WANTED[door.of.result.name]
    key = (
        keys[door.of.parent_relation[0].name if door.of.parent_relation else door.of.result.name]
        if not operation.endswith("create") or door.of.parent_relation
        else ""
    )
    mine, theirs = await door.rest(wanted[0], key, body), await door.graphql(wanted[1], key, body)
    if isinstance(mine, dict):
        # A patch without a fault: the second one of the same kind changed nothing.
        assert isinstance(theirs, dict), theirs
        assert_same(plain(mine, "\0"), plain(theirs, "\0"))
    else:
        assert_same(mine, theirs)
        assert mine[1] in (409, 422)
