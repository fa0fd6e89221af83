"""Keys and encryption derived from the setting SECRET_KEY.

Each purpose has a key of its own, so that nothing signed or encrypted for one purpose is valid
for another (the idea of HKDF, RFC 5869).
"""

import hmac
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet


def derive_key(secret: str, purpose: str) -> bytes:
    """Derive the 32-byte key for a purpose."""
    return hmac.digest(secret.encode(), f"tradepost {purpose}".encode(), "sha256")


class Cipher:
    """Encrypts text that only Tradepost itself reads again.

    The format is Fernet: AES-128-CBC with HMAC-SHA256 and a timestamp.
    """

    def __init__(self, secret: str, purpose: str = "sealed") -> None:
        self.fernet = Fernet(urlsafe_b64encode(derive_key(secret, purpose)))

    def encrypt(self, text: str) -> str:
        """Return the text as a Fernet token."""
        return self.fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Return the text, or raise InvalidToken if the token was changed or has another key."""
        return self.fernet.decrypt(token.encode()).decode()
