"""Idempotency: of all calls with one key, one has its effect, and the others are answered with its outcome (WIRE, Writing).

A call first claims its key, in a short transaction of its own, for the length of a lease. The outcome is written in the transaction of the
effect, and only while the claim is still the call's own: a runner that lost its lease rolls back, so an expired claim may run again. What is
kept is an outcome of the shop's rules; where a call is refused for its form, its caller or its frequency, or breaks, the claim is given back.

The claim compares times of this process's clock. That is no question of safety: the owner's name is what the commit asks for.
"""

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
from ...problems import IdempotencyInProgress, IdempotencyKeyReused, Problem
from ...writes.call_context import CallContext
from ...writes.database import Database
from .key import principal

LEASE, RETENTION = timedelta(seconds=60), timedelta(hours=24)


@uncached
class IdempotencyRecord(Table):
    """A key that a caller used on an operation. While it runs it has a lease, afterwards its outcome (see `outcomes`)."""

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
    """Whether a problem is an outcome: the rules refused this change to this state. Other 4xx tell what to mend in the request, and 5xx rolled back."""
    return problem.status in (404, 409, 412) and not problem.is_transient


class Claim:
    """A key that this call has claimed."""

    def __init__(self, database: Database, id: str, owner: str) -> None:
        self.database, self.mine = database, {"mine": id, "owner": owner}

    async def complete(self, session: AsyncSession, outcome: str) -> None:
        """Writes the outcome as part of a transaction, which must not be committed where the lease is lost."""
        done: Any = await session.execute(COMPLETE, {**self.mine, "kept": outcome})
        if done.rowcount != 1:
            raise IdempotencyInProgress(
                "The lease of this key ran out, and another request has it now; nothing was changed by this one."
            )

    async def complete_separately(self, outcome: str) -> None:
        """Writes the outcome of a call that changed nothing."""
        async with self.database.transaction() as session:
            await self.complete(session, outcome)

    async def release(self) -> None:
        """Gives the key back, so that the next call with it runs. After a commit, also one that this call did not live to see, it does nothing."""
        async with self.database.transaction() as session:
            await session.execute(RELEASE, self.mine)


async def claim(context: CallContext, operation: str, key: str, fingerprint: str) -> Claim | str:
    """The claim of a key, or the outcome where it has one; 409 while it runs, 422 where it was used for another input."""
    now, owner = context.clock(), new_id(IdempotencyRecord.__number__)
    scope = {"principal": principal(context.caller, context.address), "operation": operation, "key": key}
    given = {
        "id": owner,
        "created_at": now,
        "updated_at": now,
        "fingerprint": fingerprint,
        "lease_owner": owner,
        "lease_until": now + LEASE,
    }
    while True:
        async with context.database.transaction() as session:
            taken = (
                await session.execute(
                    _take(context.database.is_sqlite), scope | given | {"now": now, "since": now - RETENTION}
                )
            ).scalar()
            if taken is not None:
                return Claim(context.database, taken, owner)
            known = (await session.execute(FIND, scope)).first()
        # It may have been given back in between.
        if known is None:
            continue
        if known.fingerprint != fingerprint:
            raise IdempotencyKeyReused(f"The key `{key}` was used for another input of `{operation}`.")
        if known.outcome is None:
            raise IdempotencyInProgress("A request with this key is still running.")
        return known.outcome


MINE = and_(RECORDS.c.id == bindparam("mine"), RECORDS.c.lease_owner == bindparam("owner"))
COMPLETE = update(RECORDS).where(MINE).values(outcome=bindparam("kept"), lease_owner=None, lease_until=None)
RELEASE = delete(RECORDS).where(MINE)
FIND = select(RECORDS.c.fingerprint, RECORDS.c.outcome).where(
    *[RECORDS.c[name] == bindparam(name) for name in ("principal", "operation", "key")]
)


@cache
def _take(on_sqlite: bool) -> Any:
    """Claims a key that is new or older than a day, or whose runner's lease ran out on the same input, in one statement: of several at once one wins."""
    new = (sqlite if on_sqlite else postgresql).insert(RECORDS)
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
