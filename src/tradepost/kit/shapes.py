"""What a Struct's members are, read once: their kind, whether they may be null, what of them the wire must know."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal

import msgspec
from msgspec import inspect as mi

type Kind = Literal["id", "text", "int", "float", "bool", "moment", "enum", "list", "json", "value"]


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One member of a shape. `kind` is that of its value, `item` that of a list's items.

    A `later` member is read as free JSON first and by its `shape` only where it is used (an item of a batch): the documents show the shape.
    """

    name: str
    kind: Kind
    type: Any
    null: bool = False
    required: bool = True
    wide: bool = False
    doc: str | None = None
    enum: type[Enum] | None = None
    shape: type[msgspec.Struct] | None = None
    item: "Member | None" = None
    later: bool = False


def members(shape: type[msgspec.Struct]) -> dict[str, Member]:
    """The members of a shape in order."""
    info = mi.type_info(shape)
    assert isinstance(info, mi.StructType)
    return {f.name: member(f.name, f.type, f.required) for f in info.fields}


def member(name: str, type: Any, required: bool = True) -> Member:
    """A member from the type that msgspec's inspection gives."""
    doc: str | None = None
    wide = False
    null = False
    while True:
        if isinstance(type, mi.Metadata):
            extra: Mapping[str, Any] = type.extra_json_schema or {}
            if (later := (type.extra or {}).get("shape")) is not None:
                return Member(name=name, kind="value", type=type, required=required, doc=extra.get("description"), shape=later, later=True)
            doc, wide, type = doc or extra.get("description"), wide or extra.get("format") == "int64", type.type
        elif isinstance(type, mi.UnionType):
            null = null or any(isinstance(t, mi.NoneType) for t in type.types)
            type = next(t for t in type.types if not isinstance(t, mi.NoneType))
        else:
            break
    kind = _kind(type)
    return Member(
        name=name, kind=kind, type=type, null=null, required=required, wide=wide, doc=doc,
        enum=type.cls if isinstance(type, mi.EnumType) else None,
        shape=type.cls if isinstance(type, mi.StructType) else None,
        item=member(name, type.item_type) if isinstance(type, mi.ListType) else None,
    )  # fmt: skip


def _kind(type: Any) -> Kind:
    kinds: dict[Any, Kind] = {
        mi.UUIDType: "id", mi.StrType: "text", mi.IntType: "int", mi.FloatType: "float", mi.BoolType: "bool", mi.DateTimeType: "moment",
        mi.EnumType: "enum", mi.ListType: "list", mi.DictType: "json", mi.AnyType: "json", mi.StructType: "value",
    }  # fmt: skip
    return kinds[type.__class__]
