"""Invalid and forbidden writes are refused alike by both doors, with the same problem."""

import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parity.case import CaseContext, Fault, Keys, WriteCase, new_mark
from tests.parity.cases import ENTITIES, FAULTS, FIRST_INPUTS, REGISTRY, WRITES, answer_fields
from tests.parity.door_writer import DoorWriter
from tests.parity.fields import normalize_answer
from tests.parity.harness import (
    UNKNOWN_ID,
    ApiClient,
    DualDoorApp,
    Json,
    assert_same,
    client_with_role,
    hypothesis_settings,
)
from tests.parity.prepared_writes import permitted_caller, prepare, resolve_body, row_of
from tests.parity.sample_rows import SampleRows
from tradepost.kit.schema.struct_fields import members

VERSIONED = [name for name, o in REGISTRY.operations.items() if o.takes_version]
KEYED = [name for name in VERSIONED if "key" in REGISTRY.operations[name].signature.parameters]


@pytest.mark.parametrize(("write", "fault"), FAULTS, ids=[f"{w.operation}-{n}" for n, (w, _) in enumerate(FAULTS)])
async def test_an_invalid_body_is_the_same_problem_at_either_door(
    harness: DualDoorApp, write: WriteCase, fault: Fault
) -> None:
    caller, key, context = await caller_and_row(harness, write)
    body = await resolve_body(fault.body, context)
    writer, fields = DoorWriter(harness, caller, write.operation), answer_fields(write.operation)
    rest, graphql = [await writer.write(door, fields, key, body) for door in ("rest", "graphql")]
    assert isinstance(rest, tuple), rest
    assert_same(rest, graphql)
    code, status, _, _, errors = rest
    assert (code, status) == (fault.code, fault.status)
    assert tuple(sorted({pointer for pointer, *_ in errors})) == fault.pointers


async def caller_and_row(harness: DualDoorApp, write: WriteCase) -> tuple[ApiClient, Keys, CaseContext]:
    """Return a permitted caller, and the keys of a row, which belongs to the caller if possible."""
    caller = await permitted_caller(harness, write)
    context = CaseContext(harness.app, harness.staff, caller.person or harness.customer.user)
    return caller, await row_of(write, context), context


async def assert_refused_alike(harness: DualDoorApp, operation: str, code: str, **change: Any) -> None:
    """Assert that both doors refuse a valid input that is changed in this way, with this code."""
    prepared = await prepare(harness, FIRST_INPUTS[operation])
    writer, fields = DoorWriter(harness, prepared.caller, operation), answer_fields(operation)
    arguments = prepared.arguments | change
    rest, graphql = [await writer.write(door, fields, **arguments) for door in ("rest", "graphql")]
    assert_same(rest, graphql)
    assert rest[0] == code


@pytest.mark.parametrize("key", [UNKNOWN_ID, "no-id"])
@pytest.mark.parametrize("operation", KEYED)
async def test_a_change_of_a_row_that_does_not_exist_is_refused_alike(
    harness: DualDoorApp, operation: str, key: str
) -> None:
    keys = (key,) * len(REGISTRY.operations[operation].path_parameters)
    await assert_refused_alike(harness, operation, "not_found", key=keys)


@pytest.mark.parametrize("operation", VERSIONED)
async def test_a_change_of_a_stale_version_is_refused_alike(harness: DualDoorApp, operation: str) -> None:
    await assert_refused_alike(harness, operation, "precondition_failed", version=99)


@pytest.mark.parametrize("name", ["anonymous", "customer"])
async def test_a_forbidden_write_is_refused_alike_before_its_input_is_checked(harness: DualDoorApp, name: str) -> None:
    caller = harness.anonymous if name == "anonymous" else await client_with_role(harness, "customer")
    for operation in harness.registry.operations.values():
        if not operation.is_write or operation.access.allows(caller.permissions):
            continue
        writer, fields = DoorWriter(harness, caller, operation.name), answer_fields(operation.name)
        key = (UNKNOWN_ID,) * len(operation.path_parameters)
        body = invalid_body(operation.input, all_optional=operation.kind == "update")
        rest, graphql = [await writer.write(door, fields, key, body) for door in ("rest", "graphql")]
        assert_same(rest, graphql)
        assert rest[:2] == (("unauthenticated", 401) if name == "anonymous" else ("forbidden", 403)), operation.name


