"""A revocation that was committed reaches the caches, whatever becomes of its request."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from tests.areas.accounts.account_client import (
    DOORS,
    OTHER_PASSWORD,
    PASSWORD,
    Door,
    digest,
    log_in_again,
    register_and_log_in,
)
from tradepost.areas.accounts.models import RefreshTokenRow
from tradepost.areas.accounts.revocations import Revocations
from tradepost.kit.clock import now
from tradepost.kit.db.errors import LostRace
from tradepost.kit.writes.unit_of_work import RUNNING_HOOKS

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

both_doors = pytest.mark.parametrize("door", DOORS)
CHANGE = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}


class Publications:
    """Replaces the publication of revocations by one that waits and fails as a test wants."""

    def __init__(self, revocations: Revocations) -> None:
        self.publish: Callable[..., Awaitable[None]] = revocations.publish
        self.started, self.opened, self.calls = asyncio.Event(), asyncio.Event(), 0
        self.opened.set()
        self.error: Exception | None = None

    async def __call__(self, **members: Any) -> None:
        self.calls += 1
        self.started.set()
        await self.opened.wait()
        await self.publish(**members)
        if self.error is not None:
            raise self.error


@pytest.fixture
def publications(app: "TradepostApp", monkeypatch: pytest.MonkeyPatch) -> Publications:
    """The publications of the app."""
    revocations = app.state.dependencies.require(Revocations)
    publications = Publications(revocations)
    monkeypatch.setattr(revocations, "publish", publications)
    return publications


@both_doors
async def test_a_request_that_is_cancelled_after_its_commit_does_not_lose_the_revocation(
    app: "TradepostApp", publications: Publications, door: Door
) -> None:
    kim = await register_and_log_in(app)
    other = await log_in_again(kim)
    assert await other.is_authenticated(door)
    publications.opened.clear()
    request = asyncio.create_task(kim.call(door, "password_change", CHANGE))
    await publications.started.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    publications.opened.set()
    await asyncio.gather(*RUNNING_HOOKS)
    assert publications.calls == 1
    assert not await other.is_authenticated(door)


@both_doors
async def test_a_stolen_session_ends_although_its_request_fails_and_is_cancelled(
    app: "TradepostApp", publications: Publications, door: Door
) -> None:
    kim = await register_and_log_in(app)
    assert await kim.is_authenticated(door)
    assert await kim.code(door, "token_refresh", {"refresh_token": kim.refresh_token}) is None
    async with app.state.database.transaction() as session:
        used = update(RefreshTokenRow).where(RefreshTokenRow.secret_hash == digest(app, kim.refresh_token))
        await session.execute(used.values(used_at=now() - timedelta(hours=1)))
    publications.opened.clear()
    request = asyncio.create_task(kim.call(door, "token_refresh", {"refresh_token": kim.refresh_token}))
    await publications.started.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    publications.opened.set()
    await asyncio.gather(*RUNNING_HOOKS)
    assert not await kim.is_authenticated(door)


@both_doors
async def test_a_request_that_is_cancelled_during_its_commit_does_not_lose_the_revocation(
    app: "TradepostApp", publications: Publications, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim = await register_and_log_in(app)
    other = await log_in_again(kim)
    assert await other.is_authenticated(door)
    commit = AsyncSession.commit

    async def commit_and_cancel(session: AsyncSession) -> None:
        """Commit; the answer of the database comes too late."""
        await commit(session)
        if asyncio.current_task() is request:
            request.cancel()
            await asyncio.sleep(0)

    monkeypatch.setattr(AsyncSession, "commit", commit_and_cancel)
    request = asyncio.create_task(kim.call(door, "password_change", CHANGE))
    with pytest.raises(asyncio.CancelledError):
        await request
    monkeypatch.undo()
    await asyncio.gather(*RUNNING_HOOKS)
    assert not await other.is_authenticated(door)


@both_doors
@pytest.mark.parametrize("error", [LostRace(), RuntimeError("Redis is gone")])
async def test_a_publication_that_fails_neither_fails_nor_repeats_the_write(
    app: "TradepostApp",
    publications: Publications,
    door: Door,
    error: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kim = await register_and_log_in(app)
    other = await log_in_again(kim)
    assert await other.is_authenticated(door)
    publications.error = error
    assert await kim.code(door, "password_change", CHANGE) is None
    assert publications.calls == 1
    assert not await other.is_authenticated(door)
    assert "a hook failed after its transaction was committed" in caplog.text


@both_doors
async def test_a_write_that_fails_publishes_nothing(
    app: "TradepostApp", publications: Publications, door: Door
) -> None:
    kim = await register_and_log_in(app)
    wrong = {"current_password": OTHER_PASSWORD, "new_password": OTHER_PASSWORD}
    assert await kim.code(door, "password_change", wrong) == "invalid_credentials"
    assert publications.calls == 0
