"""Cursors: opaque, signed positions of a row in one list.

A cursor is base64url of 9 bytes of keyed BLAKE2b and the row's sort keys in MessagePack. The hash
binds it to the list (a resource, or a relation and its parent), its filters and its order; not to
limit, fields, caller, version or door. It gives no access by itself.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import blake2b
from hmac import compare_digest
from typing import Any

import msgspec

from ..clock import to_rfc3339
from ..problems import InvalidParameter

DIGEST_SIZE = 9
pack, unpack = msgspec.msgpack.Encoder(uuid_format="canonical").encode, msgspec.msgpack.decode


class CursorCodec:
    """Encodes and decodes the cursors of one list with one order and one set of filters."""

    __slots__ = ("state",)

    def __init__(self, secret: bytes, name: str, filters: Any, order: tuple[str, ...]) -> None:
        self.state = blake2b(pack((name, filters, order)), key=secret, digest_size=DIGEST_SIZE)

    def encode(self, parent: Any, keys: list[Any]) -> str:
        """Return the cursor of the row with these sort keys below this parent."""
        body = pack([_plain(k) for k in keys])
        return urlsafe_b64encode(self._digest(parent, body) + body).rstrip(b"=").decode()

    def decode(self, parent: Any, cursor: str, parameter: str) -> list[Any]:
        """Return the sort keys in a cursor, or raise 400 if it belongs to another list."""
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            if compare_digest(self._digest(parent, raw[DIGEST_SIZE:]), raw[:DIGEST_SIZE]):
                return unpack(raw[DIGEST_SIZE:])
        except (Error, ValueError):
            pass
        raise InvalidParameter(
            "The cursor belongs to another list, filter or order; start again without one.", parameter=parameter
        )

    def _digest(self, parent: Any, body: bytes) -> bytes:
        mac = self.state.copy()
        mac.update(body if parent is None else body + str(parent).encode())
        return mac.digest()


def _plain(key: Any) -> Any:
    """Write times as RFC 3339 text, so that cursors are the same on both databases."""
    return to_rfc3339(key) if hasattr(key, "tzinfo") else key
