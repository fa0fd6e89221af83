"""A server is killed while the provider is asked: nothing is lost and nothing is doubled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress

import httpx
import pytest

from tests.figures import IS_TORTURE
from tests.reliability.payments.books import check_purchase
from tests.reliability.payments.killing import (
    MOMENTS,
    SECONDS,
    authorized,
    captured,
    effects,
    end_leases,
    kill_in_flight,
)
from tests.reliability.payments.paid_shop import PaidShop
from tests.reliability.payments.payer import Payer
from tests.reliability.payments.processes import ShopProcess
from tests.reliability.payments.purchase import Purchase
from tests.reliability.shop_server import ShopServer
from tests.reliability.shoppers import Outcome, expect_row

CALLS = "^/v1/(payment_intents|payment_intents/[^/]+/capture|refunds)$"

type Write = Callable[[Payer, Purchase, str], Awaitable[Outcome]]

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def shop_settings() -> Mapping[str, str]:
    """Staff capture. Another server of the same shop goes on."""
    return {"CAPTURE": "manual"}


@pytest.fixture(scope="module")
def victim(server: ShopServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopProcess]:
    """The server that is killed. A test starts it again."""
    process = ShopProcess(server, tmp_path_factory.mktemp("killed"), "run")
    yield process
    process.kill()


@pytest.fixture
def process(victim: ShopProcess) -> ShopProcess:
    """The server that is killed, running."""
    if victim.process is None:
        victim.start()
    return victim


@pytest.fixture
async def client(process: ShopProcess) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the server that is killed."""
    async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
        yield client


async def create(caller: Payer, purchase: Purchase, key: str) -> Outcome:
    return await caller.pay(purchase.order, key)


async def capture(caller: Payer, purchase: Purchase, key: str) -> Outcome:
    return await caller.capture_amount(purchase.payment, {}, key)


async def refund(caller: Payer, purchase: Purchase, key: str) -> Outcome:
    return await caller.refund(purchase.payment, {"amount": {"amount": 1000, "currency": "EUR"}}, key)


async def in_vain(call: Awaitable[Outcome]) -> None:
    """Make a call whose server is killed."""
    with suppress(httpx.TransportError):
        outcome = await call
        pytest.fail(f"The server was not killed in time: {outcome}")


@pytest.mark.parametrize(("moment", "door"), [*zip(MOMENTS, (0, 1, 0), strict=True)][0 if IS_TORTURE else 1 :])
async def test_a_call_of_a_killed_server_is_resumed_by_its_key(
    shop: PaidShop, process: ShopProcess, client: httpx.AsyncClient, moment: str, door: int
) -> None:
    purchases = [await Purchase.prepare(shop), await authorized(shop), await captured(shop)]
    writes: tuple[Write, ...] = (create, capture, refund)
    guest, staff = {"X-Cart-Token": purchases[0].cart.token or ""}, {"X-API-Key": shop.server.key}
    headers = (guest, staff, staff)
    callers = [Payer(client, shop.guest(door + n).door, names) for n, names in enumerate(headers)]
    rows = [*zip(writes, callers, purchases, [purchase.order for purchase in purchases], strict=True)]
    before = await effects(shop, *purchases)
    await shop.provider.fault(MOMENTS[moment], seconds=SECONDS, method="POST", path=CALLS, times=3)
    calls = [asyncio.create_task(in_vain(write(caller, p, key))) for write, caller, p, key in rows]
    await kill_in_flight(shop, process, moment, purchases, before, 3)
    await asyncio.gather(*calls)
    process.start()
    await end_leases(shop)
    after = await effects(shop, *purchases)
    answers = [expect_row(await write(caller, p, key)) for write, caller, p, key in rows]
    assert [answer["status"].lower() for answer in answers] == ["requires_action", "captured", "succeeded"]
    assert await effects(shop, *purchases) == after
    purchases[0].set_payment(answers[0])
    await shop.browser.confirm(purchases[0].secret)
    expect_row(await purchases[0].payer().complete(purchases[0].payment))
    kept = [(await check_purchase(p)).payments for p in purchases]
    assert [len(payments) for payments in kept] == [1, 1, 1]
    assert [payment.status for [payment] in kept] == ["authorized", "captured", "partially_refunded"]
