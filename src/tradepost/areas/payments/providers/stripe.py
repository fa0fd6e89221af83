"""The provider `stripe`: payment intents at Stripe, by its own library.

https://docs.stripe.com/payments/paymentintents/lifecycle. The payer's browser pays with the client
secret, so that no card data reaches this server. The provider `fake` is the same class with the
payment simulator in Stripe's place.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from tradepost.kit.ids import id_time

from .provider import NextAction, PaymentRequest, ProviderEvent, ProviderPayment, ProviderRefund, ProviderRefused
from .stripe_amounts import to_stripe
from .stripe_events import read_event
from .stripe_objects import Dispute, Intent, StripeRefund, provider_payment, provider_refund

if TYPE_CHECKING:
    import httpx
    from stripe import StripeClient, StripeObject
    from stripe.params import (
        PaymentIntentCreateParams,
        PaymentIntentListParams,
        PaymentIntentListParamsCreated,
        RefundCreateParams,
    )

    from .stripe_http import StripeHttpClient

STRIPE_API = "https://api.stripe.com"
TIMEOUT = 20.0
PAGE = 100
CLOCK_SKEW, LAST_REPETITION = timedelta(minutes=5), timedelta(hours=13)
"""When, before and after our id was made, Stripe may have created the payment intent of it."""
EXPANDED = ["latest_charge.refunds"]
REASONS = ("duplicate", "fraudulent", "requested_by_customer")
IS_OVER = "payment_intent_unexpected_state"


class StripeAccount(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach an account at Stripe.

    secret_key: `sk_live_...` and `rk_live_...` move real money.
    webhook_secrets: while a secret is rotated, the old and the new one.
    shop: PUBLIC_URL, which marks our payments in an account that several shops share.
    payment_page: the page that the payer is sent to, followed by the client secret; None: the
        payer's browser continues with the client secret itself.
    create_transport: makes the transport of httpx; None: TCP.
    """

    secret_key: str
    webhook_secrets: tuple[str, ...]
    shop: str
    api_url: str = STRIPE_API
    payment_page: str | None = None
    create_transport: "Callable[[], httpx.AsyncBaseTransport] | None" = None
    timeout: float = TIMEOUT

    def __repr__(self) -> str:
        """Return the account without its secrets."""
        return f"StripeAccount(shop={self.shop!r}, api_url={self.api_url!r})"


