"""The members of a Struct, as both APIs describe them: kind, nullability, description."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, cast

import msgspec
from msgspec import inspect as mi

from .preparation import TEXT

type Extra = Mapping[str, Any]
type MemberKind = Literal["id", "text", "int", "float", "bool", "moment", "enum", "list", "json", "value"]


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One member of a Struct, or one item of a list.

    kind: the kind of its value; `value` is an embedded Struct.
    type_info: msgspec's description of its type.
    null: whether it can be null.
    is_int64: whether it exceeds GraphQL's 32-bit Int.
    is_rate: whether it is a rate (`rate.py`), whose column holds parts per million.
    shape: the embedded Struct.
    item: the items of a list.
    deferred: whether it is accepted as free JSON and validated by `shape` when it is used, as the
    items of a batch are. The API documents show the shape.
    """

    name: str
    kind: MemberKind
    type_info: Any
    null: bool = False
    required: bool = True
    is_int64: bool = False
    is_rate: bool = False
    doc: str | None = None
    enum: type[Enum] | None = None
    shape: type[msgspec.Struct] | None = None
    item: "Member | None" = None
    deferred: bool = False


def members(shape: type[msgspec.Struct]) -> dict[str, Member]:
    """Return the members of a Struct by name, in order."""
    info = mi.type_info(shape)
    assert isinstance(info, mi.StructType)
    return {field.name: member(field.name, field.type, field.required) for field in info.fields}


def member(name: str, type_info: Any, required: bool = True) -> Member:
    """Return the member with this type."""
    doc: str | None = None
    is_int64 = is_rate = is_id = null = False
    while True:
        if isinstance(type_info, mi.Metadata):
            extra, schema = cast(Extra, type_info.extra or {}), cast(Extra, type_info.extra_json_schema or {})
            is_id = is_id or extra.get(TEXT) == "id"
            doc, is_int64 = doc or schema.get("description"), is_int64 or schema.get("format") == "int64"
            is_rate = is_rate or "rate" in extra
            if "shape" in extra:
                return Member(
                    name=name,
                    kind="value",
                    type_info=type_info,
                    required=required,
                    doc=doc,
                    shape=extra["shape"],
                    deferred=True,
                )
            type_info = type_info.type
        elif isinstance(type_info, mi.UnionType):
            null = null or any(isinstance(t, mi.NoneType) for t in type_info.types)
            type_info = next(t for t in type_info.types if not isinstance(t, mi.NoneType))
        else:
            break
    if type_info.__class__ not in KINDS:
        raise TypeError(f"`{name}` has a type that the APIs do not support; for a few fixed values use a `StrEnum`")
    return Member(
        name=name,
        kind="id" if is_id else KINDS[type_info.__class__],
        type_info=type_info,
        null=null,
        required=required,
        is_int64=is_int64,
        is_rate=is_rate,
        doc=doc,
        enum=type_info.cls if isinstance(type_info, mi.EnumType) else None,
        shape=type_info.cls if isinstance(type_info, mi.StructType) else None,
        item=member(name, type_info.item_type) if isinstance(type_info, mi.ListType) else None,
    )


KINDS: dict[Any, MemberKind] = {
    mi.UUIDType: "id",
    mi.StrType: "text",
    mi.IntType: "int",
    mi.FloatType: "float",
    mi.BoolType: "bool",
    mi.DateTimeType: "moment",
    mi.EnumType: "enum",
    mi.ListType: "list",
    mi.DictType: "json",
    mi.AnyType: "json",
    mi.StructType: "value",
}


def snake_case(name: str) -> str:
    """Convert a Struct's name to the spelling of operations: `GiftCard` -> `gift_card`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
