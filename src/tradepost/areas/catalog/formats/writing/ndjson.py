"""Writes our own NDJSON: a product record on each line."""

import msgspec

from ..row_reader import Plain
from .writer import Writer


class LineWriter(Writer):
    """Lines of JSON."""

    def see(self, record: Plain) -> None:
        """Nothing has to be known beforehand."""

    def head(self) -> bytes:
        """Nothing."""
        return b""

    def product(self, record: Plain) -> bytes:
        """A line."""
        return msgspec.json.encode(record) + b"\n"

    def close(self) -> None:
        """Nothing is held."""
