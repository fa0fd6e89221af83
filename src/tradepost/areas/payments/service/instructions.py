"""The instructions of payments: what a customer has to do."""

from tradepost.areas.orders.service import OrderRow
from tradepost.kit.schema.money import format_money


def bank_transfer_text(order: OrderRow, amount: int) -> str:
    """Return the instruction for a bank transfer of an amount."""
    money = format_money(amount, order.currency)
    return f"Transfer {money} to the account of the shop and state the order number {order.number}."
