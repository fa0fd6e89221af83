"""GraphQL object types, input types, enums and scalars of our Structs. Each is created once."""

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
from .strawberry_fields import description, field, nullable

SCALAR_TYPES: dict[str, Any] = {
    "id": strawberry.ID,
    "text": str,
    "int": int,
    "float": float,
    "bool": bool,
    "moment": datetime,
    "json": JSON,
}
NO_FIELD_ACCESS: Mapping[str, Access] = {}
ACTIONS_DESCRIPTION = "The mutations that you can currently call on this object."


class ObjectTypes:
    """The types created so far, by name; enums by their Python class."""

    def __init__(self) -> None:
        self.types: dict[Any, Any] = {}
        self.value_shapes: dict[str, type[msgspec.Struct]] = {}

    def object_type(
        self,
        name: str,
        members: Mapping[str, EmbeddedValue | Member],
        doc: str | None,
        field_access: Mapping[str, Access] = NO_FIELD_ACCESS,
    ) -> Any:
        """Return the object type of some members.

        field_access: the access of the members that have one of their own.
        """
        if name not in self.types:
            docs = {n: ACTIONS_DESCRIPTION if n == ACTIONS else _member(m).doc for n, m in members.items()}
            fields = [
                field(n, self.output_type(m), docs[n], access=field_access.get(n, ANYONE)) for n, m in members.items()
            ]
            self.types[name] = create_type(name, fields, description=description(doc))
        return self.types[name]

    def output_type(self, member: EmbeddedValue | Member) -> Any:
        """Return the type of an object's field."""
        if isinstance(member, EmbeddedValue):
            type = self.value_type(member)
            type = list[type] if member.is_list else type
        else:
            type = self.scalar_type(member)
        return nullable(type) if member.null else type

    def value_type(self, value: EmbeddedValue) -> Any:
        """Return the object type of a value. Each Struct has one, wherever it is used."""
        if self.value_shapes.setdefault(value.name, value.shape) is not value.shape:
            raise TypeError(f"two Structs of values are named {value.name}; a GraphQL type needs a name of its own")
        return self.object_type(value.name, value.members, value.shape.__doc__)

    def scalar_type(self, member: Member) -> Any:
        """Return a scalar, an enum, or a list of them."""
        if member.enum is not None:
            return self.enum_type(member.enum)
        if member.item is not None:
            return list[self.output_type(member.item)]
        return BigInt if member.is_int64 else SCALAR_TYPES[member.kind]

    def enum_type(self, enum: type[Enum]) -> Any:
        """Return the enum type of a Python enum, described by its docstring."""
        if enum not in self.types:
            self.types[enum] = strawberry.enum(enum, description=description(enum.__doc__))
        return self.types[enum]

    def argument_type(self, member: Member) -> Any:
        """Return the type of an argument or of an input type's field."""
        if member.item is not None:
            type: Any = list[self.argument_type(member.item)]
        elif member.shape is not None:
            type = self.input_type(member.shape)
        else:
            type = self.scalar_type(member)
        return nullable(type) if member.null or not member.required else type

    def input_type(self, struct: type[msgspec.Struct]) -> Any:
        """Return the input type of a Struct."""
        name = input_type_name(struct.__name__)
        if name not in self.types:
            fields = [
                field(n, self.argument_type(m), m.doc, optional=not m.required) for n, m in members(struct).items()
            ]
            self.types[name] = create_type(name, fields, is_input=True, description=description(struct.__doc__))
        return self.types[name]


def _member(member: EmbeddedValue | Member) -> Member:
    return member.member if isinstance(member, EmbeddedValue) else member
