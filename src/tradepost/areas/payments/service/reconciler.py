"""Settles payments whose result is not known, by asking the provider. It leaves `manual` alone."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update

from tradepost.areas.orders.service import OrderRow, TimelineEntry, add_entries, is_closed
from tradepost.kit.db.errors import LostRace
from tradepost.kit.problems import Problem
from tradepost.kit.worker.periodic import periodic
from tradepost.kit.writes.call_context import CallContext

from ..models import PaymentRow, RefundRow
from ..policy import MANUAL
from ..providers.provider import ProviderPayment
from .application import apply
from .calls import Call, carry_out, current_call
from .completion import read_provider
from .events import emit
from .execution import run_in_transaction
from .locks import lock_payment
from .refund_calls import carry_out_refund
from .voiding import begin_voiding

LOG = logging.getLogger("tradepost.payments")
BATCH_SIZE = 50
CALL_AGE = timedelta(seconds=30)
"""A younger call is probably being made right now."""
READ_AGE = timedelta(minutes=5)
"""How long a payment waits for its webhook before it is read."""
REFUND_AGE = timedelta(hours=1)
"""How long a pending refund waits for its webhook before its payment is read."""
DISPUTE_AGE = timedelta(hours=1)
"""How often a disputed payment is read."""
MAX_AGE = timedelta(days=30)
EXPIRING_BEFORE = timedelta(hours=48)


@periodic(seconds=30)
async def reconcile_payments(context: CallContext) -> None:
    """Ask the providers about payments and refunds whose result is not known."""
    for id in await _batch(context, select(PaymentRow.id).where(_unanswered(context))):
        await _safely(id, lambda id=id: settle_payment(context, id))
    refunds = select(RefundRow.id).where(
        RefundRow.status.in_(("created", "unknown")), RefundRow.created_at < context.clock() - CALL_AGE
    )
    for id in await _batch(context, refunds):
        await _safely(id, lambda id=id: carry_out_refund(context, id))


@periodic(seconds=30)
async def void_overdue_payments(context: CallContext) -> None:
    """Void the open payments of orders whose time to pay is over; the orders expire then."""
    overdue = select(OrderRow.id).where(
        OrderRow.status == "pending", OrderRow.expires_at <= context.clock(), OrderRow.payment_progress == "open"
    )
    for order_id in await _batch(context, overdue):
        await _safely(order_id, lambda order_id=order_id: _void_overdue(context, order_id))


@periodic(minutes=10)
async def reread_disputed_payments(context: CallContext) -> None:
    """Read disputed payments again, each once an hour: a webhook about the end may be lost."""
    row, checked_at = PaymentRow, func.coalesce(PaymentRow.checked_at, PaymentRow.updated_at)
    is_due = and_(row.dispute_amount_amount.is_not(None), checked_at < context.clock() - DISPUTE_AGE)
    query = select(row.id).where(row.provider != MANUAL, is_due)
    for id in await _batch(context, query):
        await _safely(id, lambda id=id: settle_payment(context, id))


@periodic(hours=1)
async def announce_expiring_authorizations(context: CallContext) -> None:
    """Emit `payment.authorization_expiring` 48 hours before an authorization lapses."""
    soon = context.clock() + EXPIRING_BEFORE
    row = PaymentRow
    is_due = and_(row.status == "authorized", row.capture_before <= soon, row.is_expiring.is_(False))
    for id in await _batch(context, select(row.id).where(is_due)):
        await _safely(id, lambda id=id: run_in_transaction(context, lambda: _announce_expiring(context, id)))


async def settle_payment(context: CallContext, id: str) -> None:
    """Repeat the call about a payment, or read the payment, and record what the provider says."""

    async def find() -> tuple[PaymentRow, Call | None]:
        order, payment = await lock_payment(context, id)
        checked = update(PaymentRow).where(PaymentRow.id == id).values(checked_at=context.clock())
        await context.session.execute(checked)
        return payment, current_call(order, payment) if payment.operation is not None else None

    payment, call = await run_in_transaction(context, find)
    if call is not None:
        await carry_out(context, lambda step: run_in_transaction(context, step), call)
        return
    seen = await read_provider(context, payment.provider, payment.reference)
    if seen is not None:
        await apply_seen(context, id, seen)


async def apply_seen(context: CallContext, id: str, seen: ProviderPayment) -> None:
    """Apply what a provider says of a payment, in a transaction."""

    async def record() -> None:
        order, payment = await lock_payment(context, id)
        await apply(context, order, payment, seen)

    await run_in_transaction(context, record)


def _unanswered(context: CallContext) -> ColumnElement[bool]:
    """The payments to ask about: with a call that has no answer, or without a webhook for long.

    A webhook is expected of payments that are not settled, and of pending refunds.
    """
    now, row = context.clock(), PaymentRow
    checked_at = func.coalesce(row.checked_at, row.updated_at)
    waits = and_(
        row.status.in_(("requires_action", "processing", "unknown")),
        checked_at < now - READ_AGE,
        row.created_at > now - MAX_AGE,
    )
    pending = select(RefundRow.payment_id).where(RefundRow.status == "pending", RefundRow.created_at > now - MAX_AGE)
    has_pending = and_(row.id.in_(pending), checked_at < now - REFUND_AGE)
    return and_(row.provider != MANUAL, or_(row.operation_at < now - CALL_AGE, waits, has_pending))


async def _batch(context: CallContext, query: Select[str]) -> Sequence[str]:
    """Return ids that a query finds, as many as one run handles.

    They are drawn at random: those whose provider is silent for days must not delay the others.
    """
    async with context.open_session() as session:
        return (await session.scalars(query.order_by(func.random()).limit(BATCH_SIZE))).all()


async def _void_overdue(context: CallContext, order_id: str) -> None:
    call = await run_in_transaction(context, lambda: begin_voiding(context, order_id))
    if call is not None:
        await carry_out(context, lambda step: run_in_transaction(context, step), call)


async def _announce_expiring(context: CallContext, id: str) -> None:
    order, payment = await lock_payment(context, id)
    if payment.status == "authorized" and not payment.is_expiring and not is_closed(order):
        payment.is_expiring = True
        await context.session.flush()
        emit(context, payment, "authorization_expiring")
        await add_entries(context, (order, TimelineEntry("payment_authorization_expiring", payment_id=id)))


async def _safely(id: str, action: Callable[[], Awaitable[None]]) -> None:
    """Run an action. One that fails does not delay the others; the next run tries it again."""
    try:
        await action()
    except (LostRace, Problem) as fault:
        LOG.warning("%s could not be reconciled now: %s", id, type(fault).__name__)
