"""A server with several worker processes, the payment simulator and a worker, for each module."""

from collections.abc import AsyncIterator, Iterator, Mapping

import httpx
import pytest

from tests.reliability.payments.paid_shop import PaidShop
from tests.reliability.shop_server import ShopServer, shop_server
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
def port() -> int:
    """The port of the server, which the provider sends webhooks to."""
    return free_port()


@pytest.fixture(scope="module")
def shop_settings() -> Mapping[str, str]:
    """The settings of the module's shop besides `DEFAULTS`."""
    return {}


@pytest.fixture(scope="module")
def simulator(
    port: int, shop_settings: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimulatorServer]:
    """The provider of this shop, which sends webhooks to the server."""
    store = tmp_path_factory.mktemp("simulator") / "simulator.db"
    webhooks = {f"http://127.0.0.1:{port}/v1/providers/stripe/events": WEBHOOK_SECRET}
    with run_simulator(store, webhooks=webhooks) as server:
        yield server


@pytest.fixture(scope="module")
def server(
    run: Run,
    worker_id: str,
    port: int,
    simulator: SimulatorServer,
    shop_settings: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ShopServer]:
    """A server with several worker processes."""
    # Processes that listen on other ports are the same shop.
    urls = {"STRIPE_API_URL": simulator.url, "PUBLIC_URL": f"http://127.0.0.1:{port}"}
    settings = DEFAULTS | urls | dict(shop_settings)
    with shop_server(run, worker_id, tmp_path_factory.mktemp("payments"), settings, port) as server:
        yield server


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
