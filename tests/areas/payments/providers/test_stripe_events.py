"""Webhooks of Stripe: who may send them, which payment they are about, and what is stored."""

import time
from typing import Any

import msgspec
import pytest
from stripe import WebhookSignature

from tests.factories import Json
from tradepost.areas.payments.providers.provider import InvalidSignature
from tradepost.areas.payments.providers.stripe import StripeAccount, StripeProvider

OLD, NEW = "whsec_old", "whsec_new"
INTENT: Json = {
    "object": "payment_intent",
    "id": "pi_1",
    "status": "requires_payment_method",
    "amount": 2500,
    "amount_received": 0,
    "currency": "eur",
    "client_secret": "pi_1_secret_2",
    "receipt_email": "ada@example.com",
    "metadata": {"payment_id": "our-payment", "order_id": "our-order", "shop": "https://shop.example"},
    "last_payment_error": {
        "code": "card_declined",
        "decline_code": "stolen_card",
        "message": "Your card was declined.",
        "payment_method": {
            "billing_details": {"name": "Ada Lovelace"},
            "card": {"brand": "visa", "last4": "0002", "fingerprint": "abc", "exp_year": 2034},
        },
    },
}


def event_body(item: Json, **members: Any) -> bytes:
    """Return an event with an object, as Stripe sends it."""
    event = {"object": "event", "id": "evt_1", "type": "payment_intent.payment_failed", "created": 1_796_000_000}
    return msgspec.json.encode({**event, "livemode": False, "data": {"object": item}, **members})


def headers(body: bytes, secret: str = NEW, age: int = 0) -> dict[str, str]:
    """Return the headers of a webhook that was signed some seconds ago."""
    signature = WebhookSignature.generate_signature_header(body.decode(), secret, int(time.time()) - age)
    return {"content-type": "application/json", "stripe-signature": signature}


def provider(*secrets: str) -> StripeProvider:
    """Return a provider with these webhook secrets."""
    account = StripeAccount(secret_key="sk_test_1", webhook_secrets=secrets, shop="https://shop.example")
    return StripeProvider(account)


def test_an_event_tells_which_payment_to_read() -> None:
    body = event_body(INTENT)
    event = provider(NEW).event(body, headers(body))
    assert (event.id, event.type, event.is_live) == ("evt_1", "payment_intent.payment_failed", False)
    assert (event.reference, event.payment_id, event.shop) == ("pi_1", "our-payment", "https://shop.example")
    assert event.created_at.timestamp() == 1_796_000_000


def test_little_is_stored_of_an_event_and_nothing_about_the_payer() -> None:
    body = event_body(INTENT)
    assert provider(NEW).event(body, headers(body)).data == {
        "object": "payment_intent",
        "object_id": "pi_1",
        "status": "requires_payment_method",
        "currency": "EUR",
        "amount": 2500,
        "amount_received": 0,
        "brand": "visa",
        "last4": "0002",
        "failure_code": "card_declined",
    }


def test_amounts_are_stored_in_our_minor_units() -> None:
    body = event_body(
        {"object": "refund", "id": "re_1", "amount": 150_000, "currency": "isk", "payment_intent": "pi_2"}
    )
    event = provider(NEW).event(body, headers(body))
    assert (event.data["amount"], event.reference, event.payment_id, event.shop) == (1500, "pi_2", None, None)


@pytest.mark.parametrize(
    ("item", "reference"),
    [
        ({"object": "charge", "id": "ch_1", "payment_intent": "pi_3"}, "pi_3"),
        ({"object": "dispute", "id": "du_1", "payment_intent": "pi_4"}, "pi_4"),
        ({"object": "payout", "id": "po_1"}, None),
        # Of a form that we do not know: signed, but about none of our payments.
        ({"object": "charge", "id": "ch_1", "payment_intent": {"id": "pi_5"}}, None),
        ({"object": "file", "status": 7}, None),
    ],
)
def test_the_payment_of_other_objects(item: Json, reference: str | None) -> None:
    body = event_body(item, type="some.thing")
    event = provider(NEW).event(body, headers(body))
    assert (event.reference, event.type) == (reference, "some.thing")


def test_during_a_rotation_both_secrets_are_valid() -> None:
    body = event_body(INTENT)
    both = provider(OLD, NEW)
    assert both.event(body, headers(body, OLD)) == both.event(body, headers(body, NEW))
    with pytest.raises(InvalidSignature, match="not signed with STRIPE_WEBHOOK_SECRET"):
        provider(NEW).event(body, headers(body, OLD))


@pytest.mark.parametrize("age", [301, 86_400])
def test_an_old_webhook_is_refused(age: int) -> None:
    body = event_body(INTENT)
    provider(OLD, NEW).event(body, headers(body, age=290))
    with pytest.raises(InvalidSignature, match="more than 300 seconds ago"):
        provider(OLD, NEW).event(body, headers(body, age=age))


@pytest.mark.parametrize("signature", ["", "t=1", "v1=abc", "t=now,v1=abc", "t=1,v1=abc", "nonsense", "t=1,v0=abc"])
def test_a_webhook_without_a_valid_signature_is_refused(signature: str) -> None:
    with pytest.raises(InvalidSignature):
        provider(NEW).event(event_body(INTENT), {"stripe-signature": signature})


def test_a_changed_body_is_refused_and_one_that_is_not_text() -> None:
    body = event_body(INTENT)
    with pytest.raises(InvalidSignature):
        provider(NEW).event(body.replace(b"2500", b"9999"), headers(body))
    with pytest.raises(InvalidSignature):
        provider(NEW).event(b"\xff", headers(body))
    with pytest.raises(InvalidSignature):
        provider(NEW).event(body, {})


def test_without_a_secret_every_webhook_is_refused() -> None:
    body = event_body(INTENT)
    with pytest.raises(InvalidSignature):
        provider().event(body, headers(body, ""))


@pytest.mark.parametrize(
    "signature", ["", "t=1", "v1=0", "t=x,v1=0", "t=1,v1=\xe9", "t=1,v1=0,v1=\xff", "t=1=2,v1", "," * 4000]
)
def test_a_malformed_signature_is_refused(signature: str) -> None:
    with pytest.raises(InvalidSignature):
        provider(OLD, NEW).event(event_body(INTENT), {"stripe-signature": signature})


def test_only_a_payment_that_failed_is_a_decline() -> None:
    for type, is_decline in (("payment_intent.payment_failed", True), ("charge.failed", False)):
        body = event_body(INTENT, type=type)
        assert provider(NEW).event(body, headers(body)).is_decline == is_decline
