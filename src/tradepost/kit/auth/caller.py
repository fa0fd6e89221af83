"""Who calls."""

import msgspec


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever calls; the anonymous visitor is one too, so there is never a `None`.

    `id` names the principal: a user, or an API key that has none. `session` and `key` name the credential, where it is a user's; `points` is the
    key's own limit a minute, where it has one besides the user's bucket.
    """

    id: str | None = None
    role: str = "anonymous"
    permissions: frozenset[str] = frozenset()
    session_id: str | None = None
    api_key_id: str | None = None
    points_per_minute: int | None = None

    @property
    def is_authenticated(self) -> bool:
        """Whether a credential was presented and found good."""
        return self.id is not None

    def has_permission(self, permission: str) -> bool:
        """Whether this caller holds the permission."""
        return permission in self.permissions


ANONYMOUS = Caller()
CREDENTIAL_HEADERS = frozenset({b"authorization", b"x-api-key"})
"""The header fields that can name a caller."""
