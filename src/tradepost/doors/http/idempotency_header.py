"""The two header fields of idempotency (WIRE, Writing; IETF draft idempotency-key-header-07): the key of a request, and that an answer was kept."""

from tradepost.kit.operations.idempotency.key import read_key

from .asgi import Scope, fields

HEADER = "Idempotency-Key"
REPLAYED = (b"idempotent-replayed", b"true")


def key_of(scope: Scope) -> str | None:
    """The key that a request names; 400 where it can be none."""
    given = fields(scope).get(b"idempotency-key")
    return None if given is None else read_key(given.decode("latin-1").strip(), HEADER)
