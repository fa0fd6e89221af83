"""The unit of work: the state of the one transaction that a call may open."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from ..db.errors import LostRace
from ..problems import AlreadyExists, Conflict
from .database import Database
from .pending import PendingEvents

LOG = logging.getLogger("tradepost.writes")

type Hook = Callable[[], Awaitable[None]]
type Step[R] = Callable[[], Awaitable[R]]
"""A function that is called inside a transaction, and again if a race was lost."""

RUNNING_HOOKS: set[asyncio.Task[None]] = set()
"""The event loop keeps only weak references to tasks."""


class StepRunner(Protocol):
    """Runs the steps of an operation that opens its transactions itself."""

    def run[R](self, step: Step[R]) -> Awaitable[R]:
        """Run a step in a transaction of its own."""
        ...

    def run_last[R](self, step: Step[R]) -> Awaitable[R]:
        """Run the last step, which returns the record of the operation."""
        ...


class UnitOfWork:
    """The open transaction of a call, and what belongs to it. Nested operations join it.

    session: the open write, or None.
    manual: runs the steps of an operation with manual transactions; None for all others.
    root_operation, current_operation: the operation that was called, and the one that runs now.
    generated_fields: fields whose value we generated (a slug, say); on a unique violation of one
        of them the write is retried with a new value.
    one_time_secret: a secret that this write made, shown only in its own answer.
    returns_existing: whether a create returns a row that existed before.
    hooks: functions to run after the commit.
    due_hooks: those of transactions that were committed.
    """

    __slots__ = (
        "current_operation",
        "due_hooks",
        "generated_fields",
        "hooks",
        "manual",
        "one_time_secret",
        "returns_existing",
        "root_operation",
        "session",
    )

    def __init__(self) -> None:
        self.session: AsyncSession | None = None
        self.manual: StepRunner | None = None
        self.root_operation = self.current_operation = ""
        self.generated_fields: set[str] = set()
        self.one_time_secret: str | None = None
        self.returns_existing = False
        self.hooks: list[Hook] = []
        self.due_hooks: list[Hook] = []

    def after_commit(self, hook: Hook) -> None:
        """Run a hook after the commit; it is not run if the transaction fails.

        It also runs if nobody knows whether the commit took effect: when the call was cancelled or
        lost its connection meanwhile. So it must do no harm if nothing was written.
        """
        self.hooks.append(hook)

    def after_call(self, hook: Hook) -> None:
        """Run a hook at the end of the call, even if the call fails.

        For a write in a transaction of its own, whose call fails because of what it found.
        """
        self.due_hooks.append(hook)

    @asynccontextmanager
    async def transaction(self, database: Database) -> AsyncGenerator[AsyncSession]:
        """Run the transaction: commit at the end of the block. Its hooks are due then.

        `run_hooks` runs them, outside of any block that repeats the transaction.
        """
        self.hooks, self.returns_existing, was_finished = [], False, False
        try:
            async with database.transaction() as session:
                self.session = session
                yield session
                was_finished = True
        except (LostRace, AlreadyExists, Conflict):  # rolled back
            raise
        except BaseException:
            if was_finished:
                self.due_hooks += self.hooks
            raise
        else:
            self.due_hooks += self.hooks
        finally:
            self.session = self.one_time_secret = None

    async def run_hooks(self) -> None:
        """Run the hooks that are due, each once. Cancelling the call does not stop them."""
        if self.due_hooks:
            hooks, self.due_hooks = self.due_hooks, []
            task = asyncio.get_running_loop().create_task(_run_each(hooks))
            RUNNING_HOOKS.add(task)
            task.add_done_callback(RUNNING_HOOKS.discard)
            await asyncio.shield(task)

    @asynccontextmanager
    async def savepoint(self) -> AsyncGenerator[None]:
        """Run a block in a savepoint. If it raises, its changes and events are undone."""
        assert self.session is not None, "a savepoint is part of a write"
        events = PendingEvents.for_session(self.session)
        savepoint = events.savepoint
        try:
            async with self.session.begin_nested():
                yield
        except BaseException:
            events.rollback_to(savepoint)
            raise

    def pending_events(self) -> PendingEvents:
        """Return the events of the open transaction, which are written just before the commit."""
        assert self.session is not None, "an event is emitted inside a write"
        return PendingEvents.for_session(self.session)


async def _run_each(hooks: Sequence[Hook]) -> None:
    """Run hooks. One that fails is logged: the write is committed, and the others have to run."""
    for hook in hooks:
        try:
            await hook()
        except Exception:
            LOG.exception("a hook failed after its transaction was committed")
