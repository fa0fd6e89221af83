"""Operations that open their transactions themselves (`transaction="manual"`).

A payment operation calls its provider between two transactions, because no transaction may stay
open during a network call. Its method runs steps, one after the other:

1. `in_transaction(step)` inserts an intent with `context.idempotency.claim_id`, or finds the intent
   that an earlier request with the same key left there, and calls
   `context.idempotency.keep_claim()`.
2. It calls the provider. No session is open.
3. `in_last_transaction(step)` records the result and returns the operation's record.

From `keep_claim()` on, a failure ends the lease of the key at once but keeps the claim, so the next
request with the same key and input resumes with the same claim id. Every step commits only while
the call owns the lease of its key, and renews it. If the provider takes longer than the lease (60
seconds), another request may take the key over; the next step of the slow one then raises
IdempotencyInProgress and writes nothing. So the timeout of the provider's client is shorter.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ..clock import now
from ..resource.resource import Result
from ..writes.call_context import CallContext
from ..writes.pending import PendingEvents
from ..writes.unit_of_work import Step
from .idempotency.records import Claim
from .transactions import BeforeCommit, completion, run_transaction


class ManualTransactions:
    """The transactions of one call.

    is_complete: whether the last one was committed.
    """

    def __init__(self, context: CallContext, operation: str, result: Result[Any], claimed: Claim | None) -> None:
        self.context, self.operation, self.result, self.claimed = context, operation, result, claimed
        self.is_complete = False

    async def call[R](self, method: Callable[[], Awaitable[R]]) -> R:
        """Call the method of the operation."""
        work, idempotency = self.context.work, self.context.idempotency
        work.manual, idempotency.claim = self, self.claimed
        try:
            answer = await method()
        finally:
            work.manual = idempotency.claim = None
        if not self.is_complete:
            raise RuntimeError(f"`{self.operation}` returned without a last transaction")
        return answer

    async def run[R](self, step: Step[R]) -> R:
        """Run a step in a transaction. Raise LostRace if it loses every race."""
        return await self._run(step, None if self.claimed is None else self._renew)

    async def run_last[R](self, step: Step[R]) -> R:
        """Run the last step. Its transaction also stores the outcome of the key."""
        before_commit = None if self.claimed is None else completion(self.claimed, self.result, self.context)
        answer = await self._run(step, before_commit)
        self.is_complete = True
        return answer

    async def _run[R](self, step: Step[R], before_commit: BeforeCommit | None) -> R:
        if self.context.work.session is not None:
            raise RuntimeError(f"a transaction of `{self.operation}` is still open")
        if self.is_complete:
            raise RuntimeError(f"the last transaction of `{self.operation}` was committed before")
        try:
            return await run_transaction(self.context, step, before_commit)
        finally:
            await self.context.work.run_hooks()

    async def _renew[R](self, session: AsyncSession, answer: R) -> R:
        assert self.claimed is not None
        await PendingEvents.for_session(session).write(session, now())
        await self.claimed.renew(session, self.context.clock())
        return answer


def check_nesting(operation: str, is_manual: bool, context: CallContext) -> None:
    """Raise RuntimeError if a call is nested where it would break the outer call's transactions."""
    work = context.work
    if is_manual and work.session is not None:
        raise RuntimeError(f"`{operation}` opens its own transactions, so it cannot be called inside one")
    if work.manual is not None and work.session is None:
        raise RuntimeError(f"`{operation}` is called between two transactions of `{work.root_operation}`: use a step")
