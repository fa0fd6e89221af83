"""Errors of the provider `stripe`, and what it must not reveal or send."""

import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import servers
from tests.areas.payments.providers.stripe_bench import Bench, bench_in_process, payment_request
from tests.factories import unique
from tradepost.areas.payments.providers.provider import ProviderRefused, ProviderUnavailable
from tradepost.areas.payments.providers.stripe import StripeAccount, StripeProvider

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    """The provider and its simulator."""
    async with bench_in_process(tmp_path_factory.mktemp("simulator") / "store.db") as bench:
        yield bench


def answering(handler: Any) -> StripeProvider:
    """Return a provider whose requests a function answers."""
    account = StripeAccount(
        secret_key="sk_test_hunter2",
        webhook_secrets=(),
        shop="https://shop.example",
        create_transport=lambda: httpx.MockTransport(handler),
    )
    return StripeProvider(account)


def error(status: int, **members: str) -> Any:
    """Return a handler that answers with an error of Stripe."""
    return lambda request: httpx.Response(status, json={"error": members})


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    account = StripeAccount(
        secret_key="sk_test_1",
        webhook_secrets=(),
        shop="https://shop.example",
        api_url=f"http://127.0.0.1:{servers.free_port()}",
    )
    provider = StripeProvider(account)
    with pytest.raises(ProviderUnavailable):
        await provider.create(payment_request(), "key")
    await provider.close()


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_key_is_logged_without_the_key(status: int, caplog: pytest.LogCaptureFixture) -> None:
    provider = answering(error(status, type="invalid_request_error", message="Invalid API Key provided: sk_test_hun"))
    with caplog.at_level(logging.INFO), pytest.raises(ProviderUnavailable) as unavailable:
        await provider.create(payment_request(), "key")
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert lines == ["`stripe` refuses the secret key: check STRIPE_SECRET_KEY and its permissions"]
    assert "hun" not in caplog.text
    assert "hun" not in repr(unavailable.value)


async def test_a_key_that_is_used_with_other_parameters_leaves_the_result_open(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    key = unique("key")
    await bench.provider.create(payment_request(), key)
    with pytest.raises(ProviderUnavailable):
        await bench.provider.create(payment_request(), key)
    assert "same parameters" in caplog.text


@pytest.mark.parametrize(
    "handler",
    [
        error(429, type="invalid_request_error", code="rate_limit", message="Too many requests"),
        error(429, type="invalid_request_error", code="lock_timeout", message="Locked"),
        error(400, type="invalid_request_error", code="lock_timeout", message="Locked"),
        error(409, type="idempotency_error", code="idempotency_key_in_use", message="In use"),
        error(500, type="api_error", message="Sorry"),
        lambda request: httpx.Response(503, text="<html>down</html>"),
        lambda request: httpx.Response(200, text="<html>captive portal</html>"),
        lambda request: httpx.Response(200, json={"object": "payment_intent", "id": "pi_1", "status": "quantum"}),
    ],
)
async def test_an_answer_that_does_not_tell_the_result_leaves_it_open(handler: Any) -> None:
    with pytest.raises(ProviderUnavailable):
        await answering(handler).create(payment_request(), "key")


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (error(402, type="card_error", code="card_declined", message="Your card was declined."), "card_declined"),
        (error(400, type="invalid_request_error", message="No."), "invalid_request"),
    ],
)
async def test_an_answer_that_says_no_is_a_refusal(handler: Any, code: str) -> None:
    with pytest.raises(ProviderRefused) as refused:
        await answering(handler).create(payment_request(), "key")
    assert refused.value.code == code


async def test_a_call_is_made_once_and_with_the_key_of_the_caller() -> None:
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(500, json={"error": {"type": "api_error", "message": "Sorry"}})

    with pytest.raises(ProviderUnavailable):
        await answering(handler).create(payment_request(), "key-1")
    (request,) = requests
    assert request.headers["Idempotency-Key"] == "key-1"
    # Telemetry would send the name of the machine's kernel.
    assert "platform" not in request.headers["X-Stripe-Client-User-Agent"]


async def test_the_account_is_shown_without_its_secrets() -> None:
    account = StripeAccount(secret_key="sk_test_hunter2", webhook_secrets=("whsec_hunter2",), shop="https://shop")
    assert "hunter2" not in f"{account} {account!r} {StripeProvider(account)!r}"


@pytest.mark.parametrize(
    ("key", "is_live"), [("sk_live_1", True), ("rk_live_1", True), ("sk_test_1", False), ("rk_test_1", False)]
)
def test_a_live_key_moves_real_money(key: str, is_live: bool) -> None:
    account = StripeAccount(secret_key=key, webhook_secrets=(), shop="https://shop.example")
    assert StripeProvider(account).is_live is is_live


def test_stripe_is_not_imported_before_the_first_call(tmp_path: Path) -> None:
    code = (
        "import sys, tradepost.app; from tradepost.settings import Settings; "
        "s = Settings.read({'SECRET_KEY': 'x' * 32, 'STRIPE_SECRET_KEY': 'sk_test_1', "
        "'STRIPE_WEBHOOK_SECRET': 'whsec_1', "
        "'PAYMENT_METHODS': 'stripe,fake', 'SIGNING_KEYS': 'keys.json', 'DATABASE_URL': 'sqlite:///x.db'}, None); "
        "tradepost.app.create_app(s); print({'stripe', 'httpx', 'tradepost.payment_simulator'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("set()", "")
