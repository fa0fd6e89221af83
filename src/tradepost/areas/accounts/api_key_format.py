"""The form of an API key: `tp_<id>_<secret>`, base62, the last six characters of the secret a checksum.

The checksum lets a secret scanner know a key when it sees one, and refuses a mistyped key without a look into the database.
"""

import hmac
import re
import secrets
from hashlib import blake2b

import msgspec

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PATTERN = re.compile(r"tp_([0-9A-Za-z]{16})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")


class ParsedApiKey(msgspec.Struct, frozen=True):
    """A key taken apart. `prefix` finds its row; `secret` is what must be right."""

    prefix: str
    secret: str

    @property
    def text(self) -> str:
        """The key as its owner sends it."""
        return f"tp_{self.prefix}_{self.secret}{_checksum(self.prefix, self.secret)}"

    def digest(self, key: bytes) -> str:
        """What is stored of the secret: an HMAC under a key of the shop. No slow hash, because the secret has 256 bits of its own."""
        return hmac.digest(key, f"{self.prefix}.{self.secret}".encode(), "sha256").hex()


def generate() -> ParsedApiKey:
    """A key that nobody can guess: 95 bits of id, 256 bits of secret."""
    return ParsedApiKey(random_base62(16), random_base62(43))


def parse(text: str) -> ParsedApiKey | None:
    """The key in a text, or None where its form or checksum is wrong."""
    found = PATTERN.fullmatch(text)
    if found is None or not hmac.compare_digest(_checksum(found[1], found[2]), found[3]):
        return None
    return ParsedApiKey(found[1], found[2])


def random_base62(length: int) -> str:
    """So many letters of base62, by chance that nobody can foresee."""
    return "".join([secrets.choice(ALPHABET) for _ in range(length)])


def _checksum(prefix: str, secret: str) -> str:
    number = int.from_bytes(blake2b(f"{prefix}.{secret}".encode(), digest_size=8).digest())
    out = ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        out += ALPHABET[rest]
    return out
