"""The format of API keys: `tp_<prefix>_<secret><checksum>`, in base62.

The checksum has six characters. It lets a secret scanner recognise a key, and rejects a mistyped
key without a database lookup.
"""

import hmac
import re
import secrets
from hashlib import blake2b

import msgspec

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PATTERN = re.compile(r"tp_([0-9A-Za-z]{16})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")


class ParsedApiKey(msgspec.Struct, frozen=True):
    """The parts of a key: the public `prefix`, which identifies its row, and the `secret`."""

    prefix: str
    secret: str

    @property
    def text(self) -> str:
        """The key as clients send it."""
        return f"tp_{self.prefix}_{self.secret}{_checksum(self.prefix, self.secret)}"

    def digest(self, key: bytes) -> str:
        """Return the HMAC of the secret, which is stored in its place.

        A slow hash is not needed, because the secret has 256 bits of entropy.
        """
        return hmac.digest(key, f"{self.prefix}.{self.secret}".encode(), "sha256").hex()


def generate() -> ParsedApiKey:
    """Return a new random key: 95 bits of prefix, 256 bits of secret."""
    return ParsedApiKey(random_base62(16), random_base62(43))


def parse(text: str) -> ParsedApiKey | None:
    """Return the parts of a key, or None if its format or checksum is wrong."""
    match = PATTERN.fullmatch(text)
    if match is None or not hmac.compare_digest(_checksum(match[1], match[2]), match[3]):
        return None
    return ParsedApiKey(match[1], match[2])


def random_base62(length: int) -> str:
    """Return random base62 characters from the system's secure source."""
    return "".join([secrets.choice(ALPHABET) for _ in range(length)])


def _checksum(prefix: str, secret: str) -> str:
    number = int.from_bytes(blake2b(f"{prefix}.{secret}".encode(), digest_size=8).digest())
    checksum = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        checksum += ALPHABET[digit]
    return checksum
