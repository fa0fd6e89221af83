"""Sessions: how they go on, and that what has ended is refused at once, through both doors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import update

from tests.areas.accounts.people import (
    DOORS,
    OTHER,
    PASSWORD,
    Answer,
    Door,
    House,
    Person,
    again,
    count_of,
    digest,
    person,
    row_of,
    rows_of,
)
from tradepost.areas.accounts.models import RefreshTokenRow, SessionRow
from tradepost.kit.writes.audit import AuditEntry
from tradepost.kit.writes.outbox import OutboxEvent

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

both = pytest.mark.parametrize("door", DOORS)


async def refreshed(app: "TradepostApp", token: str, door: Door = "rest") -> Answer:
    """The next pair of a refresh token."""
    return await House(app).call(door, "token_refresh", {"refresh_token": token})


async def next_of(of: Person, door: Door = "rest") -> Person:
    """Somebody with the next pair of the session."""
    pair = (await refreshed(of.app, of.refresh_token, door)).body
    return Person(
        of.app,
        {"Authorization": f"Bearer {pair['access_token']}"},
        of.id,
        of.email,
        pair["refresh_token"],
        pair["access_token"],
    )


async def session_of(app: "TradepostApp", token: str) -> str:
    """The session of a refresh token."""
    return (await row_of(app, RefreshTokenRow, secret_hash=digest(app, token))).session_id


@both
async def test_a_refresh_token_gives_the_next_pair_of_its_session(app: "TradepostApp", door: Door) -> None:
    kim = await person(app, door=door)
    later = await next_of(kim, door)
    assert later.refresh_token != kim.refresh_token
    assert later.access_token != kim.access_token
    assert await session_of(app, later.refresh_token) == await session_of(app, kim.refresh_token)
    assert await later.lets_in(door)
    assert await (await next_of(later, door)).lets_in(door)


@both
async def test_a_replayed_refresh_token_ends_its_family_at_once_and_no_other(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    other, later = await again(kim), await next_of(kim, door)
    for one in (kim, other, later):
        assert await one.lets_in(door)
    assert (await refreshed(app, kim.refresh_token, door)).code == "invalid_token"
    assert [await one.lets_in(door) for one in (kim, later, other)] == [False, False, True]
    assert (await refreshed(app, later.refresh_token, door)).code == "invalid_token"
    assert (await refreshed(app, other.refresh_token, door)).code is None
    session = await session_of(app, kim.refresh_token)
    for table in (OutboxEvent, AuditEntry):
        assert await count_of(app, table, subject=session, type="session.stolen") == 1


@both
async def test_every_token_of_a_family_that_was_used_before_ends_it(app: "TradepostApp", door: Door) -> None:
    first = await person(app)
    second = await next_of(first)
    third = await next_of(second)
    assert (await refreshed(app, first.refresh_token, door)).code == "invalid_token"
    assert not await third.lets_in(door)
    assert (await refreshed(app, third.refresh_token, door)).code == "invalid_token"


async def test_of_many_at_once_with_one_token_at_most_one_gets_a_pair_and_the_family_ends(app: "TradepostApp") -> None:
    for _ in range(3):
        kim = await person(app)
        other = await again(kim)
        answers = await asyncio.gather(*[refreshed(app, kim.refresh_token, DOORS[i % 2]) for i in range(10)])
        good = [a.body for a in answers if a.code is None]
        assert len(good) <= 1
        assert {a.code for a in answers} <= {None, "invalid_token"}
        session = await session_of(app, kim.refresh_token)
        assert (await row_of(app, SessionRow, id=session)).revoked_at is not None
        assert len([r for r in await rows_of(app, RefreshTokenRow, session_id=session) if r.used_at is None]) <= 1
        assert not await kim.lets_in()
        for pair in good:
            assert not await House(app).bearing(pair["access_token"]).lets_in()
            assert (await refreshed(app, pair["refresh_token"])).code == "invalid_token"
        assert await other.lets_in()


async def test_a_session_never_has_two_live_refresh_tokens(app: "TradepostApp") -> None:
    kim = await person(app)
    session = await session_of(app, kim.refresh_token)
    token: str | None = kim.refresh_token
    while token is not None:
        answers = await asyncio.gather(
            *[
                refreshed(app, token)
                for _ in range(1 + len(await rows_of(app, RefreshTokenRow, session_id=session)) // 3)
            ]
        )
        assert len([r for r in await rows_of(app, RefreshTokenRow, session_id=session) if r.used_at is None]) <= 1
        token = next((a.body["refresh_token"] for a in answers if a.code is None), None)


@both
async def test_an_expired_session_neither_goes_on_nor_lets_in(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    async with app.state.database.transaction() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        await session.execute(
            update(SessionRow).where(SessionRow.id == await session_of(app, kim.refresh_token)).values(expires_at=past)
        )
    assert (await refreshed(app, kim.refresh_token, door)).code == "invalid_token"
    assert not await kim.lets_in(door)


async def test_a_session_goes_on_for_thirty_days_from_its_last_use(app: "TradepostApp") -> None:
    kim = await person(app)
    id = await session_of(app, kim.refresh_token)
    async with app.state.database.transaction() as session:
        await session.execute(
            update(SessionRow).where(SessionRow.id == id).values(expires_at=datetime.now(UTC) + timedelta(minutes=1))
        )
    await next_of(kim)
    left = (await row_of(app, SessionRow, id=id)).expires_at - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)


@both
async def test_what_is_no_refresh_token_is_refused_alike(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    texts = [
        "",
        "rt_",
        kim.refresh_token[:-1],
        kim.refresh_token.swapcase(),
        f"{kim.refresh_token} ",
        kim.access_token[:512],
        f"mt_{kim.refresh_token[3:]}",
    ]
    said = [(await refreshed(app, text, door)).problem | {"request_id": ""} for text in texts]
    assert said == [said[0]] * len(texts)
    assert said[0]["code"] == "invalid_token"
    assert await kim.lets_in(door)
    assert (await refreshed(app, "x" * 513, door)).code == "validation"


@both
async def test_logout_ends_this_session_at_once_and_no_other(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    other = await again(kim)
    assert await kim.lets_in(door)
    answer = await kim.call(door, "logout")
    assert (
        (answer.raw.status_code, answer.raw.content) == (204, b"")
        if door == "rest"
        else answer.body == {"status": "done"}
    )
    assert [await kim.lets_in(d) for d in DOORS] == [False, False]
    assert (await refreshed(app, kim.refresh_token, door)).code == "invalid_token"
    assert await other.lets_in(door)
    assert await kim.code(door, "logout") == "unauthenticated"


@both
async def test_logout_everywhere_ends_all_sessions_of_one_user(app: "TradepostApp", door: Door) -> None:
    kim, stranger = await person(app), await person(app)
    other = await again(kim)
    assert await other.lets_in(door)
    assert await kim.code(door, "logout_everywhere") is None
    for one in (kim, other):
        assert not await one.lets_in(door)
        assert (await refreshed(app, one.refresh_token, door)).code == "invalid_token"
    assert await stranger.lets_in(door)
    assert await (await again(kim)).lets_in(door)


@both
async def test_an_api_key_has_no_session_to_log_out_of(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    key = kim.bearing((await kim.ok(door, "api_key_create", {"name": "till"}))["secret"])
    assert await key.code(door, "logout") == "forbidden"
    assert await key.code(door, "logout_everywhere") is None
    assert await key.lets_in(door)
    assert not await kim.lets_in(door)


@asynccontextmanager
async def second(settings: "Settings") -> AsyncIterator["TradepostApp"]:
    """Another process of the same shop, so to say."""
    from tradepost.app import create_app

    shop = create_app(settings)
    async with shop.lifespan():
        yield shop


def there(shop: "TradepostApp", one: House) -> House:
    """The same credential in another process."""
    return House(shop, one.headers)


ENDINGS = ("logout", "logout_everywhere", "suspend", "close", "replay", "password")


async def end(app: "TradepostApp", how: str, kim: Person, admin: Person) -> None:
    """Ends the session in this process."""
    if how in ("logout", "logout_everywhere"):
        assert await kim.code("rest", how) is None
    elif how == "suspend":
        assert await admin.code("rest", "user_suspend", id=kim.id) is None
    elif how == "close":
        assert await kim.code("rest", "me_close", {"password": PASSWORD}) is None
    elif how == "password":
        assert (
            await (await again(kim)).code(
                "rest", "password_change", {"current_password": PASSWORD, "new_password": OTHER}
            )
            is None
        )
    else:
        await refreshed(app, kim.refresh_token)
        await refreshed(app, kim.refresh_token)


async def test_what_has_ended_is_refused_in_the_other_process_at_once_with_redis_and_within_a_minute_without(
    app: "TradepostApp", settings: "Settings"
) -> None:
    admin = await person(app, "admin")
    async with second(settings) as shop:
        clock, remembered = [1000.0], shop.state.credentials.remembered
        remembered.clear()
        remembered.clock = lambda: clock[0]
        for how in ENDINGS:
            kim = await person(app)
            assert await there(shop, kim).lets_in()
            await end(app, how, kim, admin)
            assert not await kim.lets_in(), how
            if settings.redis_url:
                # A message is on its way for a moment; the clock of what is remembered stands still.
                async with asyncio.timeout(10):
                    while await there(shop, kim).lets_in():  # noqa: ASYNC110 (there is nothing to wait for)
                        await asyncio.sleep(0.01)
            else:
                # The token passes there; the row of a suspended or closed account is hidden in any case.
                assert await there(shop, kim).code("rest", "me") in (None, "not_found"), how
                clock[0] += 60
                assert not await there(shop, kim).lets_in("graphql"), how


async def test_a_lowered_role_and_a_revoked_key_are_noticed_in_the_other_process(
    app: "TradepostApp", settings: "Settings"
) -> None:
    admin, kim = await person(app, "admin"), await person(app, "staff")
    secret = await kim.ok("rest", "api_key_create", {"name": "till"})
    key = kim.bearing(secret["secret"])
    async with second(settings) as shop:
        clock, remembered = [1000.0], shop.state.credentials.remembered
        remembered.clock = lambda: clock[0]
        remembered.clear()
        assert await there(shop, kim).code("rest", "user", id=admin.id) is None
        assert await there(shop, key).lets_in()
        await admin.ok("rest", "user_role_set", {"role": "customer"}, id=kim.id)
        assert await kim.code("rest", "api_key_delete", id=secret["id"]) is None
        clock[0] += 0 if settings.redis_url else 60
        async with asyncio.timeout(10):
            while await there(shop, kim).code("rest", "user", id=admin.id) is None or await there(shop, key).lets_in():
                assert settings.redis_url
                await asyncio.sleep(0.01)


async def test_a_shorter_life_of_tokens_is_told(app: "TradepostApp", settings: "Settings") -> None:
    kim = await person(app)
    async with second(msgspec.structs.replace(settings, access_token_seconds=60)) as shop:
        pair = (await refreshed(shop, kim.refresh_token)).body
        assert pair["expires_in"] == 60
        assert await House(shop).bearing(pair["access_token"]).lets_in()
