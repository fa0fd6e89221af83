"""Content codings: zstd, br and gzip, and which media types are worth compressing."""

import zlib
from functools import lru_cache

import brotli
from zstandard import ZstdCompressor

MIN_SIZE = 1000
"""Smaller bodies are not compressed (bytes)."""

TEXTUAL = (b"json", b"xml", b"javascript", b"graphql", b"msgpack", b"ecmascript", b"yaml", b"manifest")

_zstd = ZstdCompressor(level=3)


@lru_cache(128)
def is_compressible(media: bytes) -> bool:
    """Whether compression helps: for text and structured data, not for images and fonts."""
    name = media.partition(b";")[0].strip().lower()
    if name == b"text/event-stream":
        return False
    return name.startswith(b"text/") or any(word in name for word in TEXTUAL)


def compress(body: bytes | bytearray, coding: bytes) -> bytes:
    """Return the body compressed with `zstd`, `br` or `gzip`."""
    if coding == b"zstd":
        return _zstd.compress(body)
    if coding == b"br":
        return brotli.compress(body, quality=4)
    compressor = zlib.compressobj(5, zlib.DEFLATED, 31)
    return compressor.compress(body) + compressor.flush()
