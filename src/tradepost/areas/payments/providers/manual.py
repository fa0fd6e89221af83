"""The provider `manual`: money that reaches the shop by itself, which staff record."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from tradepost.kit.schema.money import format_money

from .provider import (
    InvalidSignature,
    NextAction,
    PaymentRequest,
    ProviderEvent,
    ProviderPayment,
    ProviderRefund,
    ProviderRefused,
)

CASH_ON_DELIVERY = "cash_on_delivery"


class ManualProvider:
    """Bank transfers and cash on delivery.

    Nothing is stored elsewhere, so there is nothing to read. Staff record what they have received
    and paid back.
    """

    name, is_remote, is_live = "manual", False, True

    async def create(self, request: PaymentRequest, key: str) -> ProviderPayment:
        """Return the instructions for a transfer; cash on delivery is authorized at once."""
        is_cash = request.method == CASH_ON_DELIVERY
        instructions = transfer_instructions(request.amount, request.currency, request.order_number)
        return ProviderPayment(
            reference=None,
            payment_id=request.payment_id,
            status="authorized" if is_cash else "created",
            amount=request.amount,
            currency=request.currency,
            authorized=request.amount if is_cash else 0,
            next_action=None if is_cash else instructions,
        )

    async def read(self, reference: str) -> ProviderPayment:
        """Refuse: there is nothing to read."""
        raise _nothing_stored()

    async def find(self, payment_id: str) -> ProviderPayment | None:
        """Return None: nothing is stored."""
        return None

    async def capture(self, reference: str, amount: int, currency: str, key: str) -> ProviderPayment:
        """Refuse: staff record a capture."""
        raise _nothing_stored()

    async def void(self, reference: str, key: str) -> ProviderPayment:
        """Refuse: a void is recorded at once."""
        raise _nothing_stored()

    async def refund(
        self, reference: str, refund_id: str, amount: int, currency: str, reason: str | None, key: str
    ) -> ProviderRefund:
        """Refuse: staff pay back and record it."""
        raise _nothing_stored()

    def event(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent:
        """Refuse: nobody sends webhooks."""
        raise InvalidSignature("The provider `manual` sends no webhooks.")

    async def payments_since(self, time: datetime) -> AsyncIterator[ProviderPayment]:
        """Yield nothing."""
        return
        yield

    async def close(self) -> None:
        """Do nothing: there are no connections."""


def transfer_instructions(amount: int, currency: str, number: str) -> NextAction:
    """Return the instruction for a bank transfer of an amount."""
    text = f"Transfer {format_money(amount, currency)} to the account of the shop and state the order number {number}."
    return NextAction(type="instructions", text=text)


def _nothing_stored() -> ProviderRefused:
    return ProviderRefused("not_remote", "Payments with the provider `manual` are recorded by staff.")
