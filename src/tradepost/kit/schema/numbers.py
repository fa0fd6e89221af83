"""Whole numbers: `1.0` is the integer 1 everywhere, as in JSON Schema and so in OpenAPI."""

import re
from typing import Any

WHOLE_NUMBER = re.compile(r"(-?[0-9]{1,19})(?:\.0{1,19})?")


def whole_number(value: Any) -> Any:
    """Return a float without a fraction as an integer, and any other value as it is."""
    return int(value) if type(value) is float and value.is_integer() else value


def parse_whole_number(text: str) -> int | None:
    """Return the integer that a text such as `20` or `20.0` stands for, or None."""
    match = WHOLE_NUMBER.fullmatch(text)
    return int(match[1]) if match else None
