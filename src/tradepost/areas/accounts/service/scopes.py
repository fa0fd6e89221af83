"""Scopes: the permissions that a session, a token or a key is limited to.

They can only take permissions away, never add any.
"""

from collections.abc import Collection
from typing import Any, cast

import msgspec

from tradepost.kit.auth.oauth_errors import InvalidScope

from ..policy import ROLES


def decode_scopes(column: Any) -> list[str] | None:
    """Return the scopes of a column.

    A reader returns it as JSON (text from SQLite, `msgspec.Raw` from PostgreSQL), a session as a
    list.
    """
    return msgspec.json.decode(column) if isinstance(column, str | msgspec.Raw) else cast(list[str] | None, column)


def permissions(role: str, scopes: Collection[str] | None) -> frozenset[str]:
    """Return the permissions of a role, limited to scopes unless they are None."""
    return ROLES[role] if scopes is None else ROLES[role].intersection(scopes)


def parse_scope(text: str | None, held: frozenset[str]) -> list[str] | None:
    """Return the scopes that a client requested (RFC 6749, 3.3), or None if it requested none.

    Raise InvalidScope if the client does not hold all of them.
    """
    if text is None:
        return None
    scopes = text.split()
    for scope in scopes:
        if scope not in held:
            allowed = ", ".join(sorted(held)) or "none"
            raise InvalidScope(f"The scope `{scope[:100]}` cannot be granted; allowed: {allowed}.")
    return sorted(set(scopes))
