"""The numbers of orders, which a later area knows."""

from collections.abc import Sequence
from typing import Protocol

from tradepost.kit.writes.call_context import CallContext


class OrderNumbers(Protocol):
    """Finds the numbers of orders. The area `orders` provides it."""

    async def numbers_of(self, context: CallContext, order_ids: Sequence[str]) -> list[str]:
        """Return the numbers of those orders that the caller may see, the oldest first."""
        ...
