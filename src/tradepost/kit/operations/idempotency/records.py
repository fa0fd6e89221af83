"""Idempotency records: claims of keys, and the outcomes stored under them.

A call first claims its key, in a short transaction of its own, for the length of a lease. The
outcome is written in the transaction of the effect, and only while the call still owns the claim:
a call that lost its lease rolls back, so an expired claim may run again. Only outcomes of business
rules are stored; if a call is refused for its form, caller or frequency, or fails, the claim is
released. A manual operation that has committed an intent keeps its claim: only the lease ends then,
and the next call with the key and the same input resumes the intent.

Leases are compared with this process's clock. Safety does not depend on it: the commit checks the
owner's name.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Index, Text, UniqueConstraint, and_, bindparam, case, delete, or_, select, update
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
    """A key that this call has claimed.

    id: that of the record. A call that takes over an expired lease has the id of the earlier call.
    was_taken_over: whether it has.
    is_kept: whether `release` keeps the record and only ends the lease.
    """

    def __init__(self, database: Database, id: str, owner: str) -> None:
        self.database, self.id, self.binds = database, id, {"mine": id, "owner": owner}
        self.was_taken_over, self.is_kept = id != owner, False

    async def complete(self, session: AsyncSession, outcome: str) -> None:
        """Write the outcome in a transaction, or raise IdempotencyInProgress if the lease is lost.

        The transaction must then be rolled back.
        """
        await self._update(session, COMPLETE, kept=outcome)

    async def renew(self, session: AsyncSession, now: datetime) -> None:
        """Renew the lease in a transaction, or raise IdempotencyInProgress as `complete` does."""
        await self._update(session, RENEW, until=now + LEASE)

    async def _update(self, session: AsyncSession, statement: Any, **values: Any) -> None:
        updated: Any = await session.execute(statement, {**self.binds, **values})
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
        """Release the key, so that the next call with it runs; end its lease if it is kept.

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
            await session.execute(END_LEASE if self.is_kept else RELEASE, self.binds)


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
                uncertain = Claim(context.database, claimed_id, owner)  # the commit may have happened
                uncertain.is_kept = uncertain.was_taken_over
                uncertain.release_later()
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
RENEW = update(RECORDS).where(MINE).values(lease_until=bindparam("until", type_=UTCDateTime))
END_LEASE = update(RECORDS).where(MINE).values(lease_owner=None, lease_until=None)
RELEASE = delete(RECORDS).where(MINE)
FIND = select(RECORDS.c.fingerprint, RECORDS.c.outcome).where(
    *[RECORDS.c[name] == bindparam(name) for name in ("principal", "operation", "key")]
)


@cache
def _claim_statement(is_sqlite: bool) -> Any:
    """Return the statement that claims a key and returns its row's id.

    A key can be claimed if it is new, older than a day, or if its lease ran out or ended on the
    same input. Of concurrent calls one succeeds. A record older than a day gets a new id: nothing
    of it is resumed.
    """
    new = (sqlite if is_sqlite else postgresql).insert(RECORDS)
    is_old = RECORDS.c.created_at < bindparam("since", type_=UTCDateTime)
    expired = and_(
        RECORDS.c.outcome.is_(None),
        or_(RECORDS.c.lease_until.is_(None), RECORDS.c.lease_until < bindparam("now", type_=UTCDateTime)),
        RECORDS.c.fingerprint == new.excluded.fingerprint,
    )
    return new.on_conflict_do_update(
        index_elements=["principal", "operation", "key"],
        set_={"id": case((is_old, new.excluded.id), else_=RECORDS.c.id)}
        | {
            n: new.excluded[n]
            for n in ("created_at", "updated_at", "fingerprint", "lease_owner", "lease_until", "outcome")
        },
        where=or_(is_old, expired),
    ).returning(RECORDS.c.id)
