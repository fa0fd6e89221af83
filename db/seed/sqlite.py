"""Fills SQLite with `executemany`, in one transaction."""

import sqlite3
from contextlib import closing

from sqlalchemy import URL

from .counts import Counts, Progress, ShopNotEmptyError
from .rows import COLUMNS, DemoShop

PRAGMAS = ("busy_timeout=5000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-65536")
INSERTS = {
    table: f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    for table, columns in COLUMNS.items()
}


async def fill(address: URL, shop: DemoShop, progress: Progress) -> Counts:
    """Write the rows of the demo shop. Blocks the event loop, which has nothing else to do."""
    counts = Counts()
    with closing(sqlite3.connect(address.database or ":memory:", isolation_level=None)) as connection:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT EXISTS (SELECT 1 FROM product) OR EXISTS (SELECT 1 FROM category)").fetchone()[0]:
            raise ShopNotEmptyError
        for part in shop.parts():
            for table, rows in part.items():
                connection.executemany(INSERTS[table], rows)
            counts.add(part)
            progress(counts.products)
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return counts
