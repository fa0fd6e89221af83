"""Webhooks of Stripe: which payment an event is about, and the little that is stored of it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from .provider import InvalidSignature, ProviderEvent
from .stripe_amounts import UnknownCurrency, from_stripe

TOLERANCE = 300
"""Seconds that a webhook may be old, so that a recorded one is of no use."""
DECLINE = "payment_intent.payment_failed"
AMOUNTS = ("amount", "amount_capturable", "amount_received", "amount_captured", "amount_refunded")


class _Card(msgspec.Struct, frozen=True):
    brand: str | None = None
    last4: str | None = None


class _Method(msgspec.Struct, frozen=True):
    card: _Card | None = None


class _Error(msgspec.Struct, frozen=True):
    code: str | None = None
    payment_method: _Method | None = None


class _Object(msgspec.Struct, frozen=True):
    """What all objects of events have in common, and what payments, charges and refunds have."""

    object: str = ""
    id: str | None = None
    status: str | None = None
    currency: str | None = None
    amount: int | None = None
    amount_capturable: int | None = None
    amount_received: int | None = None
    amount_captured: int | None = None
    amount_refunded: int | None = None
    payment_intent: str | None = None
    payment_method_details: _Method | None = None
    last_payment_error: _Error | None = None
    failure_code: str | None = None
    failure_reason: str | None = None
    metadata: Mapping[str, str] | None = None


class _Data(msgspec.Struct, frozen=True):
    object: _Object


class _Event(msgspec.Struct, frozen=True):
    id: str
    type: str
    created: int
    livemode: bool
    data: _Data


def read_event(body: bytes, signature: str, secrets: Sequence[str]) -> ProviderEvent:
    """Return a webhook that was signed with one of the secrets. Raise InvalidSignature."""
    check_signature(body, signature, secrets)
    try:
        event = msgspec.json.decode(body, type=_Event)
    except msgspec.DecodeError:
        # It is signed, so it is Stripe's, but of a form that we do not know: nothing of ours.
        event = msgspec.json.decode(body, type=_UnknownEvent)
        return _provider_event(event, _Object())
    return _provider_event(event, event.data.object)


class _UnknownEvent(msgspec.Struct, frozen=True):
    id: str
    type: str = "unknown"
    created: int = 0
    livemode: bool = False


def check_signature(body: bytes, signature: str, secrets: Sequence[str]) -> None:
    """Raise InvalidSignature unless a body is signed with one of the secrets, and not too old."""
    from stripe import SignatureVerificationError, WebhookSignature  # see stripe_http.py

    # The library gives `tolerance` no type.
    verify = cast("Any", WebhookSignature.verify_header)

    def is_valid(secret: str, tolerance: int | None) -> bool:
        try:
            return verify(body, signature, secret, tolerance)
        except (SignatureVerificationError, UnicodeDecodeError, TypeError):  # TypeError: not ASCII
            return False

    signer = next((secret for secret in secrets if is_valid(secret, None)), None)
    if signer is None:
        raise InvalidSignature("The webhook is not signed with STRIPE_WEBHOOK_SECRET.")
    if not is_valid(signer, TOLERANCE):
        raise InvalidSignature(f"The webhook was signed more than {TOLERANCE} seconds ago.")


def _provider_event(event: _Event | _UnknownEvent, item: _Object) -> ProviderEvent:
    metadata = item.metadata or {}
    return ProviderEvent(
        id=event.id,
        type=event.type,
        reference=item.id if item.object == "payment_intent" else item.payment_intent,
        payment_id=metadata.get("payment_id"),
        shop=metadata.get("shop"),
        is_live=event.livemode,
        created_at=datetime.fromtimestamp(event.created, UTC),
        data=_stored_data(item),
        is_decline=event.type == DECLINE,
    )


def _stored_data(item: _Object) -> dict[str, str | int | bool | None]:
    """Return what is stored: amounts in our minor units, nothing about the payer."""
    error = item.last_payment_error
    method = item.payment_method_details or (error and error.payment_method) or _Method()
    card = method.card or _Card()
    data: dict[str, Any] = {
        "object": item.object or None,
        "object_id": item.id,
        "status": item.status,
        "currency": item.currency and item.currency.upper(),
        **{name: _amount(getattr(item, name), item.currency) for name in AMOUNTS},
        "brand": card.brand,
        "last4": card.last4,
        "failure_code": (error and error.code) or item.failure_code or item.failure_reason,
    }
    return {name: value for name, value in data.items() if value is not None}


def _amount(amount: int | None, currency: str | None) -> int | None:
    if amount is None or currency is None:
        return None
    try:
        return from_stripe(amount, currency.upper())
    except (UnknownCurrency, ValueError):
        return None
