"""Generated bodies for every write: the doors give the same answers, problems and stored rows.

Each write is rolled back, so both doors write over the same rows. The doors may differ only as in
GRAPHQL_COERCION.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.figures import IS_TORTURE
from tests.parity.case import Keys
from tests.parity.cases import REGISTRY, TWO_DOOR_WRITES, WriteInput, answer_fields, write_inputs
from tests.parity.door_writer import DELETED, DoorWriter
from tests.parity.fields import graphql_fields, normalize_answer, problem_summary, snake
from tests.parity.generated_bodies import Change, changed_body, changes, json_patches
from tests.parity.harness import DualDoorApp, Json
from tests.parity.prepared_writes import PreparedWrite, prepare
from tests.parity.rehearsal import Rehearsal
from tests.users import create_user, http_client
from tradepost.app import create_app
from tradepost.kit.operations.operation import Operation
from tradepost.kit.schema.merge_patch_type import merge_patch_type
from tradepost.kit.schema.struct_fields import Member, member, members
from tradepost.settings import Settings

EXAMPLES = 80

GRAPHQL_COERCION = {
    "refused before execution": "A value, member or enum that the type of the argument does not have is refused with "
    "`invalid_variables` before anything runs. REST refuses the same body with a fault at the same pointer.",
    "one value for a list": '`tags: "a"` is `tags: ["a"]` (GraphQL specification, 3.11).',
    "a number for an ID": "`categoryId: 5` is the text `5` (3.5.5).",
}
"""The only differences between the doors, and where they come from."""

WRITES = {write.operation: write for write in TWO_DOOR_WRITES if REGISTRY.operations[write.operation].input}
UPDATES = [name for name in WRITES if REGISTRY.operations[name].kind == "update"]
INVALID_PLACE = re.compile(r"Variable '\$\w+' has invalid value(?: at ([\w.\[\]]+))?: (?:.* field '([^']*)')?")


@dataclass(frozen=True, repr=False)
class Rehearsed:
    """An app on a database of its own, and a prepared write of each operation."""

    harness: DualDoorApp
    rehearsal: Rehearsal
    prepared: dict[str, list[PreparedWrite]]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("rehearsed")


@pytest.fixture(scope="module")
async def rehearsed(module_settings: Settings, anyio_backend: object) -> AsyncIterator[Rehearsed]:
    """The app. All rows are created before the first write, and no write changes them."""
    app = create_app(module_settings)
    async with app.lifespan():
        person = await create_user(app, "staff")
        harness = await DualDoorApp.create(app, http_client(app), http_client(app, person.token))
        prepared = {name: [await prepare(harness, valid) for valid in inputs_of(name)] for name in WRITES}
        rehearsal = Rehearsal(app.state.database)
        await rehearsal.remember_rows()
        yield Rehearsed(harness, rehearsal, prepared)


def inputs_of(name: str) -> list[WriteInput]:
    """Return valid bodies of a write: one if it needs a row, because rows take time."""
    bodies = [valid for valid in write_inputs(WRITES[name]) if valid.json_patch is None]
    return bodies[: 1 if "key" in REGISTRY.operations[name].signature.parameters else 2]


@dataclass(frozen=True)
class Outcome:
    """What one door did.

    refusals: the pointers of all problems.
    is_invalid_request: whether GraphQL refused the variables, so that nothing ran.
    rows: the changed rows of each transaction.
    """

    answer: Any
    problem: tuple[Any, ...] | None
    refusals: frozenset[str]
    is_invalid_request: bool
    rows: list[list[str]]


@st.composite
def generated_writes(draw: st.DrawFn) -> tuple[str, int, list[Change], bool]:
    """Draw a write, the number of its valid body, changes of it, and whether it is MessagePack."""
    name = draw(st.sampled_from(sorted(WRITES)))
    shape: Any = REGISTRY.operations[name].input
    return name, draw(st.integers(0, 1)), draw(changes(shape)), draw(st.booleans())


@st.composite
def generated_json_patches(draw: st.DrawFn) -> tuple[str, list[Json]]:
    """Draw an update and a JSON Patch for it."""
    name = draw(st.sampled_from(UPDATES))
    shape: Any = REGISTRY.operations[name].input
    return name, draw(json_patches(shape))


bounded = settings(
    max_examples=EXAMPLES * (20 if IS_TORTURE else 1),
    derandomize=True,
    deadline=None,
    database=None,
    # As in `hypothesis_settings`: shrinking would send hundreds of further requests.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.mark.parametrize("name", WRITES)
async def test_an_unchanged_body_succeeds_and_writes_the_same_rows_at_either_door(
    rehearsed: Rehearsed, name: str
) -> None:
    for valid in rehearsed.prepared[name]:
        rest, graphql = [await outcome(rehearsed, name, door, valid, valid.body) for door in ("rest", "graphql")]
        assert (rest.problem, rest.answer is None) == (None, False), rest
        assert rest == graphql, f"REST {rest!r}\nGraphQL {graphql!r}"


@bounded
@given(drawn=generated_writes())
async def test_a_generated_body_has_the_same_outcome_at_either_door(
    rehearsed: Rehearsed, drawn: tuple[str, int, list[Change], bool]
) -> None:
    name, number, drawn_changes, as_msgpack = drawn
    valid = rehearsed.prepared[name][number % len(rehearsed.prepared[name])]
    body = changed_body(valid.body, drawn_changes)
    await assert_same_outcome(rehearsed, name, valid, body, as_msgpack)


@bounded
@given(drawn=generated_json_patches())
async def test_a_generated_json_patch_has_the_same_outcome_at_either_door(
    rehearsed: Rehearsed, drawn: tuple[str, list[Json]]
) -> None:
    name, json_patch = drawn
    valid = rehearsed.prepared[name][0]
    rest = await outcome(rehearsed, name, "rest", valid, json_patch=json_patch)
    graphql = await outcome(rehearsed, name, "graphql", valid, json_patch=json_patch)
    assert_equal_or_explained(rest, graphql, json_patch)


async def assert_same_outcome(rehearsed: Rehearsed, name: str, valid: PreparedWrite, body: Any, msgpack: bool) -> None:
    """Assert that the doors agree on a body, except for what GraphQL's coercion explains."""
    operation = REGISTRY.operations[name]
    assert operation.input is not None
    rest = await outcome(rehearsed, name, "rest", valid, body, msgpack=msgpack)
    graphql = await outcome(rehearsed, name, "graphql", valid, body)
    coerced = coerced_value(input_member(operation), body)
    if coerced != body and not graphql.is_invalid_request:
        assert rest.refusals, "REST does not coerce"
        rest = await outcome(rehearsed, name, "rest", valid, coerced)
    assert_equal_or_explained(rest, graphql, body, is_batch=operation.kind == "batch")


