"""Key."""

import re

from ...auth.caller import Caller
from ...problems import InvalidParameter

VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")
# An RFC 9651 string: in quotes, where a backslash stands before a quote or a backslash and before nothing else.
QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


def parse_key(text: str, parameter: str) -> str:
    """The key in a header or directive: 1 to 255 visible ASCII characters, bare or as a string of RFC 9651; else 400 naming where it came from."""
    found = QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", found[1]) if found else text
    if not VISIBLE.fullmatch(key) or (found is None and text.startswith('"')):
        raise InvalidParameter(
            f"`{parameter}` is 1 to 255 visible ASCII characters, bare or in double quotes.", parameter=parameter
        )
    return key


def principal(caller: Caller, address: str) -> str:
    """Whose keys they are: the caller's, or where nobody is known those of the client's address."""
    return caller.id if caller.id is not None else f"address {address}"