def invalid_body(shape: type[msgspec.Struct] | None, all_optional: bool = False) -> Json | None:
    """Return a body of the right types, without a valid value.

    all_optional: fill in the first member, as the input has no required ones.
    """
    if shape is None:
        return None
    known = list(members(shape).values())
    return {m.name: invalid_value(m) for m in (known[:1] if all_optional else [m for m in known if m.required])}


def invalid_value(member: Any) -> Any:
    """Return a value of a member's type that is not valid, if one can be."""
    match member.kind:
        case "int" | "float":
            return -1
        case "list":
            return []
        case "json":
            return {}
        case "bool":
            return False
        case "enum":
            return next(iter(member.enum)).value
        case "value":
            return invalid_body(member.shape)
        case _:
            return ""


MARK = re.compile("m[0-9a-f]{12}")
"""The part of a text by which the two rows differ."""
DRAWN_WRITES = [
    name
    for name, o in REGISTRY.operations.items()
    if o.kind in ("create", "update") and o.result.name in ENTITIES and ENTITIES[o.result.name].bad_values
]


def test_every_bad_value_is_drawn() -> None:
    for name, entity in ENTITIES.items():
        inputs = [REGISTRY.operations[n].input for n in DRAWN_WRITES if REGISTRY.operations[n].result.name == name]
        assert set(entity.bad_values) <= {member for shape in inputs if shape for member in members(shape)}, name


@st.composite
def bad_inputs(draw: Any) -> tuple[str, Json]:
    """Draw a write, and a body in which some members have a value that may be invalid."""
    operation = REGISTRY.operations[draw(st.sampled_from(DRAWN_WRITES))]
    assert operation.input is not None
    values, known = ENTITIES[operation.result.name].bad_values, members(operation.input)
    drawn = draw(st.lists(st.sampled_from([n for n in values if n in known]), min_size=1, max_size=4, unique=True))
    required = [m.name for m in known.values() if m.required and operation.kind == "create"]
    names = list(dict.fromkeys([*required, *drawn]))
    return operation.name, {name: draw(st.sampled_from(list(values[name]))) for name in names}


class Target:
    """A permitted caller of a write, and the keys of a row which examples share."""

    def __init__(self, write: WriteCase, caller: ApiClient, keys: Keys, context: CaseContext) -> None:
        self.write, self.caller, self.keys, self.context = write, caller, keys, context

    async def keys_of_doors(self) -> tuple[Keys, Keys]:
        """Return the keys for each door.

        A row that is created below another one can use it up, as a refund does with its payment.
        """
        if REGISTRY.operations[self.write.operation].kind == "create" and self.keys:
            return await self.new_keys(), await self.new_keys()
        return self.keys, self.keys

    async def new_keys(self) -> Keys:
        """Return the keys of a new row of the same owner."""
        return await row_of(self.write, replace(self.context, mark=new_mark()))


@pytest.fixture(scope="module")
async def targets(harness: DualDoorApp, sample_rows: SampleRows) -> dict[str, Target]:
    """The targets of all drawn writes."""
    return {name: Target(WRITES[name], *await caller_and_row(harness, WRITES[name])) for name in DRAWN_WRITES}


@hypothesis_settings(55)
@given(bad=bad_inputs())
async def test_a_bad_input_is_the_same_problem_at_either_door(
    harness: DualDoorApp, targets: dict[str, Target], bad: tuple[str, Json]
) -> None:
    operation, body = bad
    target = targets[operation]
    writer, fields = DoorWriter(harness, target.caller, operation), answer_fields(operation)
    keys = zip(("rest", "graphql"), await target.keys_of_doors(), strict=True)
    rest, graphql = [await writer.write(door, fields, key, body) for door, key in keys]
    if isinstance(rest, dict):
        # A valid input: of two patches with it, the second one changes nothing.
        assert isinstance(graphql, dict), graphql
        result = writer.operation.result
        assert_same(normalize_answer(result, rest), normalize_answer(result, graphql))
    else:
        assert_same(MARK.sub("", repr(rest)), MARK.sub("", repr(graphql)))
        assert rest[1] in (409, 422)
