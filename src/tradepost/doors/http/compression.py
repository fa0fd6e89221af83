"""Content codings: which media are worth one, and the coders."""

import zlib
from functools import lru_cache

import brotli
from zstandard import ZstdCompressor

MIN_SIZE = 1000
"""Bodies below this many bytes are sent as they are."""

TEXTUAL = (b"json", b"xml", b"javascript", b"graphql", b"msgpack", b"ecmascript", b"yaml", b"manifest")

_zstd = ZstdCompressor(level=3)


@lru_cache(128)
def is_compressible(media: bytes) -> bool:
    """Whether bytes of this media type get smaller: text and structured data do, pictures and fonts are packed already."""
    name = media.partition(b";")[0].strip().lower()
    if name == b"text/event-stream":
        return False
    return name.startswith(b"text/") or any(word in name for word in TEXTUAL)


def compress(body: bytes | bytearray, coding: bytes) -> bytes:
    """The body in a coding: `zstd`, `br` or `gzip`."""
    if coding == b"zstd":
        return _zstd.compress(body)
    if coding == b"br":
        return brotli.compress(body, quality=4)
    packer = zlib.compressobj(5, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()
