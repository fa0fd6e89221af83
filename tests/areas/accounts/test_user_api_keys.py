"""API keys of users: shown once, limited to their owner's permissions, refused once revoked."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from tests.areas.accounts.account_client import (
    DOORS,
    PASSWORD,
    AccountClient,
    Door,
    DoorClient,
    count_of,
    log_in_again,
    register_and_log_in,
    row_of,
    rows_of,
    session_of,
)
from tests.factories import assert_problem, unique
from tradepost.areas.accounts.api_key_format import generate, parse
from tradepost.areas.accounts.models import ApiKeyRow, SessionRow
from tradepost.areas.accounts.policy import ROLES
from tradepost.areas.accounts.tokens import AccessTokens
from tradepost.kit.operations.idempotency.records import IdempotencyRecord

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

both_doors = pytest.mark.parametrize("door", DOORS)


async def key_client(caller: DoorClient, door: Door = "rest", **members: Any) -> DoorClient:
    """Create a key and return a client that uses it."""
    return caller.with_credential((await caller.ok(door, "api_key_create", {"name": "till", **members}))["secret"])


async def permissions_of(app: "TradepostApp", key: DoorClient) -> frozenset[str]:
    """Return the permissions of a key."""
    return (await app.state.credentials.identify(key.headers["Authorization"].removeprefix("Bearer "))).permissions


@both_doors
async def test_the_secret_is_returned_only_when_the_key_is_created(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    created = await kim.ok(door, "api_key_create", {"name": "till"})
    key = parse(created["secret"])
    assert key is not None
    assert key.prefix == created["prefix"]
    assert (await kim.ok(door, "api_key", id=created["id"]))["secret"] is None
    async with kim.client() as client:
        texts = [(await client.get(path)).text for path in ("/v1/api-keys", f"/v1/api-keys/{created['id']}")]
        queries = (
            "{ apiKeys { nodes { id prefix secret } } }",
            f'{{ node(id: "{created["id"]}") {{ ... on ApiKey {{ prefix secret }} }} }}',
        )
        texts += [(await client.post("/graphql", json={"query": query})).text for query in queries]
    assert all(key.prefix in text for text in texts)
    deleted = await kim.call(door, "api_key_delete", id=created["id"])
    for text in (*texts, deleted.raw.text):
        assert key.secret not in text
    row = await row_of(app, ApiKeyRow, id=created["id"])
    assert key.secret not in str(vars(row))
    assert row.secret_hash == key.digest(app.state.credentials.secret)


@both_doors
async def test_a_repeat_returns_the_secret_only_to_its_caller_and_stores_it_encrypted(
    app: "TradepostApp", door: Door
) -> None:
    kim, other, repeat = await register_and_log_in(app), await register_and_log_in(app), unique()
    first, second = [await kim.ok(door, "api_key_create", {"name": "till"}, idempotency_key=repeat) for _ in range(2)]
    assert first["secret"] == second["secret"]
    assert first["id"] == second["id"]
    theirs = await other.ok(door, "api_key_create", {"name": "till"}, idempotency_key=repeat)
    assert theirs["secret"] != first["secret"]
    assert await count_of(app, ApiKeyRow, user_id=kim.id) == 1
    rows = await rows_of(app, IdempotencyRecord, key=repeat)
    keys = [parse(answer["secret"]) for answer in (first, theirs)]
    assert len(rows) == 2
    for row in rows:
        for key in keys:
            assert key is not None
            assert key.secret not in row.outcome


@both_doors
async def test_scopes_restrict_a_key_and_never_extend_it(app: "TradepostApp", door: Door) -> None:
    kim, staff = await register_and_log_in(app), await register_and_log_in(app, "staff")
    answer = await kim.call(
        door, "api_key_create", {"name": "x", "scopes": ["account:read", "catalog:write", "no:such"]}
    )
    assert answer.code == "validation"
    assert answer.faults == {("/scopes/1", "not_allowed")}
    assert await permissions_of(app, await key_client(staff, door)) == ROLES["staff"]
    narrow = await key_client(staff, door, scopes=["catalog:write", "account:read", "catalog:write"])
    assert await permissions_of(app, narrow) == {"catalog:write", "account:read"}
    assert await permissions_of(app, await key_client(staff, door, scopes=[])) == frozenset()
    async with narrow.client() as client:
        assert (await client.post("/v1/products", json={"name": "Lamp"})).status_code == 201
        assert_problem(await client.get("/v1/audit"), 403, "forbidden")
        assert_problem(await client.patch("/v1/users/me", json={"full_name": "x"}), 403, "forbidden")


@both_doors
async def test_a_restricted_key_cannot_create_a_key_with_more_permissions(app: "TradepostApp", door: Door) -> None:
    admin = await register_and_log_in(app, "admin")
    narrow = await key_client(admin, door, scopes=["account:read", "account:write"])
    assert await permissions_of(app, await key_client(narrow, door)) == {"account:read", "account:write"}
    assert await narrow.code(door, "api_key_create", {"name": "x", "scopes": ["users:write"]}) == "validation"
    whole = await key_client(admin, door)
    child = await key_client(whole, door)
    assert await permissions_of(app, child) == ROLES["admin"]
    assert (
        await (await key_client(admin, door, scopes=["account:read"])).code(door, "api_key_create", {"name": "x"})
        == "forbidden"
    )


@both_doors
async def test_a_key_cannot_create_a_key_with_a_later_expiry_or_a_larger_budget(
    app: "TradepostApp", door: Door
) -> None:
    kim, soon = await register_and_log_in(app), datetime.now(UTC) + timedelta(days=1)
    later = (soon + timedelta(seconds=1)).isoformat()
    caller = await key_client(kim, door, expires_at=soon.isoformat(), points_per_minute=60)
    child = await caller.ok(door, "api_key_create", {"name": "child"})
    row = await row_of(app, ApiKeyRow, id=child["id"])
    assert (row.expires_at, row.points_per_minute) == (soon, 60)
    assert (await caller.call(door, "api_key_create", {"name": "x", "expires_at": later})).faults == {
        ("/expires_at", "out_of_range")
    }
    assert (await caller.call(door, "api_key_create", {"name": "x", "points_per_minute": 61})).faults == {
        ("/points_per_minute", "out_of_range")
    }
    less = await caller.ok(
        door,
        "api_key_create",
        {"name": "x", "points_per_minute": 59, "expires_at": (soon - timedelta(hours=1)).isoformat()},
    )
    assert less["points_per_minute"] == 59


@both_doors
async def test_the_token_of_a_restricted_session_cannot_create_an_unrestricted_key(
    app: "TradepostApp", door: Door
) -> None:
    admin = await register_and_log_in(app, "admin")
    session = (await app.state.credentials.identify(admin.access_token)).session_id
    token, _ = app.state.dependencies.require(AccessTokens).issue(
        user=admin.id, session=session, scope=["account:read", "account:write"]
    )
    narrow = admin.with_credential(token)
    assert await narrow.code(door, "user_suspend", id=admin.id) == "forbidden"
    assert await permissions_of(app, await key_client(narrow, door)) == {"account:read", "account:write"}


@both_doors
async def test_a_role_change_applies_to_existing_keys_within_their_scopes(app: "TradepostApp", door: Door) -> None:
    admin, kim = await register_and_log_in(app, "admin"), await register_and_log_in(app, "staff")
    whole, narrow = await key_client(kim, door), await key_client(kim, door, scopes=["catalog:write", "account:read"])
    await admin.ok(door, "user_role_set", {"role": "customer"}, id=kim.id)
    assert await permissions_of(app, whole) == ROLES["customer"]
    assert await permissions_of(app, narrow) == {"account:read"}
    await admin.ok(door, "user_role_set", {"role": "admin"}, id=kim.id)
    assert await permissions_of(app, whole) == ROLES["admin"]
    assert await permissions_of(app, narrow) == {"catalog:write", "account:read"}


BAD_TIMES = [
    "2020-01-01T00:00:00Z",
    "2031-01-01T00:00:00",
    "9999-12-31T23:59:59-12:00",
    "9999-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00+14:00",
    "x",
    "2031-02-30T00:00:00Z",
]


@both_doors
async def test_an_invalid_or_past_expiry_is_refused(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    for text in BAD_TIMES:
        answer = await kim.call(door, "api_key_create", {"name": "x", "expires_at": text})
        assert answer.code in ("validation", "invalid_variables"), (text, answer.body)
    assert await count_of(app, ApiKeyRow, user_id=kim.id) == 0


@both_doors
async def test_an_expired_key_is_refused_even_if_it_was_cached(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    whole = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    created = await kim.ok(door, "api_key_create", {"name": "x", "expires_at": whole.astimezone().isoformat()})
    assert created["expires_at"] == f"{whole:%Y-%m-%dT%H:%M:%S}.000001Z"
    key = kim.with_credential(created["secret"])
    assert await key.is_authenticated(door)
    while datetime.now(UTC) <= whole + timedelta(milliseconds=20):  # noqa: ASYNC110 (waits for a time)
        await asyncio.sleep(0.05)
    assert [await key.is_authenticated(d) for d in DOORS] == [False, False]


@both_doors
async def test_a_revoked_key_and_its_tokens_are_refused_at_once(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    created = await kim.ok(door, "api_key_create", {"name": "x"})
    key, other = kim.with_credential(created["secret"]), await key_client(kim, door)
    tokens = app.state.dependencies.require(AccessTokens)
    text, _ = tokens.issue(user=kim.id, session=None, key=created["id"], scope=["account:read"])
    token = kim.with_credential(text)
    for one in (key, other, token):
        assert await one.is_authenticated(door)
    assert await token.code(door, "logout_everywhere") == "forbidden"
    assert await kim.code(door, "api_key_delete", id=created["id"]) is None
    assert [await one.is_authenticated(door) for one in (key, token, other)] == [False, False, True]
    assert await kim.code(door, "api_key", id=created["id"]) == "not_found"
    assert await kim.code(door, "api_key_delete", id=created["id"]) == "not_found"


async def test_a_key_is_accepted_in_both_headers_and_in_no_other_form(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    secret, second = [(await kim.ok("rest", "api_key_create", {"name": "x"}))["secret"] for _ in range(2)]
    good: list[dict[str, str]] = [
        {"X-API-Key": secret},
        {"Authorization": f"Bearer {secret}"},
        {"X-API-Key": secret, "Authorization": f"Bearer {secret}"},
    ]
    bad: list[dict[str, str]] = [
        {"X-API-Key": kim.access_token},
        {"X-API-Key": secret, "Authorization": f"Bearer {kim.access_token}"},
        {"X-API-Key": f"Bearer {secret}"},
        {"X-API-Key": secret, "Authorization": f"Bearer {second}"},
        {"Authorization": secret},
        {"Authorization": f"Basic {secret}"},
        {"X-API-Key": kim.refresh_token},
        {"Authorization": f"Bearer {kim.refresh_token}"},
        {"Cookie": f"token={secret}", "X-API-Key": ""},
    ]
    for door in DOORS:
        assert [await DoorClient(app, headers).is_authenticated(door) for headers in good] == [True] * len(good)
        assert [await DoorClient(app, headers).is_authenticated(door) for headers in bad] == [False] * len(bad)


async def test_a_wrong_and_an_unknown_key_both_cost_one_query_and_one_digest(
    app: "TradepostApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    kim = await register_and_log_in(app)
    secret = parse((await kim.ok("rest", "api_key_create", {"name": "x"}))["secret"])
    assert secret is not None
    done: list[str] = []
    reader, digest = app.state.database.reader, type(secret).digest
    monkeypatch.setattr(type(secret), "digest", lambda self, key: done.append("digest") or digest(self, key))
    answers = []
    for key in (type(secret)(secret.prefix, generate().secret), generate()):
        done.clear()
        before = reader.statement_count
        async with DoorClient(app).with_credential(key.text).client() as client:
            answer = await client.get("/v1/users/me")
        answers.append(answer.content.replace(answer.headers["x-request-id"].encode(), b""))
        assert (reader.statement_count - before, done) == (1, ["digest"])
    assert answers[0] == answers[1]


@both_doors
async def test_last_used_is_written_without_changing_the_version(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    created = await kim.ok(door, "api_key_create", {"name": "x"})
    assert created["last_used_at"] is None
    unused = await row_of(app, ApiKeyRow, id=created["id"])
    before = datetime.now(UTC)
    assert await kim.with_credential(created["secret"]).is_authenticated(door)
    await app.state.credentials.write_last_used()
    seen = await kim.ok(door, "api_key", id=created["id"])
    assert before <= datetime.fromisoformat(seen["last_used_at"]) <= datetime.now(UTC)
    assert seen["version"] == created["version"]
    row = await row_of(app, ApiKeyRow, id=created["id"])
    assert row.updated_at == unused.updated_at
    forged = type(generate())(created["prefix"], generate().secret)
    app.state.credentials.last_used.clear()
    assert not await kim.with_credential(forged.text).is_authenticated(door)
    assert app.state.credentials.last_used == {}


async def test_an_account_has_at_most_fifty_keys_even_if_they_are_created_concurrently(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    codes = await asyncio.gather(*[kim.code(DOORS[i % 2], "api_key_create", {"name": str(i)}) for i in range(55)])
    assert sorted([str(c) for c in codes]) == ["None"] * 50 + ["conflict"] * 5
    one = (await rows_of(app, ApiKeyRow, user_id=kim.id))[0]
    assert await kim.code("rest", "api_key_delete", id=one.id) is None
    assert await kim.code("rest", "api_key_create", {"name": "x"}) is None


@both_doors
async def test_the_keys_of_other_users_are_visible_only_to_admins(app: "TradepostApp", door: Door) -> None:
    kim, other, staff, admin = [
        await register_and_log_in(app, role) for role in ("customer", "customer", "staff", "admin")
    ]
    created = await kim.ok(door, "api_key_create", {"name": "x"})
    for caller in (other, staff):
        assert await caller.code(door, "api_key", id=created["id"]) == "not_found"
        assert await caller.code(door, "api_key_delete", id=created["id"]) == "not_found"
        async with caller.client() as client:
            assert (await client.get("/v1/api-keys", params={"prefix": created["prefix"]})).json()["data"] == []
    assert (await admin.ok(door, "api_key", id=created["id"]))["name"] == "x"
    assert await kim.with_credential(created["secret"]).is_authenticated(door)
    assert await admin.code(door, "api_key_delete", id=created["id"]) is None
    assert not await kim.with_credential(created["secret"]).is_authenticated(door)


@both_doors
async def test_the_key_of_a_closed_account_is_refused(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    key = await key_client(kim, door)
    assert await key.is_authenticated(door)
    assert await kim.code(door, "me_close", {"password": PASSWORD}) is None
    assert not await key.is_authenticated(door)
    # Even if the key had not been revoked with the account.
    async with app.state.database.transaction() as session:
        await session.execute(update(ApiKeyRow).where(ApiKeyRow.user_id == kim.id).values(revoked_at=None))
    assert not await key.is_authenticated(door)


@both_doors
async def test_points_per_minute_are_stored_and_bounded(app: "TradepostApp", door: Door) -> None:
    kim: AccountClient = await register_and_log_in(app)
    created = await kim.ok(door, "api_key_create", {"name": "x", "points_per_minute": 300})
    assert created["points_per_minute"] == 300
    assert (await app.state.credentials.identify(created["secret"])).points_per_minute == 300
    for points in (0, -1, 1_000_001):
        assert (await kim.call(door, "api_key_create", {"name": "x", "points_per_minute": points})).faults == {
            ("/points_per_minute", "out_of_range")
        }


async def test_each_secret_belongs_to_its_key_if_a_document_creates_and_revokes_several(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    old = await kim.ok("graphql", "api_key_create", {"name": "old"})
    text = """mutation ($id: ID!) {
      one: apiKeyCreate(input: {name: "one"}) { prefix secret }
      gone: apiKeyDelete(id: $id) { prefix secret }
      two: apiKeyCreate(input: {name: "two"}) { prefix secret }
    }"""
    async with kim.client() as client:
        data = (await client.post("/graphql", json={"query": text, "variables": {"id": old["id"]}})).json()["data"]
    assert data["gone"] == {"prefix": old["prefix"], "secret": None}
    for name in ("one", "two"):
        key = parse(data[name]["secret"])
        assert key is not None
        assert key.prefix == data[name]["prefix"]


async def set_session_age(client: AccountClient, age: timedelta) -> None:
    """Set when the client's session began."""
    async with client.app.state.database.transaction() as session:
        id = await session_of(client.app, client.refresh_token)
        await session.execute(update(SessionRow).where(SessionRow.id == id).values(created_at=datetime.now(UTC) - age))


