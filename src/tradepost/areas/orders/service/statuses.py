"""The statuses of an order that follow from its amounts and the counters of its lines."""

from collections.abc import Iterable
from typing import Protocol

from ..models import OrderRow


class UnitCounters(Protocol):
    """The units of an order line."""

    @property
    def quantity(self) -> int:
        """The units ordered."""
        ...

    @property
    def shipped(self) -> int:
        """Those shipped."""
        ...

    @property
    def cancelled(self) -> int:
        """Those cancelled."""
        ...

    @property
    def returned(self) -> int:
        """Those that came back, of the shipped ones."""
        ...


def payable_total(order: OrderRow) -> int:
    """Return what the customer pays in all: the total without what was cancelled."""
    return order.grand_total_amount - order.cancelled_total_amount


def open_amount(order: OrderRow) -> int:
    """Return what is still to be paid."""
    return max(0, payable_total(order) - order.captured_amount - order.authorized_amount)


def is_closed(order: OrderRow) -> bool:
    """Return whether an order has ended without its goods: money that arrives now is late."""
    return order.status in ("cancelled", "expired")


def derive_payment_status(order: OrderRow) -> str:
    """Return the payment status: of the captured amount, less refunds, against the total.

    An order that costs nothing is paid; one that was cancelled or expired without payment is not.
    """
    captured, total = order.captured_amount, payable_total(order)
    if order.refunded_amount > 0:
        return "refunded" if order.refunded_amount >= captured else "partially_refunded"
    if captured >= total and (captured > 0 or _is_free(order)):
        return "paid"
    if captured > 0:
        return "partially_paid"
    if order.authorized_amount > 0:
        return "authorized"
    return "processing" if order.payment_progress == "processing" else "unpaid"


def derive_fulfilment_status(lines: Iterable[UnitCounters]) -> str:
    """Return the fulfilment status of an order with these lines."""
    lines = list(lines)
    shipped = sum([line.shipped for line in lines])
    if shipped == 0:
        return "unfulfilled"
    if returned := sum([line.returned for line in lines]):
        kept_or_open = sum([line.quantity - line.cancelled for line in lines]) - returned
        return "partially_returned" if kept_or_open else "returned"
    is_complete = all(line.shipped + line.cancelled == line.quantity for line in lines)
    return "fulfilled" if is_complete else "partially_fulfilled"


def _is_free(order: OrderRow) -> bool:
    return payable_total(order) == 0 and (order.grand_total_amount == 0 or not is_closed(order))
