"""Tokens in the header `X-Cart-Token`: that of a guest's cart, or that of a link to an order.

A cart's token is random, shown once, and stored only as a keyed hash. An order's token is not
stored: it holds the order's id and its expiry, and is signed. Both are accepted in the header
only, and are never written to URLs, logs, events or the audit log.
"""

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ..crypto import derive_key

CART_PREFIX, ORDER_PREFIX = "tpc_", "tpo_"
CART_TOKEN_PATTERN = re.compile(r"tpc_[0-9A-Za-z_-]{43}")
"""A prefix and 256 bits in base64url."""
ORDER_TOKEN_PATTERN = re.compile(r"tpo_[0-9A-Za-z_-]{72}")
"""A prefix and, in base64url: 16 bytes of id, 6 bytes of expiry, 32 bytes of HMAC-SHA256."""
PAYLOAD_BYTES = 22


class CartFinder(Protocol):
    """Finds the cart that a token opens. The area `carts` provides it."""

    async def find_cart(self, token_hash: str) -> str | None:
        """Return the id of the cart whose token has this hash (see `GuestTokens.token_hash`).

        None if there is no such cart, or if its token has expired or was voided.
        """
        ...


class GuestTokens:
    """Makes the tokens of carts and orders, and reads them."""

    def __init__(self, secret_key: str) -> None:
        self.hash_key = derive_key(secret_key, "cart tokens")
        self.signing_key = derive_key(secret_key, "order tokens")

    def new_cart_token(self) -> str:
        """Return a new random token, such as `tpc_...`."""
        return CART_PREFIX + secrets.token_urlsafe(32)

    def token_hash(self, token: str) -> str:
        """Return the HMAC-SHA256 by which a token is stored and looked up, in hexadecimal.

        A slow hash is not needed, because a token has 256 bits of entropy.
        """
        return hmac.digest(self.hash_key, token.encode("utf-8", "surrogatepass"), "sha256").hex()

    def order_token(self, order_id: str, expires_at: datetime) -> str:
        """Return the token that opens an order until a time, such as `tpo_...`."""
        payload = UUID(order_id).bytes + int(expires_at.timestamp()).to_bytes(6)
        return ORDER_PREFIX + urlsafe_b64encode(payload + self._signature(payload)).decode()

    def find_order(self, token: str, now: datetime) -> str | None:
        """Return the id of the order that a token opens; None if it is invalid or has expired."""
        if not ORDER_TOKEN_PATTERN.fullmatch(token):
            return None
        content = urlsafe_b64decode(token.removeprefix(ORDER_PREFIX))
        payload, signature = content[:PAYLOAD_BYTES], content[PAYLOAD_BYTES:]
        if not hmac.compare_digest(signature, self._signature(payload)):
            return None
        return str(UUID(bytes=payload[:16])) if int.from_bytes(payload[16:]) > now.timestamp() else None

    def _signature(self, payload: bytes) -> bytes:
        return hmac.digest(self.signing_key, payload, "sha256")