@both_doors
async def test_a_session_that_began_over_an_hour_ago_creates_no_key_until_the_user_logs_in_again(
    app: "TradepostApp", door: Door
) -> None:
    kim = await register_and_log_in(app, door=door)
    await set_session_age(kim, timedelta(minutes=59))
    key = await key_client(kim, door)
    await set_session_age(kim, timedelta(minutes=61))
    idempotency_key = {"Idempotency_Key": unique("key")}
    answer = await kim.call(door, "api_key_create", {"name": "till"}, **idempotency_key)
    assert (answer.code, answer.status) == ("reauthentication_required", 401)
    assert answer.problem["detail"] == "The session began more than 60 minutes ago."
    if door == "rest":
        challenge = answer.raw.headers["WWW-Authenticate"]
        assert 'error="insufficient_user_authentication"' in challenge
        assert challenge.endswith(", max_age=3600")
    # Refreshing the session is not enough: no password is checked.
    pair = await DoorClient(app).ok(door, "token_refresh", {"refresh_token": kim.refresh_token})
    refreshed = kim.with_credential(pair["access_token"])
    assert await refreshed.code(door, "api_key_create", {"name": "till"}) == "reauthentication_required"
    assert await count_of(app, ApiKeyRow, user_id=kim.id) == 1
    # Everything else still works, and a key creates keys within its own limits.
    assert await kim.code(door, "me") is None
    assert await key.code(door, "api_key_create", {"name": "second till"}) is None
    again = await log_in_again(kim, door)
    assert await again.code(door, "api_key_create", {"name": "till"}, **idempotency_key) is None


async def test_an_old_session_can_still_delete_a_key(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    for door in DOORS:
        created = await (await log_in_again(kim)).ok(door, "api_key_create", {"name": "till"})
        await set_session_age(kim, timedelta(days=2))
        assert await kim.code(door, "api_key_delete", id=created["id"]) is None
