"""What a Struct's members are, read once: their kind, whether they may be null, what of them the wire must know."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, cast

import msgspec
from msgspec import inspect as mi

type Extra = Mapping[str, Any]
type MemberKind = Literal["id", "text", "int", "float", "bool", "moment", "enum", "list", "json", "value"]


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One member of a shape. `kind` is that of its value, `item` that of a list's items.

    A `later` member is read as free JSON first and by its `shape` only where it is used (an item of a batch): the documents show the shape.
    """

    name: str
    kind: MemberKind
    # What msgspec's inspection says of it.
    type_info: Any
    null: bool = False
    required: bool = True
    is_int64: bool = False
    doc: str | None = None
    enum: type[Enum] | None = None
    shape: type[msgspec.Struct] | None = None
    item: "Member | None" = None
    deferred: bool = False


def members(shape: type[msgspec.Struct]) -> dict[str, Member]:
    """The members of a shape in order."""
    info = mi.type_info(shape)
    assert isinstance(info, mi.StructType)
    return {f.name: member(f.name, f.type, f.required) for f in info.fields}


def member(name: str, described: Any, required: bool = True) -> Member:
    """A member from what msgspec's inspection says of its type."""
    doc: str | None = None
    wide = null = False
    while True:
        if isinstance(described, mi.Metadata):
            extra, schema = cast(Extra, described.extra or {}), cast(Extra, described.extra_json_schema or {})
            doc, wide = doc or schema.get("description"), wide or schema.get("format") == "int64"
            if "shape" in extra:
                return Member(
                    name=name,
                    kind="value",
                    type_info=described,
                    required=required,
                    doc=doc,
                    shape=extra["shape"],
                    deferred=True,
                )
            described = described.type
        elif isinstance(described, mi.UnionType):
            null = null or any(isinstance(t, mi.NoneType) for t in described.types)
            described = next(t for t in described.types if not isinstance(t, mi.NoneType))
        else:
            break
    return Member(
        name=name,
        kind=_kind(described),
        type_info=described,
        null=null,
        required=required,
        is_int64=wide,
        doc=doc,
        enum=described.cls if isinstance(described, mi.EnumType) else None,
        shape=described.cls if isinstance(described, mi.StructType) else None,
        item=member(name, described.item_type) if isinstance(described, mi.ListType) else None,
    )


def _kind(described: Any) -> MemberKind:
    kinds: dict[Any, MemberKind] = {
        mi.UUIDType: "id", mi.StrType: "text", mi.IntType: "int", mi.FloatType: "float", mi.BoolType: "bool", mi.DateTimeType: "moment",
        mi.EnumType: "enum", mi.ListType: "list", mi.DictType: "json", mi.AnyType: "json", mi.StructType: "value",
    }  # fmt: skip
    return kinds[described.__class__]


def snake_case(name: str) -> str:
    """A shape's name as operations, members and tables write it: `GiftCard` is `gift_card`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
