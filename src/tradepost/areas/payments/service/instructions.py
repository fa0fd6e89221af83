"""What a customer is asked to do."""

from tradepost.areas.orders.service import OrderRow
from tradepost.kit.schema.money import format_money


def instructions(order: OrderRow, amount: int) -> str:
    """Return the text of a bank transfer."""
    total = format_money(amount, order.currency)
    return f"Transfer {total} to the account of the shop and state the order number {order.number}."
