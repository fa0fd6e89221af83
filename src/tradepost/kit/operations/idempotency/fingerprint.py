"""Fingerprints: whether two calls of an operation request the same change.

They do not depend on the door or media type: they are computed from the decoded arguments, except
the Selection. Numbers and the order of members are normalised in the manner of RFC 8785, text is in
NFC, versions are a sorted list. The digest is keyed, so that an input cannot be guessed from the
table.
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
    """Return the fingerprint of a call, from its arguments by name."""
    try:
        data = {n: _argument(n, value) for n, value in arguments.items() if not isinstance(value, Selection)}
        text = json.dumps(_canonical(data), sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise MalformedBody("The body is nested too deeply.") from None
    return blake2b(text.encode(), key=secret, digest_size=32, person=b"idempotency").hexdigest()


def _argument(name: str, value: Any) -> Any:
    """Return an argument as plain data.

    Ids have one spelling, and one expected version is the same as a list of one.
    """
    match name, value:
        case _, str():  # a parameter of the path
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
