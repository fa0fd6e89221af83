"""Types from our shapes: objects, inputs, enums and scalars, with nullability and descriptions. Each is made once."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec
import strawberry
from strawberry.scalars import JSON
from strawberry.tools import create_type

from tradepost.kit.auth.access import ANYONE, Access
from tradepost.kit.resource.resource import ACTIONS, EmbeddedValue
from tradepost.kit.schema.struct_fields import Member, members

from ...graphql_names import input_type_name
from .scalars import BigInt
from .strawberry_fields import field, nullable

SCALAR_TYPES: dict[str, Any] = {
    "id": strawberry.ID,
    "text": str,
    "int": int,
    "float": float,
    "bool": bool,
    "moment": datetime,
    "json": JSON,
}
NO_ACCESS: Mapping[str, Access] = {}
ACTIONS_DOC = "The mutations that are open to you on this now."


class ObjectTypes:
    """The types made so far, by name; enums by their class."""

    def __init__(self) -> None:
        self.types: dict[Any, Any] = {}

    def object_type(self, name: str, own: Any, doc: str | None, access: Mapping[str, Access] = NO_ACCESS) -> Any:
        """An object type of members and embedded values; `access` is that of members which have one of their own."""
        if name not in self.types:
            docs = {n: ACTIONS_DOC if n == ACTIONS else _member(m).doc for n, m in own.items()}
            fields = [field(n, self.value(m), docs[n], access=access.get(n, ANYONE)) for n, m in own.items()]
            self.types[name] = create_type(name, fields, description=doc)
        return self.types[name]

    def value(self, of: EmbeddedValue | Member) -> Any:
        """The type of what an object holds."""
        if isinstance(of, EmbeddedValue):
            made = self.object_type(of.name, of.members, of.shape.__doc__)
            made = list[made] if of.is_list else made
            return nullable(made) if of.null else made
        made = self.scalar_type(of)
        return nullable(made) if of.null else made

    def scalar_type(self, of: Member) -> Any:
        """A scalar, an enum or a list of them."""
        if of.enum is not None:
            return self.enum(of.enum)
        if of.item is not None:
            return list[self.value(of.item)]
        return BigInt if of.is_int64 else SCALAR_TYPES[of.kind]

    def enum(self, kind: type[Enum]) -> Any:
        """An enum with its own description."""
        if kind not in self.types:
            self.types[kind] = strawberry.enum(kind, description=kind.__doc__)
        return self.types[kind]

    def argument_type(self, of: Member) -> Any:
        """The type of an argument or of an input's member."""
        made: Any = (
            list[self.argument_type(of.item)]
            if of.item is not None
            else self.input(of.shape)
            if of.shape is not None
            else self.scalar_type(of)
        )
        return nullable(made) if of.null or not of.required else made

    def input(self, shape: type[msgspec.Struct]) -> Any:
        """An input type from a shape."""
        name = input_type_name(shape.__name__)
        if name not in self.types:
            fields = [
                field(n, self.argument_type(m), m.doc, optional=not m.required) for n, m in members(shape).items()
            ]
            self.types[name] = create_type(name, fields, is_input=True, description=shape.__doc__)
        return self.types[name]


def _member(of: EmbeddedValue | Member) -> Member:
    return of.member if isinstance(of, EmbeddedValue) else of
