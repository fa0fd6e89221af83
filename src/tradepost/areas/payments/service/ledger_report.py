"""Compares the payments that providers have with ours. It changes nothing."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select

from tradepost.kit.writes.call_context import CallContext

from ..models import SETTLED, PaymentRow
from ..providers.provider import PaymentProvider, PaymentProviders, ProviderPayment

CLOCK_SKEW = timedelta(minutes=5)
"""How much the clocks of a provider and ours may differ."""
NEVER_MADE = "failed"
"""The status of a payment without a reference that its provider need not have."""
NAMES = ("status", "captured", "refunded")


class LedgerDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that a provider has otherwise than we do.

    payment_id, reference: None if it is unknown on that side.
    name: what differs: `status`, `captured` or `refunded`; `payment` if one side has none.
    theirs, ours: its value on each side, in minor units; None if there is none.
    """

    provider: str
    payment_id: str | None
    reference: str | None
    name: str
    theirs: str | int | None
    ours: str | int | None


async def compare_ledgers(context: CallContext, since: datetime) -> list[LedgerDifference]:
    """Compare the payments since a time of all remote providers with ours.

    Raise ProviderUnavailable or ProviderRefused if a provider cannot be read. Providers are read
    first, so a payment that changes meanwhile can differ once, but not again.
    """
    providers = context.dependencies.require(PaymentProviders).by_name.values()
    differences = list[LedgerDifference]()
    for provider in providers:
        if provider.is_remote:
            differences += await _compare(context, provider, since)
    return differences


async def _compare(context: CallContext, provider: PaymentProvider, since: datetime) -> list[LedgerDifference]:
    theirs = [payment async for payment in provider.payments_since(since - CLOCK_SKEW)]
    rows = await _rows(context, provider, since, theirs)
    by_reference = {row.reference: row for row in rows if row.reference is not None}
    by_id = {row.id: row for row in rows if row.reference is None}
    differences, seen = list[LedgerDifference](), set[str]()
    for payment in theirs:
        row = by_reference.get(payment.reference or "") or by_id.get(payment.payment_id or "")
        if row is not None:
            seen.add(row.id)
        differences += _differences(provider, payment, row)
    absent = [row for row in rows if row.id not in seen and row.created_at >= since]
    return differences + [_absent(provider, row) for row in absent if row.reference or row.status != NEVER_MADE]


async def _rows(
    context: CallContext, provider: PaymentProvider, since: datetime, theirs: Sequence[ProviderPayment]
) -> list[PaymentRow]:
    """Return our payments since a time, and those that the provider has."""
    columns = {
        PaymentRow.reference: {payment.reference for payment in theirs if payment.reference is not None},
        PaymentRow.id: {payment.payment_id for payment in theirs if payment.payment_id is not None},
    }
    conditions = [PaymentRow.created_at >= since]
    conditions += [context.database.in_values(column, sorted(values)) for column, values in columns.items() if values]
    rows = dict[str, PaymentRow]()
    async with context.open_session() as session:
        for condition in conditions:
            query = select(PaymentRow).where(PaymentRow.provider == provider.name, condition)
            rows |= {row.id: row for row in await session.scalars(query.order_by(PaymentRow.id))}
    return list(rows.values())


def _differences(
    provider: PaymentProvider, payment: ProviderPayment, row: PaymentRow | None
) -> Iterable[LedgerDifference]:
    """Yield what differs in a payment that the provider has."""
    theirs = (payment.status, payment.captured, _refunded(payment))
    if row is None:
        names, values = ("payment",), ((f"{payment.status}, {payment.captured} captured", None),)
    else:
        status = "captured" if row.status in SETTLED else row.status
        names, values = NAMES, tuple(zip(theirs, (status, row.captured_amount, row.refunded_amount), strict=True))
    for name, (their_value, our_value) in zip(names, values, strict=True):
        if their_value != our_value:
            yield LedgerDifference(
                provider=provider.name,
                payment_id=payment.payment_id if row is None else row.id,
                reference=payment.reference,
                name=name,
                theirs=their_value,
                ours=our_value,
            )


def _refunded(payment: ProviderPayment) -> int:
    """Return what a provider has paid back, or will; a lost dispute counts."""
    refunded = sum(refund.amount for refund in payment.refunds or () if refund.status != "failed")
    if payment.dispute is not None and payment.dispute.outcome == "lost":
        refunded += min(payment.dispute.amount, payment.captured - refunded)
    return refunded


def _absent(provider: PaymentProvider, row: PaymentRow) -> LedgerDifference:
    """Return the difference of a payment that the provider does not have."""
    ours = f"{row.status}, {row.captured_amount} captured"
    return LedgerDifference(
        provider=provider.name, payment_id=row.id, reference=row.reference, name="payment", theirs=None, ours=ours
    )
