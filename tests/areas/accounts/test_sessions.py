"""Sessions: how they are continued, and that an ended one is refused at once at both doors."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import update

from tests.areas.accounts.account_client import (
    DOORS,
    OTHER_PASSWORD,
    PASSWORD,
    AccountClient,
    Answer,
    Door,
    DoorClient,
    age_used_tokens,
    count_of,
    digest,
    email_token,
    log_in_again,
    register_and_log_in,
    row_of,
    rows_of,
    session_of,
)
from tradepost.areas.accounts.models import RefreshTokenRow, SessionRow
from tradepost.areas.accounts.opaque_tokens import OpaqueTokens
from tradepost.areas.accounts.service.session_tokens import REFRESH_GRACE as GRACE
from tradepost.kit.writes.audit import AuditEntry
from tradepost.kit.writes.outbox import OutboxEvent

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

both_doors = pytest.mark.parametrize("door", DOORS)
RACERS = 64
"""Requests that send the same refresh token at once."""


async def refresh(app: "TradepostApp", token: str, door: Door = "rest") -> Answer:
    """Exchange a refresh token."""
    return await DoorClient(app).call(door, "token_refresh", {"refresh_token": token})


async def next_client(client: AccountClient, door: Door = "rest") -> AccountClient:
    """Refresh a session and return a client with the new tokens."""
    pair = (await refresh(client.app, client.refresh_token, door)).body
    return AccountClient(
        client.app,
        {"Authorization": f"Bearer {pair['access_token']}"},
        client.id,
        client.email,
        pair["refresh_token"],
        pair["access_token"],
    )


@both_doors
async def test_a_refresh_token_returns_new_tokens_of_its_session(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app, door=door)
    later = await next_client(kim, door)
    assert later.refresh_token != kim.refresh_token
    assert later.access_token != kim.access_token
    assert await session_of(app, later.refresh_token) == await session_of(app, kim.refresh_token)
    assert await later.is_authenticated(door)
    assert await (await next_client(later, door)).is_authenticated(door)


async def refresh_tokens_of(app: "TradepostApp", client: AccountClient) -> list[RefreshTokenRow]:
    """Return the refresh tokens of the client's session, the oldest first."""
    rows = await rows_of(app, RefreshTokenRow, session_id=await session_of(app, client.refresh_token))
    return sorted(rows, key=lambda row: row.id)


async def set_start(app: "TradepostApp", token: str, age: timedelta) -> str:
    """Set the age of the session of a refresh token, and return its id."""
    id = await session_of(app, token)
    async with app.state.database.transaction() as session:
        await session.execute(update(SessionRow).where(SessionRow.id == id).values(created_at=datetime.now(UTC) - age))
    return id


@both_doors
async def test_a_refresh_token_sent_twice_within_ten_seconds_gets_the_same_successor(
    app: "TradepostApp", door: Door
) -> None:
    kim = await register_and_log_in(app)
    later, again = await next_client(kim, door), await next_client(kim, door)
    assert later.refresh_token == again.refresh_token != kim.refresh_token
    assert later.access_token != again.access_token
    for one in (kim, later, again):
        assert await one.is_authenticated(door)
    assert [row.used_at is None for row in await refresh_tokens_of(app, kim)] == [False, True]
    third = await next_client(again, door)
    assert third.refresh_token not in (kim.refresh_token, later.refresh_token)


@both_doors
async def test_a_refresh_token_sent_again_after_its_successor_was_used_gets_the_unused_one(
    app: "TradepostApp", door: Door
) -> None:
    kim = await register_and_log_in(app)
    second = await next_client(kim, door)
    third = await next_client(second, door)
    for earlier in (kim, second):
        assert (await next_client(earlier, door)).refresh_token == third.refresh_token
    await age_used_tokens(app, kim.refresh_token, GRACE * 2)
    # The client that sent the oldest token has one that can still be used.
    assert await (await next_client(third, door)).is_authenticated(door)


