"""Idempotency keys and the principals they belong to."""

import re
from typing import Protocol

from ...auth.caller import Caller
from ...problems import IdempotencyKeyMissing, IdempotencyKeyTooShort, InvalidParameter
from ...writes.call_context import CallContext

MIN_ANONYMOUS_KEY = 20
"""Characters of a key whose outcome holds a secret, without a credential or cart token."""
DOORS_WITHOUT_KEYS = frozenset({"cli", "worker"})
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


class KeyRules(Protocol):
    """What an operation requires of its idempotency key.

    needs_long_keys: whether its outcome holds a secret that an anonymous caller can read.
    """

    name: str
    requires_idempotency_key: bool
    needs_long_keys: bool


def check_key(key: str | None, operation: KeyRules, context: CallContext) -> None:
    """Raise the problem of a key that is required but missing, or that could be guessed."""
    if key is None:
        if operation.requires_idempotency_key and context.door not in DOORS_WITHOUT_KEYS:
            raise IdempotencyKeyMissing(f"`{operation.name}` requires an `Idempotency-Key`.")
    elif operation.needs_long_keys and len(key) < MIN_ANONYMOUS_KEY and shares_keys(context.caller):
        raise IdempotencyKeyTooShort(
            f"Without a credential or a cart token, a key of `{operation.name}` "
            f"has at least {MIN_ANONYMOUS_KEY} characters."
        )


def shares_keys(caller: Caller) -> bool:
    """Whether the caller shares its keys with everyone at its address."""
    return caller.id is None and caller.token_hash is None


def principal(caller: Caller, address: str) -> str:
    """Return whose keys they are: the caller's, a guest's with its token, or the address's."""
    if caller.id is not None:
        return caller.id
    return f"cart {caller.token_hash}" if caller.token_hash is not None else f"address {address}"
