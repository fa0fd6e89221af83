"""What stands behind the shapes of the office. The tables are the kit's, because every room writes into them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import InstrumentedAttribute

from tradepost.kit.db.column_types import Id
from tradepost.kit.resource.filters import Filter, Sort, equality_filter, range_filters
from tradepost.kit.resource.resource import Resource, Result
from tradepost.kit.writes.audit import AuditEntry as AuditRow

from . import policy
from .schemas import AuditEntry, PriceQuote, RateLimit


def names(column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], doc: str) -> Filter:
    """`?name=id`."""
    return Filter(type=UUID, where=lambda bind: column == bind(Id), convert=str, doc=doc)


audit = Resource(
    AuditEntry, AuditRow, visible=policy.audit_entries,
    filters={
        "subject": names(AuditRow.subject, "What happened to this."),
        "caller_id": names(AuditRow.caller_id, "What this user or API key did."),
        "operation": equality_filter(AuditRow.operation, doc="What this operation changed, and what followed from it."),
        "type": equality_filter(AuditRow.type),
        "door": equality_filter(AuditRow.door),
        **range_filters("created_at", AuditRow.created_at, datetime),
    },
    sorts={"created_at": Sort(expression=AuditRow.created_at)},
    personal=True,
)  # fmt: skip

# Each tells of one caller's bucket at one moment, so nobody keeps them.
rate_limits = Result(RateLimit, personal=True)
price_quotes = Result(PriceQuote, personal=True)
