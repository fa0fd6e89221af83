"""Who may: rules about the caller, and the caller as a rule about rows sees it.

An `Access` is one object in three places: the Operation checks it on every call, the documents show it, and Litestar's guards and
Strawberry's permissions are thin adapters of it.
"""

from collections.abc import Callable

import msgspec
from sqlalchemy import BindParameter, ColumnElement, bindparam

from ..db.column_types import Id
from ..problems import Forbidden, Unauthenticated
from .caller import Caller


class Access(msgspec.Struct, frozen=True):
    """A rule about the caller alone: open to all, or to holders of one permission."""

    permission: str | None = None

    def allows(self, permissions: frozenset[str]) -> bool:
        """Whether holders of these permissions pass."""
        return self.permission is None or self.permission in permissions

    def check(self, caller: Caller) -> None:
        """Raises 401 for the unknown and 403 for the unpermitted caller."""
        if self.permission is not None and self.permission not in caller.permissions:
            raise self.problem(caller.is_authenticated)

    def problem(self, known: bool) -> Forbidden | Unauthenticated:
        """The problem of a caller that does not pass."""
        said = f"The permission `{self.permission}` is needed."
        return Forbidden(said) if known else Unauthenticated(said)


ANYONE = Access()


def permission(name: str) -> Access:
    """Open to callers that hold the named permission."""
    return Access(name)


class Viewer:
    """The caller inside a rule about rows: permissions are real (they are part of the plan's key), the identity is a bind.

    A rule cannot see the caller's id as a value, so one caller's id can never be compiled into another's plan.
    """

    def __init__(self, permissions: frozenset[str], known: bool) -> None:
        self.permissions, self.is_authenticated = permissions, known
        self.id: BindParameter[str] = bindparam("caller_id", None, type_=Id)

    def has_permission(self, permission: str) -> bool:
        """Whether callers of this kind hold the permission."""
        return permission in self.permissions


type RowPolicy = Callable[[Viewer], ColumnElement[bool]]
