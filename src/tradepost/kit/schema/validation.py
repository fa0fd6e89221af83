"""Validation of input: from decoded JSON to a typed Struct, with all faults reported at once.

Both APIs pass plain values with REST's member names to the same function, so a fault has the same
pointer and code in both.
"""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from inspect import isclass
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from ..problems import MAX_FAULTS, Fault, MalformedBody, Validation
from ..quoting import did_you_mean, nearest, quote, shorten
from .fault_texts import described_pattern, fault_text, types_text
from .preparation import CODE, NAME, NO_MEMBERS, ROW_ID, Place, TextFault, prepare

END_OF_TEXT = "$(?!\\n)"
"""The end of a regular expression: Python's `$` alone also matches before a final line break."""
# C0 and C1 control characters are refused. Text of several lines may have tabs and line breaks.
_SINGLE_LINE = described_pattern(
    "^[^\\x00-\\x1f\\x7f-\\x9f]*" + END_OF_TEXT, "one line of text without control characters"
)
SingleLineText = Annotated[str, Meta(pattern=_SINGLE_LINE, extra=NAME)]
"""Text that people read: stripped, without zero-width characters."""
Code = Annotated[str, Meta(pattern=_SINGLE_LINE, extra=CODE)]
"""Text that identifies something (a SKU): stripped, without any invisible character."""
HttpUrl = Annotated[
    str,
    Meta(
        pattern=described_pattern(
            "^https?://[^\\s\\x00-\\x1f\\x7f-\\x9f/?#:@\\\\][^\\s\\x00-\\x1f\\x7f-\\x9f]*" + END_OF_TEXT,
            "a URL that starts with `https://` or `http://`, and a host",
        ),
        extra=CODE,
    ),
]
"""The URL of a page or file: like `Code` stripped, without any invisible character."""
MultilineText = Annotated[
    str,
    Meta(
        pattern=described_pattern(
            "^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$",
            "text without control characters other than tabs and line breaks",
        )
    ),
]

RowId = Annotated[str, Meta(extra=ROW_ID, extra_json_schema={"format": "uuid"})]
"""The id of a row in an item of a batch. Text that is no id names no row, as in a path."""

SECRET = {"secret": True}
"""Marks a member (`Meta(extra=SECRET)`) whose value no error message may quote."""
CONTROL_CHARACTERS = {c: None for c in (*range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0xD800, 0xE000))}
MAX_MARKS = 30
"""Consecutive combining marks: Unicode Standard Annex 15, 13, "Stream-Safe Text Format"."""
# Their combining class is 0, yet they decompose into combining marks only.
OTHER_MARKS = frozenset("\u0f73\u0f75\u0f81")
MAX_DEPTH = 32
MAX_SUGGESTIONS = 10


def validate[T](shape: type[T], value: Any, pointer: str = "", stored: Mapping[str, Any] = NO_MEMBERS) -> T:
    """Convert a decoded value to a type. Raise 422 with all its faults (at most 100).

    Their pointers start with `pointer`. Text is normalised to NFC. Control characters are faults
    everywhere, also inside free JSON. `stored` are the members before a change (see `prepare`).
    """
    text_faults: list[TextFault] = []
    prepared = prepare(shape, value, pointer, text_faults, stored)
    faults = [Fault(code=f.code, detail=f.detail, pointer=_pointer(f.place)) for f in text_faults]
    normalized = _normalize(prepared, pointer, faults, 0)
    try:
        converted = msgspec.convert(normalized, shape)
    except msgspec.ValidationError as error:
        faults += _schema_faults(shape, normalized, pointer) or [_msgspec_fault(error, pointer)]
        raise validation_problem(faults) from None
    if faults:
        raise validation_problem(faults)
    return converted


def deferred(shape: type[msgspec.Struct]) -> Meta:
    """Mark a member that is accepted as free JSON, and validated by `shape` when it is used.

    The items of a batch are: an invalid one must not fail the others.
    """
    return Meta(extra={"shape": shape})


