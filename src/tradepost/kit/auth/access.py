"""Access rules about the caller, and the caller as rules about rows see it."""

from collections.abc import Callable

import msgspec
from sqlalchemy import BindParameter, ColumnElement, bindparam

from ..db.column_types import Id
from ..problems import Forbidden, Unauthenticated
from .caller import Caller

HOW_TO_AUTHENTICATE = "Send a credential in `Authorization` (as `Bearer`) or in `X-API-Key`."


class Access(msgspec.Struct, frozen=True):
    """A rule about the caller: open to everyone, or only to callers with one permission.

    The Operation checks it on every call and the API documents show it. Litestar's guards and
    Strawberry's permission classes are adapters of the same object.
    """

    permission: str | None = None

    def allows(self, permissions: frozenset[str]) -> bool:
        """Whether a caller with these permissions is allowed."""
        return self.permission is None or self.permission in permissions

    def check(self, caller: Caller) -> None:
        """Raise 401 for an anonymous caller, or 403 if the permission is missing."""
        if self.permission is not None and self.permission not in caller.permissions:
            raise self.problem(caller.is_authenticated)

    def problem(self, is_authenticated: bool) -> Forbidden | Unauthenticated:
        """Return the problem of a caller that is not allowed."""
        detail = f"The permission `{self.permission}` is required."
        return Forbidden(detail) if is_authenticated else Unauthenticated(f"{detail} {HOW_TO_AUTHENTICATE}")


ANYONE = Access()


def permission(name: str) -> Access:
    """Return the rule that requires a permission."""
    return Access(name)


class Viewer:
    """The caller in a rule about rows. Its permissions are values, its id is a bind parameter.

    Permissions are part of the key under which a query plan is cached. The id is not, and a rule
    has no access to its value, so no caller's id can be compiled into a plan that others share.
    """

    def __init__(self, permissions: frozenset[str], is_authenticated: bool) -> None:
        self.permissions, self.is_authenticated = permissions, is_authenticated
        self.id: BindParameter[str] = bindparam("caller_id", None, type_=Id)

    def has_permission(self, permission: str) -> bool:
        """Whether the caller has the permission."""
        return permission in self.permissions


type RowPolicy = Callable[[Viewer], ColumnElement[bool]]
"""A rule about rows: returns the SQL condition that they must meet."""
