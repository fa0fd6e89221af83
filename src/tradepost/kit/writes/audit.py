"""The audit log: who changed what through which door, written in the transaction of the change."""

from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from ..db.base import Table, uncached
from ..db.column_types import Id, Json


@uncached
class AuditEntry(Table):
    """One change and who made it.

    operation: the operation that was called.
    type, data: those of the change's event.
    """

    __tablename__, __number__ = "audit_entry", 251
    __table_args__ = (
        Index("audit_entry_created", "created_at", "id"),
        Index("audit_entry_subject", "subject", "created_at", "id"),
        Index("audit_entry_caller", "caller_id", "created_at", "id"),
        Index("audit_entry_operation", "operation", "created_at", "id"),
        Index("audit_entry_type", "type", "created_at", "id"),
        Index("audit_entry_door", "door", "created_at", "id"),
    )
    caller_id: Mapped[str | None] = mapped_column(Id)
    role: Mapped[str]
    door: Mapped[str]
    operation: Mapped[str]
    subject: Mapped[str] = mapped_column(Id)
    type: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    request_id: Mapped[str] = mapped_column(default="")
