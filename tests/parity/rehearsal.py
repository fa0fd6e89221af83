"""Writes whose transaction is rolled back at its end, after its rows have been read.

So both doors write over the same rows, and their answers and their rows can be compared.
"""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import pytest
from sqlalchemy import inspect, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tradepost.kit.cache.invalidation import TrackingSession
from tradepost.kit.db.base import Table
from tradepost.kit.operations import operation as operation_module
from tradepost.kit.operations.idempotency.outcomes import Outcome
from tradepost.kit.operations.idempotency.records import RECORDS
from tradepost.kit.operations.manual_transactions import ManualTransactions
from tradepost.kit.operations.transactions import BeforeCommit
from tradepost.kit.writes.database import Database
from tradepost.kit.writes.unit_of_work import Step

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UNEQUAL_COLUMNS = frozenset(
    {
        "created_at", "updated_at", "due_at", "last_used_at", "password_hash", "secret_hash", "token_hash", "prefix",
        "door", "request_id", "mark", "product_created_at", "seq",
    }
)  # fmt: skip
"""Columns that differ between two equal writes: times, sequences, secrets, and the door itself."""
OPTIONAL_TIMES = frozenset(
    {
        "suspended_at", "closed_at", "email_verified_at", "used_at", "revoked_at", "replaced_at",
        "placed_at", "completed_at", "shipped_at", "delivered_at",
    }
)  # fmt: skip
"""Times of which only whether they are set is the same in two equal writes."""

type Rows = list[str]


class RehearsedTransactions(ManualTransactions):
    """Runs all steps in one transaction, because the second one needs what the first one wrote."""

    async def call[R](self, method: Step[R]) -> R:
        """Call the method; end the transaction before the claim of the key is released."""
        async with AsyncExitStack() as self.stack:
            self.open_session: AsyncSession | None = None
            return await super().call(method)

    async def _run[R](self, step: Step[R], before_commit: BeforeCommit | None) -> R:
        work = self.context.work
        if self.open_session is None:
            transaction = work.transaction(self.context.database)
            self.open_session = await self.stack.enter_async_context(transaction)
        work.session = self.open_session
        try:
            answer = await step()
            await self.context.handle_events()
            if before_commit is not None:
                answer = await before_commit(work.session, answer)
            await work.session.flush()
            return answer
        finally:
            work.session = None


class Rehearsal:
    """Rolls back the writes of an app while it is active, and keeps the rows that they changed.

    before: the rows of the database without the write.
    changes: the changed rows of each transaction, without what differs between two equal writes.
    """

    def __init__(self, database: Database) -> None:
        self.database, self.before, self.known_ids = database, frozenset[str](), frozenset[str]()
        self.known_numbers = frozenset[str]()
        self.changes, self.claims, self.numbers = list[Rows](), set[str](), set[str]()
        rehearsal = self

        class RolledBackSession(AsyncSession):
            async def commit(self) -> None:
                await self.flush()
                if await rehearsal.claims_key(self):
                    await super().commit()
                    return
                rehearsal.changes.append(await rehearsal.changed_rows(self))
                await self.rollback()

        self.session_factory = async_sessionmaker(
            database.engine, class_=RolledBackSession, expire_on_commit=False, sync_session_class=TrackingSession
        )

    async def remember_rows(self) -> None:
        """Read the rows that are there before all writes."""
        async with self.database.session_factory() as session:
            tables = await all_rows(session)
        rows = [row for _, row in tables]
        self.before = frozenset(rows)
        self.known_numbers = order_numbers(tables)
        self.known_ids = frozenset([id for row in rows for id in UUID.findall(row)])

    @asynccontextmanager
    async def active(self) -> AsyncIterator[list[Rows]]:
        """Roll back all writes in the block; the list is filled with their rows."""
        database: Any = self.database
        committing, database.session_factory = database.session_factory, self.session_factory
        self.changes = []
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(operation_module, "ManualTransactions", RehearsedTransactions)
                yield self.changes
        finally:
            database.session_factory = committing

    async def claims_key(self, session: AsyncSession) -> bool:
        """Whether it claims an idempotency key, which must be there when the call completes it."""
        ids = set(await session.scalars(select(RECORDS.c.id).where(RECORDS.c.outcome.is_(None))))
        new = ids - self.claims
        self.claims |= new
        return bool(new)

    async def changed_rows(self, session: AsyncSession) -> Rows:
        """Return the rows that are new or changed, in an order that does not depend on ids."""
        rows = [(table, row) for table, row in await all_rows(session) if row not in self.before]
        self.numbers |= order_numbers(rows) - self.known_numbers
        return sorted([f"{table} {self.mask(row)}" for table, row in rows])

    def mask(self, text: str) -> str:
        """Return a text with `new` in place of each id and number that the write made.

        A sequence of PostgreSQL is not rolled back, so two equal orders have different numbers.
        """
        for number in self.numbers:
            text = re.sub(rf"\b{re.escape(number)}\b", "new", text)
        return UUID.sub(lambda match: match[0] if match[0] in self.known_ids else "new", text)


def order_numbers(rows: list[tuple[str, str]]) -> frozenset[str]:
    """Return the numbers of the orders among some rows."""
    return frozenset([msgspec.json.decode(row)["number"] for table, row in rows if table == "order"])


async def all_rows(session: AsyncSession) -> list[tuple[str, str]]:
    """Return all rows as JSON, each with the name of its table."""
    rows: list[tuple[str, str]] = []
    for mapper in Table.registry.mappers:
        table: Any = inspect(mapper).local_table
        # Tables of test modules are in no database; `stored_outcomes` reads those of keys.
        if not mapper.class_.__module__.startswith("tradepost.") or table is RECORDS:
            continue
        names = [c.name for c in table.columns if c.name not in UNEQUAL_COLUMNS]
        query = select(*[table.c[name] for name in names])
        for row in await session.execute(query):
            members = {n: _comparable(table.name, n, v) for n, v in zip(names, row, strict=True)}
            rows.append((table.name, msgspec.json.encode(members, enc_hook=str).decode()))
    return [*rows, *await stored_outcomes(session)]


async def stored_outcomes(session: AsyncSession) -> list[tuple[str, str]]:
    """Return the outcomes stored under idempotency keys as `all_rows` does.

    Keys differ between two equal writes, and records are stored with other ids: what is compared is
    the operation, the kind of the principal, and whether it is a record, a problem or a batch.
    """
    rows: list[tuple[str, str]] = []
    columns = (RECORDS.c.id, RECORDS.c.operation, RECORDS.c.principal, RECORDS.c.outcome)
    for id, operation, principal, text in await session.execute(select(*columns).where(RECORDS.c.outcome.is_not(None))):
        outcome = msgspec.json.decode(text, type=Outcome)
        kind = principal.partition(" ")[0] if " " in principal else "caller"
        statuses = [item.status for item in outcome.items or ()]
        stored = (outcome.record is not None, outcome.existing, statuses, outcome.problem and outcome.problem.code)
        rows.append((RECORDS.name, msgspec.json.encode([id, operation, kind, stored]).decode()))
    return rows


def _comparable(table: str, column: str, value: Any) -> Any:
    """Mask times and digests in an event; sort the words of a search."""
    if column in OPTIONAL_TIMES:
        return value is not None
    if column == "expires_at" and table != "api_key":
        return value is not None
    if column == "data" and isinstance(value, dict):
        return {n: v for n, v in value.items() if n not in UNEQUAL_COLUMNS | OPTIONAL_TIMES}
    return sorted(value.split()) if column == "words" else value
