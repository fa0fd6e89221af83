"""Every write of the registry, through each door, leaves an entry of the audit that says who did it, and nothing that is a secret."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.conftest import HERE
from tests.factories import unique
from tests.parity.account_write_cases import ACTS, prepare_case
from tests.parity.harness import STAFF, ApiClient, DualDoorApp, Json
from tests.parity.query_rendering import camel
from tests.parity.query_strategies import REGISTRY
from tests.parity.write_cases import ONE_MEMBER, DoorWriter, write_case
from tests.users import PASSWORD, create_user
from tradepost.areas.accounts.schemas import Role
from tradepost.kit.schema.struct_fields import members

WRITES = [n for n, o in REGISTRY.operations.items() if o.is_write]
BY_STAFF = [n for n in WRITES if n not in ACTS and not REGISTRY.operations[n].exclusive_to]


@pytest.fixture(scope="module")
async def writer(harness: DualDoorApp) -> AsyncIterator[tuple[ApiClient, str]]:
    """A member of the staff with a key of its own, and the id of that."""
    key = await harness.app.state.credentials.create(name="audited", role="staff")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=harness.app), base_url=HERE, headers={"X-API-Key": key}
    ) as client:
        yield ApiClient("writer", client, STAFF), (await harness.app.state.credentials.identify(key)).id


async def done(harness: DualDoorApp, writer: ApiClient, operation: str, way: str) -> tuple[set[str], Json]:
    """One write through one door: the ids of what it made or changed, and what it was given."""
    of, (key, body) = harness.operation(operation), await write_case(harness, operation)
    given: Json = {} if of.kind == "delete" else {"body": body}
    door = DoorWriter(harness, writer, operation)
    if of.kind == "batch":
        made = await (
            door.rest("id", key, **given)
            if way == "rest"
            else door.graphql("results { status data { id } }", key, **given)
        )
        assert [r["status"] for r in made["results"]] == [201]
        return {r["data"]["id"] for r in made["results"]}, body
    made = await (door.rest if way == "rest" else door.graphql)("id", key, **given)
    assert made == "gone" or "id" in made, made
    return {key if made == "gone" else made["id"]}, body


@pytest.mark.parametrize("way", ["rest", "graphql"])
@pytest.mark.parametrize("operation", BY_STAFF)
async def test_a_write_leaves_an_entry_that_says_who_did_what(
    harness: DualDoorApp, writer: tuple[ApiClient, str], operation: str, way: str
) -> None:
    visitor, caller = writer
    visitor.client.headers["X-Request-ID"] = request_id = unique("audited")
    subjects, body = await done(harness, visitor, operation, way)
    found = (await harness.staff.rest("GET", "/audit", params={"caller_id": caller, "limit": "100"})).json()["data"]
    entries = [e for e in found if e["request_id"] == request_id]
    assert subjects <= {e["subject"] for e in entries}
    for entry in entries:
        assert (entry["caller_id"], entry["role"], entry["door"], entry["operation"]) == (
            caller,
            "staff",
            way,
            operation,
        )
        assert list(strange(entry["data"])) == []
        assert entry["type"].partition(".")[0] in STEMS
    assert_silent(body, entries)


@pytest.mark.parametrize("way", ["rest", "graphql"])
@pytest.mark.parametrize("operation", ACTS)
async def test_what_is_done_with_an_account_leaves_an_entry_without_a_secret(
    harness: DualDoorApp, operation: str, way: str
) -> None:
    """Logins, refreshes and letters that are asked for too; of whoever comes without a credential it says that."""
    visitor, key, body = await prepare_case(harness, operation, unique("m").replace("-", ""))
    request_id, door = unique("audited"), DoorWriter(harness, visitor, operation)
    door.headers["X-Request-ID"] = request_id
    # What is secret in the answer, where something is: it must not stand in the entry either.
    wanted = next(iter(door.of.result.secret_members), ONE_MEMBER.get(door.of.result.name, "id"))
    made = await (door.rest(wanted, key, body) if way == "rest" else door.graphql(camel(wanted), key, body))
    assert not isinstance(made, tuple), made
    entries = await entries_of(harness, operation, request_id)
    assert entries
    caller = visitor.person.id if visitor.person else None
    for entry in entries:
        assert (entry["caller_id"], entry["role"], entry["door"]) == (caller, visitor.name, way)
        assert list(strange(entry["data"])) == []
        assert entry["type"].partition(".")[0] in STEMS
    assert_silent(body, entries)
    assert_silent(made, entries)
    if key:
        assert key in {e["subject"] for e in entries}
    elif caller is not None and made == "gone" and operation != "logout":
        assert caller in {e["subject"] for e in entries}


@pytest.mark.parametrize("grant", ["password", "refresh_token", "client_credentials"])
async def test_a_token_that_is_granted_leaves_an_entry_without_a_secret(harness: DualDoorApp, grant: str) -> None:
    """The one write that is on one door alone: a token endpoint takes a form."""
    person, request_id = await create_user(harness.app), unique("audited")
    key = await person.key()
    forms: dict[str, Json] = {
        "password": {"username": person.email, "password": PASSWORD}, "refresh_token": {"refresh_token": await person.refresh_token()},
        "client_credentials": {"client_id": key["prefix"], "client_secret": key["secret"]},
    }  # fmt: skip
    form = {"grant_type": grant, **forms[grant]}
    answer = await harness.anonymous.client.post("/v1/auth/token", data=form, headers={"X-Request-ID": request_id})
    assert answer.status_code == 200, answer.text
    entries = await entries_of(harness, "token_grant", request_id)
    assert entries
    for entry in entries:
        assert (entry["door"], entry["caller_id"]) == ("rest", None)
        assert entry["type"].partition(".")[0] in STEMS
    assert_silent({n: v for n, v in form.items() if n != "grant_type"}, entries)
    assert_silent({n: v for n, v in answer.json().items() if n.endswith("_token")}, entries)


async def entries_of(harness: DualDoorApp, operation: str, request_id: str) -> list[Json]:
    """What the audit says of one request."""
    found = (await harness.staff.rest("GET", "/audit", params={"operation": operation, "limit": "100"})).json()["data"]
    return [e for e in found if e["request_id"] == request_id]


async def test_registering_a_known_address_is_told_to_the_staff_alone(harness: DualDoorApp) -> None:
    known = await create_user(harness.app)
    answers: list[Any] = []
    for email in (known.email, f"{unique('new')}@shop.example"):
        request_id = unique("audited")
        body = {"email": email, "password": "six boats and a heron"}
        answer = await harness.anonymous.rest("POST", "/auth/register", json=body, headers={"X-Request-ID": request_id})
        answers.append((answer.status_code, answer.content, sorted(set(answer.headers) - {"date"})))
        [entry] = await entries_of(harness, "register", request_id)
        assert (entry["type"], entry["subject"] == known.id) == (
            ("user.registration_repeated", True) if email == known.email else ("user.registered", False)
        )
    assert answers[0] == answers[1]


def assert_silent(body: Any, entries: list[Json]) -> None:
    """Fails where a text that was given stands in an entry."""
    said = str([entry["data"] for entry in entries])
    match body:
        case dict():
            for value in body.values():
                assert_silent(value, entries)
        case list():
            for value in body:
                assert_silent(value, entries)
        case str() if len(body) > 3 and body not in ROLES:
            assert body not in said
        case _:
            pass


def strange(data: Any) -> Iterator[Any]:
    """What in an entry is neither the name of a member nor the id of a row: values have no place in it."""
    match data:
        case dict():
            yield from [name for name in data if name not in NAMES]
            for value in data.values():
                yield from strange(value)
        case list():
            for value in data:
                yield from strange(value)
        case str() if data not in NAMES | ROLES:
            try:
                UUID(data)
            except ValueError:
                yield data
        case str() | bool() | None:
            pass
        case _:
            yield data


# Besides rows: sessions, and letters that were asked for, of which nobody knows yet whether they have a reader.
STEMS = {of.operation_prefix for of in REGISTRY.resources.values()} | {"session", "password_reset"}
# Words that are neither secret nor personal, and without which the entry would say nothing.
ROLES = frozenset(Role)
# Members of what can be written, and what an entry calls them together.
NAMES = {"changed", "user_id"} | {n for o in REGISTRY.operations.values() if o.input for n in members(o.input)}
NAMES = (NAMES | {n for of in REGISTRY.resources.values() for n in of.members}) - {
    n for o in REGISTRY.operations.values() for n in o.result.secret_members
}


def test_a_value_in_an_entry_would_be_noticed() -> None:
    assert list(strange({"changed": ["name"], "product_id": "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e02"})) == []
    assert list(strange({"changed": ["Oak chair"], "secret": {"name": 7}})) == ["secret", "Oak chair", 7]
