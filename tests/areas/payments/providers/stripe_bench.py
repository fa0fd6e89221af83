"""The provider `stripe` against the payment simulator, in this process or a server of its own."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests import servers
from tests.factories import Json, unique
from tradepost.areas.payments.providers.provider import PaymentRequest, ProviderPayment
from tradepost.areas.payments.providers.stripe import StripeAccount, StripeProvider
from tradepost.kit.ids import new_id

SECRET_KEY, PUBLISHABLE_KEY, WEBHOOK_SECRET = "sk_test_bench", "pk_test_bench", "whsec_bench"
SHOP = "https://shop.example"


class Bench:
    """A provider, the payer's browser, and the controls of the simulator.

    create_transport: reaches the simulator; None: TCP.
    """

    def __init__(self, url: str, create_transport: Any = None) -> None:
        self.url, self.create_transport = url, create_transport
        self.provider = self.provider_with()
        transport = create_transport() if create_transport else None
        self.client = httpx.AsyncClient(base_url=url, transport=transport, trust_env=False, timeout=30)

    def provider_with(self, **changes: Any) -> StripeProvider:
        """Return a provider with other settings of the account."""
        values: Json = {
            "secret_key": SECRET_KEY,
            "webhook_secrets": (WEBHOOK_SECRET,),
            "shop": SHOP,
            "api_url": self.url,
        }
        return StripeProvider(StripeAccount(create_transport=self.create_transport, **(values | changes)))

    async def payment(self, card: str | None = None, **members: Any) -> ProviderPayment:
        """Create a payment, and pay it with a test payment method."""
        request = payment_request(**members)
        payment = await self.provider.create(request, unique("key"))
        if card is not None:
            await self.pay(payment, card)
            assert payment.reference is not None
            payment = await self.provider.read(payment.reference)
        return payment

    async def pay(self, payment: ProviderPayment, card: str) -> httpx.Response:
        """Confirm a payment as the payer's browser does."""
        assert payment.next_action is not None
        form = {
            "client_secret": payment.next_action.secret,
            "payment_method": card,
            "return_url": f"{SHOP}/paid",
        }
        path = f"/v1/payment_intents/{payment.reference}/confirm"
        return await self.client.post(path, data=form, headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"})

    async def control(self, name: str, **arguments: Any) -> Any:
        """Use a control of the simulator."""
        answer = await self.client.post(f"/control/{name}", json=arguments)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def close(self) -> None:
        """Close the connections."""
        await self.provider.close()
        await self.client.aclose()


def payment_request(**members: Any) -> PaymentRequest:
    """Return a request for 25 euros with new ids."""
    defaults: Json = {
        "payment_id": new_id(50),
        "order_id": new_id(45),
        "method": None,
        "amount": 2500,
        "currency": "EUR",
        "order_number": "1001",
    }
    return PaymentRequest(**(defaults | members))


@asynccontextmanager
async def bench_in_process(store: Path) -> AsyncGenerator[Bench]:
    """A simulator that is called without a network."""
    from tradepost.payment_simulator import create_simulator

    simulator = create_simulator(
        store, secret_key=SECRET_KEY, publishable_key=PUBLISHABLE_KEY, controls=True, public_url="http://simulator"
    )
    async with simulator.lifespan():
        bench = Bench("http://simulator", lambda: httpx.ASGITransport(app=simulator))
        yield bench
        await bench.close()


@asynccontextmanager
async def bench_over_tcp(store: Path) -> AsyncGenerator[Bench]:
    """A simulator in a process of its own."""
    port = servers.free_port()
    command = [
        *(sys.executable, "-m", "tradepost.payment_simulator", "--port", str(port), "--store", str(store)),
        *("--secret-key", SECRET_KEY, "--publishable-key", PUBLISHABLE_KEY, "--controls"),
    ]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)
    try:
        bench = Bench(f"http://127.0.0.1:{port}")
        await _until_it_answers(bench.client)
        yield bench
        await bench.close()
    finally:
        process.terminate()
        await process.wait()


async def _until_it_answers(client: httpx.AsyncClient) -> None:
    for _ in range(600):
        try:
            await client.get("/v1/payment_intents")
            return
        except httpx.TransportError:
            await asyncio.sleep(0.05)
    raise AssertionError("the simulator does not start")
