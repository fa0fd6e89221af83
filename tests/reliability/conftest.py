"""Shared fixtures of the idempotency tests: two callers, and a check for open claims."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.app_client import AppClient
from tests.figures import record_figure as record_figure  # a fixture
from tests.reliability.client import DualDoorClient, records

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


@pytest.fixture
def caller(app: "TradepostApp", staff: httpx.AsyncClient) -> DualDoorClient:
    """A staff API key at both doors."""
    return DualDoorClient(app, staff)


@pytest.fixture(scope="session")
async def other_caller(app: "TradepostApp") -> AsyncIterator[DualDoorClient]:
    """Another staff API key at both doors."""
    key = await app.state.credentials.create(name="another", role="staff")
    async with AppClient(app, headers={"X-API-Key": key}) as client:
        yield DualDoorClient(app, client)


@pytest.fixture
async def no_claims_left(app: "TradepostApp") -> AsyncIterator[None]:
    """Check that the test leaves no open claim: each has an outcome or was released."""
    before = {r.id for r in await records(app)}
    yield
    assert [r for r in await records(app) if r.outcome is None and r.id not in before] == []
