"""Preparation of decoded JSON for its type, before it is validated.

- Null is the default of a member that has one and cannot be null. Clients that are generated from
  the API documents send it.
- A whole number may be written as `1.0`.
- Text of one line loses the white space at both ends.
- An id gets its canonical form.
- A JSON object may have a limited size.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple, cast

import msgspec
from msgspec import inspect as mi

from ..ids import parse_id
from .numbers import whole_number

TEXT = "text"
"""The key of `Meta(extra=...)` that marks text of one line; its value is one of the next two."""
NAME, CODE = {TEXT: "name"}, {TEXT: "code"}
ROW_ID = {TEXT: "id"}
MAX_BYTES = "max_bytes"
"""The key of `Meta(extra=...)` that limits the size of free JSON."""

SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
ZERO_WIDTH = "\u180e\u200b\u2060\u2061\u2062\u2063\u2064\ufeff"
LINE_SEPARATORS = "\u2028\u2029"
# They join or separate letters in Persian and in Indian scripts, and the parts of an emoji.
JOINERS = "\u200c\u200d"
STRIPPED = SPACES + ZERO_WIDTH + LINE_SEPARATORS + JOINERS

INVISIBLE = {
    "name": re.compile(f"[{ZERO_WIDTH}]"),
    # Codes are compared, so line separators, joiners and direction marks are refused too.
    "code": re.compile(
        f"[{ZERO_WIDTH}{LINE_SEPARATORS}{JOINERS}\u00ad\u200e\u200f\u202a-\u202e\u2065-\u206f\U000e0000-\U000e007f]"
    ),
}
"""The characters that may not be inside a text."""

type Place = str | tuple["Place", object]
"""A value's location: the pointer of the root, or the parent's location and a member or index.

