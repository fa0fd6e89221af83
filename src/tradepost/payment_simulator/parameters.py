"""Parameters of a request: form-encoded, with nested names in brackets."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from .errors import ApiError, invalid

MAX_FIELDS, MAX_DEPTH = 500, 8
NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
URL = re.compile(r"https?://[^\s/?#]+[^\s]*")
INTEGER = re.compile(r"-?[0-9]{1,15}")
METADATA_KEYS, METADATA_NAME, METADATA_VALUE = 50, 40, 500


def parse_parameters(text: bytes) -> dict[str, Any]:
    """Return the parameters of a query string or form: `a[b]=1&c[]=2` gives `a` and `c`."""
    try:
        pairs = parse_qsl(text.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise invalid("Invalid form encoding.") from None
    values: dict[str, Any] = {}
    for name, value in pairs:
        _put(values, _path(name), value, name)
    return {name: _with_lists(value) for name, value in values.items()}


def _path(name: str) -> list[str]:
    match = NAME.fullmatch(name)
    if match is None or name.count("[") > MAX_DEPTH:
        raise invalid(f"Invalid parameter name: {name[:100]}", code="parameter_unknown")
    return [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]


def _put(values: dict[str, Any], path: list[str], value: str, name: str) -> None:
    for part in path[:-1]:
        inner = values.setdefault(_key(values, part), {})
        if not isinstance(inner, dict):
            raise invalid(f"Invalid object: {name[:100]}", name)
        values = inner
    values[_key(values, path[-1])] = value


def _key(values: Mapping[str, Any], part: str) -> str:
    return part or str(len(values))


def _with_lists(value: Any) -> Any:
    """Return mappings whose keys are 0, 1, 2 as lists."""
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(item) for name, item in value.items()}
    is_list = bool(inner) and list(inner) == [str(number) for number in range(len(inner))]
    return list(inner.values()) if is_list else inner


class Parameters:
    """The parameters of a request, read with Stripe's checks."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def only(self, *names: str) -> None:
        """Refuse parameters with another name."""
        for name in self.values:
            if name not in names:
                raise invalid(f"Received unknown parameter: {name}", name, "parameter_unknown")

    def text(self, name: str, *choices: str) -> str | None:
        """Return a text, one of the choices if there are any, or None."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise invalid("Invalid string", name)
        if value == "":
            message = (
                f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter"
            )
            raise invalid(f"{message}; however '{name}' cannot be unset.", name, "parameter_invalid_empty")
        if choices and value not in choices:
            raise invalid(f"Invalid {name}: must be one of {', '.join(choices)}", name)
        return value

    def url(self, name: str) -> str | None:
        """Return an absolute URL of the web, or None."""
        value = self.text(name)
        if value is not None and URL.fullmatch(value) is None:
            raise invalid("Not a valid URL", name, "url_invalid")
        return value

    def required_text(self, name: str) -> str:
        """Return a text that has to be given."""
        value = self.text(name)
        if value is None:
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
        return value

    def integer(self, name: str, minimum: int = 1) -> int | None:
        """Return a whole number, or None."""
        value = self.text(name)
        if value is None:
            return None
        if INTEGER.fullmatch(value) is None:
            raise invalid(f"Invalid integer: {value[:100]}", name, "parameter_invalid_integer")
        if int(value) < minimum:
            message = f"This value must be greater than or equal to {minimum}."
            raise invalid(message, name, "parameter_invalid_integer")
        return int(value)

    def required_integer(self, name: str) -> int:
        """Return a whole number of at least 1 that has to be given."""
        value = self.integer(name)
        if value is None:
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
        return value

    def boolean(self, name: str) -> bool | None:
        """Return a boolean, or None."""
        value = self.text(name)
        if value is None:
            return None
        if value not in ("true", "false"):
            raise invalid(f"Invalid boolean: {value[:100]}", name)
        return value == "true"

    def inner(self, name: str) -> "Parameters":
        """Return a nested object; it is empty if there is none."""
        value = self.values.get(name) or {}
        if not isinstance(value, dict):
            raise invalid("Invalid object", name)
        return Parameters(value)

    def texts(self, name: str) -> list[str]:
        """Return a list of texts."""
        value = self.values.get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise invalid("Invalid array", name)
        return value

    def metadata(self) -> dict[str, str]:
        """Return the metadata: at most 50 pairs, names of 40 and values of 500 characters."""
        pairs = self.inner("metadata").values
        if len(pairs) > METADATA_KEYS:
            raise invalid("You can only have up to 50 metadata keys.", "metadata")
        for name, value in pairs.items():
            if not isinstance(value, str):
                raise invalid("Metadata values must be strings", f"metadata[{name}]")
            if len(name) > METADATA_NAME or len(value) > METADATA_VALUE:
                raise _too_long(name, value)
        return {name: value for name, value in pairs.items() if value}


def _too_long(name: str, value: str) -> ApiError:
    if len(name) > METADATA_NAME:
        message = f"Metadata keys can be up to {METADATA_NAME} characters; '{name[:100]}' has {len(name)}."
    else:
        message = (
            f"Metadata values can be up to {METADATA_VALUE} characters, but you passed in a value of {len(value)}."
        )
    return invalid(message, f"metadata[{name[:METADATA_NAME]}]")
