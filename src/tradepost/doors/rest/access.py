"""An operation's access as a Litestar guard: the same object that the operation itself checks, at the door already."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from tradepost.kit.auth.access import Access


def access_guards(access: Access) -> list[Guard]:
    """The guards of a route: none where everybody may."""

    def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        access.check(connection.scope["context"].caller)  # type: ignore[typeddict-item]

    return [check] if access.permission is not None else []
