"""The transaction that an operation runs in."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ..clock import now
from ..db.errors import LostRace
from ..problems import AlreadyExists
from ..resource.resource import Result
from ..writes.call_context import CallContext
from ..writes.pending import PendingEvents
from ..writes.unit_of_work import Step
from .idempotency.outcomes import split_outcome
from .idempotency.records import Claim

MAX_TRIES = 4

type BeforeCommit = Callable[[AsyncSession, Any], Awaitable[Any]]
"""Takes the answer of a transaction just before its commit, and returns the answer for the door."""


async def run_transaction[R](context: CallContext, step: Step[R], before_commit: BeforeCommit | None = None) -> R:
    """Run a step in a transaction of the call, and the handlers of its events.

    Run it again if it lost a race, or if a generated value clashed. Raise LostRace after four
    tries.
    """
    for _ in range(MAX_TRIES):
        try:
            async with context.work.transaction(context.database) as session:
                answer = await step()
                await context.handle_events()
                if before_commit is not None:
                    answer = await before_commit(session, answer)
            return answer
        except LostRace:
            continue
        except AlreadyExists as clash:
            if clash.members.get("field") not in context.work.generated_fields:
                raise
    raise LostRace


def completion(claimed: Claim, result: Result[Any], context: CallContext) -> BeforeCommit:
    """Return the function that stores the outcome of a claimed key in the transaction."""

    async def complete(session: AsyncSession, answer: Any) -> Any:
        answer, outcome = split_outcome(answer, result, context)
        await PendingEvents.for_session(session).write(session, now())
        await claimed.complete(session, outcome)
        return answer

    return complete
