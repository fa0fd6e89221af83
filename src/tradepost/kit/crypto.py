"""Keys for one purpose each, made from the one secret of the shop, so that nothing signed for one is good for another (HKDF's idea, RFC 5869)."""

import hmac
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet


def derive_key(secret: str, purpose: str) -> bytes:
    """A key of 32 bytes for a purpose."""
    return hmac.digest(secret.encode(), f"tradepost {purpose}".encode(), "sha256")


class Cipher:
    """Encrypts what has to be read again by the shop alone (Fernet: AES-128-CBC with HMAC-SHA256, and a time)."""

    def __init__(self, secret: str, purpose: str = "sealed") -> None:
        self.fernet = Fernet(urlsafe_b64encode(derive_key(secret, purpose)))

    def encrypt(self, text: str) -> str:
        """The text, sealed."""
        return self.fernet.encrypt(text.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """The text in a seal; InvalidToken where it is of another secret or was changed."""
        return self.fernet.decrypt(sealed.encode()).decode()