def validation_problem(faults: list[Fault]) -> Validation:
    """Return the 422 problem of these faults; its detail is the first of them."""
    more = f" ({len(faults)} errors in total)" if len(faults) > 1 else ""
    return Validation(f"{faults[0].pointer or '/'}: {faults[0].detail}{more}", errors=faults)


def _normalize(value: Any, place: Place, faults: list[Fault], depth: int) -> Any:
    """Return the value with text in NFC. Append a fault for what no text or number may contain."""
    match value:
        case str():
            return value if value.isascii() and value.isprintable() else _text(value, place, faults)
        case dict() | list() if depth >= MAX_DEPTH:
            raise MalformedBody(f"The body is nested deeper than {MAX_DEPTH} levels at {quote(_pointer(place))}.")
        case dict():
            members = cast(dict[Any, Any], value)
            return {
                _key(k, place, faults): v
                if v is None or v is True or v is False
                else _normalize(v, (place, k), faults, depth + 1)
                for k, v in members.items()
            }
        case list():
            return [_normalize(v, (place, i), faults, depth + 1) for i, v in enumerate(cast(list[Any], value))]
        case float() if not math.isfinite(value):
            faults.append(Fault(code="not_a_number", detail="The number is not finite.", pointer=_pointer(place)))
            return 0.0
        case int() if not -(2**63) <= value < 2**63:
            detail = "The number does not fit into 64 bits."
            faults.append(Fault(code="out_of_range", detail=detail, pointer=_pointer(place)))
            return 0
        case None | bool() | int() | float() | msgspec.Raw():
            return value
        case _:
            detail = f"Values of type {type(value).__name__} are not supported; send text."
            faults.append(Fault(code="invalid_type", detail=detail, pointer=_pointer(place)))
            return None


def _text(text: str, place: Place, faults: list[Fault]) -> str:
    if text.translate(CONTROL_CHARACTERS) != text:
        detail = "The text contains a control character; remove it."
        faults.append(Fault(code="control_character", detail=detail, pointer=_pointer(place)))
    if len(text) > MAX_MARKS and _has_too_many_marks(text):
        # Not normalised, because that takes time quadratic in the number of marks.
        detail = f"The text contains more than {MAX_MARKS} consecutive combining marks."
        faults.append(Fault(code="too_many_marks", detail=detail, pointer=_pointer(place)))
        return text
    return unicodedata.normalize("NFC", text)


def _has_too_many_marks(text: str) -> bool:
    """Whether the text has more than MAX_MARKS consecutive combining marks."""
    count = 0
    for character in text:
        count = count + 1 if unicodedata.combining(character) or character in OTHER_MARKS else 0
        if count > MAX_MARKS:
            return True
    return False


def _key(key: Any, place: Place, faults: list[Fault]) -> str:
    if isinstance(key, str):
        return key if key.isascii() and key.isprintable() else _text(key, (place, key), faults)
    faults.append(Fault(code="invalid_type", detail="Member names must be text.", pointer=_pointer(place)))
    return _text(str(key), (place, key), faults)


def _pointer(place: Place) -> str:
    """Format a location as a JSON pointer."""
    return place if isinstance(place, str) else f"{_pointer(place[0])}/{escape_pointer(str(place[1]))}"


def escape_pointer(token: str) -> str:
    """Escape a member's name for a JSON pointer (RFC 6901, 3). A long name is shortened."""
    return shorten(token).replace("~", "~0").replace("/", "~1")


@cache
def _json_schema(shape: Any) -> dict[str, Any]:
    return msgspec.json.schema(shape)


@cache
def _validator(shape: Any) -> Any:
    import jsonschema_rs  # 3 MB, for invalid input only

    return jsonschema_rs.validator_for(_json_schema(shape), validate_formats=True)


@cache
def _has_secrets(shape: Any) -> bool:
    """Whether a member is SECRET.

    Then no value is quoted at all, because a fault of the object would quote the secret too.
    """
    fields = msgspec.structs.fields(shape) if isclass(shape) and issubclass(shape, msgspec.Struct) else ()
    metas = [m for f in fields for m in getattr(f.type, "__metadata__", ()) if isinstance(m, Meta)]
    return any((meta.extra or {}).get("secret") for meta in metas)


