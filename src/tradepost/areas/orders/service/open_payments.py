"""Voids payments at providers before the order is closed that they belong to."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from tradepost.kit.operations.service import Service
from tradepost.kit.writes.call_context import CallContext

from ..models import OrderRow


class OpenPayments(Protocol):
    """The payments that can still succeed. The payments area, which comes later, provides it."""

    async def void(self, service: Service, order_id: str) -> None:
        """Void those of an order at their providers, in transactions of their own.

        Raise PaymentInProgress if the result of one is not known yet, or Unavailable if its
        provider does not answer.
        """
        ...


class OrderHasOpenPayment(Exception):
    """The order cannot be closed before its open payment is voided."""

    def __init__(self, order_id: str) -> None:
        super().__init__(order_id)
        self.order_id = order_id


def check_no_open_payment(order: OrderRow) -> None:
    """Raise OrderHasOpenPayment if money can still arrive from a provider."""
    if order.payment_progress is not None:
        raise OrderHasOpenPayment(order.id)


async def after_voiding[R](service: Service, step: Callable[[], Awaitable[R]]) -> R:
    """Run the last transaction of an operation that closes an order or a part of it.

    If the order has an open payment at a provider, that is voided first: its provider is asked
    while no transaction is open.
    """
    try:
        return await service.in_last_transaction(step)
    except OrderHasOpenPayment as refusal:
        await open_payments(service.context).void(service, refusal.order_id)
    try:
        return await service.in_last_transaction(step)
    except OrderHasOpenPayment as refusal:  # another one was created meanwhile
        await open_payments(service.context).void(service, refusal.order_id)
        return await service.in_last_transaction(step)


def open_payments(context: CallContext) -> OpenPayments:
    """Return what voids open payments."""
    return context.dependencies.require(OpenPayments)
