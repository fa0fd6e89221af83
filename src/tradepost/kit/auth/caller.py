"""The caller of an operation."""

import msgspec


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The caller of an operation. An anonymous visitor is a Caller too; there is never a `None`.

    id: the user, or the API key if it belongs to no user. None if anonymous.
    session_id, api_key_id: the credential of a user.
    points_per_minute: the API key's own rate limit, in addition to its user's.
    cart_id: the cart whose token the request has in `X-Cart-Token`, with or without a credential.
    order_id: the order of a signed link, whose token is sent in the same header.
    token_hash: the HMAC of that token. The idempotency keys of a guest belong to it.
    """

    id: str | None = None
    role: str = "anonymous"
    permissions: frozenset[str] = frozenset()
    session_id: str | None = None
    api_key_id: str | None = None
    points_per_minute: int | None = None
    cart_id: str | None = None
    order_id: str | None = None
    token_hash: str | None = None

    @property
    def is_authenticated(self) -> bool:
        """Whether the request had a valid credential. A cart token alone is none."""
        return self.id is not None

    def has_permission(self, permission: str) -> bool:
        """Whether this caller has the permission."""
        return permission in self.permissions


ANONYMOUS = Caller()
