"""Arguments: from what graphql-core coerced to what a room's functions take.

Inputs become builtins in REST's names and are then read by `kit.inputs.read`, as a REST body is: a fault has one pointer and code on both doors.
"""

import inspect
from collections.abc import Callable
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin
from uuid import UUID

import msgspec
from msgspec import inspect as mi
from uuid_utils import UUID as QuickUUID

from tradepost.kit.ids import parse_id
from tradepost.kit.operations.operation import Operation
from tradepost.kit.resource.resource import Resource
from tradepost.kit.schema.patch import JsonPatch, MergePatch, Step, parse_json_patch
from tradepost.kit.schema.struct_fields import Member, member, members
from tradepost.kit.schema.validation import merge_patch_type, validate

from ...graphql_names import camel

type Read = Callable[[Any], Any]


class Parameter(msgspec.Struct, frozen=True):
    """One argument of a root field: the function's name for it, what the schema shows, and how a given value is read."""

    name: str
    member: Member
    convert: Read | None


def build_parameter(given: inspect.Parameter, annotation: Any, operation: Operation[Any, ..., Any]) -> Parameter:
    """The parameter that a function declares. A patch is a MergePatch of the operation's input, `json_patch` a list of RFC 6902's operations."""
    name, required = given.name, given.default is inspect.Parameter.empty
    type = _bare(annotation)
    if name == "patch" and operation.input is not None:
        type = merge_patch_type(operation.input) if type is MergePatch else type
        made = member(name, mi.type_info(type), required)
        inner = builtins(made)
        return Parameter(name, made, lambda value: MergePatch(inner(value) if inner else value))
    if name == "json_patch" or type is JsonPatch:
        made = member(name, mi.type_info(list[Step]), required)
        return Parameter(name, made, _json_patch)
    made = member(name, mi.type_info(annotation), required)
    return Parameter(name, made, _id_of(operation.path_resource) if made.kind == "id" else _reading(name, type, made))


def _reading(name: str, type: Any, made: Member) -> Read | None:
    if made.kind in ("text", "int", "float", "bool"):
        return None
    inner, pointer = builtins(made), "" if name == "input" else f"/{name}"
    return lambda value: validate(type, inner(value) if inner else value, pointer)


def _bare(annotation: Any) -> Any:
    """The annotation without `None`."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (UnionType, Union):
        annotation = next(a for a in get_args(annotation) if a is not NoneType)
    return annotation


def _id_of(about: Resource[Any]) -> Read:
    """How an id is read; one that is none is the id of nothing."""

    def read_id(value: str) -> UUID:
        id = parse_id(value)
        if id is None:
            raise about.not_found(value)
        # The same to whoever asks for its text, at a tenth of the time.
        return cast(UUID, QuickUUID(id))

    return read_id


def builtins(of: Member) -> Read | None:
    """How a coerced value of a member becomes builtins in REST's names; None where it is so already."""
    if of.shape is not None:
        return shaped(of.shape)
    if of.enum is not None:
        return _value
    if of.item is not None and (inner := builtins(of.item)) is not None:
        return lambda values: None if values is None else [inner(v) for v in values]
    return None


@cache
def shaped(shape: type[msgspec.Struct]) -> Read:
    """How an input object of a shape becomes a dict."""
    known = {camel(m.name): (written(shape, m.name), m.null, builtins(m)) for m in members(shape).values()}

    def read_object(value: Any) -> Any:
        if value is None:
            return None
        out: dict[str, Any] = {}
        for key, given in cast(dict[str, Any], value).items():
            name, null, inner = known[key]
            # GraphQL has no type that may be left out but not be null: there null is as if nothing had been given.
            if given is not None or null:
                out[name] = given if inner is None else inner(given)
        return out

    return read_object


def written(shape: type[msgspec.Struct], name: str) -> str:
    """A member's name in JSON."""
    return next(f.encode_name for f in msgspec.structs.fields(shape) if f.name == name)


def _value(given: Any) -> Any:
    return given.value if isinstance(given, Enum) else given


_STEPS = builtins(member("json_patch", mi.type_info(list[Step])))


def _json_patch(value: Any) -> JsonPatch:
    return parse_json_patch(_STEPS(value) if _STEPS is not None else value)
