"""The context of one call: who calls, through which door, when, and on which database."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, Self

import msgspec
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from ..auth.caller import Caller
from ..cache.read_cache import CacheEntry
from ..clock import Clock, now
from ..db.errors import translated_errors
from ..dependencies import NO_DEPENDENCIES, Dependencies
from ..query.readers.protocol import Reader, Row
from ..query.readers.session import SessionReader
from ..query.records import Record
from ..query.source_tables import ReadDependencies
from ..rate_limit.meter import Meter, unlimited_meter
from ..resource.resource import Resource
from ..resource.selection import Selection
from .database import Database
from .domain_events import DomainEventHandlers
from .event_types import EventTypes
from .outbox import is_personal_event
from .unit_of_work import UnitOfWork


class KeyClaim(Protocol):
    """The claim of an idempotency key.

    is_kept: whether a failure keeps the claim, so that the next request with the key resumes.
    """

    id: str
    is_kept: bool


class RequestIdempotency:
    """The idempotency key of the request's write, and whether its outcome was replayed.

    claim: that of a running operation with manual transactions; None without a key.
    """

    __slots__ = ("claim", "is_replay", "key")

    def __init__(self, key: str | None = None) -> None:
        self.key, self.is_replay = key, False
        self.claim: KeyClaim | None = None

    @property
    def claim_id(self) -> str | None:
        """The id to store with an intent; None without a key.

        It is the same for every request that resumes the intent, and another one once the key has
        expired.
        """
        return None if self.claim is None else self.claim.id

    def keep_claim(self) -> None:
        """Keep the claim if the call fails from now on. Call it in the step that has the intent.

        It need not wait for the commit: if the commit fails, the next request finds no intent and
        begins again.
        """
        if self.claim is not None:
            self.claim.is_kept = True


class CacheTrace:
    """The part of a call that concerns the read cache.

    dependencies: what was read for the answer; None if it may not be cached.
    entry: the cache entry that the answer was read from, or stored in.
    """

    __slots__ = ("dependencies", "entry")

    def __init__(self, dependencies: ReadDependencies | None = None) -> None:
        self.dependencies = dependencies
        self.entry: CacheEntry | None = None


class PreloadedRows(msgspec.Struct, frozen=True, eq=False):
    """Rows that were read by one statement before a service is called for each of them."""

    resource: Resource[Any]
    selection: Selection[Any]
    records: Mapping[str, Record[Any]]


class CallContext(msgspec.Struct, frozen=True, eq=False):
    """The immutable context that a service is created with.

    The state of the call is in three parts: its unit of work, its idempotency and its cache trace.

    door: `rest`, `graphql`, `pages`, `cli` or `worker`.
    meter: counts the cost; that of the command line and of the worker has no limit.
    address: the client's address.
    hides_schema: whether error details leave out the lists of valid names.
    preloaded: the rows by id that `Service.one` returns instead of reading them.
    """

    caller: Caller
    database: Database
    request_id: str = ""
    clock: Clock = now
    door: str = ""
    meter: Meter = msgspec.field(default_factory=unlimited_meter)
    dependencies: Dependencies = NO_DEPENDENCIES
    address: str = ""
    hides_schema: bool = False
    work: UnitOfWork = msgspec.field(default_factory=UnitOfWork)
    idempotency: RequestIdempotency = msgspec.field(default_factory=RequestIdempotency)
    cache: CacheTrace = msgspec.field(default_factory=CacheTrace)
    preloaded: PreloadedRows | None = None

    def at_door(self, door: str) -> Self:
        """Return this context with a door."""
        return self if self.door == door else msgspec.structs.replace(self, door=door)

    def for_mutation(self) -> Self:
        """Return a context for one mutation of a document, with its own transaction and outcome."""
        return msgspec.structs.replace(
            self, work=UnitOfWork(), idempotency=RequestIdempotency(self.idempotency.key), cache=CacheTrace()
        )

    def recording(self, dependencies: ReadDependencies) -> Self:
        """Return a context that records what is read, for an answer that may be cached."""
        return msgspec.structs.replace(self, cache=CacheTrace(dependencies))

    def with_rows(self, rows: PreloadedRows) -> Self:
        """Return this context with rows that need not be read again."""
        return msgspec.structs.replace(self, preloaded=rows)

    def with_access(self, *, cart_id: str | None = None, order_id: str | None = None) -> Self:
        """Return a context whose caller also sees a cart or an order that this call has written.

        The creator of a guest's cart did not send its token, and a key may write what it cannot
        read.
        """
        caller = msgspec.structs.replace(
            self.caller, cart_id=cart_id or self.caller.cart_id, order_id=order_id or self.caller.order_id
        )
        return msgspec.structs.replace(self, caller=caller)

    @property
    def reader(self) -> Reader:
        """The reader: that of the open write, which sees its own changes, else the database's."""
        session = self.work.session
        return self.database.reader if session is None else SessionReader(session, self.database.reader)

    @property
    def session(self) -> AsyncSession:
        """The session of the open write."""
        assert self.work.session is not None, "not inside a write"
        return self.work.session

    @property
    def one_time_secret(self) -> str | None:
        """A secret that this call made, shown only in its own answer."""
        return self.work.one_time_secret

    @property
    def read_dependencies(self) -> ReadDependencies | None:
        """Where the read engine records what it reads, if the answer may be cached."""
        return self.cache.dependencies

    @property
    def signature(self) -> dict[str, Any]:
        """The audit columns that identify this call."""
        caller = self.caller
        return {
            "caller_id": caller.id,
            "role": caller.role,
            "door": self.door,
            "operation": self.work.root_operation,
        }

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """Run the transaction of this call's unit of work, and then its hooks."""
        try:
            async with self.work.transaction(self.database) as session:
                yield session
                await self.handle_events()
        finally:
            await self.work.run_hooks()

    @asynccontextmanager
    async def savepoint(self) -> AsyncGenerator[None]:
        """Run a block and the handlers of its events in a savepoint.

        If one of them raises, the changes and events of the block are undone.
        """
        async with self.work.savepoint():
            yield
            await self.handle_events()

    async def handle_events(self) -> None:
        """Call the handlers of the events that the open write has emitted since the last call."""
        handlers = self.dependencies.get(DomainEventHandlers)
        if handlers is not None and handlers.handlers and self.work.session is not None:
            await handlers.run(self, self.work.session)

    @asynccontextmanager
    async def open_session(self) -> AsyncGenerator[AsyncSession]:
        """Yield the session of the open write, or else a new one.

        A second session beside an open write would wait for ever: SQLite has one connection.
        """
        if self.work.session is not None:
            yield self.work.session
        else:
            with translated_errors():
                async with self.database.session_factory() as session:
                    yield session

    async def fetch_all(self, query: Select[*tuple[Any, ...]], values: Mapping[str, Any]) -> Sequence[Row]:
        """Return the few rows of a fixed query, in the open write if there is one.

        The query is compiled once. Values are bound by name; `decode_json` returns the value of a
        JSON column.
        """
        statement = self.database.statement(query)
        return await self.reader.fetch_all(statement, statement.bind(dict(values)))

    def emit(self, type: str, subject: str, **data: Any) -> None:
        """Add an event and its audit entry to the open write, to be committed with the change."""
        assert not is_personal_event(type), "the audit log would keep personal data; use `emit_personal`"
        self._check_event(type, data)
        self.work.pending_events().add(type, subject, data, self.request_id, self.signature)

    def emit_to_handlers(self, type: str, subject: str, **data: Any) -> None:
        """Add an event for the handlers of the transaction that is not stored.

        For the rows of a change whose stored event lists their ids.
        """
        self._check_event(type, data)
        handlers = self.dependencies.get(DomainEventHandlers)
        if handlers is not None and type in handlers.types:
            self.work.pending_events().add_for_handlers(type, subject, data)

    def _check_event(self, type: str, data: Mapping[str, Any]) -> None:
        """In tests, raise UndeclaredEvent if an event does not fit its declaration."""
        if EventTypes.strict and (types := self.dependencies.get(EventTypes)) is not None:
            types.check(type, data)

    def emit_personal(self, type: str, subject: str, **data: Any) -> None:
        """Add an event with personal data (`mail.*`) to the open write.

        It has no audit entry, and its data is deleted after delivery.
        """
        assert is_personal_event(type), "only personal events are kept from the audit log"
        self.work.pending_events().add(type, subject, data, self.request_id, self.signature)
