"""Keys for one purpose each, made from the one secret of the shop, so that nothing signed for one is good for another (HKDF's idea, RFC 5869)."""

import hmac


def derive(secret: str, purpose: str) -> bytes:
    """A key of 32 bytes for a purpose."""
    return hmac.digest(secret.encode(), f"tradepost {purpose}".encode(), "sha256")
