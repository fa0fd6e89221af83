"""An Access as a Strawberry permission: the object that the Operation checks on every call, as graphql-core's way of running a field sees it."""

from functools import cache
from typing import Any, NoReturn

from strawberry.permission import BasePermission

from tradepost.kit.access import Access


@cache
def permission_of(access: Access) -> type[BasePermission]:
    """The permission class of an access."""

    class Allowed(BasePermission):
        """Passes callers that the access allows."""

        message = f"The permission `{access.permission}` is needed."

        def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
            return access.allows(info.context.caller.permissions)

        def on_unauthorized(self) -> NoReturn:
            raise access.refusal(True)

    return Allowed


def check(access: Access, info: Any) -> None:
    """Asks the permission, and refuses as the operation would."""
    if not permission_of(access)().has_permission(None, info):
        raise access.refusal(info.context.caller.known)
