"""The office over GraphQL."""

from uuid import UUID

from tradepost.doors.graphql import Ask, query
from tradepost.kit.records import Page, Record

from .schemas import AuditEntry
from .service import Audit


@query(Audit.list)
async def audit(ask: Ask) -> Page[AuditEntry]:
    return await Audit(ask.context).list(ask.window, ask.want)


@query(Audit.get)
async def audit_entry(ask: Ask, id: UUID) -> Record[AuditEntry]:
    return await Audit(ask.context).get(str(id), ask.want)
