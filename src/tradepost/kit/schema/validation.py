"""Inputs: from what a client wrote to a typed Struct, with all faults named at once.

Both doors bring builtins in REST's names; a body of either door is read by the same function, so a fault has the same pointer and code.
"""

import math
import unicodedata
from functools import cache
from inspect import isclass
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

import jsonschema_rs
import msgspec
from msgspec import UNSET, Meta, UnsetType

from ..problems import MAX_FAULTS, Fault, MalformedBody, Validation
from .struct_fields import snake_case

# The end of a pattern: Python's `$` alone also stands before a last line break.
END_OF_TEXT = "$(?!\\n)"
# C0 and C1 controls never belong into a line; tabs and line breaks belong into several lines.
SingleLineText = Annotated[str, Meta(pattern="^[^\\x00-\\x1f\\x7f-\\x9f]*" + END_OF_TEXT)]
MultilineText = Annotated[str, Meta(pattern="^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$")]

SECRET = {"secret": True}
"""Marks a member (`Meta(extra=SECRET)`) whose value no fault may quote."""
MOST_MARKS = 30
CONTROL_CHARACTERS = {c: None for c in (*range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0xD800, 0xE000))}
# They count as no marks and are made of nothing else.
OTHER_MARKS = frozenset("\u0f73\u0f75\u0f81")
DEEPEST = 32


def validate[T](shape: type[T], given: Any, pointer: str = "") -> T:
    """The value of a shape in what was given, or 422 with all its faults (at most 100), pointers under `pointer`.

    Text is normalised to NFC; control characters are faults everywhere, also inside free JSON.
    """
    faults: list[Fault] = []
    clean = _clean(given, pointer, faults, 0)
    try:
        value = msgspec.convert(clean, shape)
    except msgspec.ValidationError as fault:
        raise validation_problem(faults + (_all(shape, clean, pointer) or [_first(fault, pointer)])) from None
    if faults:
        raise validation_problem(faults)
    return value


def deferred(shape: type[msgspec.Struct]) -> Meta:
    """Marks a member that is free JSON until it is used; then it is read by this shape, with faults of its own."""
    return Meta(extra={"shape": shape})


