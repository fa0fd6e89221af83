"""The office over REST."""

from litestar import Controller

from tradepost.doors.rest import Ask, route
from tradepost.kit.records import Page, Record

from .schemas import AuditEntry
from .service import Audit


class AuditController(Controller):
    """Who changed what."""

    path, tags = "/audit", ["Audit"]

    @route("/", Audit.list)
    async def audit(self, ask: Ask) -> Page[AuditEntry]:
        return await Audit(ask.context).list(ask.window, ask.want)

    @route("/{key:str}", Audit.get)
    async def audit_entry(self, ask: Ask, key: str) -> Record[AuditEntry]:
        return await Audit(ask.context).get(key, ask.want)
