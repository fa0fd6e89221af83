"""Writes Tradepost's own NDJSON: one product record on each line."""

import msgspec

from ..row_reader import JsonObject
from .writer import Writer


class NdjsonWriter(Writer):
    """Writes product records as lines of JSON."""

    def scan(self, record: JsonObject) -> None:
        """Do nothing: a line depends on no other record."""

    def header(self) -> bytes:
        """Return nothing: NDJSON has no header."""
        return b""

    def encode_product(self, record: JsonObject) -> bytes:
        """Return the line of a product."""
        return msgspec.json.encode(record) + b"\n"

    def close(self) -> None:
        """Do nothing: there are no temporary files."""
