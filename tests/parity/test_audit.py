"""Every write leaves an audit entry at either door: who did what, and no value that was given."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from tests.factories import unique
from tests.parity.cases import FIRST_INPUTS, REGISTRY, TWO_DOOR_WRITES, one_field
from tests.parity.door_writer import DELETED, DoorWriter
from tests.parity.harness import STAFF, ApiClient, DualDoorApp, Json
from tests.parity.prepared_writes import prepare
from tests.users import PASSWORD, create_user, http_client
from tradepost.areas.accounts.schemas import Role
from tradepost.areas.inventory.schemas import StockMovementKind
from tradepost.kit.schema.struct_fields import Member, members

OPERATIONS = REGISTRY.operations
BY_STAFF = [write.operation for write in TWO_DOOR_WRITES if write.role == "staff"]
BY_OTHERS = [write.operation for write in TWO_DOOR_WRITES if write.role != "staff"]
IDS_OF_TYPES = {"order": frozenset({"number"}), "stock": frozenset({"level_id"})}
# Events are about rows, about stock, about sessions, or about a password reset that was requested,
# which does not show whether the account exists.
EVENT_PREFIXES = {r.operation_prefix for r in REGISTRY.resources.values()} | {"stock", "session", "password_reset"}
STATUSES = {
    value.value
    for resource in REGISTRY.resources.values()
    for name, member in resource.members.items()
    if name.endswith("status") and isinstance(member, Member) and member.enum is not None
    for value in member.enum
}
# Words that are neither secret nor personal.
ROLES = frozenset([*Role, *StockMovementKind])
# The names of all members and relations, which entries list.
MEMBER_NAMES = (
    {"changed", "user_id"}
    | {n for o in OPERATIONS.values() if o.input for n in members(o.input)}
    | {n for resource in REGISTRY.resources.values() for n in (*resource.members, *resource.relations)}
) - {n for o in OPERATIONS.values() for n in o.result.secret_members}


@pytest.fixture(scope="module")
async def writer_key(harness: DualDoorApp) -> AsyncIterator[tuple[ApiClient, str]]:
    """A staff API key without a user, and its id."""
    key = await harness.app.state.credentials.create(name="audited", role="staff")
    async with http_client(harness.app, key) as client:
        yield ApiClient("staff", client, STAFF), (await harness.app.state.credentials.identify(key)).id


@pytest.mark.parametrize("door", ["rest", "graphql"])
@pytest.mark.parametrize("operation", BY_STAFF)
async def test_a_write_of_staff_leaves_an_entry_with_caller_door_and_operation(
    harness: DualDoorApp, writer_key: tuple[ApiClient, str], operation: str, door: str
) -> None:
    client, caller_id = writer_key
    prepared = replace(await prepare(harness, FIRST_INPUTS[operation]), caller=client)
    writer, request_id = DoorWriter(harness, client, operation), unique("audited")
    writer.headers["X-Request-ID"] = request_id
    outcome = await writer.write(door, "id", **prepared.arguments)
    assert not isinstance(outcome, tuple), outcome
    entries = await entries_of(harness, request_id, caller_id=caller_id)
    assert bool(entries) == FIRST_INPUTS[operation].write.leaves_traces
    assert not entries or subjects_of(operation, outcome, prepared.key) <= {
        id for entry in entries for id in rows_in(entry)
    }
    for entry in entries:
        identity = (entry["caller_id"], entry["role"], entry["door"], entry["operation"])
        assert identity == (caller_id, "staff", door, operation)
        assert_names_only(entry)
    assert_no_values(prepared.body, entries)


def subjects_of(operation: str, outcome: Any, key: str) -> set[str]:
    """Return the ids of the rows that a write created or changed."""
    if outcome == DELETED:
        return {key}
    if "results" in outcome:
        assert [item["status"] for item in outcome["results"]] == list(FIRST_INPUTS[operation].batch_statuses)
        return {item["data"]["id"] for item in outcome["results"]}
    return {outcome["id"]}


def rows_in(entry: Json) -> set[str]:
    """Return the ids of the rows that an entry is about: its subject, and a stock level."""
    return {entry["subject"], entry["data"].get("level_id", entry["subject"])}


@pytest.mark.parametrize("door", ["rest", "graphql"])
@pytest.mark.parametrize("operation", BY_OTHERS)
async def test_a_write_of_a_user_or_anonymous_caller_leaves_an_entry_without_a_secret(
    harness: DualDoorApp, operation: str, door: str
) -> None:
    """Also logins, refreshed tokens and requests for an e-mail. An anonymous caller has no id."""
    prepared, request_id = await prepare(harness, FIRST_INPUTS[operation]), unique("audited")
    writer, caller = DoorWriter(harness, prepared.caller, operation), prepared.caller
    writer.headers["X-Request-ID"] = request_id
    # If the answer has a secret, select it: it must not be in the entry either.
    secrets = writer.operation.result.secret_members if FIRST_INPUTS[operation].write.shows_secrets else ()
    field = next(iter(secrets), one_field(operation))
    outcome = await writer.write(door, field, **prepared.arguments)
    assert not isinstance(outcome, tuple), outcome
    entries = await entries_of(harness, request_id, operation=operation)
    assert bool(entries) == FIRST_INPUTS[operation].write.leaves_traces
    caller_id = caller.person.id if caller.person else None
    for entry in entries:
        assert (entry["caller_id"], entry["role"], entry["door"]) == (caller_id, caller.name, door)
        assert_names_only(entry)
    assert_no_values(prepared.body, entries)
    assert_no_values(outcome, entries)
    subjects = {entry["subject"] for entry in entries}
    if not entries:
        return
    if prepared.key and writer.operation.kind == "create":
        # The entry of a row that is created below another names that one.
        parents = {value for entry in entries for name, value in entry["data"].items() if name.endswith("_id")}
        assert prepared.key in subjects | parents
    elif prepared.key:
        assert prepared.key in subjects
    elif caller_id is not None and outcome == DELETED and operation != "logout":
        assert caller_id in subjects


@pytest.mark.parametrize("grant", ["password", "refresh_token", "client_credentials"])
async def test_a_granted_token_leaves_an_entry_without_a_secret(harness: DualDoorApp, grant: str) -> None:
    """The only write that is at one door alone: a token endpoint takes a form."""
    person, request_id = await create_user(harness.app), unique("audited")
    key = await person.key()
    forms: dict[str, Json] = {
        "password": {"username": person.email, "password": PASSWORD},
        "refresh_token": {"refresh_token": await person.refresh_token()},
        "client_credentials": {"client_id": key["prefix"], "client_secret": key["secret"]},
    }
    form = {"grant_type": grant, **forms[grant]}
    answer = await harness.anonymous.client.post("/v1/auth/token", data=form, headers={"X-Request-ID": request_id})
    assert answer.status_code == 200, answer.text
    entries = await entries_of(harness, request_id, operation="token_grant")
    assert entries
    for entry in entries:
        assert (entry["door"], entry["caller_id"]) == ("rest", None)
        assert entry["type"].partition(".")[0] in EVENT_PREFIXES
    assert_no_values(forms[grant], entries)
    assert_no_values({n: v for n, v in answer.json().items() if n.endswith("_token")}, entries)


async def entries_of(harness: DualDoorApp, request_id: str, **filters: str) -> list[Json]:
    """Return the audit entries of one request."""
    params = {"limit": "100", **filters}
    entries = (await harness.staff.rest("GET", "/audit", params=params)).json()["data"]
    return [entry for entry in entries if entry["request_id"] == request_id]


async def test_only_the_audit_says_that_a_registered_address_was_registered_again(harness: DualDoorApp) -> None:
    known = await create_user(harness.app)
    answers: list[Any] = []
    for email in (known.email, f"{unique('new')}@shop.example"):
        request_id = unique("audited")
        body = {"email": email, "password": "six boats and a heron"}
        answer = await harness.anonymous.rest("POST", "/auth/register", json=body, headers={"X-Request-ID": request_id})
        answers.append((answer.status_code, answer.content, sorted(set(answer.headers) - {"date"})))
        [entry] = await entries_of(harness, request_id, operation="register")
        is_known = email == known.email
        assert entry["type"] == ("user.registration_repeated" if is_known else "user.registered")
        assert (entry["subject"] == known.id) is is_known
    assert answers[0] == answers[1]


def assert_names_only(entry: Json) -> None:
    """Assert that the data of an entry has no values, and that its type is a known one.

    The number of an order is a name that customers know; the level of a movement is an id.
    """
    data, allowed = entry["data"], IDS_OF_TYPES.get(entry["type"].partition(".")[0], frozenset[str]())
    assert list(unexpected_values({name: value for name, value in data.items() if name not in allowed})) == []
    assert entry["type"].partition(".")[0] in EVENT_PREFIXES


def assert_no_values(body: Any, entries: list[Json]) -> None:
    """Assert that no text of a body is in the data of an entry."""
    data = str([entry["data"] for entry in entries])
    match body:
        case dict():
            for value in body.values():
                assert_no_values(value, entries)
        case list():
            for value in body:
                assert_no_values(value, entries)
        case str() if len(body) > 3 and body not in ROLES:
            assert body not in data
        case _:
            pass


def unexpected_values(data: Any) -> Iterator[Any]:
    """Yield everything in the data of an entry but names of members, ids, roles and statuses."""
    match data:
        case dict():
            yield from [name for name in data if name not in MEMBER_NAMES]
            for value in data.values():
                yield from unexpected_values(value)
        case list():
            for value in data:
                yield from unexpected_values(value)
        case str() if data not in MEMBER_NAMES | ROLES | STATUSES:
            try:
                UUID(data)
            except ValueError:
                yield data
        case str() | bool() | None:
            pass
        case _:
            yield data


def test_a_value_in_an_entry_is_found() -> None:
    product = "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e02"
    assert list(unexpected_values({"changed": ["name"], "product_id": product})) == []
    assert list(unexpected_values({"changed": ["Oak chair"], "secret": {"name": 7}})) == ["secret", "Oak chair", 7]
