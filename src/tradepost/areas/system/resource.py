"""The resources of the system area.

The audit table belongs to the kit, because every area writes to it.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import InstrumentedAttribute

from tradepost.kit.db.column_types import Id
from tradepost.kit.resource.filters import Filter, Sort, equality_filter, range_filters
from tradepost.kit.resource.resource import Resource, Result
from tradepost.kit.writes.audit import AuditEntry as AuditRow

from . import policy
from .schemas import AuditEntry, PriceQuote, RateLimit


def id_filter(column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], doc: str) -> Filter:
    """`?name=id`."""
    return Filter(type=UUID, where=lambda bind: column == bind(Id), convert=str, doc=doc)


audit = Resource(
    AuditEntry,
    AuditRow,
    visible=policy.audit_entries,
    filters={
        "subject": id_filter(AuditRow.subject, "Changes of the object with this id."),
        "caller_id": id_filter(AuditRow.caller_id, "Changes made by this user or API key."),
        "operation": equality_filter(
            AuditRow.operation, doc="Changes made by this operation, including those that it caused."
        ),
        "type": equality_filter(AuditRow.type),
        "door": equality_filter(AuditRow.door),
        **range_filters("created_at", AuditRow.created_at, datetime),
    },
    sorts={"created_at": Sort(expression=AuditRow.created_at)},
    personal=True,
)

# Personal, because each describes one caller's bucket at one moment and must not be cached.
rate_limits = Result(RateLimit, personal=True)
price_quotes = Result(PriceQuote, personal=True)
