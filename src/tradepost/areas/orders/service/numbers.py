"""Order numbers: from a sequence of PostgreSQL, from a row that is counted up on SQLite.

Numbers of orders that were rolled back are not used again, so there are gaps.
"""

from typing import Any

from sqlalchemy import Sequence, func, literal_column, select, update

from tradepost.kit.writes.call_context import CallContext

from ..models import OrderCounterRow
from .settings import OrderSettings

SEQUENCE = Sequence("order_number_seq")


async def next_number(context: CallContext) -> str:
    """Return the next order number, at least ORDER_NUMBER_START.

    If orders placed at the same time raise the sequence to a higher start, two can get the same
    number; the unique constraint then refuses one, and the operation tries again.
    """
    context.work.generated_fields.add("number")
    session, start = context.session, context.dependencies.require(OrderSettings).number_start
    if context.database.is_sqlite:
        return str(await _count_up(session, start))
    number = await session.scalar(select(SEQUENCE.next_value()))
    if number is not None and number < start:
        number = await session.scalar(select(func.setval(literal_column(f"'{SEQUENCE.name}'"), start)))
    return str(number)


async def _count_up(session: Any, start: int) -> int:
    """Count up the row, which is made by the first order. Writes on SQLite come one at a time."""
    value = func.max(OrderCounterRow.value + 1, start)
    query = update(OrderCounterRow).values(value=value).returning(OrderCounterRow.value)
    number = await session.scalar(query, execution_options={"synchronize_session": False})
    if number is None:
        session.add(OrderCounterRow(value=start))
    return start if number is None else number