CODES = {
    "required": "required",
    "additionalProperties": "unknown_member",
    "type": "invalid_type",
    "enum": "not_allowed",
    "minimum": "out_of_range",
    "maximum": "out_of_range",
    "minLength": "too_short",
    "maxLength": "too_long",
    "minItems": "too_few",
    "maxItems": "too_many",
    "pattern": "invalid_format",
    "format": "invalid_format",
}
"""JSON Schema keyword -> the code of its fault."""


def _schema_faults(shape: Any, value: Any, pointer: str) -> list[Fault]:
    """Return all faults by the type's JSON Schema; msgspec itself stops at the first."""
    faults: list[Fault] = []
    for error in _validator(shape).iter_errors(value):
        faults += _faults_of_error(error, pointer, shape)
        if len(faults) >= MAX_FAULTS:
            break
    return faults


def _faults_of_error(error: Any, pointer: str, shape: Any) -> list[Fault]:
    place = pointer + "".join(["/" + escape_pointer(str(token)) for token in error.instance_path])
    keyword: str = error.kind.name
    is_secret = _has_secrets(shape)
    if keyword == "additionalProperties":
        names = _names_for_unknown(shape, error.schema_path)
        unknown = error.kind.unexpected[:MAX_FAULTS]
        # Comparing takes up to 0.5 ms a name, so only the first ones get a suggestion.
        return [unknown_member(n, place, names if i < MAX_SUGGESTIONS else {}) for i, n in enumerate(unknown)]
    if keyword == "anyOf" and (branch := next((b for b in error.kind.context if b and _is_within(b[0], error)), None)):
        return [fault for inner in branch for fault in _faults_of_error(inner, pointer, shape)]
    if keyword == "anyOf":
        detail = types_text([branch[0] for branch in error.kind.context if branch], is_secret=is_secret)
        return [Fault(code="invalid_type", detail=detail, pointer=place)]
    if keyword == "required":
        name = escape_pointer(str(error.kind.property))
        return [Fault(code="required", detail="This member is required.", pointer=f"{place}/{name}")]
    suggestion = did_you_mean(str(error.instance), error.kind.options) if keyword == "enum" and not is_secret else ""
    detail = fault_text(error, is_secret=is_secret)
    return [Fault(code=CODES.get(keyword, "invalid"), detail=detail + suggestion, pointer=place, suggestion=suggestion)]


def _names_for_unknown(shape: Any, schema_path: Sequence[str | int]) -> dict[str, str]:
    """Return the known members where an unknown one is, and the names that are taken for them.

    A Struct may have such names in `OTHER_NAMES`.
    """
    schema: Any = _json_schema(shape)
    for step in schema_path[:-1]:
        schema = schema[step]
    others: dict[str, str] = getattr(shape, "OTHER_NAMES", {})
    return others | {name: name for name in schema.get("properties", ())}


def unknown_member(name: str, place: str, names: Mapping[str, str]) -> Fault:
    """Return the fault of an unknown member. `names` maps known names to members."""
    match = nearest(name, names)
    suggestion = f" Did you mean `{names[match]}`?" if match else ""
    detail = f"Unknown member {quote(name)}.{suggestion}"
    pointer = f"{place}/{escape_pointer(name)}"
    return Fault(code="unknown_member", detail=detail, pointer=pointer, suggestion=suggestion)


def _is_within(fault: Any, error: Any) -> bool:
    """Whether a fault of an alternative is not about the type of the value itself."""
    return fault.kind.name != "type" or len(fault.instance_path) > len(error.instance_path)


def _msgspec_fault(error: msgspec.ValidationError, pointer: str) -> Fault:
    """Return msgspec's only fault. Its path is part of the message (`$.lines[0].quantity`)."""
    detail, _, path = str(error).partition(" - at `$")
    tokens = path.rstrip("`").replace("[", ".").replace("]", "").split(".")
    return Fault(code="invalid", detail=detail + ".", pointer=pointer + "".join(["/" + t for t in tokens if t]))
