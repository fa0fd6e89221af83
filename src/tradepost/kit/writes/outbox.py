"""The outbox: what the shop announces, written in the transaction of the change that it tells of. The relay (`relay`) delivers it from there."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from ..clock import now
from ..db.base import Table, uncached
from ..db.column_types import Id, Json, UTCDateTime

# Events of these types are for one person: no audit entry repeats their data, and it is emptied once they are delivered or dead.
PERSONAL_PREFIX = "mail."


@uncached
class OutboxEvent(Table):
    """One thing that happened: `product.created`. It exists exactly where its change was committed.

    `due_at` is when the next relay may claim it: at once, after the lease of the one that has it, or after a pause because it failed. There is
    none where `sent_at` tells that all was done, and none where it is dead: given up after `attempts`. `fault` is the kind of the last failure.
    """

    __tablename__, __number__ = "outbox_event", 250
    # Only what waits is in the index, so it stays small however many events there were.
    __table_args__ = (
        Index(
            "outbox_event_due",
            "due_at",
            "id",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )
    type: Mapped[str]
    subject: Mapped[str] = mapped_column(Id)
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    request_id: Mapped[str] = mapped_column(default="")
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UTCDateTime, default=now)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    fault: Mapped[str | None]


def is_personal_event(type: str) -> bool:
    """Whether the data of events of this type is for one person only."""
    return type.startswith(PERSONAL_PREFIX)
