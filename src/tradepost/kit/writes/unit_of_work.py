"""The unit of work: the state of the one transaction that a call may open."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from .database import Database
from .pending import PendingEvents

type Hook = Callable[[], Awaitable[None]]


class UnitOfWork:
    """The open transaction of a call, and what belongs to it. Nested operations join it.

    session: the open write, or None.
    root_operation, current_operation: the operation that was called, and the one that runs now.
    generated_fields: fields whose value we generated (a slug, say); on a unique violation of one
        of them the write is retried with a new value.
    one_time_secret: a secret that this write made, shown only in its own answer.
    hooks: functions to run after the commit.
    """

    __slots__ = (
        "current_operation",
        "generated_fields",
        "hooks",
        "one_time_secret",
        "root_operation",
        "session",
    )

    def __init__(self) -> None:
        self.session: AsyncSession | None = None
        self.root_operation = self.current_operation = ""
        self.generated_fields: set[str] = set()
        self.one_time_secret: str | None = None
        self.hooks: list[Hook] = []

    def after_commit(self, hook: Hook) -> None:
        """Run a hook after the commit; it is not run if the transaction fails."""
        self.hooks.append(hook)

    @asynccontextmanager
    async def transaction(self, database: Database) -> AsyncGenerator[AsyncSession]:
        """Run the transaction: commit at the end of the block, then run the hooks."""
        self.hooks = []
        try:
            async with database.transaction() as session:
                self.session = session
                yield session
        finally:
            self.session = self.one_time_secret = None
        for hook in self.hooks:
            await hook()

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
