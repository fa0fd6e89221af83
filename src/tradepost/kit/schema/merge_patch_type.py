"""The type of a JSON Merge Patch (RFC 7396) for an input Struct."""

from functools import cache
from inspect import isclass
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType


@cache
def merge_patch_type(shape: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Return a Struct like `shape` whose members can all be omitted or null.

    Null restores the member's default.
    """
    fields: list[tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(shape):
        patched = _patch_member_type(_without_unset(field.type))
        fields.append((field.name, patched | None | UnsetType, UNSET))
    name = f"{shape.__name__.removesuffix('Input')}Patch"
    patch = msgspec.defstruct(name, fields, forbid_unknown_fields=True, module=shape.__module__)
    patch.__doc__ = "Members to change. Omitted members stay as they are; null restores the default."
    return patch


def _without_unset(type: Any) -> Any:
    """Remove UnsetType from a member's type."""
    if get_origin(type) is Annotated:
        inner: Any = _without_unset(get_args(type)[0])
        return Annotated[inner, *type.__metadata__]
    others = [a for a in get_args(type) if a is not UnsetType]
    return cast(Any, Union[*others] if UnsetType in get_args(type) else type)


def _patch_member_type(type: Any) -> Any:
    """Return a member's type in the patch: embedded Structs become merge patches too."""
    if get_origin(type) is Annotated:
        inner: Any = _patch_member_type(get_args(type)[0])
        return Annotated[inner, *type.__metadata__]
    if get_origin(type) in (UnionType, Union):
        members: Any = tuple([_patch_member_type(a) for a in get_args(type)])
        return cast(Any, Union[members])  # noqa: UP007 (its members are only known at run time)
    return merge_patch_type(type) if isclass(type) and issubclass(type, msgspec.Struct) else type