It is formatted as a JSON pointer only if there is a fault.
"""


class TextFault(NamedTuple):
    """What is wrong with a text or with the size of a value, and where."""

    place: Place
    code: str
    detail: str


type Rule = Callable[[Any, Place, list[TextFault]], Any]
NO_MEMBERS: Mapping[str, Any] = {}


def prepare(
    shape: Any, value: Any, place: Place, faults: list[TextFault], stored: Mapping[str, Any] = NO_MEMBERS
) -> Any:
    """Return a value prepared for a type. Append a fault for each invisible character in a text.

    stored: the members of the row that is changed. Those that stay as they are were accepted when
        they were written, and are not prepared again.
    """
    rule = type_rule(shape)
    if rule is None:
        return value
    if not stored or not isinstance(value, dict):
        return rule(value, place, faults)
    members = cast(dict[str, Any], value)
    kept = {name for name, v in members.items() if name in stored and _is_same(v, stored[name])}
    prepared = rule({name: v for name, v in members.items() if name not in kept}, place, faults)
    return {name: members[name] for name in members if name in kept} | prepared


def _is_same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and value == other


@cache
def type_rule(shape: Any) -> Rule | None:
    """Return what prepares values of a type; None if nothing has to be prepared."""
    return _rule(mi.type_info(shape), "")


def _rule(info: Any, text: str) -> Rule | None:
    """Return the rule of a type. `text` is the kind of text that its metadata names."""
    match info:
        case mi.Metadata():
            extra = cast(Mapping[str, Any], info.extra or {})
            rule = _rule(info.type, extra.get(TEXT, text))
            return _size_rule(rule, extra[MAX_BYTES]) if MAX_BYTES in extra else rule
        case mi.UnionType():
            types = [t for t in info.types if not isinstance(t, mi.NoneType)]
            return _rule(types[0], text) if len(types) == 1 else None
        case mi.IntType():
            return _whole_number
        case mi.StrType() if text == "id":
            return _canonical_id
        case mi.StrType() if text:
            return _text_rule(INVISIBLE[text])
        case mi.ListType():
            return _list_rule(_rule(info.item_type, ""))
        case mi.DictType():
            return _dict_rule(_rule(info.key_type, ""), _rule(info.value_type, ""))
        case mi.StructType():
            return _struct_rule(info)
        case _:
            return None


def _whole_number(value: Any, place: Place, faults: list[TextFault]) -> Any:
    return whole_number(value)


def _canonical_id(value: Any, place: Place, faults: list[TextFault]) -> Any:
    return (parse_id(value) or value) if isinstance(value, str) else value


def _text_rule(invisible: re.Pattern[str]) -> Rule:
    """Return the rule of text: stripped, and without invisible characters inside."""

    def prepare_text(value: Any, place: Place, faults: list[TextFault]) -> Any:
        if not isinstance(value, str):
            return value
        text = value.strip(STRIPPED)
        if not text.isascii() and (match := invisible.search(text)) is not None:
            detail = f"The text contains the invisible character U+{ord(match[0]):04X}; remove it."
            faults.append(TextFault(place, "invisible_character", detail))
        return text

    return prepare_text


def _size_rule(rule: Rule | None, limit: int) -> Rule:
    """Return the rule of free JSON whose text has at most `limit` bytes."""

    def check_size(value: Any, place: Place, faults: list[TextFault]) -> Any:
        # A value that JSON cannot hold gets its own fault later.
        with suppress(TypeError, ValueError, OverflowError, RecursionError):
            if (size := len(msgspec.json.encode(value))) > limit:
                detail = f"The value has {size} bytes as JSON; at most {limit} are allowed."
                faults.append(TextFault(place, "too_large", detail))
        return value if rule is None else rule(value, place, faults)

    return check_size


def _list_rule(item: Rule | None) -> Rule | None:
    if item is None:
        return None

    def prepare_list(value: Any, place: Place, faults: list[TextFault]) -> Any:
        if not isinstance(value, list):
            return value
        return [item(v, (place, i), faults) for i, v in enumerate(cast(list[Any], value))]

    return prepare_list


def _dict_rule(key: Rule | None, member: Rule | None) -> Rule | None:
    if key is None and member is None:
        return None

    def prepare_dict(value: Any, place: Place, faults: list[TextFault]) -> Any:
        if not isinstance(value, dict):
            return value
        prepared: dict[Any, Any] = {}
        for k, v in cast(dict[Any, Any], value).items():
            name = k if key is None else key(k, (place, k), faults)
            if name in prepared:
                detail = f"`{name}` is given twice."
                faults.append(TextFault((place, k), "not_unique", detail))
            prepared[name] = v if member is None else member(v, (place, k), faults)
        return prepared

    return prepare_dict


class _Member(NamedTuple):
    """A member of a Struct; `null_is_default` unless null is one of its values."""

    rule: Rule | None
    null_is_default: bool


def _struct_rule(info: mi.StructType) -> Rule | None:
    members = {
        f.encode_name: _Member(_rule(f.type, ""), not f.required and not accepts_null(f.type)) for f in info.fields
    }
    if not any(m.rule is not None or m.null_is_default for m in members.values()):
        return None

    def prepare_struct(value: Any, place: Place, faults: list[TextFault]) -> Any:
        if not isinstance(value, dict):
            return value
        prepared: dict[Any, Any] = {}
        for name, v in cast(dict[Any, Any], value).items():
            member = members.get(name)
            if member is None or (v is None and not member.null_is_default):
                prepared[name] = v
            elif v is not None:
                prepared[name] = v if member.rule is None else member.rule(v, (place, name), faults)
        return prepared

    return prepare_struct


def accepts_null(info: Any) -> bool:
    """Whether null is a value of a type."""
    match info:
        case mi.Metadata():
            return accepts_null(info.type)
        case mi.UnionType():
            return any(accepts_null(t) for t in info.types)
        case _:
            return isinstance(info, mi.NoneType | mi.AnyType)


def null_is_default(shape: type[msgspec.Struct]) -> frozenset[str]:
    """Return the members of a Struct for which null stands for the default."""
    info = cast(mi.StructType, mi.type_info(shape))
    return frozenset([f.encode_name for f in info.fields if not f.required and not accepts_null(f.type)])
