"""Opaque tokens: 256 bits after a prefix that names their kind.

Only a keyed digest of a token is stored.
"""

import hmac

from tradepost.kit.crypto import derive_key

from .api_key_format import ALPHABET, random_base62

REFRESH_TOKEN, EMAIL_TOKEN = "rt", "mt"
"""The kinds of tokens, as their prefix."""
LENGTH = 43
"""Base62 characters that hold 256 bits."""


class OpaqueTokens:
    """Generates opaque tokens and computes their digests."""

    def __init__(self, secret_key: str) -> None:
        self.secret = derive_key(secret_key, "opaque tokens")
        self.successor_secret = derive_key(secret_key, "refresh token successors")

    def generate(self, kind: str) -> str:
        """Return a new random token, such as `rt_...`."""
        return f"{kind}_{random_base62(LENGTH)}"

    def successor(self, refresh_token: str) -> str:
        """Return the refresh token that replaces a used one.

        It is derived, not random, so that it can be returned again although only digests are
        stored. Without the secret key it is as hard to guess as a random one.
        """
        mac = hmac.digest(self.successor_secret, refresh_token.encode("utf-8", "surrogatepass"), "sha256")
        return f"{REFRESH_TOKEN}_{_base62(mac)}"

    def digest(self, text: str) -> str:
        """Return the digest by which a token is stored and looked up.

        A slow hash is not needed, because a token has 256 bits of entropy.
        """
        return hmac.digest(self.secret, text.encode("utf-8", "surrogatepass"), "sha256").hex()


def _base62(digest: bytes) -> str:
    """Return 256 bits as base62."""
    number, text = int.from_bytes(digest), ""
    for _ in range(LENGTH):
        number, index = divmod(number, len(ALPHABET))
        text += ALPHABET[index]
    return text
