"""The outbox: what the shop announces, written in the transaction of the change that it tells of. The relay reads it from there."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from .columns import Id, Json, Moment
from .tables import Table


class OutboxEvent(Table):
    """One thing that happened: `product.created`. It exists exactly where its change was committed."""

    __tablename__, __number__ = "outbox_event", 250
    __table_args__ = (Index("outbox_event_unsent", "sent_at", "id"),)
    type: Mapped[str]
    subject: Mapped[str] = mapped_column(Id)
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    request_id: Mapped[str] = mapped_column(default="")
    sent_at: Mapped[datetime | None] = mapped_column(Moment)
