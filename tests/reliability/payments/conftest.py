"""A server with several worker processes, the payment simulator and a worker."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.reliability.payments.paid_shop import PaidShop
from tests.reliability.shop_server import RunningServers, ShopServer, shop_server
from tests.reliability.shoppers import Shopper
from tests.servers import Run, free_port
from tests.simulator import SECRET_KEY, SimulatorServer, run_simulator
from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

WEBHOOK_SECRET = "whsec_tests"
DEFAULTS = {
    "PAYMENT_METHODS": "stripe,manual:bank_transfer",
    "STRIPE_SECRET_KEY": SECRET_KEY,
    "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
    "OPEN_ORDERS": "0",
    "OPEN_ORDERS_PER_CLIENT": "0",
    "WORKER": "on",
    "MAILER": "file",
}


@pytest.fixture(scope="module")
def shop_settings() -> Mapping[str, str]:
    """The settings of the module's shop besides `DEFAULTS`."""
    return {}


@contextmanager
def paid_server(
    run: Run, worker_id: str, folder: Path, shop_settings: Mapping[str, str]
) -> Iterator[tuple[ShopServer, SimulatorServer]]:
    """Run a server with several worker processes, and its provider, which sends it webhooks."""
    port = free_port()
    webhooks = {f"http://127.0.0.1:{port}/v1/providers/stripe/events": WEBHOOK_SECRET}
    with run_simulator(folder / "simulator.db", webhooks=webhooks) as simulator:
        # Processes that listen on other ports are the same shop.
        urls = {"STRIPE_API_URL": simulator.url, "PUBLIC_URL": f"http://127.0.0.1:{port}"}
        settings = DEFAULTS | urls | dict(shop_settings)
        with shop_server(run, worker_id, folder, settings, port) as server:
            yield server, simulator


@pytest.fixture(scope="module")
def servers(
    run: Run,
    worker_id: str,
    running_servers: RunningServers,
    shop_settings: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[ShopServer, SimulatorServer]:
    """The server and its provider, which modules with the same settings share."""
    folder = tmp_path_factory.mktemp("payments")
    key = frozenset(shop_settings.items())
    return running_servers.get(key, lambda: paid_server(run, worker_id, folder, shop_settings))


@pytest.fixture(scope="module")
def server(servers: tuple[ShopServer, SimulatorServer]) -> ShopServer:
    """A server with several worker processes."""
    return servers[0]


@pytest.fixture(scope="module")
def simulator(servers: tuple[ShopServer, SimulatorServer]) -> SimulatorServer:
    """The provider of this shop, which sends webhooks to the server."""
    return servers[1]


@pytest.fixture(scope="module")
async def worker(server: ShopServer, cheap_passwords: None, anyio_backend: object) -> AsyncIterator[TradepostApp]:
    """An app in this process over the same database: it runs periodic tasks at a later time."""
    app = create_app(Settings.read(dict(server.environ) | {"WORKER": "off"}, env_file=None))
    async with app.lifespan():
        yield app


@pytest.fixture
async def shop(server: ShopServer, simulator: SimulatorServer, worker: TradepostApp) -> AsyncIterator[PaidShop]:
    """The shop behind the server, and its provider without faults."""
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    headers = {"X-API-Key": server.key}
    async with (
        httpx.AsyncClient(base_url=server.url, timeout=120, limits=limits) as client,
        httpx.AsyncClient(base_url=server.url, timeout=120, limits=limits, headers=headers) as staff,
    ):
        methods = (await staff.get("/v1/shipping-methods?code=standard")).json()["data"]
        guests = [Shopper(client, "rest"), Shopper(client, "graphql")]
        yield PaidShop(staff, guests, methods[0]["id"], server, simulator, worker)
    await simulator.controls.clear_faults()
    await simulator.controls.webhooks("normal")
