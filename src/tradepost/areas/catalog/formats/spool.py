"""The spool: rows of a file grouped by product on disk, because those of one product need not be adjacent and a file may be larger than memory."""

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
    CREATE TABLE name (name TEXT PRIMARY KEY, product INTEGER) WITHOUT ROWID;
    CREATE TABLE row (line INTEGER PRIMARY KEY, product INTEGER, parent TEXT, cells BLOB, fault TEXT);
    CREATE TABLE sku (sku TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE reference (reference TEXT PRIMARY KEY) WITHOUT ROWID;
"""
ROWS_PER_INSERT = 500


class Claims(Protocol):
    """What must be unique in a file: each name is given once."""

    def claim_sku(self, sku: str) -> bool:
        """Takes a SKU for one variant; False where another variant of the file has it."""
        ...

    def claim_reference(self, reference: str) -> bool:
        """Takes a reference for one product; False where another product of the file has it."""
        ...


class Spool:
    """A temporary SQLite file. First `add` every row, then `close_rows`, then read the `products`; by one thread at a time, not always the same."""

    def __init__(self) -> None:
        self.folder = TemporaryDirectory(prefix="tradepost-import-")
        self.file = sqlite3.connect(Path(self.folder.name) / "spool.db", isolation_level=None, check_same_thread=False)
        self.file.executescript(TABLES)
        self.file.execute("BEGIN")
        self.waiting: list[tuple[int, str | None, str | None, bytes, str]] = []
        self.last: str | None = None

    def close(self) -> None:
        """Removes the file."""
        self.file.close()
        self.folder.cleanup()

    def add(
        self,
        line: int,
        cells: Sequence[str],
        key: str | None,
        names: Sequence[str] = (),
        parent: str | None = None,
        fault: str = "",
    ) -> None:
        """Keeps a row of the product `key`, or of the one that has the name `parent`, and what is wrong with it."""
        if key is not None and key != self.last:
            self.file.execute("INSERT OR IGNORE INTO product (key) VALUES (?)", (key,))
            self.last = key
        for name in names:
            self.file.execute("INSERT OR IGNORE INTO name SELECT ?, id FROM product WHERE key = ?", (name, key))
        self.waiting.append((line, key, parent, msgspec.msgpack.encode(cells), fault))
        if len(self.waiting) >= ROWS_PER_INSERT:
            self._write()

    def _write(self) -> None:
        self.file.executemany("INSERT INTO row SELECT ?, (SELECT id FROM product WHERE key = ?), ?, ?, ?", self.waiting)
        self.waiting.clear()

    def finish(self) -> None:
        """All rows are in: those that named a parent find it now, wherever it stood."""
        self._write()
        self.file.execute(
            "UPDATE row SET product = (SELECT product FROM name WHERE name.name = row.parent) WHERE parent IS NOT NULL"
        )
        self.file.execute("CREATE INDEX row_product ON row (product, line)")

    @property
    def product_count(self) -> int:
        """How many products there are."""
        return self.file.execute("SELECT count(*) FROM product").fetchone()[0]

    def products(self) -> Iterator[list[tuple[int, list[str], str]]]:
        """Lines, cells and faults of each product, the products in the order of their first keys, the rows in the file's order."""
        found = self.file.execute(
            "SELECT product, line, cells, fault FROM row WHERE product IS NOT NULL ORDER BY product, line"
        )
        for _, rows in groupby(found, key=lambda row: row[0]):
            yield [(line, msgspec.msgpack.decode(cells), fault) for _, line, cells, fault in rows]

    def orphans(self) -> Iterator[tuple[int, str, list[str]]]:
        """Line, parent and cells of the rows whose parent is not in the file."""
        for line, parent, cells in self.file.execute(
            "SELECT line, parent, cells FROM row WHERE product IS NULL ORDER BY line"
        ):
            yield line, parent, msgspec.msgpack.decode(cells)

    def claim_sku(self, sku: str) -> bool:
        """Takes a SKU for one variant; False where another variant of the file has it."""
        return self.file.execute("INSERT OR IGNORE INTO sku VALUES (?)", (sku,)).rowcount == 1

    def claim_reference(self, reference: str) -> bool:
        """Takes a reference for one product; False where another product of the file has it."""
        return self.file.execute("INSERT OR IGNORE INTO reference VALUES (?)", (reference,)).rowcount == 1
