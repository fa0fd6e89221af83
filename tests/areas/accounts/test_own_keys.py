"""API keys of users: shown once, never more than their owner may, and worthless from the moment they are revoked."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from tests.areas.accounts.people import DOORS, PASSWORD, Door, House, Person, count_of, person, row_of, rows_of
from tests.factories import assert_problem, unique
from tradepost.areas.accounts.api_key_format import generate, parse
from tradepost.areas.accounts.models import ApiKeyRow
from tradepost.areas.accounts.policy import ROLES
from tradepost.areas.accounts.tokens import AccessTokens
from tradepost.kit.operations.idempotency.records import IdempotencyRecord

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

both = pytest.mark.parametrize("door", DOORS)


async def key_of(by: House, door: Door = "rest", **members: Any) -> House:
    """Calls with a new key of somebody."""
    return by.bearing((await by.ok(door, "api_key_create", {"name": "till", **members}))["secret"])


async def held(app: "TradepostApp", key: House) -> frozenset[str]:
    """The permissions that it has."""
    return (await app.state.credentials.identify(key.headers["Authorization"].removeprefix("Bearer "))).permissions


@both
async def test_the_secret_is_in_the_answer_that_makes_it_and_in_no_other(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    made = await kim.ok(door, "api_key_create", {"name": "till"})
    key = parse(made["secret"])
    assert key is not None
    assert key.prefix == made["prefix"]
    assert (await kim.ok(door, "api_key", id=made["id"]))["secret"] is None
    async with kim.client() as client:
        texts = [(await client.get("/v1/api-keys")).text]
        texts.append((await client.get(f"/v1/api-keys/{made['id']}")).text)
        texts.append((await client.post("/graphql", json={"query": "{ apiKeys { nodes { id prefix secret } } }"})).text)
        texts.append(
            (
                await client.post(
                    "/graphql",
                    json={"query": f'{{ node(id: "{made["id"]}") {{ ... on ApiKey {{ prefix secret }} }} }}'},
                )
            ).text
        )
    deleted = await kim.call(door, "api_key_delete", id=made["id"])
    for text in (*texts, deleted.raw.text):
        assert key.secret not in text
    row = await row_of(app, ApiKeyRow, id=made["id"])
    assert key.secret not in str(vars(row))
    assert row.secret_hash == key.digest(app.state.credentials.secret)


@both
async def test_a_repeat_gives_the_secret_again_to_its_caller_alone_and_is_kept_sealed(
    app: "TradepostApp", door: Door
) -> None:
    kim, other, repeat = await person(app), await person(app), unique()
    first, second = [await kim.ok(door, "api_key_create", {"name": "till"}, idempotency_key=repeat) for _ in range(2)]
    assert first["secret"] == second["secret"]
    assert first["id"] == second["id"]
    theirs = await other.ok(door, "api_key_create", {"name": "till"}, idempotency_key=repeat)
    assert theirs["secret"] != first["secret"]
    assert await count_of(app, ApiKeyRow, user_id=kim.id) == 1
    kept = await rows_of(app, IdempotencyRecord, key=repeat)
    assert len(kept) == 2
    for row in kept:
        assert parse(first["secret"]).secret not in row.outcome  # type: ignore[union-attr]
        assert "tp_" not in row.outcome


@both
async def test_scopes_narrow_and_never_widen(app: "TradepostApp", door: Door) -> None:
    kim, staff = await person(app), await person(app, "staff")
    answer = await kim.call(
        door, "api_key_create", {"name": "x", "scopes": ["account:read", "catalog:write", "no:such"]}
    )
    assert answer.code == "validation"
    assert answer.places == {("/scopes/1", "not_allowed")}
    assert await held(app, await key_of(staff, door)) == ROLES["staff"]
    narrow = await key_of(staff, door, scopes=["catalog:write", "account:read", "catalog:write"])
    assert await held(app, narrow) == {"catalog:write", "account:read"}
    assert await held(app, await key_of(staff, door, scopes=[])) == frozenset()
    async with narrow.client() as client:
        assert (await client.post("/v1/products", json={"name": "Lamp"})).status_code == 201
        assert_problem(await client.get("/v1/audit"), 403, "forbidden")
        assert_problem(await client.patch("/v1/users/me", json={"full_name": "x"}), 403, "forbidden")


@both
async def test_a_narrowed_key_makes_none_that_may_more(app: "TradepostApp", door: Door) -> None:
    admin = await person(app, "admin")
    narrow = await key_of(admin, door, scopes=["account:read", "account:write"])
    assert await held(app, await key_of(narrow, door)) == {"account:read", "account:write"}
    assert await narrow.code(door, "api_key_create", {"name": "x", "scopes": ["users:write"]}) == "validation"
    whole = await key_of(admin, door)
    child = await key_of(whole, door)
    assert await held(app, child) == ROLES["admin"]
    assert (
        await (await key_of(admin, door, scopes=["account:read"])).code(door, "api_key_create", {"name": "x"})
        == "forbidden"
    )


@both
async def test_a_key_makes_none_that_lasts_longer_or_calls_faster(app: "TradepostApp", door: Door) -> None:
    kim, soon = await person(app), datetime.now(UTC) + timedelta(days=1)
    later = (soon + timedelta(seconds=1)).isoformat()
    by = await key_of(kim, door, expires_at=soon.isoformat(), points_per_minute=60)
    child = await by.ok(door, "api_key_create", {"name": "child"})
    row = await row_of(app, ApiKeyRow, id=child["id"])
    assert (row.expires_at, row.points_per_minute) == (soon, 60)
    assert (await by.call(door, "api_key_create", {"name": "x", "expires_at": later})).places == {
        ("/expires_at", "out_of_range")
    }
    assert (await by.call(door, "api_key_create", {"name": "x", "points_per_minute": 61})).places == {
        ("/points_per_minute", "out_of_range")
    }
    less = await by.ok(
        door,
        "api_key_create",
        {"name": "x", "points_per_minute": 59, "expires_at": (soon - timedelta(hours=1)).isoformat()},
    )
    assert less["points_per_minute"] == 59


@both
async def test_the_token_of_a_narrowed_session_makes_no_whole_key(app: "TradepostApp", door: Door) -> None:
    admin = await person(app, "admin")
    session = (await app.state.credentials.identify(admin.access_token)).session
    token, _ = app.state.means.of(AccessTokens).issue(
        user=admin.id, session=session, scope=["account:read", "account:write"]
    )
    narrow = admin.bearing(token)
    assert await narrow.code(door, "user_suspend", id=admin.id) == "forbidden"
    assert await held(app, await key_of(narrow, door)) == {"account:read", "account:write"}


@both
async def test_a_lowered_role_narrows_keys_that_are_there_and_a_raised_one_widens_no_narrowed_one(
    app: "TradepostApp", door: Door
) -> None:
    admin, kim = await person(app, "admin"), await person(app, "staff")
    whole, narrow = await key_of(kim, door), await key_of(kim, door, scopes=["catalog:write", "account:read"])
    await admin.ok(door, "user_role_set", {"role": "customer"}, id=kim.id)
    assert await held(app, whole) == ROLES["customer"]
    assert await held(app, narrow) == {"account:read"}
    await admin.ok(door, "user_role_set", {"role": "admin"}, id=kim.id)
    assert await held(app, whole) == ROLES["admin"]
    assert await held(app, narrow) == {"catalog:write", "account:read"}


BAD_TIMES = [
    "2020-01-01T00:00:00Z", "2031-01-01T00:00:00", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00", "x",
    "2031-02-30T00:00:00Z",
]  # fmt: skip


@both
async def test_a_time_that_is_past_or_none_is_refused(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    for text in BAD_TIMES:
        answer = await kim.call(door, "api_key_create", {"name": "x", "expires_at": text})
        assert answer.code in ("validation", "invalid_variables"), (text, answer.body)
    assert await count_of(app, ApiKeyRow, user_id=kim.id) == 0


@both
async def test_an_expired_key_lets_nobody_in_also_where_it_was_remembered(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    whole = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    made = await kim.ok(door, "api_key_create", {"name": "x", "expires_at": whole.astimezone().isoformat()})
    assert made["expires_at"] == f"{whole:%Y-%m-%dT%H:%M:%S}.000001Z"
    key = kim.bearing(made["secret"])
    assert await key.lets_in(door)
    while datetime.now(UTC) <= whole + timedelta(milliseconds=20):  # noqa: ASYNC110 (the time itself is what is waited for)
        await asyncio.sleep(0.05)
    assert [await key.lets_in(d) for d in DOORS] == [False, False]


@both
async def test_a_revoked_key_and_what_stands_on_it_let_nobody_in_at_once(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    made = await kim.ok(door, "api_key_create", {"name": "x"})
    key, other = kim.bearing(made["secret"]), await key_of(kim, door)
    token = kim.bearing(
        app.state.means.of(AccessTokens).issue(user=kim.id, session=None, key=made["id"], scope=["account:read"])[0]
    )
    for one in (key, other, token):
        assert await one.lets_in(door)
    assert await token.code(door, "logout_everywhere") == "forbidden"
    assert await kim.code(door, "api_key_delete", id=made["id"]) is None
    assert [await one.lets_in(door) for one in (key, token, other)] == [False, False, True]
    assert await kim.code(door, "api_key", id=made["id"]) == "not_found"
    assert await kim.code(door, "api_key_delete", id=made["id"]) == "not_found"


async def test_both_headers_take_it_and_nothing_else_passes_for_it(app: "TradepostApp") -> None:
    kim = await person(app)
    secret, second = [(await kim.ok("rest", "api_key_create", {"name": "x"}))["secret"] for _ in range(2)]
    good: list[dict[str, str]] = [
        {"X-API-Key": secret},
        {"Authorization": f"Bearer {secret}"},
        {"X-API-Key": secret, "Authorization": f"Bearer {secret}"},
    ]
    bad: list[dict[str, str]] = [
        {"X-API-Key": kim.access_token}, {"X-API-Key": secret, "Authorization": f"Bearer {kim.access_token}"}, {"X-API-Key": f"Bearer {secret}"},
        {"X-API-Key": secret, "Authorization": f"Bearer {second}"}, {"Authorization": secret}, {"Authorization": f"Basic {secret}"},
        {"X-API-Key": kim.refresh_token}, {"Authorization": f"Bearer {kim.refresh_token}"}, {"Cookie": f"token={secret}", "X-API-Key": ""},
    ]  # fmt: skip
    for door in DOORS:
        assert [await House(app, headers).lets_in(door) for headers in good] == [True] * len(good)
        assert [await House(app, headers).lets_in(door) for headers in bad] == [False] * len(bad)


async def test_a_wrong_and_an_unknown_key_cost_one_look_by_the_prefix_and_one_digest(
    app: "TradepostApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    kim = await person(app)
    secret = parse((await kim.ok("rest", "api_key_create", {"name": "x"}))["secret"])
    assert secret is not None
    done: list[str] = []
    reader, digest = app.state.database.reader, type(secret).digest
    monkeypatch.setattr(type(secret), "digest", lambda self, key: done.append("digest") or digest(self, key))
    answers = []
    for key in (type(secret)(secret.prefix, generate().secret), generate()):
        done.clear()
        before = reader.count
        async with House(app).bearing(key.text).client() as client:
            answer = await client.get("/v1/users/me")
        answers.append(answer.content.replace(answer.headers["x-request-id"].encode(), b""))
        assert (reader.count - before, done) == (1, ["digest"])
    assert answers[0] == answers[1]


@both
async def test_last_used_is_written_and_no_version_changes(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    made = await kim.ok(door, "api_key_create", {"name": "x"})
    assert made["last_used_at"] is None
    unused = await row_of(app, ApiKeyRow, id=made["id"])
    before = datetime.now(UTC)
    assert await kim.bearing(made["secret"]).lets_in(door)
    await app.state.credentials.write_used()
    seen = await kim.ok(door, "api_key", id=made["id"])
    assert before <= datetime.fromisoformat(seen["last_used_at"]) <= datetime.now(UTC)
    assert seen["version"] == made["version"]
    row = await row_of(app, ApiKeyRow, id=made["id"])
    assert row.updated_at == unused.updated_at
    forged = type(generate())(made["prefix"], generate().secret)
    app.state.credentials.used.clear()
    assert not await kim.bearing(forged.text).lets_in(door)
    assert app.state.credentials.used == {}


async def test_an_account_has_fifty_keys_also_where_many_come_at_once(app: "TradepostApp") -> None:
    kim = await person(app)
    codes = await asyncio.gather(*[kim.code(DOORS[i % 2], "api_key_create", {"name": str(i)}) for i in range(55)])
    assert sorted([str(c) for c in codes]) == ["None"] * 50 + ["conflict"] * 5
    one = (await rows_of(app, ApiKeyRow, user_id=kim.id))[0]
    assert await kim.code("rest", "api_key_delete", id=one.id) is None
    assert await kim.code("rest", "api_key_create", {"name": "x"}) is None


@both
async def test_the_keys_of_others_do_not_exist_but_for_who_manages_users(app: "TradepostApp", door: Door) -> None:
    kim, other, staff, admin = [await person(app, role) for role in ("customer", "customer", "staff", "admin")]
    made = await kim.ok(door, "api_key_create", {"name": "x"})
    for by in (other, staff):
        assert await by.code(door, "api_key", id=made["id"]) == "not_found"
        assert await by.code(door, "api_key_delete", id=made["id"]) == "not_found"
        async with by.client() as client:
            assert (await client.get("/v1/api-keys", params={"prefix": made["prefix"]})).json()["data"] == []
    assert (await admin.ok(door, "api_key", id=made["id"]))["name"] == "x"
    assert await kim.bearing(made["secret"]).lets_in(door)
    assert await admin.code(door, "api_key_delete", id=made["id"]) is None
    assert not await kim.bearing(made["secret"]).lets_in(door)


@both
async def test_a_key_of_a_closed_account_lets_nobody_in(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    key = await key_of(kim, door)
    assert await key.lets_in(door)
    assert await kim.code(door, "me_close", {"password": PASSWORD}) is None
    assert not await key.lets_in(door)
    async with app.state.database.transaction() as session:  # even if it had been forgotten
        await session.execute(update(ApiKeyRow).where(ApiKeyRow.user_id == kim.id).values(revoked_at=None))
    assert not await key.lets_in(door)


@both
async def test_points_a_minute_are_kept_and_bounded(app: "TradepostApp", door: Door) -> None:
    kim: Person = await person(app)
    made = await kim.ok(door, "api_key_create", {"name": "x", "points_per_minute": 300})
    assert made["points_per_minute"] == 300
    assert (await app.state.credentials.identify(made["secret"])).points == 300
    for points in (0, -1, 1_000_001):
        assert (await kim.call(door, "api_key_create", {"name": "x", "points_per_minute": points})).places == {
            ("/points_per_minute", "out_of_range")
        }


async def test_a_secret_is_of_its_own_key_where_a_document_makes_and_revokes_several(app: "TradepostApp") -> None:
    kim = await person(app)
    old = await kim.ok("graphql", "api_key_create", {"name": "old"})
    text = """mutation ($id: ID!) {
      one: apiKeyCreate(input: {name: "one"}) { prefix secret }
      gone: apiKeyDelete(id: $id) { prefix secret }
      two: apiKeyCreate(input: {name: "two"}) { prefix secret }
    }"""
    async with kim.client() as client:
        said = (await client.post("/graphql", json={"query": text, "variables": {"id": old["id"]}})).json()["data"]
    assert said["gone"] == {"prefix": old["prefix"], "secret": None}
    for name in ("one", "two"):
        key = parse(said[name]["secret"])
        assert key is not None
        assert key.prefix == said[name]["prefix"]
