"""A payment provider in memory whose answers a test decides, and apps that offer it."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from tradepost.areas.payments.providers.manual import ManualProvider
from tradepost.areas.payments.providers.provider import (
    InvalidSignature,
    NextAction,
    PaymentProviders,
    PaymentRequest,
    ProviderEvent,
    ProviderPayment,
    ProviderRefund,
    ProviderRefused,
    ProviderUnavailable,
)
from tradepost.areas.pricing.payment_method_setting import PaymentMethodRule

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

MEMORY = {"provider": "memory"}
SECRET = "secret-of-the-payer"
WEBHOOK_SIGNATURE = "valid"


class MemoryProvider:
    """Keeps payments in memory as a provider does, each call once per idempotency key.

    silent: the calls that take effect but whose answer is lost, by name.
    down: the calls that do not reach it. refusing: those that it refuses.
    on_call: called within each call, before its effect.
    """

    name, is_remote, is_live = "memory", True, False

    def __init__(self) -> None:
        self.payments = dict[str, ProviderPayment]()
        self.refunds = dict[str, list[ProviderRefund]]()
        self.answers = dict[str, Any]()
        self.calls = list[tuple[str, str]]()
        self.silent, self.down, self.refusing = set[str](), set[str](), set[str]()
        self.on_call: Callable[[str], Awaitable[None]] | None = None

    async def create(self, request: PaymentRequest, key: str) -> ProviderPayment:
        def effect() -> ProviderPayment:
            made = ProviderPayment(
                reference=f"ref-{request.payment_id}",
                payment_id=request.payment_id,
                status="requires_action",
                amount=request.amount,
                currency=request.currency,
                next_action=NextAction(type="redirect", url=f"https://pay.example/{SECRET}"),
            )
            return self._store(made)

        return await self._call("create", key, effect)

    async def read(self, reference: str) -> ProviderPayment:
        if self.on_call is not None:
            await self.on_call("read")
        if "read" in self.down:
            raise ProviderUnavailable
        if "read" in self.refusing:
            raise ProviderRefused("refused", "The provider refused it.")
        return self.seen(reference)

    async def find(self, payment_id: str) -> ProviderPayment | None:
        if "find" in self.down:
            raise ProviderUnavailable
        found = self.payments.get(f"ref-{payment_id}")
        return None if found is None else self.seen(f"ref-{payment_id}")

    async def capture(self, reference: str, amount: int, currency: str, key: str) -> ProviderPayment:
        return await self._call("capture", key, lambda: self.set(reference, "captured", captured=amount))

    async def void(self, reference: str, key: str) -> ProviderPayment:
        def effect() -> ProviderPayment:
            is_final = self.payments[reference].status in ("captured", "voided", "failed")
            return self.seen(reference) if is_final else self.set(reference, "voided")

        return await self._call("void", key, effect)

    async def refund(
        self, reference: str, refund_id: str, amount: int, currency: str, reason: str | None, key: str
    ) -> ProviderRefund:
        def effect() -> ProviderRefund:
            made = ProviderRefund(reference=f"ref-{refund_id}", refund_id=refund_id, amount=amount, status="succeeded")
            self.refunds.setdefault(reference, []).append(made)
            return made

        return await self._call("refund", key, effect)

    def event(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent:
        if headers.get("x-signature") != WEBHOOK_SIGNATURE:
            raise InvalidSignature("The signature is not valid.")
        return msgspec.json.decode(body, type=ProviderEvent)

    async def payments_since(self, time: datetime) -> AsyncIterator[ProviderPayment]:
        for reference in self.payments:
            yield self.seen(reference)

    async def close(self) -> None:
        """Close nothing."""

    def seen(self, reference: str) -> ProviderPayment:
        """Return a payment as it is now, with its refunds."""
        return msgspec.structs.replace(self.payments[reference], refunds=tuple(self.refunds.get(reference, ())))

    def set(self, reference: str, status: Any, **members: Any) -> ProviderPayment:
        """Change a payment: the payer has paid, or the bank has answered."""
        before = self.payments[reference]
        values: dict[str, Any] = {"status": status, "next_action": None, "authorized": 0, "failure": None, **members}
        if status == "requires_action":
            values["next_action"] = before.next_action or NextAction(type="redirect", url="https://pay.example/")
        return self._store(msgspec.structs.replace(before, **values))

    def _store(self, payment: ProviderPayment) -> ProviderPayment:
        assert payment.reference is not None
        self.payments[payment.reference] = payment
        return self.seen(payment.reference)

    async def _call(self, name: str, key: str, effect: Callable[[], Any]) -> Any:
        """Make a call: once per key, as each provider does."""
        self.calls.append((name, key))
        if self.on_call is not None:
            await self.on_call(name)
        if name in self.down:
            raise ProviderUnavailable
        if key not in self.answers:
            if name in self.refusing:
                raise ProviderRefused("refused", "The provider refused it.")
            self.answers[key] = effect()
        if name in self.silent:
            raise ProviderUnavailable
        return self.answers[key]


@asynccontextmanager
async def app_with_memory_provider(settings: "Settings", **changes: Any) -> AsyncGenerator["TradepostApp"]:
    """Run an app that offers a MemoryProvider and bank transfers; `provider_of` returns it."""
    from tradepost.app import create_app

    rules = tuple(
        [
            PaymentMethodRule(provider=provider, method=method, name="A method")  # type: ignore[arg-type]
            for provider, method in (("memory", None), ("manual", "bank_transfer"))
        ]
    )
    app = create_app(msgspec.structs.replace(settings, payment_methods=rules, **changes))
    providers = PaymentProviders(ManualProvider(), MemoryProvider())
    app.state.dependencies.instances[PaymentProviders] = providers
    async with app.lifespan():
        yield app


def provider_of(app: "TradepostApp") -> MemoryProvider:
    """Return the scripted provider of an app."""
    return app.state.dependencies.require(PaymentProviders).get("memory")