@cache
def merge_patch_type(shape: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The shape of a merge patch for an input shape: every member may be left out, and null gives it its default (RFC 7396)."""
    made: list[tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(shape):
        alone = _patched(_without_unset(field.type))
        made.append((field.name, alone | None | UnsetType, UNSET))
    name = shape.__name__.removesuffix("Input")
    patch = msgspec.defstruct(f"{name}Patch", made, forbid_unknown_fields=True, module=shape.__module__)
    patch.__doc__ = f"The members of a {snake_case(name).replace('_', ' ')} to be changed; what is left out stays, null gives the default."
    return patch


def _without_unset(type: Any) -> Any:
    """A member's type without the mark that it may be left out."""
    if get_origin(type) is Annotated:
        inner: Any = _without_unset(get_args(type)[0])
        return Annotated[inner, *type.__metadata__]
    kept = [a for a in get_args(type) if a is not UnsetType]
    return cast(Any, Union[*kept] if UnsetType in get_args(type) else type)


def _patched(type: Any) -> Any:
    """A member's type in a patch: an embedded value is patched member by member."""
    if get_origin(type) is Annotated:
        inner: Any = _patched(get_args(type)[0])
        return Annotated[inner, *type.__metadata__]
    if get_origin(type) in (UnionType, Union):
        made: Any = tuple([_patched(a) for a in get_args(type)])
        return cast(Any, Union[made])  # noqa: UP007  (members that are known only now)
    return merge_patch_type(type) if isclass(type) and issubclass(type, msgspec.Struct) else type


def validation_problem(faults: list[Fault]) -> Validation:
    """422 with these faults; the first of them is told in the detail."""
    more = f" ({len(faults)} faults in all)" if len(faults) > 1 else ""
    return Validation(f"{faults[0].pointer or '/'}: {faults[0].detail}{more}", errors=faults)


# Where a value stands: the pointer of the whole, or the place around it and its key. It becomes text only where there is a fault.
type Place = str | tuple["Place", object]


def _clean(value: Any, place: Place, faults: list[Fault], depth: int) -> Any:
    """The value with its texts in NFC; what no text or number may be is added to the faults."""
    match value:
        case str():
            return value if value.isascii() and value.isprintable() else _text(value, place, faults)
        case dict() | list() if depth >= DEEPEST:
            raise MalformedBody(f"The body is nested deeper than {DEEPEST} levels at `{_pointer(place)}`.")
        case dict():
            members = cast(dict[Any, Any], value)
            return {
                _key(k, place, faults): v
                if v is None or v is True or v is False
                else _clean(v, (place, k), faults, depth + 1)
                for k, v in members.items()
            }
        case list():
            return [_clean(v, (place, i), faults, depth + 1) for i, v in enumerate(cast(list[Any], value))]
        case float() if not math.isfinite(value):
            faults.append(Fault(code="not_a_number", detail="The number is not finite.", pointer=_pointer(place)))
            return 0.0
        case int() if not -(2**63) <= value < 2**63:
            faults.append(
                Fault(code="out_of_range", detail="The number does not fit into 64 bits.", pointer=_pointer(place))
            )
            return 0
        case None | bool() | int() | float() | msgspec.Raw():
            return value
        case _:
            faults.append(
                Fault(
                    code="invalid_type",
                    detail=f"A {type(value).__name__} has no place in JSON; send text.",
                    pointer=_pointer(place),
                )
            )
            return None


def _text(text: str, place: Place, faults: list[Fault]) -> str:
    if text.translate(CONTROL_CHARACTERS) != text:
        faults.append(
            Fault(
                code="control_character",
                detail="The text holds a control character; remove it.",
                pointer=_pointer(place),
            )
        )
    if len(text) > MOST_MARKS and _is_overmarked(text):
        # Not normalised: that takes the square of their number.
        faults.append(
            Fault(
                code="too_many_marks",
                detail=f"More than {MOST_MARKS} combining marks stand in a row.",
                pointer=_pointer(place),
            )
        )
        return text
    return unicodedata.normalize("NFC", text)


def _is_overmarked(text: str) -> bool:
    """Whether more combining marks stand in a row than in any language (Unicode Standard Annex 15, 13: Stream-Safe Text Format)."""
    row = 0
    for letter in text:
        row = row + 1 if unicodedata.combining(letter) or letter in OTHER_MARKS else 0
        if row > MOST_MARKS:
            return True
    return False


def _key(key: Any, place: Place, faults: list[Fault]) -> str:
    if isinstance(key, str):
        return key if key.isascii() and key.isprintable() else _text(key, (place, key), faults)
    faults.append(Fault(code="invalid_type", detail="A member's name is text.", pointer=_pointer(place)))
    return _text(str(key), (place, key), faults)


def _pointer(place: Place) -> str:
    """A place as a JSON pointer."""
    return place if isinstance(place, str) else f"{_pointer(place[0])}/{escape_pointer(str(place[1]))}"


def escape_pointer(token: str) -> str:
    """A member's name in a JSON pointer (RFC 6901, 3)."""
    return token.replace("~", "~0").replace("/", "~1")


@cache
def _validator(shape: Any) -> Any:
    return jsonschema_rs.validator_for(
        msgspec.json.schema(shape), validate_formats=True, mask="This" if _holds_secrets(shape) else None
    )


def _holds_secrets(shape: Any) -> bool:
    """Whether a member must not be quoted. Nothing is then, because a fault may quote all that is around it."""
    members = msgspec.structs.fields(shape) if isclass(shape) and issubclass(shape, msgspec.Struct) else ()
    marks = [m for f in members for m in getattr(f.type, "__metadata__", ()) if isinstance(m, Meta)]
    return any((m.extra or {}).get("secret") for m in marks)


CODES = {
    "required": "required", "additionalProperties": "unknown_member", "type": "invalid_type", "enum": "not_allowed", "minimum": "out_of_range",
    "maximum": "out_of_range", "minLength": "too_short", "maxLength": "too_long", "minItems": "too_few", "maxItems": "too_many",
    "pattern": "invalid_format", "format": "invalid_format",
}  # fmt: skip


def _all(shape: Any, given: Any, pointer: str) -> list[Fault]:
    """All faults by the shape's JSON Schema; msgspec itself stops at the first."""
    found: list[Fault] = []
    for error in _validator(shape).iter_errors(given):
        found += _faults(error, pointer)
        if len(found) >= MAX_FAULTS:
            break
    return found


def _faults(error: Any, pointer: str) -> list[Fault]:
    at = pointer + "".join(["/" + escape_pointer(str(p)) for p in error.instance_path])
    kind: str = error.kind.name
    if kind == "additionalProperties":
        return [
            Fault(code="unknown_member", detail=f"`{n}` is not a member here.", pointer=f"{at}/{escape_pointer(n)}")
            for n in error.kind.unexpected
        ]
    if kind == "anyOf" and (branch := next((b for b in error.kind.context if b and b[0].kind.name != "type"), None)):
        return [f for inner in branch for f in _faults(inner, pointer)]
    if kind == "anyOf":
        said = "; ".join([str(b[0].message) for b in error.kind.context if b])
        return [Fault(code="invalid_type", detail=said[:300], pointer=at)]
    if kind == "required":
        return [
            Fault(
                code="required",
                detail="This member is required.",
                pointer=f"{at}/{escape_pointer(str(error.kind.property))}",
            )
        ]
    return [Fault(code=CODES.get(kind, "invalid"), detail=str(error.message)[:300], pointer=at)]


def _first(fault: msgspec.ValidationError, pointer: str) -> Fault:
    """msgspec's one fault; its path is in its text (`$.lines[0].quantity`)."""
    said, _, path = str(fault).partition(" - at `$")
    tokens = path.rstrip("`").replace("[", ".").replace("]", "").split(".")
    return Fault(code="invalid", detail=said + ".", pointer=pointer + "".join(["/" + t for t in tokens if t]))
