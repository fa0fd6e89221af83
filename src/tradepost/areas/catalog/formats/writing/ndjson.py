"""Writes our own NDJSON: a product record on each line."""

import msgspec

from ..row_reader import JsonObject
from .writer import Writer


class NdjsonWriter(Writer):
    """Lines of JSON."""

    def scan(self, record: JsonObject) -> None:
        """Nothing has to be known beforehand."""

    def header(self) -> bytes:
        """Nothing."""
        return b""

    def encode_product(self, record: JsonObject) -> bytes:
        """A line."""
        return msgspec.json.encode(record) + b"\n"

    def close(self) -> None:
        """Nothing is held."""
