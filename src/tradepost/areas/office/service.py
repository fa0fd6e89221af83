"""The rules of the office: its books are read here and written by whoever changes something."""

from tradepost.kit.operation import operation
from tradepost.kit.records import Page, Record
from tradepost.kit.selection import Selection
from tradepost.kit.service import Service
from tradepost.kit.window import Window

from . import policy
from .resource import audit
from .schemas import AuditEntry


class Audit(Service):
    """The audit as one caller reads it."""

    @operation("audit_list", "page", audit, access=policy.audit)
    async def list(self, window: Window, want: Selection[AuditEntry]) -> Page[AuditEntry]:
        """Who changed what, through which door, the newest first."""
        return await self.page(audit, want, window)

    @operation("audit_get", "one", audit, access=policy.audit)
    async def get(self, key: str, want: Selection[AuditEntry]) -> Record[AuditEntry]:
        """One entry of the audit by its id."""
        return await self.one(audit, want, key)
