"""Convert the arguments that graphql-core has coerced to the values that areas' functions take.

Input objects become builtins under REST's names and are validated by the same function as REST's
request bodies (`kit.schema.validation.validate`), so faults have the same pointers and codes at
both doors.
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
from tradepost.kit.schema.merge_patch_type import merge_patch_type
from tradepost.kit.schema.patch import JsonPatch, MergePatch, Step, parse_json_patch
from tradepost.kit.schema.struct_fields import Member, member, members
from tradepost.kit.schema.validation import validate

from ...graphql_names import camel

type Converter = Callable[[Any], Any]


class Parameter(msgspec.Struct, frozen=True):
    """One argument of a root field.

    name: the name of the function's parameter.
    member: the type and description for the schema.
    convert: converts a coerced value; None if the value is used as it is.
    """

    name: str
    member: Member
    convert: Converter | None


def build_parameter(parameter: inspect.Parameter, annotation: Any, operation: Operation[Any, ..., Any]) -> Parameter:
    """Build the Parameter of a function's parameter.

    `patch` is a merge patch of the operation's input, `json_patch` a list of RFC 6902 operations.
    """
    name, required = parameter.name, parameter.default is inspect.Parameter.empty
    type = _without_none(annotation)
    if name == "patch" and operation.input is not None:
        type = merge_patch_type(operation.input) if type is MergePatch else type
        patch_member = member(name, mi.type_info(type), required)
        to_builtins = builtins_converter(patch_member)
        return Parameter(name, patch_member, lambda value: MergePatch(to_builtins(value) if to_builtins else value))
    if name == "json_patch" or type is JsonPatch:
        return Parameter(name, member(name, mi.type_info(list[Step]), required), _convert_json_patch)
    described = member(name, mi.type_info(annotation), required)
    if described.kind == "id":
        return Parameter(name, described, _id_converter(operation.path_ids.get(name, operation.path_resource)))
    return Parameter(name, described, _validating_converter(name, type, described))


def _validating_converter(name: str, type: Any, described: Member) -> Converter | None:
    if described.kind in ("text", "int", "float", "bool"):
        return None
    to_builtins, pointer = builtins_converter(described), "" if name == "input" else f"/{name}"
    return lambda value: validate(type, to_builtins(value) if to_builtins else value, pointer)


def _without_none(annotation: Any) -> Any:
    """Return the annotation without `Annotated` and `None`."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (UnionType, Union):
        annotation = next(a for a in get_args(annotation) if a is not NoneType)
    return annotation


def _id_converter(resource: Resource[Any]) -> Converter:
    """Return a converter of ids. It raises NotFound for text that is not an id."""

    def convert_id(value: str) -> UUID:
        id = parse_id(value)
        if id is None:
            raise resource.not_found(value)
        # Has the same str() as UUID and is created in a tenth of the time.
        return cast(UUID, QuickUUID(id))

    return convert_id


def builtins_converter(described: Member) -> Converter | None:
    """Return a converter of a member's coerced value to builtins under REST's names.

    None if the coerced value consists of builtins already.
    """
    if described.shape is not None:
        return struct_converter(described.shape)
    if described.enum is not None:
        return _enum_value
    if described.item is not None and (convert_item := builtins_converter(described.item)) is not None:
        return lambda values: None if values is None else [convert_item(v) for v in values]
    return None


@cache
def struct_converter(struct: type[msgspec.Struct]) -> Converter:
    """Return a converter of a Struct's input object to a dict."""
    fields = {camel(m.name): (json_name(struct, m.name), builtins_converter(m)) for m in members(struct).values()}

    def convert_object(value: Any) -> Any:
        if value is None:
            return None
        converted: dict[str, Any] = {}
        for key, field_value in cast(dict[str, Any], value).items():
            name, convert = fields[key]
            converted[name] = field_value if convert is None else convert(field_value)
        return converted

    return convert_object


def json_name(struct: type[msgspec.Struct], name: str) -> str:
    """Return the name of a Struct's field in JSON."""
    return next(f.encode_name for f in msgspec.structs.fields(struct) if f.name == name)


def _enum_value(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


_convert_steps = builtins_converter(member("json_patch", mi.type_info(list[Step])))


def _convert_json_patch(value: Any) -> JsonPatch:
    return parse_json_patch(_convert_steps(value) if _convert_steps is not None else value)
