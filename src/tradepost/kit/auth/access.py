"""Access rules about the caller, and the caller as rules about rows see it."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy import BindParameter, ColumnElement, True_, bindparam, exists
from sqlalchemy.sql.visitors import iterate

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


CART_BINDS = frozenset({"cart_id", "order_id"})
"""The bind parameters of a Viewer that hold the cart or order which a cart token opens."""
IDENTITY_BINDS = CART_BINDS | {"caller_id"}
"""All bind parameters of a Viewer. What a statement with one of them returns is personal."""


class Viewer:
    """The caller in a rule about rows. Its permissions are values, its ids are bind parameters.

    Permissions are part of the key under which a query plan is cached. The ids are not, and a rule
    has no access to their values, so no caller's id can be compiled into a plan that others share.

    settings: the settings that rules depend on, by name. They are values too.
    id, cart, order: `Caller.id`, `Caller.cart_id` and `Caller.order_id`. One that is None is bound
        as NULL, so a comparison with it is never true.
    """

    def __init__(
        self, permissions: frozenset[str], is_authenticated: bool, settings: Mapping[str, int] | None = None
    ) -> None:
        self.permissions, self.is_authenticated, self.settings = permissions, is_authenticated, settings or {}
        self.id: BindParameter[str] = bindparam("caller_id", None, type_=Id)
        self.cart: BindParameter[str] = bindparam("cart_id", None, type_=Id)
        self.order: BindParameter[str] = bindparam("order_id", None, type_=Id)

    def has_permission(self, permission: str) -> bool:
        """Whether the caller has the permission."""
        return permission in self.permissions


def identity_values(caller: Caller, **values: Any) -> dict[str, Any]:
    """Return the values of a Viewer's bind parameters, and of further ones."""
    values["caller_id"], values["cart_id"], values["order_id"] = caller.id, caller.cart_id, caller.order_id
    return values


def is_parent_visible(parent_id: Any, reference: Any, parents: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the rule about rows whose parents are visible.

    `parents` is the rule about the parents, whose id is the value of `reference`. The SQL uses
    EXISTS because SQLite materialises all visible parents for an IN.
    """
    return parents if isinstance(parents, True_) else exists().where(parent_id == reference, parents)


type RowPolicy = Callable[[Viewer], ColumnElement[bool]]
"""A rule about rows: returns the SQL condition that they must meet."""


def depends_on_cart(policy: RowPolicy) -> bool:
    """Whether a caller without a credential sees rows by the token of a cart or an order."""
    condition = policy(Viewer(frozenset(), False))
    return any(isinstance(e, BindParameter) and e.key in CART_BINDS for e in iterate(condition))