@both_doors
@pytest.mark.parametrize("late", [False, True])
async def test_a_repeated_refresh_token_of_an_ended_session_is_refused(
    app: "TradepostApp", door: Door, late: bool
) -> None:
    kim = await register_and_log_in(app)
    later = await next_client(kim)
    if late:
        await age_used_tokens(app, kim.refresh_token, GRACE * 2)
    assert await later.code(door, "logout") is None
    assert (await refresh(app, kim.refresh_token, door)).code == "invalid_token"
    assert (
        await count_of(app, OutboxEvent, subject=await session_of(app, kim.refresh_token), type="session.stolen") == 0
    )


async def test_the_successor_of_a_refresh_token_depends_on_the_secret_key_and_looks_like_a_random_token() -> None:
    tokens, others = OpaqueTokens("a secret"), OpaqueTokens("another secret")
    first = tokens.generate("rt")
    second = tokens.successor(first)
    assert second == tokens.successor(first) != others.successor(first)
    assert re.fullmatch(r"rt_[0-9A-Za-z]{43}", second)
    assert second != tokens.successor(second) != tokens.successor(f"{first} ")
    assert tokens.digest(first)[:16] not in second


@both_doors
async def test_a_reused_refresh_token_ends_its_own_session_only(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    other, later = await log_in_again(kim), await next_client(kim, door)
    for one in (kim, other, later):
        assert await one.is_authenticated(door)
    await age_used_tokens(app, kim.refresh_token, GRACE + timedelta(seconds=1))
    assert (await refresh(app, kim.refresh_token, door)).code == "invalid_token"
    assert [await one.is_authenticated(door) for one in (kim, later, other)] == [False, False, True]
    assert (await refresh(app, later.refresh_token, door)).code == "invalid_token"
    assert (await refresh(app, other.refresh_token, door)).code is None
    session = await session_of(app, kim.refresh_token)
    for table in (OutboxEvent, AuditEntry):
        assert await count_of(app, table, subject=session, type="session.stolen") == 1


@both_doors
async def test_reusing_any_earlier_refresh_token_ends_the_session(app: "TradepostApp", door: Door) -> None:
    first = await register_and_log_in(app)
    other_process = await next_client(first)
    third = await next_client(other_process)
    await age_used_tokens(app, first.refresh_token, GRACE * 2)
    assert (await refresh(app, first.refresh_token, door)).code == "invalid_token"
    assert not await third.is_authenticated(door)
    assert (await refresh(app, third.refresh_token, door)).code == "invalid_token"


async def test_concurrent_uses_of_a_refresh_token_get_the_same_successor(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    other = await log_in_again(kim)
    answers = await asyncio.gather(*[refresh(app, kim.refresh_token, DOORS[i % 2]) for i in range(RACERS)])
    assert {a.code for a in answers} == {None}
    [successor] = {a.body["refresh_token"] for a in answers}
    assert len({a.body["access_token"] for a in answers}) == RACERS
    assert [row.used_at is None for row in await refresh_tokens_of(app, kim)] == [False, True]
    for one in (answers[0].body, answers[-1].body):
        assert await DoorClient(app).with_credential(one["access_token"]).is_authenticated()
    # Late racers end the session, and no other.
    await age_used_tokens(app, kim.refresh_token, GRACE * 2)
    answers = await asyncio.gather(*[refresh(app, kim.refresh_token, DOORS[i % 2]) for i in range(8)])
    assert {a.code for a in answers} == {"invalid_token"}
    assert (await refresh(app, successor)).code == "invalid_token"
    session = await session_of(app, kim.refresh_token)
    assert await count_of(app, OutboxEvent, subject=session, type="session.stolen") == 1
    assert not await kim.is_authenticated()
    assert await other.is_authenticated()


async def test_a_session_never_has_two_unused_refresh_tokens(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    tokens = [kim.refresh_token]
    for size in range(1, 7):
        # The newest token, and tokens that were used moments ago, all at once.
        answers = await asyncio.gather(*[refresh(app, token) for token in (tokens[-1:] * size + tokens)])
        assert {a.code for a in answers} == {None}
        assert len([row for row in await refresh_tokens_of(app, kim) if row.used_at is None]) == 1
        unused = {digest(app, a.body["refresh_token"]): a.body["refresh_token"] for a in answers}
        tokens += [unused[row.secret_hash] for row in await refresh_tokens_of(app, kim) if row.used_at is None]


@both_doors
async def test_an_expired_session_is_refused(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    async with app.state.database.transaction() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        await session.execute(
            update(SessionRow).where(SessionRow.id == await session_of(app, kim.refresh_token)).values(expires_at=past)
        )
    assert (await refresh(app, kim.refresh_token, door)).code == "invalid_token"
    assert not await kim.is_authenticated(door)


async def test_a_session_ends_after_ninety_days_however_often_it_is_used(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    id = await set_start(app, kim.refresh_token, timedelta(days=89, hours=23, minutes=59, seconds=20))
    answer = await refresh(app, kim.refresh_token)
    session = await row_of(app, SessionRow, id=id)
    assert session.expires_at - session.created_at == timedelta(days=90)
    assert 0 < answer.body["expires_in"] <= 40


@both_doors
@pytest.mark.parametrize("is_repeat", [False, True])
async def test_a_session_that_is_older_than_ninety_days_is_not_continued(
    app: "TradepostApp", door: Door, is_repeat: bool
) -> None:
    """A session that began before the limit existed may have a later `expires_at`."""
    kim = await register_and_log_in(app)
    if is_repeat:
        await next_client(kim, door)
    await set_start(app, kim.refresh_token, timedelta(days=90, seconds=1))
    assert (await refresh(app, kim.refresh_token, door)).code == "invalid_token"
    assert await (await log_in_again(kim, door)).is_authenticated(door)


async def test_a_refresh_extends_the_session_to_thirty_days_from_now(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    id = await session_of(app, kim.refresh_token)
    async with app.state.database.transaction() as session:
        await session.execute(
            update(SessionRow).where(SessionRow.id == id).values(expires_at=datetime.now(UTC) + timedelta(minutes=1))
        )
    await next_client(kim)
    left = (await row_of(app, SessionRow, id=id)).expires_at - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)


@both_doors
async def test_all_invalid_refresh_tokens_get_the_same_problem(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    texts = [
        "",
        "rt_",
        kim.refresh_token[:-1],
        kim.refresh_token.swapcase(),
        f"{kim.refresh_token} ",
        kim.access_token[:512],
        f"mt_{kim.refresh_token[3:]}",
    ]
    problems = [(await refresh(app, text, door)).problem | {"request_id": ""} for text in texts]
    assert problems == [problems[0]] * len(texts)
    assert problems[0]["code"] == "invalid_token"
    assert await kim.is_authenticated(door)
    assert (await refresh(app, "x" * 513, door)).code == "validation"


@both_doors
async def test_logout_ends_this_session_only(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    other = await log_in_again(kim)
    assert await kim.is_authenticated(door)
    answer = await kim.call(door, "logout")
    assert (
        (answer.raw.status_code, answer.raw.content) == (204, b"")
        if door == "rest"
        else answer.body == {"status": "done"}
    )
    assert [await kim.is_authenticated(d) for d in DOORS] == [False, False]
    assert (await refresh(app, kim.refresh_token, door)).code == "invalid_token"
    assert await other.is_authenticated(door)
    assert await kim.code(door, "logout") == "unauthenticated"


@both_doors
async def test_logout_everywhere_ends_all_sessions_of_one_user(app: "TradepostApp", door: Door) -> None:
    kim, other_user = await register_and_log_in(app), await register_and_log_in(app)
    other = await log_in_again(kim)
    assert await other.is_authenticated(door)
    assert await kim.code(door, "logout_everywhere") is None
    for one in (kim, other):
        assert not await one.is_authenticated(door)
        assert (await refresh(app, one.refresh_token, door)).code == "invalid_token"
    assert await other_user.is_authenticated(door)
    assert await (await log_in_again(kim)).is_authenticated(door)


@both_doors
async def test_an_api_key_can_log_out_everywhere_but_has_no_session_of_its_own(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    key = kim.with_credential((await kim.ok(door, "api_key_create", {"name": "till"}))["secret"])
    assert await key.code(door, "logout") == "forbidden"
    assert await key.code(door, "logout_everywhere") is None
    assert await key.is_authenticated(door)
    assert not await kim.is_authenticated(door)


@asynccontextmanager
async def other_process(settings: "Settings") -> AsyncIterator["TradepostApp"]:
    """Start the same shop again, as another process would."""
    from tradepost.app import create_app

    shop = create_app(settings)
    async with shop.lifespan():
        yield shop


def in_other_process(shop: "TradepostApp", one: DoorClient) -> DoorClient:
    """Return a client with the same credential in the other process."""
    return DoorClient(shop, one.headers)


WAYS_TO_END = ("logout", "logout_everywhere", "suspend", "close", "replay", "password", "reset", "verify")


async def end_session(app: "TradepostApp", how: str, kim: AccountClient, admin: AccountClient) -> None:
    """End the session in this process."""
    if how in ("logout", "logout_everywhere"):
        assert await kim.code("rest", how) is None
    elif how == "suspend":
        assert await admin.code("rest", "user_suspend", id=kim.id) is None
    elif how == "close":
        assert await kim.code("rest", "me_close", {"password": PASSWORD}) is None
    elif how == "password":
        body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
        assert await (await log_in_again(kim)).code("rest", "password_change", body) is None
    elif how == "reset":
        body = {"token": await email_token(app, "reset_password", kim.id, kim.email), "new_password": OTHER_PASSWORD}
        assert await DoorClient(app).code("rest", "password_reset_confirm", body) is None
    elif how == "verify":
        body = {"token": await email_token(app, "verify_email", kim.id, kim.email)}
        assert await DoorClient(app).code("rest", "email_verify", body) is None
    else:
        await refresh(app, kim.refresh_token)
        await age_used_tokens(app, kim.refresh_token, GRACE * 2)
        await refresh(app, kim.refresh_token)


async def test_an_ended_session_is_refused_in_other_processes_within_a_minute_or_at_once_with_redis(
    app: "TradepostApp", settings: "Settings"
) -> None:
    admin = await register_and_log_in(app, "admin")
    async with other_process(settings) as shop:
        clock, cache = [1000.0], shop.state.credentials.cache
        cache.clear()
        cache.clock = lambda: clock[0]
        for how in WAYS_TO_END:
            kim = await register_and_log_in(app)
            assert await in_other_process(shop, kim).is_authenticated()
            await end_session(app, how, kim, admin)
            assert not await kim.is_authenticated(), how
            if settings.redis_url:
                # The message takes a moment. The clock of the cache does not advance.
                async with asyncio.timeout(10):
                    while await in_other_process(shop, kim).is_authenticated():  # noqa: ASYNC110 (no event to wait for)
                        await asyncio.sleep(0.01)
            else:
                # The cached token is accepted; the row of a suspended or closed account is hidden.
                assert await in_other_process(shop, kim).code("rest", "me") in (None, "not_found"), how
                clock[0] += 60
                assert not await in_other_process(shop, kim).is_authenticated("graphql"), how


async def test_a_lowered_role_and_a_revoked_key_apply_in_other_processes(
    app: "TradepostApp", settings: "Settings"
) -> None:
    admin, kim = await register_and_log_in(app, "admin"), await register_and_log_in(app, "staff")
    secret = await kim.ok("rest", "api_key_create", {"name": "till"})
    key = kim.with_credential(secret["secret"])
    async with other_process(settings) as shop:
        clock, cache = [1000.0], shop.state.credentials.cache
        cache.clock = lambda: clock[0]
        cache.clear()
        assert await in_other_process(shop, kim).code("rest", "user", id=admin.id) is None
        assert await in_other_process(shop, key).is_authenticated()
        await admin.ok("rest", "user_role_set", {"role": "customer"}, id=kim.id)
        assert await kim.code("rest", "api_key_delete", id=secret["id"]) is None
        clock[0] += 0 if settings.redis_url else 60
        async with asyncio.timeout(10):
            while (
                await in_other_process(shop, kim).code("rest", "user", id=admin.id) is None
                or await in_other_process(shop, key).is_authenticated()
            ):
                assert settings.redis_url
                await asyncio.sleep(0.01)


async def test_expires_in_is_the_configured_lifetime(app: "TradepostApp", settings: "Settings") -> None:
    kim = await register_and_log_in(app)
    async with other_process(msgspec.structs.replace(settings, access_token_seconds=60)) as shop:
        pair = (await refresh(shop, kim.refresh_token)).body
        assert pair["expires_in"] == 60
        assert await DoorClient(shop).with_credential(pair["access_token"]).is_authenticated()
