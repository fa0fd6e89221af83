"""Litestar guards that check an operation's access."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from tradepost.kit.auth.access import Access


def access_guards(access: Access) -> list[Guard]:
    """Return the guards of a route; an empty list if the operation is open to everyone.

    They check the same `Access` object that the operation itself checks.
    """

    def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        access.check(connection.scope["context"].caller)  # type: ignore[typeddict-item]

    return [check] if access.permission is not None else []
