"""The events of payments in the outbox."""

from typing import Any

from tradepost.kit.writes.call_context import CallContext

from ..models import PaymentRow


def emit(context: CallContext, payment: PaymentRow, name: str, **data: Any) -> None:
    """Emit an event of a payment, such as `payment.captured`."""
    context.emit(
        f"payment.{name}",
        payment.id,
        order_id=payment.order_id,
        status=payment.status,
        **data,
    )
