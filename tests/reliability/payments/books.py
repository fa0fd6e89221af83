"""Compares our payments, refunds and orders with the provider's ledger."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from tests.areas.inventory.stock import check_ledger
from tests.reliability.payments.paid_shop import PaidShop
from tests.reliability.payments.purchase import STOCK, UNITS, Purchase
from tests.reliability.shoppers import Json
from tradepost.areas.orders.models import OrderEventRow, OrderRow
from tradepost.areas.payments.models import PaymentRow, RefundRow

PAID_BACK = ("succeeded", "pending")
STATUSES = {
    "requires_payment_method": {"requires_action"},
    "requires_confirmation": {"requires_action"},
    "requires_action": {"requires_action"},
    "processing": {"processing"},
    "requires_capture": {"authorized"},
    "succeeded": {"captured", "partially_refunded", "refunded"},
    "canceled": {"voided"},
}
"""Ours, by the provider's status of a payment intent."""
PAYMENT_ENDS = {"payment_captured", "payment_failed", "payment_voided"}
PAYMENT_STEPS = {
    "payment_created": {"payment_processing", "payment_authorized", *PAYMENT_ENDS},
    "payment_processing": PAYMENT_ENDS,
    # Again: its capture had no answer, and a webhook came before the repetition.
    "payment_authorized": {"payment_authorized", "payment_captured", "payment_voided"},
    "payment_captured": set[str](),
    "payment_failed": {"payment_captured"},
    "payment_voided": {"payment_captured"},
}
"""What may follow in the timeline of one payment. Money that the provider has taken is recorded."""
REFUND_STEPS = {
    "refund_created": {"refund_pending", "refund_succeeded", "refund_failed", "refund_unknown"},
    "refund_unknown": {"refund_pending", "refund_succeeded", "refund_failed"},
    "refund_pending": {"refund_succeeded", "refund_failed"},
    "refund_succeeded": {"refund_failed"},
    "refund_failed": set[str](),
}
MONEY = {"payment_authorized", "payment_captured"}
ORDER_STEPS = {
    "placed": {"confirmed", "cancelled", "expired"},
    "confirmed": {"cancelled"},
    "expired": {"confirmed"},
    "cancelled": set[str](),
}


@dataclass(frozen=True)
class Books:
    """Our rows of some orders, and the provider's ledger."""

    orders: Sequence[OrderRow]
    payments: Sequence[PaymentRow]
    refunds: Sequence[RefundRow]
    events: Sequence[OrderEventRow]
    ledger: Json

    @classmethod
    async def read(cls, shop: PaidShop, *order_ids: str) -> "Books":
        """Read them, when nothing is left to be done."""
        ledger, database = await shop.provider.ledger(), shop.worker.state.database
        async with database.session_factory() as session:

            async def rows(model: Any, column: Any) -> Any:
                query = select(model).where(database.in_values(column, sorted(order_ids))).order_by(model.id)
                return (await session.scalars(query)).all()

            return cls(
                await rows(OrderRow, OrderRow.id),
                await rows(PaymentRow, PaymentRow.order_id),
                await rows(RefundRow, RefundRow.order_id),
                await rows(OrderEventRow, OrderEventRow.order_id),
                ledger,
            )

    def check(self) -> None:
        """Check that the provider's ledger equals ours, and that the orders follow from it."""
        ids = {payment.id for payment in self.payments}
        intents = [intent for intent in self.ledger["payment_intents"] if intent["metadata"]["payment_id"] in ids]
        counts = Counter(intent["metadata"]["payment_id"] for intent in intents)
        assert counts == Counter(payment.id for payment in self.payments if payment.reference is not None)
        by_id = {intent["metadata"]["payment_id"]: intent for intent in intents}
        for payment in [payment for payment in self.payments if payment.provider != "manual"]:
            self._check_payment(payment, by_id.get(payment.id))
        for order in self.orders:
            self._check_order(order)

    def _check_payment(self, payment: PaymentRow, intent: Json | None) -> None:
        """Check a payment against its intent, one by one amount."""
        if intent is None:
            assert (payment.status, payment.captured_amount) == ("failed", 0)
            return
        assert payment.reference == intent["id"]
        assert payment.status in STATUSES[intent["status"]], (payment.status, intent)
        assert payment.captured_amount == intent["amount_received"]
        made = [refund for refund in self.ledger["refunds"] if refund["payment_intent"] == intent["id"]]
        paid_back = sum([refund["amount"] for refund in made if refund["status"] in PAID_BACK])
        assert payment.refunded_amount == paid_back <= payment.captured_amount
        rows = [refund for refund in self.refunds if refund.payment_id == payment.id]
        assert {row.reference for row in rows if row.status != "failed"} == {
            refund["id"] for refund in made if refund["status"] in PAID_BACK
        }
        assert sum([row.amount_amount for row in rows if row.status != "failed"]) == payment.refunded_amount
        assert payment.operation is None

    def _check_order(self, order: OrderRow) -> None:
        """Check the sums of an order, its status and its timeline."""
        payments = [payment for payment in self.payments if payment.order_id == order.id]
        sums = [
            sum([getattr(payment, f"{name}_amount") for payment in payments])
            for name in ("authorized", "captured", "refunded")
        ]
        assert [order.authorized_amount, order.captured_amount, order.refunded_amount] == sums
        payable = order.grand_total_amount - order.cancelled_total_amount
        kept = order.captured_amount - order.refunded_amount
        if order.status in ("cancelled", "expired"):
            failed = [r.amount_amount for r in self.refunds if r.order_id == order.id and r.status == "failed"]
            assert (order.authorized_amount, kept <= sum(failed)) == (0, True)
        else:
            assert kept <= payable, "a surplus is refunded"
        if order.status == "pending":
            assert order.authorized_amount + order.captured_amount < payable
        self.check_timeline(order)

    def check_timeline(self, order: OrderRow) -> None:
        """Check that every entry of a timeline was a legal step, and that its end is true."""
        events = [event for event in self.events if event.order_id == order.id]
        steps = [event.type for event in events if event.type in ORDER_STEPS]
        assert steps[0] == "placed"
        _check_steps(steps, ORDER_STEPS)
        assert {"placed": "pending"}.get(steps[-1], steps[-1]) == order.status
        names = [event.type for event in events]
        if "confirmed" in names:
            assert MONEY & set(names[: names.index("confirmed")]), names
        for id_name, table in (("payment_id", PAYMENT_STEPS), ("refund_id", REFUND_STEPS)):
            by_subject = dict[str, list[str]]()
            for event in events:
                if event.type in table:
                    by_subject.setdefault(event.data[id_name], []).append(event.type)
            for entries in by_subject.values():
                _check_steps(entries, table)


def _check_steps(entries: Sequence[str], table: dict[str, set[str]]) -> None:
    assert entries[0] in ("placed", "payment_created", "refund_created")
    for earlier, later in pairwise(entries):
        assert later in table[earlier], entries


async def check_purchase(purchase: Purchase) -> Books:
    """Wait until nothing is left to be done, and check everything about an order."""
    shop = purchase.shop
    await shop.settle(purchase.order)
    books = await Books.read(shop, purchase.order)
    books.check()
    is_reserved = books.orders[0].status in ("pending", "confirmed")
    assert await shop.levels(purchase.variant) == [(STOCK, UNITS if is_reserved else 0)]
    await check_ledger(shop.worker, purchase.variant)
    return books
