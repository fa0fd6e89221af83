"""A temporary SQLite file that groups the rows of a product file.

The rows of one product need not be adjacent, and a file may be larger than memory.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import msgspec

TABLES = """
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8000; PRAGMA temp_store = FILE;
    CREATE TABLE product (id INTEGER PRIMARY KEY, key TEXT UNIQUE);
    CREATE TABLE alias (alias TEXT PRIMARY KEY, product INTEGER) WITHOUT ROWID;
    CREATE TABLE row (line INTEGER PRIMARY KEY, product INTEGER, parent TEXT, cells BLOB, fault TEXT);
    CREATE TABLE sku (sku TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE reference (reference TEXT PRIMARY KEY) WITHOUT ROWID;
"""
ROWS_PER_INSERT = 500


class Claims(Protocol):
    """The values that must be unique within a file."""

    def claim_sku(self, sku: str) -> bool:
        """Claim a SKU for a variant. Return False if another variant of the file has it."""
        ...

    def claim_reference(self, reference: str) -> bool:
        """Claim a reference for a product. Return False if another product of the file has it."""
        ...


class Spool:
    """Groups rows by product: `add` every row, then `finish`, then read the `products`.

    It may be used from several threads, but only by one at a time.
    """

    def __init__(self) -> None:
        self.folder = TemporaryDirectory(prefix="tradepost-import-")
        self.connection = sqlite3.connect(
            Path(self.folder.name) / "spool.db", isolation_level=None, check_same_thread=False
        )
        self.connection.executescript(TABLES)
        self.connection.execute("BEGIN")
        self._pending_rows: list[tuple[int, str | None, str | None, bytes, str]] = []
        self._last_key: str | None = None

    def close(self) -> None:
        """Delete the file."""
        self.connection.close()
        self.folder.cleanup()

    def add(
        self,
        line: int,
        cells: Sequence[str],
        key: str | None,
        aliases: Sequence[str] = (),
        parent: str | None = None,
        fault: str = "",
    ) -> None:
        """Add a row of the product `key`, or of the product that has `parent` among its aliases.

        `fault` says why the row cannot be used; empty if it can.
        """
        if key is not None and key != self._last_key:
            self.connection.execute("INSERT OR IGNORE INTO product (key) VALUES (?)", (key,))
            self._last_key = key
        for alias in aliases:
            self.connection.execute("INSERT OR IGNORE INTO alias SELECT ?, id FROM product WHERE key = ?", (alias, key))
        self._pending_rows.append((line, key, parent, msgspec.msgpack.encode(cells), fault))
        if len(self._pending_rows) >= ROWS_PER_INSERT:
            self._insert_rows()

    def _insert_rows(self) -> None:
        self.connection.executemany(
            "INSERT INTO row SELECT ?, (SELECT id FROM product WHERE key = ?), ?, ?, ?", self._pending_rows
        )
        self._pending_rows.clear()

    def finish(self) -> None:
        """Assign rows with a parent to their product, which may come before or after them."""
        self._insert_rows()
        self.connection.execute(
            "UPDATE row SET product = (SELECT product FROM alias WHERE alias.alias = row.parent) "
            "WHERE parent IS NOT NULL"
        )
        self.connection.execute("CREATE INDEX row_product ON row (product, line)")

    @property
    def product_count(self) -> int:
        """Number of products."""
        return self.connection.execute("SELECT count(*) FROM product").fetchone()[0]

    def products(self) -> Iterator[list[tuple[int, list[str], str]]]:
        """Yield line, cells and fault of each row of a product, product by product.

        Products are in the order in which their keys were added, rows in the order of the file.
        """
        rows_of_all = self.connection.execute(
            "SELECT product, line, cells, fault FROM row WHERE product IS NOT NULL ORDER BY product, line"
        )
        for _, rows in groupby(rows_of_all, key=lambda row: row[0]):
            yield [(line, msgspec.msgpack.decode(cells), fault) for _, line, cells, fault in rows]

    def orphans(self) -> Iterator[tuple[int, str, list[str]]]:
        """Yield line, parent and cells of the rows whose parent is not in the file."""
        for line, parent, cells in self.connection.execute(
            "SELECT line, parent, cells FROM row WHERE product IS NULL ORDER BY line"
        ):
            yield line, parent, msgspec.msgpack.decode(cells)

    def claim_sku(self, sku: str) -> bool:
        """Claim a SKU for a variant. Return False if another variant of the file has it."""
        return self.connection.execute("INSERT OR IGNORE INTO sku VALUES (?)", (sku,)).rowcount == 1

    def claim_reference(self, reference: str) -> bool:
        """Claim a reference for a product. Return False if another product of the file has it."""
        return self.connection.execute("INSERT OR IGNORE INTO reference VALUES (?)", (reference,)).rowcount == 1
