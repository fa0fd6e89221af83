"""Strawberry fields and arguments with explicit names, types and descriptions."""

from inspect import cleandoc
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
    """Return a field that checks its access and shows it as `@needs`.

    optional: whether an input's field may be left out.
    """
    options: dict[str, Any] = {"default": strawberry.UNSET} if optional else {}
    if access.permission is not None:
        options["permission_classes"] = [permission_class(access)]
    strawberry_field = strawberry.field(
        name=camel(name),
        description=description(doc),
        graphql_type=type,
        deprecation_reason=deprecated,
        directives=needs_directives(access),
        **options,
    )
    strawberry_field.python_name = name
    return strawberry_field


def nullable(type: Any) -> Any:
    """Return the nullable form of a type."""
    return Optional[type]  # noqa: UP045  (Strawberry's classes do not support `|`)


def argument(name: str, type: Any, doc: str | None = None) -> StrawberryArgument:
    """Return an argument without a default value."""
    return StrawberryArgument(
        name, camel(name), StrawberryAnnotation(type), description=description(doc), default=strawberry.UNSET
    )


def description(doc: str | None) -> str | None:
    """Return a docstring as a description: each paragraph on one line."""
    if not doc:
        return None
    return "\n\n".join([" ".join(paragraph.split()) for paragraph in cleandoc(doc).split("\n\n")])


def strawberry_definition(type: Any) -> Any:
    """Return Strawberry's definition of a type; fields can still be added to it."""
    return type.__strawberry_definition__
