"""Callers with keys: what the tests of idempotency share."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.reliability.client import DualDoorClient, records

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


@pytest.fixture
def mine(app: "TradepostApp", staff: httpx.AsyncClient) -> DualDoorClient:
    """A member of the staff at both doors."""
    return DualDoorClient(app, staff)


@pytest.fixture(scope="session")
async def other(app: "TradepostApp") -> AsyncIterator[DualDoorClient]:
    """Another member of the staff."""
    key = await app.state.credentials.create(name="another", role="staff")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://tradepost.test", headers={"X-API-Key": key}
    ) as client:
        yield DualDoorClient(app, client)


@pytest.fixture
async def no_claims_left(app: "TradepostApp") -> AsyncIterator[None]:
    """The test leaves no claim open: each has an outcome or was given back."""
    before = {r.id for r in await records(app)}
    yield
    assert [r for r in await records(app) if r.outcome is None and r.id not in before] == []
