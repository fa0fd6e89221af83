"""The access of a field in the schema: a Strawberry permission, and the `@needs` directive."""

from functools import cache
from typing import Any, NoReturn

from strawberry.permission import BasePermission
from strawberry.schema_directive import Location, schema_directive

from tradepost.kit.auth.access import Access

NEEDS_DESCRIPTION = (
    "Requires a permission. Other callers get an error for the field, wherever it is reached. "
    "Corresponds to OpenAPI's security scopes."
)


@schema_directive(name="needs", locations=[Location.FIELD_DEFINITION], description=NEEDS_DESCRIPTION)
class Needs:
    """`@needs(permission: "catalog:write")` on a field.

    Not called `requires`, which has a different meaning in Apollo Federation.
    """

    permission: str


def needs_directives(access: Access) -> list[Needs]:
    """Return the directives of a field; none if its access needs no permission."""
    return [Needs(permission=access.permission)] if access.permission is not None else []


@cache
def permission_class(access: Access) -> type[BasePermission]:
    """Return the Strawberry permission class of an access."""

    class Allowed(BasePermission):
        """Allow callers that have the permission of the access."""

        message = f"The permission `{access.permission}` is required."

        def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
            return access.allows(info.context.caller.permissions)

        def on_unauthorized(self) -> NoReturn:
            raise access.problem(True)

    return Allowed
