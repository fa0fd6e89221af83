"""Payment intents, with the official Stripe client."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import stripe

from tests.payment_simulator.conftest import RETURN_URL, Pay, events_of
from tests.simulator import PUBLISHABLE_KEY, SECRET_KEY, SimulatorServer

WEEK = 7 * 86_400


async def test_a_payment_intent_is_created_without_a_payment_method(client: stripe.StripeClient) -> None:
    intent = await client.v1.payment_intents.create_async(
        {"amount": 1099, "currency": "eur", "metadata": {"payment_id": "7"}, "capture_method": "automatic"}
    )
    assert (intent.status, intent.amount, intent.currency) == ("requires_payment_method", 1099, "eur")
    assert (intent.metadata or {})["payment_id"] == "7"
    assert intent.client_secret is not None
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert (await client.v1.payment_intents.retrieve_async(intent.id)).to_dict() == intent.to_dict()
    assert await events_of(client, intent.id) == ["payment_intent.created"]


async def test_what_only_the_simulator_needs_is_not_shown(client: stripe.StripeClient, pay: Pay) -> None:
    intent = await pay()
    events = await client.v1.events.list_async({"limit": 3})
    for item in (intent, *events.data):
        assert re.findall(r'"(_\w*)":', str(item)) == []


async def test_a_card_pays_at_once(client: stripe.StripeClient, pay: Pay) -> None:
    intent = await pay()
    assert (intent.status, intent.amount_received) == ("succeeded", 1000)
    charge: Any = intent.latest_charge
    assert (charge.captured, charge.amount_captured, charge.payment_intent) == (True, 1000, intent.id)
    assert (charge.payment_method_details.card.brand, charge.payment_method_details.card.last4) == ("visa", "4242")
    assert await events_of(client, intent.id) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


@pytest.mark.parametrize(
    ("token", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ],
)
async def test_after_a_decline_another_card_can_pay(
    client: stripe.StripeClient, pay: Pay, token: str, code: str, decline_code: str | None
) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        await pay(token)
    error: Any = refusal.value.error
    assert (refusal.value.http_status, refusal.value.code, error.decline_code) == (402, code, decline_code)
    declined = await client.v1.payment_intents.retrieve_async(error.payment_intent.id)
    assert (declined.status, declined.payment_method) == ("requires_payment_method", None)
    failure: Any = declined.last_payment_error
    assert (failure.code, failure.decline_code if "decline_code" in failure else None) == (code, decline_code)
    assert failure.charge == declined.latest_charge
    assert (await events_of(client, declined.id))[1:] == ["charge.failed", "payment_intent.payment_failed"]

    arguments: Any = {"payment_method": "pm_card_visa", "return_url": RETURN_URL}
    paid = await client.v1.payment_intents.confirm_async(declined.id, arguments)
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)


async def test_an_authorisation_is_captured_later(client: stripe.StripeClient, pay: Pay) -> None:
    intent = await pay(capture_method="manual")
    charge: Any = intent.latest_charge
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 1000, 0)
    assert charge.payment_method_details.card.capture_before == charge.created + WEEK
    captured = await client.v1.payment_intents.capture_async(intent.id)
    assert (captured.status, captured.amount_capturable, captured.amount_received) == ("succeeded", 0, 1000)
    assert (await events_of(client, intent.id))[1:] == [
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
    ]


async def test_the_rest_of_a_smaller_capture_lapses(client: stripe.StripeClient, pay: Pay) -> None:
    intent = await pay(capture_method="manual")
    captured = await client.v1.payment_intents.capture_async(
        intent.id, {"amount_to_capture": 700, "expand": ["latest_charge.refunds"]}
    )
    charge: Any = captured.latest_charge
    assert (captured.amount_received, charge.amount_captured, charge.amount_refunded) == (700, 700, 300)
    assert [(refund.amount, refund.balance_transaction) for refund in charge.refunds.data] == [(300, None)]
    with pytest.raises(stripe.InvalidRequestError, match="already been captured") as refusal:
        await client.v1.payment_intents.capture_async(intent.id)
    assert refusal.value.code == "payment_intent_unexpected_state"


async def test_more_than_was_authorised_is_not_captured(client: stripe.StripeClient, pay: Pay) -> None:
    intent = await pay(capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await client.v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 1001})
    assert (refusal.value.code, refusal.value.param) == ("amount_too_large", "amount_to_capture")
    assert (await client.v1.payment_intents.retrieve_async(intent.id)).amount_capturable == 1000


@pytest.mark.parametrize("capture_method", ["automatic", "manual"])
async def test_only_what_was_not_paid_is_cancelled(client: stripe.StripeClient, pay: Pay, capture_method: str) -> None:
    intent = await pay(capture_method=capture_method)
    if capture_method == "manual":
        canceled = await client.v1.payment_intents.cancel_async(intent.id, {"cancellation_reason": "abandoned"})
        assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
        assert (await events_of(client, intent.id))[-2:] == ["charge.refunded", "payment_intent.canceled"]
    with pytest.raises(stripe.InvalidRequestError, match="You cannot cancel this PaymentIntent") as refusal:
        await client.v1.payment_intents.cancel_async(intent.id)
    assert refusal.value.code == "payment_intent_unexpected_state"


async def test_an_authorisation_lapses_by_itself(
    client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay
) -> None:
    intent = await pay(capture_method="manual")
    await simulator.controls.lapse()
    lapsed = await client.v1.payment_intents.retrieve_async(intent.id)
    assert (lapsed.status, lapsed.cancellation_reason, lapsed.amount_capturable) == ("canceled", "automatic", 0)


@pytest.mark.parametrize(("token", "status"), [("pm_success_at", "succeeded"), ("pm_failed_at", "failed")])
async def test_a_delayed_method_is_processing_first(
    client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay, token: str, status: str
) -> None:
    intent = await pay(token)
    assert (intent.status, intent.amount_received) == ("processing", 0)
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.payment_intents.cancel_async(intent.id)
    await simulator.controls.settle()
    settled = await client.v1.payment_intents.retrieve_async(intent.id, {"expand": ["latest_charge"]})
    charge: Any = settled.latest_charge
    assert charge.status == status
    assert settled.status == ("succeeded" if status == "succeeded" else "requires_payment_method")
    assert (settled.last_payment_error is None) is (status == "succeeded")
    assert "payment_intent.processing" in await events_of(client, intent.id)


@pytest.mark.parametrize("complete", [True, False])
async def test_three_d_secure_is_completed_or_failed(
    client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay, complete: bool
) -> None:
    intent = await pay("pm_card_threeDSecure2Required")
    action: Any = intent.next_action
    assert (intent.status, action.type) == ("requires_action", "redirect_to_url")
    assert action.redirect_to_url.url == f"{simulator.url}/authenticate/{intent.client_secret}"
    assert action.redirect_to_url.return_url == RETURN_URL
    await simulator.controls.authenticate(intent.id, complete=complete)
    done = await client.v1.payment_intents.retrieve_async(intent.id)
    error: Any = done.last_payment_error
    outcome = (done.status, error and error.code)
    failed = ("requires_payment_method", "payment_intent_authentication_failure")
    assert outcome == (("succeeded", None) if complete else failed)
    assert "payment_intent.requires_action" in await events_of(client, intent.id)


@pytest.fixture
async def browser(simulator: SimulatorServer) -> AsyncIterator[stripe.StripeClient]:
    """A client with the publishable key."""
    async with simulator.client(PUBLISHABLE_KEY) as client:
        yield client


async def test_a_browser_confirms_with_the_client_secret(
    client: stripe.StripeClient, browser: stripe.StripeClient
) -> None:
    intent = await client.v1.payment_intents.create_async(
        {"amount": 1000, "currency": "eur", "metadata": {"order": "1001"}}
    )
    arguments: Any = {
        "client_secret": intent.client_secret,
        "return_url": RETURN_URL,
        "payment_method_data": {"type": "card", "card": {"number": "4242 4242 4242 4242", "cvc": "123"}},
    }
    seen = await browser.v1.payment_intents.confirm_async(intent.id, arguments)
    assert seen.status == "succeeded"
    assert "metadata" not in seen
    assert "latest_charge" not in seen
    with pytest.raises(stripe.InvalidRequestError, match="client_secret"):
        await browser.v1.payment_intents.retrieve_async(intent.id, {"client_secret": f"{intent.client_secret}x"})
    with pytest.raises(stripe.PermissionError):
        await browser.v1.payment_intents.retrieve_async(intent.id)
    with pytest.raises(stripe.PermissionError):
        await browser.v1.refunds.create_async({"payment_intent": intent.id})


async def test_the_key_may_be_the_user_name_of_basic_authentication(simulator: SimulatorServer) -> None:
    async with httpx.AsyncClient(base_url=simulator.url) as client:
        assert (await client.get("/v1/charges", auth=(SECRET_KEY, ""))).status_code == 200
        assert (await client.get("/v1/charges", auth=("", SECRET_KEY))).status_code == 401
        assert (await client.get("/v1/charges")).status_code == 401


async def test_wrong_keys_are_refused(simulator: SimulatorServer) -> None:
    async with simulator.client("sk_test_wrong") as client:
        with pytest.raises(stripe.AuthenticationError):
            await client.v1.payment_intents.list_async()
