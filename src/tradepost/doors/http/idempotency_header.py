"""The two header fields of idempotency (WIRE, Writing; IETF draft idempotency-key-header-07): the key of a request, and that an answer was kept."""

from tradepost.kit.operations.idempotency.key import parse_key

from .asgi import Scope, request_headers

HEADER = "Idempotency-Key"
REPLAYED_HEADER = (b"idempotent-replayed", b"true")


def idempotency_key(scope: Scope) -> str | None:
    """The key that a request names; 400 where it can be none."""
    given = request_headers(scope).get(b"idempotency-key")
    return None if given is None else parse_key(given.decode("latin-1").strip(), HEADER)
