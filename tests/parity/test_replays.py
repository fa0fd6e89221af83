"""Repeated writes: with an idempotency key they have their effect once, across both doors."""

from typing import Any

import pytest
from sqlalchemy import select

from tests.factories import unique
from tests.parity.cases import FIRST_INPUTS, REGISTRY, TWO_DOOR_WRITES, answer_fields
from tests.parity.door_writer import DoorWriter
from tests.parity.fields import normalize_answer
from tests.parity.harness import ApiClient, DualDoorApp, assert_same, client_with_role, new_guest
from tests.parity.prepared_writes import PreparedWrite, new_owner, prepare, prepare_for
from tradepost.kit.operations.idempotency.records import RECORDS
from tradepost.kit.writes.outbox import OutboxEvent

NAMES = [write.operation for write in TWO_DOOR_WRITES]
KEYED = [write.operation for write in TWO_DOOR_WRITES if write.idempotent]
UNKEYED = [name for name in NAMES if name not in KEYED]
# In the answer of a write, these may be stored with the outcome; in its input they may not.
SECRET_INPUTS = ("password", "token", "email")


def test_a_write_accepts_an_idempotency_key_if_and_only_if_its_case_says_so() -> None:
    assert set(KEYED) == {name for name, o in REGISTRY.operations.items() if o.accepts_idempotency_key}


async def records(harness: DualDoorApp, key: str) -> list[Any]:
    """Return what is stored under an idempotency key."""
    async with harness.app.state.database.engine.connect() as connection:
        return list((await connection.execute(select(RECORDS).where(RECORDS.c.key == key))).all())


async def event_types(harness: DualDoorApp, request_id: str) -> list[str]:
    """Return the types of one request's events."""
    async with harness.app.state.database.session_factory() as session:
        return list(await session.scalars(select(OutboxEvent.type).where(OutboxEvent.request_id == request_id)))


def comparable(writer: DoorWriter, outcome: Any, prepared: PreparedWrite) -> Any:
    """Return the outcome of a write in the form that both doors share."""
    result = writer.operation.result
    if isinstance(outcome, dict) and "results" in outcome:
        return [(i["status"], normalize_answer(result, i["data"], prepared.mark)) for i in outcome["results"]]
    return normalize_answer(result, outcome, prepared.mark)


@pytest.mark.parametrize("first", ["rest", "graphql"])
@pytest.mark.parametrize("operation", KEYED)
async def test_a_repeat_at_either_door_returns_the_first_outcome_and_has_no_effect(
    harness: DualDoorApp, operation: str, first: str
) -> None:
    prepared, key = await prepare(harness, FIRST_INPUTS[operation]), unique("key")
    writer = DoorWriter(harness, prepared.caller, operation)
    secrets = sorted(writer.operation.result.secret_members) if FIRST_INPUTS[operation].write.shows_secrets else []
    fields = ",".join([answer_fields(operation), *secrets])
    outcomes, events = list[Any](), list[list[str]]()
    for door in (first, "rest", "graphql", first):
        request_id = unique("repeat")
        writer.headers = {"Idempotency-Key": key, "X-Request-ID": request_id}
        outcome = await writer.write(door, fields, **prepared.arguments)
        assert not isinstance(outcome, tuple), outcome
        outcomes.append(comparable(writer, outcome, prepared))
        events.append(await event_types(harness, request_id))
    for later in outcomes[1:]:
        assert_same(outcomes[0], later)
    assert bool(events[0]) == FIRST_INPUTS[operation].write.leaves_traces
    assert events[1:] == [[], [], []]
    [record] = await records(harness, key)
    stored, body = str(tuple(record)), prepared.body or {}
    assert [name for name in SECRET_INPUTS if name in body and body[name] in stored] == []
    if secrets and isinstance(outcomes[0], dict):
        assert [name for name in secrets if not outcomes[0][name] or outcomes[0][name] in stored] == []


@pytest.mark.parametrize("door", ["rest", "graphql"])
@pytest.mark.parametrize("operation", UNKEYED)
async def test_a_write_without_idempotency_ignores_a_key(harness: DualDoorApp, operation: str, door: str) -> None:
    prepared, key = await prepare(harness, FIRST_INPUTS[operation]), unique("key")
    writer = DoorWriter(harness, prepared.caller, operation)
    writer.headers = {"Idempotency-Key": key}
    outcome = await writer.write(door, answer_fields(operation), **prepared.arguments)
    assert not isinstance(outcome, tuple), outcome
    assert await records(harness, key) == []


async def test_two_logins_with_one_key_are_two_sessions(harness: DualDoorApp) -> None:
    prepared, key = await prepare(harness, FIRST_INPUTS["login"]), unique("key")
    headers = {"Idempotency-Key": key}
    pairs = [
        (await prepared.caller.rest("POST", "/auth/login", json=prepared.body, headers=headers)).json()
        for _ in range(2)
    ]
    assert pairs[0]["refresh_token"] != pairs[1]["refresh_token"]


async def test_the_idempotency_key_of_another_caller_does_not_replay_a_secret(harness: DualDoorApp) -> None:
    headers, body = {"Idempotency-Key": unique("key")}, {"name": unique("Scanner")}

    async def create(caller: ApiClient) -> Any:
        answer = await caller.rest("POST", "/api-keys", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    owner, other = [await client_with_role(harness, "customer") for _ in range(2)]
    first, others, repeated = await create(owner), await create(other), await create(owner)
    assert repeated == first
    assert others["secret"] != first["secret"]
    assert others["id"] != first["id"]


async def guest_write(harness: DualDoorApp, operation: str) -> PreparedWrite:
    """Prepare a write of a new guest to a cart of its own, or of a guest who has none yet."""
    valid, mark = FIRST_INPUTS[operation], unique("m").replace("-", "")
    owner = await new_owner(harness, valid.write, mark)
    caller = new_guest(harness.app)
    return await prepare_for(harness, valid, caller, owner, mark, for_guest=valid.write.for_guests)


@pytest.mark.parametrize("door", ["rest", "graphql"])
@pytest.mark.parametrize("operation", ["cart_create", "order_place"])
async def test_the_idempotency_key_of_a_guest_replays_nothing_to_another_guest(
    harness: DualDoorApp, operation: str, door: str
) -> None:
    prepared, key = await guest_write(harness, operation), unique("key")
    fields = "id,token" if operation == "cart_create" else "id,number,email"

    async def write(caller: ApiClient, at: str) -> Any:
        writer = DoorWriter(harness, caller, operation)
        writer.headers = {"Idempotency-Key": key}
        return await writer.write(at, fields, **prepared.arguments)

    first, other_guest = await write(prepared.caller, door), new_guest(harness.app)
    others = [await write(other_guest, at) for at in ("rest", "graphql")]
    repeated = [await write(prepared.caller, at) for at in ("rest", "graphql")]
    assert repeated == [first, first]
    if operation == "order_place":
        assert [other[:2] for other in others] == [("not_found", 404)] * 2
    else:
        # The second guest's own repeat replays the second guest's own cart.
        assert others[0] == others[1]
        assert {others[0][name] == first[name] for name in ("id", "token")} == {False}
        assert [first["token"] in str(tuple(record)) for record in await records(harness, key)] == [False] * 2