class StripeProvider:
    """Payments at Stripe. All calls are made once; the caller repeats them with the same key."""

    is_remote = True

    def __init__(self, account: StripeAccount, name: str = "stripe") -> None:
        self.name, self.account = name, account
        self.is_live = account.secret_key.startswith(("sk_live_", "rk_live_"))
        self._client: StripeClient | None = None
        self._http: StripeHttpClient | None = None

    async def create(self, request: PaymentRequest, key: str) -> ProviderPayment:
        """Create a payment intent, which the payer's browser confirms."""
        params: PaymentIntentCreateParams = {
            "amount": _stripe_amount(request.amount, request.currency),
            "currency": request.currency.lower(),
            "capture_method": "automatic" if request.captures_at_once else "manual",
            "automatic_payment_methods": {"enabled": True},
            "metadata": self._metadata(payment_id=request.payment_id, order_id=request.order_id),
        }
        if request.order_number:
            params["description"] = f"Order {request.order_number}"
        if self.account.payment_page is not None and request.return_url is not None:
            params["return_url"] = request.return_url
        with self._errors():
            answer = await self._api.v1.payment_intents.create_async(params, {"idempotency_key": key})
            return self._payment(_read(answer, Intent), [])

    async def read(self, reference: str) -> ProviderPayment:
        """Return a payment with its refunds and its dispute."""
        with self._errors():
            answer = await self._api.v1.payment_intents.retrieve_async(reference, {"expand": EXPANDED})
            return await self._complete(_read(answer, Intent))

    async def find(self, payment_id: str) -> ProviderPayment | None:
        """Return the payment with our id, or None.

        Stripe's search lags by a minute and more; its list does not. The id holds the time when it
        was made, so only the payments since then are read.
        """
        made_at = id_time(payment_id)
        async for intent in self._intents(made_at - CLOCK_SKEW, made_at + LAST_REPETITION):
            if intent.metadata.get("payment_id") == payment_id:
                with self._errors():
                    return await self._complete(intent)
        return None

    async def capture(self, reference: str, amount: int, currency: str, key: str) -> ProviderPayment:
        """Capture an authorized payment. The rest of the authorization lapses."""
        captured = _stripe_amount(amount, currency)
        with self._errors():
            answer = await self._api.v1.payment_intents.capture_async(
                reference, {"amount_to_capture": captured, "expand": EXPANDED}, {"idempotency_key": key}
            )
            return await self._complete(_read(answer, Intent))

    async def void(self, reference: str, key: str) -> ProviderPayment:
        """Cancel a payment. If it cannot be cancelled any more, return it as it is now."""
        try:
            with self._errors():
                answer = await self._api.v1.payment_intents.cancel_async(
                    reference, {"expand": EXPANDED}, {"idempotency_key": key}
                )
                return await self._complete(_read(answer, Intent))
        except ProviderRefused as refusal:
            if refusal.code != IS_OVER:
                raise
            return await self.read(reference)

    async def refund(
        self, reference: str, refund_id: str, amount: int, currency: str, reason: str | None, key: str
    ) -> ProviderRefund:
        """Pay money back. Stripe gets the reason only if it is one of its own."""
        params: RefundCreateParams = {
            "payment_intent": reference,
            "amount": _stripe_amount(amount, currency),
            "metadata": self._metadata(refund_id=refund_id),
        }
        if reason in REASONS:
            params["reason"] = reason
        with self._errors():
            answer = await self._api.v1.refunds.create_async(params, {"idempotency_key": key})
            return provider_refund(_read(answer, StripeRefund), currency)

    def event(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent:
        """Return a webhook, or raise InvalidSignature."""
        return read_event(body, headers.get("stripe-signature", ""), self.account.webhook_secrets)

    async def payments_since(self, time: datetime) -> AsyncIterator[ProviderPayment]:
        """Yield this shop's payments that were created since a time, the newest first."""
        async for intent in self._intents(time):
            if intent.metadata.get("shop") == self.account.shop:
                with self._errors():
                    payment = await self._complete(intent)
                yield payment

    async def close(self) -> None:
        """Close the connections. A later call opens new ones."""
        http, self._http, self._client = self._http, None, None
        if http is not None:
            await http.close_async()

    @property
    def _api(self) -> "StripeClient":
        """The library's client, made at the first call. See stripe_http.py for the reason."""
        if self._client is None:
            from stripe import StripeClient

            from .stripe_http import StripeHttpClient

            self._http = StripeHttpClient(self.account.timeout, self.account.create_transport)
            self._client = StripeClient(
                self.account.secret_key,
                base_addresses={"api": self.account.api_url},
                http_client=self._http,
                max_network_retries=0,
            )
        return self._client

    def _errors(self) -> AbstractContextManager[None]:
        from .stripe_http import provider_errors

        return provider_errors(self.name)

    async def _intents(self, since: datetime, until: datetime | None = None) -> AsyncIterator[Intent]:
        """Yield the account's payment intents created within a time, the newest first."""
        created: PaymentIntentListParamsCreated = {"gte": int(since.timestamp())}
        if until is not None:
            created["lte"] = int(until.timestamp())
        params: PaymentIntentListParams = {"created": created, "limit": PAGE, "expand": [f"data.{EXPANDED[0]}"]}
        while True:
            with self._errors():
                page = await self._api.v1.payment_intents.list_async(params)
                intents = [_read(item, Intent) for item in page.data]
            for intent in intents:
                yield intent
            if not page.has_more or not intents:
                return
            params["starting_after"] = intents[-1].id

    async def _complete(self, intent: Intent) -> ProviderPayment:
        """Return a payment with all refunds and its dispute, which may take further calls."""
        charge = intent.charge
        if charge is None:
            return self._payment(intent, [])
        refunds = charge.refunds.data if charge.refunds is not None and not charge.refunds.has_more else None
        if refunds is None:
            page = await self._api.v1.refunds.list_async({"charge": charge.id, "limit": PAGE})
            refunds = [_read(refund, StripeRefund) async for refund in page.auto_paging_iter()]
        dispute: Dispute | None = None
        if charge.disputed:
            disputes = await self._api.v1.disputes.list_async({"charge": charge.id, "limit": 1})
            dispute = next((_read(item, Dispute) for item in disputes.data), None)
        return self._payment(intent, refunds, dispute)

    def _payment(self, intent: Intent, refunds: list[StripeRefund], dispute: Dispute | None = None) -> ProviderPayment:
        return provider_payment(intent, self._next_action(intent), refunds, dispute)

    def _next_action(self, intent: Intent) -> NextAction:
        page = self.account.payment_page
        if page is None:
            return NextAction(type="client_secret", secret=intent.client_secret)
        return NextAction(type="redirect", url=f"{page}/{intent.client_secret}")

    def _metadata(self, **ids: str) -> dict[str, str]:
        return {**ids, "shop": self.account.shop}


def _read[T](item: "StripeObject", kind: type[T]) -> T:
    """Return what we need of an object. Raise ValidationError if it is not as documented."""
    return msgspec.convert(item.to_dict(), kind)


def _stripe_amount(amount: int, currency: str) -> int:
    """Return an amount as Stripe counts it, or raise ProviderRefused."""
    try:
        return to_stripe(amount, currency)
    except ValueError as error:
        raise ProviderRefused("invalid_amount", f"{error}.") from None
