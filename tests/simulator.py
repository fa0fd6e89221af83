"""The payment simulator as a process of its own, with a client for its controls."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from tests.servers import free_port

SECRET_KEY, PUBLISHABLE_KEY = "sk_test_simulator", "pk_test_simulator"
SETTLE_SECONDS = 3600.0
"""Delayed payments and refunds wait for `settle()`, so that tests see both states."""

type Object = dict[str, Any]


@dataclass(frozen=True)
class SimulatorControls:
    """What tests can do to a running simulator; see `tradepost.payment_simulator.controls`."""

    url: str

    async def fault(
        self,
        kind: str,
        *,
        seconds: float = 0,
        method: str | None = None,
        path: str = "",
        percent: float = 100,
        times: int | None = None,
    ) -> None:
        """Have a fault happen to requests; see `Fault` for its kinds."""
        options = {"seconds": seconds, "method": method, "path": path, "percent": percent, "times": times}
        await self._call("fault", kind=kind, **options)

    async def clear_faults(self) -> None:
        """End all faults."""
        await self._call("clear_faults")

    async def webhooks(self, kind: str, seconds: float = 0, types: Sequence[str] = ()) -> None:
        """Deliver webhooks `normal`, `double`, `delay`, `reorder` or `suppress` from now on."""
        await self._call("webhooks", kind=kind, seconds=seconds, types=types)

    async def resend(self, event: str) -> None:
        """Deliver an event again."""
        await self._call("resend", event=event)

    async def forget_keys(self) -> None:
        """Forget all idempotency keys, as happens after 24 hours."""
        await self._call("forget_keys")

    async def search_lag(self, seconds: float) -> None:
        """Have search find payment intents only when they are so old."""
        await self._call("search_lag", seconds=seconds)

    async def capture(self, payment_intent: str, amount: int | None = None) -> Object:
        """Capture an authorised payment at the dashboard."""
        return await self._call("capture", payment_intent=payment_intent, amount=amount)

    async def cancel(self, payment_intent: str) -> Object:
        """Cancel a payment at the dashboard."""
        return await self._call("cancel", payment_intent=payment_intent)

    async def authenticate(self, payment_intent: str, *, complete: bool = True) -> Object:
        """Finish 3-D Secure as the buyer does."""
        return await self._call("authenticate", payment_intent=payment_intent, complete=complete)

    async def refund(self, payment_intent: str, amount: int | None = None) -> Object:
        """Refund a payment at the dashboard."""
        return await self._call("refund", payment_intent=payment_intent, amount=amount)

    async def fail_refund(self, refund: str) -> Object:
        """Let a refund fail, also one that had succeeded."""
        return await self._call("fail_refund", refund=refund)

    async def cancel_refund(self, refund: str) -> Object:
        """Cancel a pending refund."""
        return await self._call("cancel_refund", refund=refund)

    async def dispute(
        self, payment_intent: str, amount: int | None = None, *, status: str = "needs_response"
    ) -> Object:
        """Dispute a payment as the buyer's bank does."""
        return await self._call("dispute", payment_intent=payment_intent, amount=amount, status=status)

    async def respond_to_dispute(self, dispute: str) -> Object:
        """Submit evidence."""
        return await self._call("respond_to_dispute", dispute=dispute)

    async def close_dispute(self, dispute: str, status: str) -> Object:
        """End a dispute as `won` or `lost`, an inquiry as `warning_closed`."""
        return await self._call("close_dispute", dispute=dispute, status=status)

    async def settle(self) -> int:
        """Finish delayed payments, pending refunds and planned disputes; return how many."""
        return await self._call("settle")

    async def lapse(self) -> int:
        """Let all authorisations lapse that were not captured; return how many."""
        return await self._call("lapse")

    async def deliveries(self) -> list[Object]:
        """Return the deliveries of events, the oldest first."""
        return await self._call("deliveries")

    async def ledger(self) -> Object:
        """Return all payment intents, refunds and disputes with their amounts, and the balance."""
        return await self._call("ledger")

    async def _call(self, name: str, **arguments: Any) -> Any:
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            answer = await client.post(f"/control/{name}", json=arguments)
        assert answer.status_code == 200, answer.text
        return answer.json()


@dataclass(frozen=True)
class SimulatorServer:
    """A running simulator."""

    port: int
    store: Path
    pid: int

    @property
    def url(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def controls(self) -> SimulatorControls:
        """Its controls."""
        return SimulatorControls(self.url)

    @asynccontextmanager
    async def client(
        self, key: str = SECRET_KEY, *, read_timeout: float = 30, retries: int = 0
    ) -> AsyncIterator[stripe.StripeClient]:
        """The official client; use its `_async` methods."""
        # It would read the certificates of all authorities: 17 ms. The simulator speaks plain HTTP.
        transport = stripe.HTTPXClient(timeout=read_timeout, verify_ssl_certs=False)
        try:
            yield stripe.StripeClient(
                key, base_addresses={"api": self.url}, http_client=transport, max_network_retries=retries
            )
        finally:
            await transport.close_async()


@contextmanager
def run_simulator(
    store: Path,
    *,
    webhooks: Mapping[str, str] = {},
    port: int | None = None,
    settle_seconds: float = SETTLE_SECONDS,
    retry_seconds: float = 0.1,
) -> Iterator[SimulatorServer]:
    """Run a simulator with its controls. Several may share the store.

    store: the SQLite file; it is created.
    webhooks: the secrets of the endpoints by their URLs.
    settle_seconds: when delayed payments settle without `settle()`.
    """
    number = port or free_port()
    words = ["--port", str(number), "--store", str(store), "--controls", "--settle-seconds", str(settle_seconds)]
    words += ["--retry-seconds", str(retry_seconds)]
    words += [word for url, secret in webhooks.items() for word in ("--webhook", f"{url}={secret}")]
    with (store.parent / f"simulator-{number}.log").open("wb") as log:
        command = [sys.executable, "-m", "tradepost.payment_simulator", *words]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        server = SimulatorServer(number, store, process.pid)
        _wait_until_ready(server, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:  # a test holds a connection
            process.kill()
            process.wait()


def _wait_until_ready(server: SimulatorServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{server.url}/pages.css", timeout=10)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"The payment simulator did not start: {process.poll()}")


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorServer]:
    """A simulator for the tests of a module."""
    with run_simulator(tmp_path_factory.mktemp("simulator") / "simulator.db") as server:
        yield server
