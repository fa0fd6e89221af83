"""What surrounds one call: who calls, through which door, which database, which transaction (if one is open), which time."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ..auth.caller import Caller
from ..cache.read_cache import Entry
from ..clock import Clock, now
from ..dependencies import NO_MEANS, Means
from ..query.readers import Reader, WriteReader
from ..query.source_tables import Seen
from ..rate_limit.limits import Meter, unlimited
from .database import Database
from .outbox import is_personal
from .pending import Announced


class Context:
    """One call's surroundings. Services are built from it and share its transaction. The shell and the worker have no meter that runs."""

    __slots__ = (
        "address", "after", "called", "caller", "clock", "database", "door", "kept", "key", "made", "means", "meter", "once", "operation", "replayed",
        "request_id", "seen", "session", "withholds",
    )  # fmt: skip

    def __init__(
        self,
        caller: Caller,
        database: Database,
        request_id: str = "",
        clock: Clock = now,
        door: str = "",
        meter: Meter | None = None,
        means: Means = NO_MEANS,
    ) -> None:
        self.caller, self.database, self.request_id, self.clock, self.door = caller, database, request_id, clock, door
        self.meter, self.means = meter or unlimited(), means
        self.session: AsyncSession | None = None
        # The operation at work, and the outermost of them: the one that was called.
        self.operation = self.called = ""
        # What is done once the write is committed; where it is not, never.
        self.after: list[Callable[[], Awaitable[None]]] = []
        # Members whose values we chose ourselves (a slug): a clash on them is ours to mend, by choosing again.
        self.made: set[str] = set()
        # The client's address; the idempotency key of the one write that is called; whether its outcome was kept from an earlier call.
        self.address, self.replayed = "", False
        # Whether a refusal keeps to itself which names there are.
        self.withholds = False
        self.key: str | None = None
        # A secret that this call has made, for its own answer and for no other.
        self.once: str | None = None
        # Where the answer may be kept: what was read for it, and where it came from the read cache or went there, the entry.
        self.seen: Seen | None = None
        self.kept: Entry | None = None

    @property
    def reader(self) -> Reader:
        """Where a read goes: to the open write after a flush, else to the thin reader."""
        return self.database.reader if self.session is None else WriteReader(self.session, self.database.reader)

    @property
    def signature(self) -> dict[str, Any]:
        """What an audit entry says of this call."""
        caller = self.caller
        return {"caller_id": caller.id, "role": caller.role, "door": self.door, "operation": self.called}

    def announce(self, type: str, subject: str, **data: Any) -> None:
        """Puts an event into the outbox with the open write, and who did it into the audit: both are there exactly where the change is."""
        assert not is_personal(type), "the audit would keep what is personal; use `post`"
        self._put(type, subject, data)

    def post(self, type: str, subject: str, **data: Any) -> None:
        """Puts an event for one person (`mail.*`) into the outbox with the open write. The audit does not know it; its data is emptied once it is delivered."""
        assert is_personal(type), "only what is personal is kept from the audit"
        self._put(type, subject, data)

    def _put(self, type: str, subject: str, data: dict[str, Any]) -> None:
        assert self.session is not None, "an event is announced inside a write"
        Announced.of(self.session).add(type, subject, data, self.request_id, self.signature)

    @asynccontextmanager
    async def apart(self) -> AsyncGenerator[None]:
        """A savepoint of the open write: where its block fails, what it changed is taken back, and what it announced with it."""
        assert self.session is not None, "a savepoint is part of a write"
        announced = Announced.of(self.session)
        mark = announced.mark
        try:
            async with self.session.begin_nested():
                yield
        except BaseException:
            announced.back_to(mark)
            raise
