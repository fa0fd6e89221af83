"""An Access as Strawberry sees it: a permission for graphql-core's way of running a field, and a directive for readers of the schema."""

from functools import cache
from typing import Any, NoReturn

from strawberry.permission import BasePermission
from strawberry.schema_directive import Location, schema_directive

from tradepost.kit.auth.access import Access

NEEDS = "Only for callers with this permission; others are refused, here and wherever the field is reached. The equal of OpenAPI's scopes."


@schema_directive(name="needs", locations=[Location.FIELD_DEFINITION], description=NEEDS)
class Needs:
    """`@needs(permission: "catalog:write")` on a field. Not called `requires`: that is Apollo Federation's, with another meaning."""

    permission: str


def needs_directives(access: Access) -> list[Needs]:
    """What the schema says of an access: nothing where everybody may."""
    return [Needs(permission=access.permission)] if access.permission is not None else []


@cache
def permission_class(access: Access) -> type[BasePermission]:
    """The permission class of an access."""

    class Allowed(BasePermission):
        """Passes callers that the access allows."""

        message = f"The permission `{access.permission}` is needed."

        def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
            return access.allows(info.context.caller.permissions)

        def on_unauthorized(self) -> NoReturn:
            raise access.problem(True)

    return Allowed


def check(access: Access, info: Any) -> None:
    """Asks the permission, and refuses as the operation would."""
    if not permission_class(access)().has_permission(None, info):
        raise access.problem(info.context.caller.known)
