"""The texts of faults: what is wrong with a value, in words instead of JSON Schema's keywords."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ..quoting import shorten

TYPE_NAMES: Mapping[str, str] = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "array": "a list",
    "object": "an object",
    "null": "`null`",
}
FORMAT_NAMES: Mapping[str, str] = {
    "uuid": "an id",
    "date-time": "a time with its offset, such as `2026-01-31T12:00:00Z`",
}
MINOR_UNITS = "Amounts are in minor units of the currency"
pattern_texts: dict[str, str] = {}


def described_pattern(pattern: str, expected: str) -> str:
    """Return a pattern for `Meta`, and keep the words that messages show in its place."""
    pattern_texts[pattern] = expected
    return pattern


def fault_text(error: Any, *, is_secret: bool = False) -> str:
    """Return the text of an error of jsonschema_rs; it does not quote the value if that is secret.

    The error's schema path starts with `$defs` and the name of the Struct.
    """
    kind, value = error.kind, error.instance
    quoted = "The value" if is_secret else quote_json(value)
    match kind.name:
        case "type":
            return _type_text(quoted, kind.types, value, error.schema_path)
        case "enum":
            return f"{quoted} is not one of {', '.join([f'`{option}`' for option in kind.options])}."
        case "minimum":
            return f"{quoted} is less than the minimum of {kind.limit}."
        case "maximum":
            return f"{quoted} is greater than the maximum of {kind.limit}."
        case "minLength" | "maxLength":
            than = "shorter" if kind.name == "minLength" else "longer"
            return f"{quoted} is {than} than {kind.limit} character{'s' if kind.limit > 1 else ''}."
        case "minItems" | "maxItems" | "minProperties" | "maxProperties":
            limit = f"at {'least' if kind.name.startswith('min') else 'most'} {kind.limit}"
            return f"The value has {len(value)} items; {limit} are allowed."
        case "pattern":
            return f"{quoted} is not valid; expected: {pattern_texts.get(kind.pattern, 'another format')}."
        case "format":
            return f"{quoted} is not {FORMAT_NAMES.get(kind.format, f'a valid {kind.format}')}."
        case _:
            return f"{quoted} is not allowed here."


def types_text(errors: Sequence[Any], *, is_secret: bool = False) -> str:
    """Return the text of a value that fits none of several types."""
    types = [name for error in errors for name in getattr(error.kind, "types", ())]
    if not types:
        return fault_text(errors[0], is_secret=is_secret)
    quoted = "The value" if is_secret else quote_json(errors[0].instance)
    return _type_text(quoted, types, errors[0].instance, errors[0].schema_path)


def _type_text(quoted: str, types: Sequence[str], value: Any, schema_path: Sequence[Any]) -> str:
    text = f"{quoted} is not {' or '.join([TYPE_NAMES.get(name, name) for name in types])}."
    if "Money" not in schema_path[:2] or type(value) not in (int, float):
        return text
    if types[0] == "object":
        amount = f'{{"amount": {round(value * 100)}, "currency": "EUR"}}'
        return f"{text} {MINOR_UNITS}: `{amount}` is {value:.2f} euros."
    return f"{text} {MINOR_UNITS}: {minor_units(value)}."


def minor_units(amount: float) -> str:
    """Return an example of minor units: `12950 for 129.50`."""
    return f"{round(amount * 100)} for {amount:.2f}"


def quote_json(value: Any) -> str:
    """Return a value in backticks, shortened: text as it is, other values as JSON."""
    text = value if isinstance(value, str) and value else msgspec.json.encode(value).decode()
    return f"`{shorten(text)}`"
