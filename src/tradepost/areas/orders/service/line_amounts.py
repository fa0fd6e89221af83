"""The lines of an order as far as refunds concern them: names, units and amounts."""

import msgspec
from sqlalchemy import select

from tradepost.kit.schema.rate import rate_text
from tradepost.kit.writes.call_context import CallContext

from ..models import OrderLineRow


class LineAmounts(msgspec.Struct, frozen=True):
    """A line of an order. Amounts are minor units.

    total: the price of all units, after discounts and with tax.
    tax: the tax in it.
    tax_percentage: parts per million.
    """

    id: str
    position: int
    sku: str
    product_name: str
    variant_name: str
    quantity: int
    cancelled: int
    total: int
    tax: int
    tax_percentage: int
    currency: str

    @property
    def rate(self) -> str:
        """The rate of tax as the order's `tax_lines` have it."""
        return rate_text(self.tax_percentage)


async def load_line_amounts(context: CallContext, order_id: str) -> list[LineAmounts]:
    """Return the lines of an order, in the order of the cart."""
    columns = [getattr(OrderLineRow, name) for name in COLUMNS]
    query = select(*columns).where(OrderLineRow.order_id == order_id)
    async with context.open_session() as session:
        rows = (await session.execute(query.order_by(OrderLineRow.position, OrderLineRow.id))).all()
    return [LineAmounts(*row) for row in rows]


COLUMNS = [f"{name}_amount" if name in ("total", "tax") else name for name in LineAmounts.__struct_fields__]
