"""The request headers that identify the caller, or its cart.

`Vary`, CORS, the caches, the pipeline and the API documents are made from this list.
"""

CALLER_HEADERS = ("Authorization", "X-API-Key")
"""The headers with a caller's credential."""
CART_TOKEN = "X-Cart-Token"  # noqa: S105  (the name of a header)
"""The header with the token of a cart or an order, with or without a caller's credential."""
CREDENTIAL_HEADERS = (*CALLER_HEADERS, CART_TOKEN)

CALLER_HEADER_NAMES = frozenset([name.lower().encode() for name in CALLER_HEADERS])
CART_TOKEN_NAME = CART_TOKEN.lower().encode()
CREDENTIAL_HEADER_NAMES = tuple([name.lower().encode() for name in CREDENTIAL_HEADERS])
"""The same headers as ASGI names them."""
