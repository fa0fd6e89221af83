"""Scopes: permissions that a session, a token or a key is narrowed to. They can only take away from what its owner may."""

from collections.abc import Collection
from typing import Any, cast

import msgspec

from tradepost.kit.auth.oauth_errors import InvalidScope

from ..policy import ROLES


def stored(column: Any) -> list[str] | None:
    """The scopes in a column, as a reader of either database brings them."""
    return msgspec.json.decode(column) if isinstance(column, str | msgspec.Raw) else cast(list[str] | None, column)


def permissions(role: str, scopes: Collection[str] | None) -> frozenset[str]:
    """What somebody of a role may who is narrowed to scopes; None: all that the role may."""
    return ROLES[role] if scopes is None else ROLES[role].intersection(scopes)


def narrowed(held: frozenset[str], asked: str | None) -> list[str] | None:
    """The scopes that a text asks for (RFC 6749, 3.3), all of which have to be held; None where it asks for none in particular."""
    if asked is None:
        return None
    for scope in (wanted := asked.split()):
        if scope not in held:
            raise InvalidScope(f"`{scope[:100]}` cannot be given; allowed: {', '.join(sorted(held)) or 'none'}.")
    return sorted(set(wanted))
