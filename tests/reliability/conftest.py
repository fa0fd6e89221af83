"""Shared fixtures: two callers, a check for open claims, and servers for several modules."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.app_client import AppClient
from tests.figures import IS_TORTURE
from tests.figures import record_figure as record_figure  # a fixture
from tests.reliability.client import DualDoorClient, records
from tests.reliability.shop_server import RunningServers, ShopServer, shop_server
from tests.servers import Run

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

RUNNING = pytest.StashKey[RunningServers]()


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


@pytest.fixture(scope="module" if IS_TORTURE else "session")
def running_servers(pytestconfig: pytest.Config) -> Iterator[RunningServers]:
    """The server that modules share; by `just torture` each module has its own."""
    with RunningServers() as running:
        pytestconfig.stash[RUNNING] = running
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Function, nextitem: pytest.Function | None) -> Iterator[None]:
    """Stop the shared server after the last of the tests that use it."""
    yield
    uses = ["running_servers" in test.fixturenames for test in (item, nextitem) if test is not None]
    if uses in ([True], [True, False]) and RUNNING in item.config.stash:
        item.config.stash[RUNNING].stop()


@pytest.fixture(scope="module")
def server(
    run: Run, worker_id: str, running_servers: RunningServers, tmp_path_factory: pytest.TempPathFactory
) -> ShopServer:
    """A server with four worker processes, with SQLite two, and no worker.

    All shoppers share one client address. With tax on top, the value of a unit is rounded.
    """
    settings = {"OPEN_ORDERS": "0", "OPEN_ORDERS_PER_CLIENT": "0", "PRICES_INCLUDE_TAX": "off"}
    folder = tmp_path_factory.mktemp("server")
    return running_servers.get("no worker", lambda: shop_server(run, worker_id, folder, settings, number=4))
