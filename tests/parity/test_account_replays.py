"""Repeats of what is done with accounts: what takes an idempotency key has its effect once, across both doors; what takes none ignores it."""

from typing import Any

import pytest
from sqlalchemy import select

from tests.factories import unique
from tests.parity.account_write_cases import ACTS, client_with_role, prepare_case
from tests.parity.harness import ApiClient, DualDoorApp, assert_same
from tests.parity.query_strategies import REGISTRY
from tests.parity.write_cases import WANTED, DoorWriter, plain
from tradepost.kit.operations.idempotency.records import RECORDS
from tradepost.kit.writes.outbox import OutboxEvent

KEYED = [n for n in ACTS if REGISTRY.operations[n].accepts_idempotency_key]
UNKEYED = [n for n in ACTS if not REGISTRY.operations[n].accepts_idempotency_key]


async def records(harness: DualDoorApp, key: str) -> list[Any]:
    """What is kept under a key."""
    async with harness.app.state.database.engine.connect() as connection:
        return list((await connection.execute(select(RECORDS).where(RECORDS.c.key == key))).all())


async def announced(harness: DualDoorApp, request_id: str) -> list[str]:
    """What one request announced."""
    async with harness.app.state.database.session_factory() as session:
        return list(await session.scalars(select(OutboxEvent.type).where(OutboxEvent.request_id == request_id)))


@pytest.mark.parametrize("first", ["rest", "graphql"])
@pytest.mark.parametrize("operation", KEYED)
async def test_a_repeat_through_either_door_gives_the_first_outcome_and_does_nothing(
    harness: DualDoorApp, operation: str, first: str
) -> None:
    own, key = unique("m").replace("-", ""), unique("key")
    visitor, row, body = await prepare_case(harness, operation, own)
    door = DoorWriter(harness, visitor, operation)
    rest, graphql = WANTED[door.of.result.name]
    if operation == "api_key_create":
        rest, graphql = f"{rest},secret", f"{graphql} secret"
    outcomes: list[Any] = []
    done: list[list[str]] = []
    for way in (first, "rest", "graphql", first):
        request_id = unique("repeat")
        door.headers = {"Idempotency-Key": key, "X-Request-ID": request_id}
        made = await (door.rest(rest, row, body) if way == "rest" else door.graphql(graphql, row, body))
        assert not isinstance(made, tuple), made
        outcomes.append(plain(made, own))
        done.append(await announced(harness, request_id))
    for later in outcomes[1:]:
        assert_same(outcomes[0], later)
    assert done[0]
    assert done[1:] == [[], [], []]
    [kept] = await records(harness, key)
    said = str(tuple(kept))
    for secret in ("password", "token", "email"):
        # What stands in the answer may stand in what is kept of it; the input may not.
        assert not body or secret not in body or body[secret] not in said
    if operation == "api_key_create":
        assert outcomes[0]["secret"].startswith("tp_")
        assert outcomes[0]["secret"] not in said


@pytest.mark.parametrize("way", ["rest", "graphql"])
@pytest.mark.parametrize("operation", UNKEYED)
async def test_what_takes_no_key_ignores_one(harness: DualDoorApp, operation: str, way: str) -> None:
    visitor, row, body = await prepare_case(harness, operation, unique("m").replace("-", ""))
    door, key = DoorWriter(harness, visitor, operation), unique("key")
    door.headers = {"Idempotency-Key": key}
    wanted = WANTED[door.of.result.name]
    made = await (door.rest(wanted[0], row, body) if way == "rest" else door.graphql(wanted[1], row, body))
    assert not isinstance(made, tuple), made
    assert await records(harness, key) == []


async def test_two_logins_under_one_key_are_two_sessions(harness: DualDoorApp) -> None:
    visitor, _, body = await prepare_case(harness, "login", unique("m").replace("-", ""))
    key = unique("key")
    pairs = [
        (await visitor.rest("POST", "/auth/login", json=body, headers={"Idempotency-Key": key})).json()
        for _ in range(2)
    ]
    assert pairs[0]["refresh_token"] != pairs[1]["refresh_token"]


async def test_the_key_of_another_caller_replays_nothing_of_its_secret(harness: DualDoorApp) -> None:
    key, name = unique("key"), unique("Scanner")
    body = {"name": name}

    async def create(visitor: ApiClient) -> Any:
        answer = await visitor.rest("POST", "/api-keys", json=body, headers={"Idempotency-Key": key})
        assert answer.status_code == 201, answer.text
        return answer.json()

    owner, other = await client_with_role(harness, "customer"), await client_with_role(harness, "customer")
    made, theirs, again = await create(owner), await create(other), await create(owner)
    assert again == made
    assert theirs["secret"] != made["secret"]
    assert theirs["id"] != made["id"]
