"""Keys for one purpose each, made from the one secret of the shop, so that nothing signed for one is good for another (HKDF's idea, RFC 5869)."""

import hmac
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet


def derive(secret: str, purpose: str) -> bytes:
    """A key of 32 bytes for a purpose."""
    return hmac.digest(secret.encode(), f"tradepost {purpose}".encode(), "sha256")


class Seal:
    """Encrypts what has to be read again by the shop alone (Fernet: AES-128-CBC with HMAC-SHA256, and a time)."""

    def __init__(self, secret: str, purpose: str = "sealed") -> None:
        self.box = Fernet(urlsafe_b64encode(derive(secret, purpose)))

    def close(self, text: str) -> str:
        """The text, sealed."""
        return self.box.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """The text in a seal; InvalidToken where it is of another secret or was changed."""
        return self.box.decrypt(sealed.encode()).decode()
