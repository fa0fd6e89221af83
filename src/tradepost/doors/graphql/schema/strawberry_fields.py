"""How Strawberry is told of fields and arguments that are made from our shapes: with explicit names, types and descriptions."""

from typing import Any, Optional

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument

from tradepost.kit.auth.access import ANYONE, Access

from ...graphql_names import camel
from .access import needs_directives, permission_class


def field(
    name: str,
    type: Any,
    doc: str | None = None,
    *,
    optional: bool = False,
    access: Access = ANYONE,
    deprecated: str | None = None,
) -> Any:
    """A field, guarded by its access and showing it. An `optional` one of an input may be left out."""
    more: dict[str, Any] = {"default": strawberry.UNSET} if optional else {}
    if access.permission is not None:
        more["permission_classes"] = [permission_class(access)]
    made = strawberry.field(
        name=camel(name),
        description=doc or None,
        graphql_type=type,
        deprecation_reason=deprecated,
        directives=needs_directives(access),
        **more,
    )
    made.python_name = name
    return made


def nullable(type: Any) -> Any:
    """The type, or null."""
    return Optional[type]  # noqa: UP045  (Strawberry's classes do not know `|`)


def argument(name: str, type: Any, doc: str | None = None) -> StrawberryArgument:
    """An argument without a default."""
    return StrawberryArgument(name, camel(name), StrawberryAnnotation(type), description=doc, default=strawberry.UNSET)


def strawberry_definition(type: Any) -> Any:
    """What Strawberry knows of a type; relations are added to it when all types are there."""
    return type.__strawberry_definition__
