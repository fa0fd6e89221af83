"""The worker is killed while the provider is asked: nothing is lost and nothing is doubled."""

from collections.abc import Iterator, Mapping
from pathlib import Path

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
from tests.reliability.payments.processes import ShopProcess
from tests.reliability.shop_server import ShopServer
from tests.reliability.shoppers import expect_row

CALLS = "^/v1/(payment_intents/[^/]+/cancel|refunds)$"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def shop_settings() -> Mapping[str, str]:
    """Staff capture. No worker but the one that is killed."""
    return {"CAPTURE": "manual", "WORKER": "off"}


@pytest.fixture
def process(server: ShopServer, tmp_path: Path) -> Iterator[ShopProcess]:
    """The worker that is killed."""
    process = ShopProcess(server, tmp_path, "worker")
    process.start()
    yield process
    process.kill()


@pytest.mark.parametrize("moment", [*MOMENTS][: None if IS_TORTURE else 1])
async def test_a_call_of_a_killed_worker_is_carried_out_by_the_next(
    shop: PaidShop, process: ShopProcess, moment: str
) -> None:
    purchases = [await authorized(shop), await captured(shop)]
    before = await effects(shop, *purchases)
    await shop.provider.fault(MOMENTS[moment], seconds=SECONDS, method="POST", path=CALLS, times=2)
    for purchase in purchases:
        expect_row(await purchase.cancel())
    await kill_in_flight(shop, process, moment, purchases, before, 2)
    process.start()
    await end_leases(shop)
    kept = [(await check_purchase(purchase)).payments for purchase in purchases]
    assert [payment.status for [payment] in kept] == ["voided", "refunded"]
    assert len((await effects(shop, *purchases))[1]) == 1
