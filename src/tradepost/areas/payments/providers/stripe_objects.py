"""What we read of Stripe's objects, and what it means for us. Nothing here calls Stripe.

Only these members are taken from an answer: no names, addresses or card numbers. Amounts are still
as Stripe counts them (`stripe_amounts.py`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from .provider import (
    Failure,
    NextAction,
    ProviderDispute,
    ProviderPayment,
    ProviderRefund,
    ProviderStatus,
    RefundStatus,
)
from .stripe_amounts import from_stripe

type IntentStatus = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "succeeded",
    "canceled",
]
STATUSES: Final[Mapping[IntentStatus, ProviderStatus]] = {
    "requires_payment_method": "requires_action",
    "requires_confirmation": "requires_action",
    "requires_action": "requires_action",
    "processing": "processing",
    "requires_capture": "authorized",
    "succeeded": "captured",
    "canceled": "voided",
}
"""Nothing is `failed`: another card can be tried after a decline."""
REFUND_STATUSES: Final[Mapping[str, RefundStatus]] = {
    "pending": "pending",
    "requires_action": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
LOST, KEPT = "lost", frozenset({"won", "warning_closed", "prevented"})
"""The end of a dispute. A `prevented` one was settled by a refund, which is listed as such."""


class Card(msgspec.Struct, frozen=True):
    """What may be shown of a card."""

    brand: str | None = None
    last4: str | None = None
    capture_before: int | None = None


class MethodDetails(msgspec.Struct, frozen=True):
    """How a charge was paid."""

    card: Card | None = None


class StripeRefund(msgspec.Struct, frozen=True):
    """A refund."""

    id: str
    amount: int
    status: str | None = None
    balance_transaction: str | None = None
    failure_reason: str | None = None
    metadata: Mapping[str, str] | None = None

    @property
    def refund_id(self) -> str | None:
        """Our id of it; None if it was made at Stripe's dashboard."""
        return (self.metadata or {}).get("refund_id")


class RefundList(msgspec.Struct, frozen=True):
    """The latest refunds of a charge, at most ten."""

    data: list[StripeRefund]
    has_more: bool = False


class Charge(msgspec.Struct, frozen=True):
    """An attempt to take money. `refunds` only if the call asked for them."""

    id: str
    amount: int
    amount_captured: int = 0
    disputed: bool = False
    payment_method_details: MethodDetails | None = None
    refunds: RefundList | None = None

    @property
    def card(self) -> Card:
        """The card that was charged."""
        return (self.payment_method_details and self.payment_method_details.card) or Card()

    def is_release(self, refund: StripeRefund) -> bool:
        """Whether a refund is only the end of an authorization, which Stripe lists as a refund.

        Such a refund moves no money: it has no balance transaction and the amount not captured.
        """
        uncaptured = self.amount - self.amount_captured
        return refund.balance_transaction is None and refund.refund_id is None and refund.amount == uncaptured


class PaymentError(msgspec.Struct, frozen=True):
    """Why the last attempt failed, as the payer may read it.

    The bank's `decline_code` is left out: Stripe asks not to show `stolen_card` and the like.
    """

    code: str | None = None
    message: str | None = None


class Intent(msgspec.Struct, frozen=True):
    """A payment intent. `latest_charge` is an id unless the call asked for the charge."""

    id: str
    status: IntentStatus
    amount: int
    currency: str
    created: int
    amount_capturable: int = 0
    amount_received: int = 0
    client_secret: str | None = None
    last_payment_error: PaymentError | None = None
    latest_charge: Charge | str | None = None
    metadata: Mapping[str, str] = {}

    @property
    def charge(self) -> Charge | None:
        """The last attempt, if the call asked for it."""
        return self.latest_charge if isinstance(self.latest_charge, Charge) else None


class EvidenceDetails(msgspec.Struct, frozen=True):
    """Until when a dispute has to be answered."""

    due_by: int | None = None


class Dispute(msgspec.Struct, frozen=True):
    """A dispute (chargeback)."""

    amount: int
    currency: str
    reason: str
    status: str
    evidence_details: EvidenceDetails = EvidenceDetails()


def provider_payment(
    intent: Intent,
    next_action: NextAction,
    refunds: list[StripeRefund] | None = None,
    dispute: Dispute | None = None,
) -> ProviderPayment:
    """Return a payment intent as we see it.

    next_action: what the payer has to do while the payment waits for that.
    refunds: all of them; None if they were not read.
    """
    currency, status = intent.currency.upper(), STATUSES[intent.status]
    charge, card = intent.charge, intent.charge.card if intent.charge is not None else Card()
    return ProviderPayment(
        reference=intent.id,
        payment_id=intent.metadata.get("payment_id"),
        status=status,
        amount=from_stripe(intent.amount, currency),
        currency=currency,
        authorized=from_stripe(intent.amount_capturable, currency),
        captured=from_stripe(intent.amount_received, currency),
        next_action=next_action if status == "requires_action" else None,
        failure=_failure(intent.last_payment_error),
        capture_before=_time(card.capture_before) if status == "authorized" else None,
        dispute=None if dispute is None else _dispute(dispute, intent),
        refunds=None
        if refunds is None
        else tuple(provider_refund(r, currency) for r in refunds if charge is None or not charge.is_release(r)),
    )


def provider_refund(refund: StripeRefund, currency: str) -> ProviderRefund:
    """Return a refund as we see it."""
    status = REFUND_STATUSES.get(refund.status or "", "pending")
    code = refund.failure_reason or (refund.status if status == "failed" else None)
    return ProviderRefund(
        reference=refund.id,
        refund_id=refund.refund_id,
        amount=from_stripe(refund.amount, currency),
        status=status,
        failure=None if code is None else Failure(code, f"The refund failed: {code.replace('_', ' ')}."),
    )


def _failure(error: PaymentError | None) -> Failure | None:
    if error is None:
        return None
    return Failure(error.code or "payment_failed", error.message or "The payment failed. Try another way to pay.")


def _dispute(dispute: Dispute, intent: Intent) -> ProviderDispute:
    """Return a dispute. If it is in another currency, it is about all that was captured."""
    currency = intent.currency.upper()
    amount = dispute.amount if dispute.currency == intent.currency else intent.amount_received
    return ProviderDispute(
        amount=from_stripe(amount, currency),
        reason=dispute.reason,
        due_by=_time(dispute.evidence_details.due_by),
        outcome="lost" if dispute.status == LOST else "won" if dispute.status in KEPT else "open",
    )


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
