"""The headers Idempotency-Key and Idempotent-Replayed (IETF draft idempotency-key-header-07)."""

from tradepost.kit.operations.idempotency.key import parse_key

from .asgi import Scope, request_headers

HEADER = "Idempotency-Key"
REPLAYED_HEADER = (b"idempotent-replayed", b"true")


def idempotency_key(scope: Scope) -> str | None:
    """Return the request's idempotency key or None; raise InvalidParameter if it is malformed."""
    value = request_headers(scope).get(b"idempotency-key")
    return None if value is None else parse_key(value.decode("latin-1").strip(), HEADER)
