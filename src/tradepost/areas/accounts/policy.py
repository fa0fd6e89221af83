"""Roles and their permissions, and the rules of who may see and change accounts.

Roles and permissions are listed here and nowhere else.
"""

from sqlalchemy import ColumnElement, and_, false, or_, true

from tradepost.kit.auth.access import ANYONE, Viewer, permission

from .models import AddressRow, ApiKeyRow, UserRow

ACCOUNT_PERMISSIONS = frozenset({"account:read", "account:write"})
"""The permissions of every user. A key that is limited to other scopes lacks them."""

ROLES: dict[str, frozenset[str]] = {
    "customer": ACCOUNT_PERMISSIONS,
    "moderator": ACCOUNT_PERMISSIONS | {"reviews:moderate"},
    "staff": ACCOUNT_PERMISSIONS
    | {"catalog:write", "stock:read", "stock:write", "orders:read", "orders:write", "reviews:moderate"}
    | {"payments:write", "pricing:write", "users:read", "audit:read", "ops:read"},
    "admin": ACCOUNT_PERMISSIONS
    | {"catalog:write", "stock:read", "stock:write", "orders:read", "orders:write", "reviews:moderate"}
    | {"payments:write", "pricing:write", "users:read", "users:write", "webhooks:write", "audit:read", "ops:read"},
}
SCOPES = {
    "account:read": "Read your account, your addresses, your carts and your API keys.",
    "account:write": "Update your account, your addresses, your carts and your API keys, and log out everywhere.",
    "audit:read": "Read the audit log.",
    "catalog:write": "Manage the catalogue, and read unpublished products.",
    "ops:read": "Read metrics, health checks and the parity report.",
    "orders:read": "Read the carts and orders of all customers.",
    "orders:write": "Manage the carts and orders of all customers.",
    "payments:write": "Record and capture payments.",
    "pricing:write": "Manage shipping methods and tax rates.",
    "reviews:moderate": "Approve and reject reviews.",
    "stock:read": "Read stock locations, levels and movements.",
    "stock:write": "Manage stock locations, and receive, adjust, transfer and count stock.",
    "users:read": "Read all accounts.",
    "users:write": "Change roles, suspend and restore accounts, and read and revoke all API keys.",
    "webhooks:write": "Manage webhook endpoints.",
}
"""The description of each permission. Tokens and keys can be limited to some of them."""

PERMISSIONS = frozenset[str]().union(*ROLES.values())

anyone = ANYONE
read_own_account, write_own_account = permission("account:read"), permission("account:write")
read_users, manage_users = permission("users:read"), permission("users:write")


def users(viewer: Viewer) -> ColumnElement[bool]:
    """Users see their own account; with `users:read`, all accounts."""
    return true() if viewer.has_permission("users:read") else own_account(viewer)


def own_account(viewer: Viewer) -> ColumnElement[bool]:
    """The caller's own account, if it is active."""
    return (
        and_(UserRow.id == viewer.id, UserRow.status == "active")
        if viewer.is_authenticated and viewer.has_permission("account:read")
        else false()
    )


def writable_own_account(viewer: Viewer) -> ColumnElement[bool]:
    """The caller's own account, if the credential has `account:write`."""
    return own_account(viewer) if viewer.has_permission("account:write") else false()


def manageable_accounts(viewer: Viewer) -> ColumnElement[bool]:
    """Accounts that an admin may change: all but their own and closed ones.

    Admins cannot change their own role, and the last admin cannot close the account, so there is
    always an admin.
    """
    return (
        and_(UserRow.id != viewer.id, UserRow.status != "closed") if viewer.has_permission("users:write") else false()
    )


def addresses(viewer: Viewer) -> ColumnElement[bool]:
    """Only its owner sees an address."""
    return (
        AddressRow.user_id == viewer.id
        if viewer.is_authenticated and viewer.has_permission("account:read")
        else false()
    )


def writable_addresses(viewer: Viewer) -> ColumnElement[bool]:
    """Only its owner changes an address, with a credential that has `account:write`."""
    return addresses(viewer) if viewer.has_permission("account:write") else false()


def api_keys(viewer: Viewer) -> ColumnElement[bool]:
    """Users see their own keys; with `users:write`, all keys, including those without an owner.

    Revoked keys are hidden.
    """
    own_keys = (
        ApiKeyRow.user_id == viewer.id if viewer.is_authenticated and viewer.has_permission("account:read") else false()
    )
    all_keys = true() if viewer.has_permission("users:write") else false()
    return and_(ApiKeyRow.revoked_at.is_(None), or_(own_keys, all_keys))


def revocable_api_keys(viewer: Viewer) -> ColumnElement[bool]:
    """Visible keys, if the credential has `account:write`."""
    return true() if viewer.has_permission("account:write") else false()
