"""The outbox: events written in the transaction of the change, delivered by the worker."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from ..clock import now
from ..db.base import Table, uncached
from ..db.column_types import Id, Json, UTCDateTime

# Events with this prefix hold personal data: they have no audit entry, and their data is deleted
# once they are delivered or dead.
PERSONAL_PREFIX = "mail."


@uncached
class OutboxEvent(Table):
    """An event such as `product.created`. It exists if and only if its change was committed.

    due_at: when a relay may claim it next: at once, when the present relay's lease ends, or after
        a pause if delivery failed. NULL if it was delivered (`sent_at`), or if it is dead: given
        up after `attempts`.
    fault: the type of the last failure.
    """

    __tablename__, __number__ = "outbox_event", 250
    # Only events that are due are indexed, so the index stays small.
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
    """Whether events of this type hold personal data."""
    return type.startswith(PERSONAL_PREFIX)
