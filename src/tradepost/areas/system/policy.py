"""Permissions to read the audit log."""

from sqlalchemy import ColumnElement, false, true

from tradepost.kit.auth.access import Viewer, permission

AUDIT = "audit:read"

audit = permission(AUDIT)


def audit_entries(viewer: Viewer) -> ColumnElement[bool]:
    """With `audit:read` every entry is visible. Without it none is, on whatever path."""
    return true() if viewer.has_permission(AUDIT) else false()
