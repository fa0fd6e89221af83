"""Opaque tokens: 256 random bits after a prefix that names their kind.

Only a keyed digest of a token is stored.
"""

import hmac

from tradepost.kit.crypto import derive_key

from .api_key_format import random_base62

REFRESH_TOKEN, EMAIL_TOKEN = "rt", "mt"
"""The kinds of tokens, as their prefix."""


class OpaqueTokens:
    """Generates opaque tokens and computes their digests."""

    def __init__(self, secret_key: str) -> None:
        self.secret = derive_key(secret_key, "opaque tokens")

    def generate(self, kind: str) -> str:
        """Return a new random token, such as `rt_...`."""
        return f"{kind}_{random_base62(43)}"

    def digest(self, text: str) -> str:
        """Return the digest by which a token is stored and looked up.

        A slow hash is not needed, because a token has 256 bits of entropy.
        """
        return hmac.digest(self.secret, text.encode("utf-8", "surrogatepass"), "sha256").hex()
