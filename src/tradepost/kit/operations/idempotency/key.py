"""Idempotency keys and the principals they belong to."""

import re

from ...auth.caller import Caller
from ...problems import InvalidParameter

VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")
# A string of RFC 9651, 3.3.3: in quotes; a backslash may only precede a quote or a backslash.
QUOTED_STRING = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


def parse_key(text: str, parameter: str) -> str:
    """Return the key in a header or directive, or raise 400 naming the parameter.

    A key is 1 to 255 visible ASCII characters, bare or as a string of RFC 9651.
    """
    quoted = QUOTED_STRING.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if not VISIBLE_ASCII.fullmatch(key) or (quoted is None and text.startswith('"')):
        raise InvalidParameter(
            f"`{parameter}` must be 1 to 255 visible ASCII characters, bare or in double quotes.", parameter=parameter
        )
    return key


def principal(caller: Caller, address: str) -> str:
    """Return whose keys they are: the caller's, or the address's if the caller is anonymous."""
    return caller.id if caller.id is not None else f"address {address}"