def assert_equal_or_explained(rest: Outcome, graphql: Outcome, sent: Any, *, is_batch: bool = False) -> None:
    """Assert that the outcomes are equal, or that both doors refuse the same places."""
    if graphql.is_invalid_request:
        message = f"{sent!r}\nREST {rest!r}\nGraphQL {graphql!r}"
        if not is_batch:
            assert graphql.refusals <= rest.refusals, message
        else:  # which REST checks in steps: the members around the items, each item, its input
            refused_at_rest = {item_of(place) for place in rest.refusals}
            assert not refused_at_rest.isdisjoint([item_of(place) for place in graphql.refusals]), message
    else:
        assert rest == graphql, f"{sent!r}\nREST {rest!r}\nGraphQL {graphql!r}"


async def outcome(
    rehearsed: Rehearsed,
    name: str,
    door: str,
    valid: PreparedWrite,
    body: Any = None,
    *,
    json_patch: Any = None,
    msgpack: bool = False,
) -> Outcome:
    """Send a write to one door, roll it back, and return its outcome."""
    writer = DoorWriter(rehearsed.harness, valid.caller, name)
    send = send_rest if door == "rest" else send_graphql
    async with rehearsed.rehearsal.active() as rows:
        answer, problem, refusals, is_invalid = await send(writer, valid.keys, body, json_patch, msgpack)
    known = msgspec.json.decode(rehearsed.rehearsal.mask(msgspec.json.encode(answer).decode()))
    return Outcome(known, problem, frozenset(refusals), is_invalid, rows)


type Sent = tuple[Any, Any, set[str], bool]


