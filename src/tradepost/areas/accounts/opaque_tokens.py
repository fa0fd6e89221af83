"""Tokens that mean nothing by themselves: 256 random bits behind a word that tells what they are. Only a keyed digest of them is stored."""

import hmac

from tradepost.kit.crypto import derive_key

from .api_key_format import random_base62

REFRESH_TOKEN, EMAIL_TOKEN = "rt", "mt"


class OpaqueTokens:
    """Makes such tokens and their digests, under a key of the shop."""

    def __init__(self, secret_key: str) -> None:
        self.secret = derive_key(secret_key, "opaque tokens")

    def generate(self, kind: str) -> str:
        """A token that nobody can guess: `rt_...`."""
        return f"{kind}_{random_base62(43)}"

    def digest(self, text: str) -> str:
        """What is stored of a token, and looked up by a unique index. No slow hash, because it has 256 bits of its own."""
        return hmac.digest(self.secret, text.encode("utf-8", "surrogatepass"), "sha256").hex()
