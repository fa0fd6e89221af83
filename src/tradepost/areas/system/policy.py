"""Who may look into the office."""

from sqlalchemy import ColumnElement, false, true

from tradepost.kit.auth.access import Viewer, permission

AUDIT = "audit:read"

audit = permission(AUDIT)


def audit_entries(viewer: Viewer) -> ColumnElement[bool]:
    """The audit is one thing: who may read it reads all of it, and to others no entry exists, whatever path leads there."""
    return true() if viewer.has_permission(AUDIT) else false()