async def send_rest(writer: DoorWriter, key: Keys, body: Any, json_patch: Any, msgpack: bool) -> Sent:
    """Send a write to the REST door."""
    method, path, request = writer.rest_request(answer_fields(writer.operation.name), key, body, None, json_patch)
    if msgpack:
        request["content"] = msgspec.msgpack.encode(body)
        request["headers"]["Content-Type"] = "application/msgpack"
    elif body is None and json_patch is None:
        request["content"] = b"null"
    response = await writer.caller.rest(method, path, **request)
    if response.status_code == 204:
        return DELETED, None, set(), False
    if response.headers["content-type"] == "application/problem+json":
        assert response.status_code < 500, response.text
        return None, problem_summary(response.json()), pointers(response.json()), False
    if writer.operation.kind == "batch":
        results = response.json()["results"]
        return batch_answer(writer, results), None, batch_pointers(results), False
    return normalize_answer(writer.operation.result, response.json()), None, set(), False


async def send_graphql(writer: DoorWriter, key: Keys, body: Any, json_patch: Any, msgpack: bool) -> Sent:
    """Send a write to the GraphQL door."""
    operation = writer.operation
    selection = graphql_fields(operation.result, answer_fields(operation.name))
    if operation.kind == "batch":
        error = "type status code detail errors { pointer code detail } members"
        selection = f"results {{ status changed data {{ {selection} }} error {{ {error} }} }}"
    body = {} if body is None and json_patch is None else body
    text, variables = writer.document(selection, key, body, None, json_patch)
    answer = await writer.caller.post(text, variables, writer.request_headers())
    if "errors" in answer:
        problems = [error["extensions"] for error in answer["errors"]]
        if problems[0]["code"] == "invalid_variables":
            return None, problems[0]["code"], {invalid_place(error["message"]) for error in answer["errors"]}, True
        [problem] = problems
        assert problem["status"] < 500, problem
        return None, problem_summary(problem), pointers(problem), False
    if operation.status == 204:
        return DELETED, None, set(), False
    value = answer["data"]["it"]
    if operation.kind == "batch":
        return batch_answer(writer, value["results"]), None, batch_pointers(value["results"]), False
    return normalize_answer(operation.result, value), None, set(), False


def pointers(problem: Json) -> set[str]:
    """Return the pointers of a problem; the root if it names none."""
    return {error.get("pointer") or "" for error in problem.get("errors") or [{}]}


def batch_pointers(results: list[Json]) -> set[str]:
    """Return the pointers of all problems in the results of a batch."""
    failed = [(n, result["error"]) for n, result in enumerate(results) if result.get("error")]
    return {f"/items/{n}{pointer}" for n, error in failed for pointer in pointers(error)}


def batch_answer(writer: DoorWriter, results: list[Json]) -> list[Any]:
    """Return the results of a batch in the form that both doors share."""
    return [
        (
            item["status"],
            item.get("changed", True),
            normalize_answer(writer.operation.result, item.get("data")),
            item.get("error") and problem_summary(item["error"]),
        )
        for item in results
    ]


def item_of(pointer: str) -> str:
    """Return the pointer to the item of a batch, for a pointer into it."""
    return "/".join(pointer.split("/")[:3])


def invalid_place(message: str) -> str:
    """Return the JSON pointer to the place that graphql-core's message names."""
    match = INVALID_PLACE.match(message)
    assert match is not None, message
    tokens = [t for t in re.split(r"[.\[\]]", match[1] or "") if t] + ([match[2]] if match[2] is not None else [])
    return "".join([f"/{t if t.isdecimal() else snake(t)}" for t in tokens])


def input_member(operation: Operation[Any, ..., Any]) -> Member:
    """Return the body of a write as a member."""
    assert operation.input is not None
    shape = merge_patch_type(operation.input) if operation.kind == "update" else operation.input
    return member("input", msgspec.inspect.type_info(shape))


def coerced_value(described: Member, value: Any) -> Any:
    """Return what GraphQL makes of a value (see GRAPHQL_COERCION)."""
    if value is None:
        return None
    if described.kind == "list":
        assert described.item is not None
        item = described.item
        return [coerced_value(item, v) for v in value] if isinstance(value, list) else [coerced_value(item, value)]
    if described.kind == "id" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(int(value)) if value == int(value) else value
    if described.shape is None or not isinstance(value, dict):
        return value
    known = members(described.shape)
    return {name: coerced_value(known[name], v) if name in known else v for name, v in value.items()}
