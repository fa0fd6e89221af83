"""How messages quote what a client sent, and suggest the name that it may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

MAX_QUOTED = 100
"""Characters of a quoted value."""
MAX_POINTER = 1000
CONTROL_CHARACTERS = dict.fromkeys((*range(32), *range(127, 160), 0x2028, 0x2029), "\ufffd")


def shorten(text: str, length: int = MAX_QUOTED) -> str:
    """Return a text with at most `length` characters and without control characters."""
    text = text if len(text) <= length else text[: length - 1] + "…"
    return text if text.isprintable() else text.translate(CONTROL_CHARACTERS)


def quote(value: object) -> str:
    """Return a value in backticks, shortened."""
    return f"`{shorten(str(value))}`"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the most similar of some names, or None if none is similar."""
    matches = get_close_matches(name[:MAX_QUOTED], list(names), 1)
    return matches[0] if matches else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ` Did you mean ...?` with the most similar name, or an empty text."""
    match = nearest(name, names)
    return f" Did you mean `{match}`?" if match else ""
