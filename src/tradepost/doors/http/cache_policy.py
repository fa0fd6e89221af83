"""Cache-Control: who may store a response, the same rule for both APIs."""

from tradepost.kit.auth.credential_headers import CART_TOKEN_NAME

from .asgi import Scope, request_headers

PUBLIC = (b"cache-control", b"public, max-age=60, stale-while-revalidate=300")
PRIVATE = (b"cache-control", b"private, no-cache")
NO_STORE = (b"cache-control", b"no-store")


def cache_control(scope: Scope, *, public: bool, personal: bool) -> tuple[bytes, bytes]:
    """Return the Cache-Control header of a successful read.

    public: whether all anonymous callers get the same response, as from the catalogue.
    personal: whether the response holds personal data, which no cache may store.

    Shared caches may store public responses to anonymous requests only: those without a
    credential and without a cart token.
    """
    if personal:
        return NO_STORE
    return PUBLIC if public and is_shareable(scope) else PRIVATE


def is_shareable(scope: Scope) -> bool:
    """Whether the request has neither a credential nor a cart token."""
    return not scope["context"].caller.is_authenticated and CART_TOKEN_NAME not in request_headers(scope)
