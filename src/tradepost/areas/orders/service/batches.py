"""Runs periodic tasks in batches, each in a transaction."""

from collections.abc import Awaitable, Callable

from tradepost.kit.db.errors import LostRace
from tradepost.kit.writes.call_context import CallContext

MAX_TRIES = 4

type Batch = Callable[[CallContext], Awaitable[int]]
"""Changes some rows in a transaction, and returns how many."""


async def run_batches(context: CallContext, operation: str, batch: Batch, size: int) -> None:
    """Run batches until one changes fewer than `size` rows.

    operation: its name in the audit log.
    """
    while await _run_batch(context, operation, batch) >= size:
        pass


async def _run_batch(context: CallContext, operation: str, batch: Batch) -> int:
    """Run a batch in a transaction, and return how many rows it changed.

    Return 0 if every try lost a race.
    """
    for _ in range(MAX_TRIES):
        try:
            async with context.transaction():
                context.work.root_operation = operation
                return await batch(context)
        except LostRace:  # another worker or a request came first
            continue
    return 0
