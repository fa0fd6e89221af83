"""The interface of payment providers.

A provider talks to a payment service; it knows no orders and writes no rows. Each call returns the
payment as the provider has it *now*, and `service/application.py` applies that to our row.

Calls are made between two transactions. Each carries an idempotency key, so that a repetition has
no second effect at the provider. Amounts are in minor units of the currency, as ours are; a
provider that counts otherwise converts them.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Literal, Protocol

import msgspec

type ProviderStatus = Literal["created", "requires_action", "processing", "authorized", "captured", "failed", "voided"]
type RefundStatus = Literal["pending", "succeeded", "failed"]


class ProviderUnavailable(Exception):
    """The provider did not answer, or not in time, so nobody knows whether the call took effect."""


class ProviderRefused(Exception):
    """The provider refused a call for good: it had no effect, and repeating it is of no use."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


class InvalidSignature(Exception):
    """A webhook was not signed by the provider, or too long ago. The message says which."""


class PaymentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a payment is created from.

    method: the method, if the provider has several.
    captures_at_once: whether the money is taken at once, or only authorized.
    return_url: where the payer's browser goes back to.
    order_number: what the payer is shown.
    """

    payment_id: str
    order_id: str
    method: str | None
    amount: int
    currency: str
    captures_at_once: bool = True
    return_url: str | None = None
    order_number: str = ""


class NextAction(msgspec.Struct, frozen=True, kw_only=True):
    """What the payer has to do.

    url: a page to go to. secret: what the payer's browser continues with. Both open the payment,
    so they are shown to the payer only and are never stored.
    """

    type: Literal["redirect", "client_secret", "instructions"]
    text: str | None = None
    url: str | None = None
    secret: str | None = None


class Failure(msgspec.Struct, frozen=True):
    """Why the last attempt to pay, or a refund, has failed: a code and a sentence for people."""

    code: str
    detail: str


class ProviderDispute(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute that the payer's bank has opened."""

    amount: int
    reason: str
    due_by: datetime | None
    outcome: Literal["open", "won", "lost"] = "open"


class ProviderRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as the provider has it. `refund_id` is ours; None if it was not made by us."""

    reference: str
    refund_id: str | None
    amount: int
    status: RefundStatus
    failure: Failure | None = None


class ProviderPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as the provider has it.

    reference: the provider's id of it; None if the provider keeps nothing.
    payment_id: our id of it, which the provider has stored.
    status: `failed` and `voided` only if it can never succeed; a declined attempt that may be
        repeated is `requires_action` with `failure`.
    authorized: what can still be captured. captured: what was captured in all.
    capture_before: when the authorization lapses.
    refunds: all its refunds; None if the answer does not tell.
    """

    reference: str | None
    payment_id: str | None
    status: ProviderStatus
    amount: int
    currency: str
    authorized: int = 0
    captured: int = 0
    next_action: NextAction | None = None
    failure: Failure | None = None
    capture_before: datetime | None = None
    dispute: ProviderDispute | None = None
    refunds: tuple[ProviderRefund, ...] | None = None


class ProviderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook whose signature is valid. It only says which payment to read again.

    reference, payment_id: the payment that it is about; None if it is about none of ours.
    shop: the PUBLIC_URL of the shop that made the payment; None if unknown.
    is_live: whether real money moves.
    is_decline: whether an attempt to pay was declined.
    data: what is stored of it: object, status, amounts, brand, last4, failure code.
    """

    id: str
    type: str
    reference: str | None
    payment_id: str | None
    shop: str | None
    is_live: bool
    created_at: datetime
    data: Mapping[str, str | int | bool | None]
    is_decline: bool = False


class PaymentProvider(Protocol):
    """A payment provider.

    name: as in `PAYMENT_METHODS` and in `Payment.provider`.
    is_remote: whether its calls go over the network. If not, they run inside the transaction, and
        staff record what was received.
    is_live: whether real money moves; webhooks of the other mode are ignored.
    """

    name: str
    is_remote: bool
    is_live: bool

    async def create(self, request: PaymentRequest, key: str) -> ProviderPayment:
        """Create a payment. Raise ProviderRefused or ProviderUnavailable, as all calls do."""
        ...

    async def read(self, reference: str) -> ProviderPayment:
        """Return a payment with its next action, refunds and dispute."""
        ...

    async def find(self, payment_id: str) -> ProviderPayment | None:
        """Return the payment that was made with our id, or None if there is none."""
        ...

    async def capture(self, reference: str, amount: int, currency: str, key: str) -> ProviderPayment:
        """Capture an authorized payment. The rest of the authorization lapses."""
        ...

    async def void(self, reference: str, key: str) -> ProviderPayment:
        """Make sure that a payment cannot succeed any more.

        Return it as it is now: if it has succeeded meanwhile, it is captured.
        """
        ...

    async def refund(
        self, reference: str, refund_id: str, amount: int, currency: str, reason: str | None, key: str
    ) -> ProviderRefund:
        """Pay money back."""
        ...

    def event(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent:
        """Return a webhook, or raise InvalidSignature. Names of headers are in lower case."""
        ...

    def payments_since(self, time: datetime) -> AsyncIterator[ProviderPayment]:
        """Yield this shop's payments that were created since a time, with their refunds."""
        ...

    async def close(self) -> None:
        """Close the connections, at the end of the process."""
        ...


class PaymentProviders:
    """The providers of this shop, by name. `bootstrap.py` makes it from the settings."""

    def __init__(self, *providers: PaymentProvider) -> None:
        self.by_name = {provider.name: provider for provider in providers}

    def get(self, name: str) -> PaymentProvider | None:
        """Return a provider, or None if the shop has it no more."""
        return self.by_name.get(name)

    async def close(self) -> None:
        """Close the connections of all providers."""
        for provider in self.by_name.values():
            await provider.close()
