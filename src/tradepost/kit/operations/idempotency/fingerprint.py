"""Fingerprints: whether two calls of an operation ask for the same change, whichever door and media type they came through.

What counts are the decoded arguments. Numbers and the order of members are made alike in the way of RFC 8785, text is in NFC, versions are
a sorted list. The Selection does not count. The digest is keyed, so that an input can not be guessed from the table.
"""

import json
import unicodedata
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, cast

import msgspec

from ...ids import parse_id
from ...problems import MalformedBody
from ...resource.selection import Selection


def fingerprint(arguments: Mapping[str, Any], secret: bytes) -> str:
    """The fingerprint of a call, from its arguments by name."""
    try:
        given = {name: _argument(name, value) for name, value in arguments.items() if not isinstance(value, Selection)}
        text = json.dumps(_canonical(given), sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise MalformedBody("The body is nested too deeply.") from None
    return blake2b(text.encode(), key=secret, digest_size=32, person=b"idempotency").hexdigest()


def _argument(name: str, value: Any) -> Any:
    """An argument as plain data: a row's id has one spelling, and one version is the same as a list of one."""
    match name, value:
        case "key", str():
            return parse_id(value) or value
        case "expected", int():
            return [value]
        case "expected", tuple():
            return sorted(set(cast(tuple[int, ...], value)))
        case _:
            return msgspec.to_builtins(value)


def _canonical(value: Any) -> Any:
    match value:
        case dict():
            return {unicodedata.normalize("NFC", k): _canonical(v) for k, v in cast(dict[str, Any], value).items()}
        case list() | tuple():
            return [_canonical(v) for v in cast(list[Any], value)]
        case str():
            return unicodedata.normalize("NFC", value)
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
