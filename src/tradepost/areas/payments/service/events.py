"""The events of payments in the outbox."""

from tradepost.kit.writes.call_context import CallContext

from ..models import PaymentRow


def emit(context: CallContext, payment: PaymentRow, name: str) -> None:
    """Emit an event of a payment, such as `payment.captured`."""
    context.emit(
        f"payment.{name}",
        payment.id,
        order_id=payment.order_id,
        status=payment.status,
    )
