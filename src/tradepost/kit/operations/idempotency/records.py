"""Idempotency records: claims of keys, and the outcomes stored under them.

A call first claims its key, in a short transaction of its own, for the length of a lease. The
outcome is written in the transaction of the effect, and only while the call still owns the claim:
a call that lost its lease rolls back, so an expired claim may run again. Only outcomes of business
rules are stored; if a call is refused for its form, caller or frequency, or fails, the claim is
released.

Leases are compared with this process's clock. Safety does not depend on it: the commit checks the
owner's name.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Index, Text, UniqueConstraint, and_, bindparam, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ...db.base import Table, uncached
from ...db.column_types import UTCDateTime
from ...ids import new_id
from ...problems import IdempotencyInProgress, IdempotencyKeyReused, Problem, Unavailable
from ...writes.call_context import CallContext
from ...writes.database import Database
from .key import principal

LEASE, RETENTION = timedelta(seconds=60), timedelta(hours=24)
RELEASE_INTERVAL = 0.2
"""Seconds between two attempts to release a key while the database is not available."""
RELEASES = set[asyncio.Task[None]]()
"""The keys that are still to be released: the event loop keeps no reference to a task."""


@uncached
class IdempotencyRecord(Table):
    """A key used on an operation: with a lease while the call runs, then with its outcome."""

    __tablename__, __number__ = "idempotency_record", 252
    __table_args__ = (
        UniqueConstraint("principal", "operation", "key", name="idempotency_record_key_key"),
        Index("idempotency_record_created", "created_at"),
    )
    principal: Mapped[str]
    operation: Mapped[str]
    key: Mapped[str]
    fingerprint: Mapped[str]
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    outcome: Mapped[str | None] = mapped_column(Text)


RECORDS: Any = IdempotencyRecord.__table__


def is_final(problem: Problem) -> bool:
    """Whether a problem is an outcome: the business rules refused this change in this state.

    Other 4xx say what to correct in the request, and 5xx rolled back.
    """
    return problem.status in (404, 409, 412) and not problem.is_transient


class Claim:
    """A key that this call has claimed."""

    def __init__(self, database: Database, id: str, owner: str) -> None:
        self.database, self.binds = database, {"mine": id, "owner": owner}

    async def complete(self, session: AsyncSession, outcome: str) -> None:
        """Write the outcome in a transaction, or raise IdempotencyInProgress if the lease is lost.

        The transaction must then be rolled back.
        """
        updated: Any = await session.execute(COMPLETE, {**self.binds, "kept": outcome})
        if updated.rowcount != 1:
            raise IdempotencyInProgress(
                "This request took too long: its key has passed to a later request. It changed nothing."
            )

    async def complete_separately(self, outcome: str) -> None:
        """Write the outcome of a call that changed nothing."""
        try:
            async with self.database.transaction() as session:
                await self.complete(session, outcome)
        except Unavailable:
            self.release_later()
            raise

    async def release(self) -> None:
        """Release the key, so that the next call with it runs.

        No-op if the outcome was already committed, e.g. if this call was cancelled during commit.
        If the database is not available, the key is released when it is back.
        """
        try:
            await self._release()
        except Unavailable:
            self.release_later()

    def release_later(self) -> None:
        """Release the key when the database is back, or leave it to its lease."""
        task = asyncio.create_task(self._keep_releasing())
        RELEASES.add(task)
        task.add_done_callback(RELEASES.discard)

    async def _keep_releasing(self) -> None:
        for _ in range(int(LEASE.total_seconds() / RELEASE_INTERVAL)):
            await asyncio.sleep(RELEASE_INTERVAL)
            with suppress(Unavailable):
                return await self._release()

    async def _release(self) -> None:
        async with self.database.transaction() as session:
            await session.execute(RELEASE, self.binds)


async def claim(context: CallContext, operation: str, key: str, fingerprint: str) -> Claim | str:
    """Claim a key, or return the outcome stored under it.

    Raise IdempotencyInProgress while another call with it runs, or IdempotencyKeyReused if it was
    used for another input.
    """
    now, owner = context.clock(), new_id(IdempotencyRecord.__number__)
    scope = {"principal": principal(context.caller, context.address), "operation": operation, "key": key}
    values = {
        "id": owner,
        "created_at": now,
        "updated_at": now,
        "fingerprint": fingerprint,
        "lease_owner": owner,
        "lease_until": now + LEASE,
    }
    insert = _claim_statement(context.database.is_sqlite)
    binds = scope | values | {"now": now, "since": now - RETENTION}
    while True:
        claimed_id = record = None
        try:
            async with context.database.transaction() as session:
                claimed_id = (await session.execute(insert, binds)).scalar()
                record = (await session.execute(FIND, scope)).first() if claimed_id is None else None
        except Unavailable:
            if claimed_id is not None:
                Claim(context.database, claimed_id, owner).release_later()  # the commit may have happened
            raise
        if claimed_id is not None:
            return Claim(context.database, claimed_id, owner)
        # The key may have been released between the two statements.
        if record is None:
            continue
        if record.fingerprint != fingerprint:
            raise IdempotencyKeyReused(f"The key `{key}` was used for another input of `{operation}`.")
        if record.outcome is None:
            raise IdempotencyInProgress("A request with this key is still running.")
        return record.outcome


MINE = and_(RECORDS.c.id == bindparam("mine"), RECORDS.c.lease_owner == bindparam("owner"))
COMPLETE = update(RECORDS).where(MINE).values(outcome=bindparam("kept"), lease_owner=None, lease_until=None)
RELEASE = delete(RECORDS).where(MINE)
FIND = select(RECORDS.c.fingerprint, RECORDS.c.outcome).where(
    *[RECORDS.c[name] == bindparam(name) for name in ("principal", "operation", "key")]
)


@cache
def _claim_statement(is_sqlite: bool) -> Any:
    """Return the statement that claims a key and returns its row's id.

    A key can be claimed if it is new, older than a day, or if its lease ran out on the same
    input. Of concurrent calls one succeeds.
    """
    new = (sqlite if is_sqlite else postgresql).insert(RECORDS)
    expired = and_(
        RECORDS.c.outcome.is_(None),
        RECORDS.c.lease_until < bindparam("now", type_=UTCDateTime),
        RECORDS.c.fingerprint == new.excluded.fingerprint,
    )
    return new.on_conflict_do_update(
        index_elements=["principal", "operation", "key"],
        set_={
            n: new.excluded[n]
            for n in ("created_at", "updated_at", "fingerprint", "lease_owner", "lease_until", "outcome")
        },
        where=or_(RECORDS.c.created_at < bindparam("since", type_=UTCDateTime), expired),
    ).returning(RECORDS.c.id)
