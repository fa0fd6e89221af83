"""Roles and what each may do: the one place that says so. And who may see and change an account."""

from sqlalchemy import ColumnElement, and_, false, or_, true

from tradepost.kit.auth.access import ANYONE, Viewer, permission

from .models import AddressRow, ApiKeyRow, UserRow

ACCOUNT_PERMISSIONS = frozenset({"account:read", "account:write"})
"""What everybody with an account may: look after it. A key that is narrowed to other scopes may not."""

ROLES: dict[str, frozenset[str]] = {
    "customer": ACCOUNT_PERMISSIONS,
    "moderator": ACCOUNT_PERMISSIONS | {"reviews:moderate"},
    "staff": ACCOUNT_PERMISSIONS | {
        "catalog:write", "stock:read", "stock:write", "orders:read", "orders:write", "reviews:moderate", "users:read", "audit:read", "ops:read",
    },
    "admin": ACCOUNT_PERMISSIONS | {
        "catalog:write", "stock:read", "stock:write", "orders:read", "orders:write", "reviews:moderate", "users:read", "users:write",
        "webhooks:write", "audit:read", "ops:read",
    },
}  # fmt: skip
SCOPES = {
    "account:read": "See the own account, its addresses and its API keys.",
    "account:write": "Change the own account, its addresses and its API keys; log out everywhere.",
    "audit:read": "See who changed what.",
    "catalog:write": "Change the catalogue, and see what is not published.",
    "ops:read": "See how the shop runs: metrics, health, parity.",
    "orders:read": "See the orders of all customers.",
    "orders:write": "Change the orders of all customers.",
    "reviews:moderate": "Approve and reject reviews.",
    "stock:read": "See how much of everything there is.",
    "stock:write": "Change how much of everything there is.",
    "users:read": "See the accounts of all.",
    "users:write": "Change roles, suspend and restore accounts, see and revoke all API keys.",
    "webhooks:write": "Change where events are sent.",
}
"""What each permission lets its holder do; tokens and keys can be narrowed to some of them."""

PERMISSIONS = frozenset[str]().union(*ROLES.values())

anyone = ANYONE
read_own_account, write_own_account = permission("account:read"), permission("account:write")
read_users, manage_users = permission("users:read"), permission("users:write")


def users(viewer: Viewer) -> ColumnElement[bool]:
    """Everybody sees the own account, the staff those of all."""
    return true() if viewer.has_permission("users:read") else own_account(viewer)


def own_account(viewer: Viewer) -> ColumnElement[bool]:
    """The caller's own."""
    return (
        and_(UserRow.id == viewer.id, UserRow.status == "active")
        if viewer.is_authenticated and viewer.has_permission("account:read")
        else false()
    )


def writable_own_account(viewer: Viewer) -> ColumnElement[bool]:
    """The caller's own, where its credential may change it."""
    return own_account(viewer) if viewer.has_permission("account:write") else false()


def manageable_accounts(viewer: Viewer) -> ColumnElement[bool]:
    """Accounts that an admin may change: nobody takes away the own role, and the last admin does not close its account, so there is always one left."""
    return (
        and_(UserRow.id != viewer.id, UserRow.status != "closed") if viewer.has_permission("users:write") else false()
    )


def suspendable_accounts(viewer: Viewer) -> ColumnElement[bool]:
    """Those of them that are active."""
    return (
        and_(manageable_accounts(viewer), UserRow.status == "active")
        if viewer.has_permission("users:write")
        else false()
    )


def restorable_accounts(viewer: Viewer) -> ColumnElement[bool]:
    """Those of them that are suspended."""
    return (
        and_(manageable_accounts(viewer), UserRow.status == "suspended")
        if viewer.has_permission("users:write")
        else false()
    )


def addresses(viewer: Viewer) -> ColumnElement[bool]:
    """An address book is its owner's alone."""
    return (
        AddressRow.user_id == viewer.id
        if viewer.is_authenticated and viewer.has_permission("account:read")
        else false()
    )


def writable_addresses(viewer: Viewer) -> ColumnElement[bool]:
    """Its owner changes it."""
    return addresses(viewer) if viewer.has_permission("account:write") else false()


def api_keys(viewer: Viewer) -> ColumnElement[bool]:
    """Keys that are not revoked: everybody's own, and all for those who manage users, those of nobody among them."""
    mine = (
        ApiKeyRow.user_id == viewer.id if viewer.is_authenticated and viewer.has_permission("account:read") else false()
    )
    return and_(ApiKeyRow.revoked_at.is_(None), or_(mine, true() if viewer.has_permission("users:write") else false()))


def revocable_api_keys(viewer: Viewer) -> ColumnElement[bool]:
    """Who sees a key may revoke it, with a credential that may change things."""
    return true() if viewer.has_permission("account:write") else false()
