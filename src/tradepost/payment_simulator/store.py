"""The store: one SQLite file in WAL mode, which several processes may use at once."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

type Object = dict[str, Any]
"""An object of the API. Members whose name begins with `_` are ours and are never shown."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    created INTEGER NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS object_kind ON object (kind, sequence);
CREATE INDEX IF NOT EXISTS object_intent ON object (json_extract(data, '$.payment_intent'));
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, path TEXT NOT NULL, fingerprint TEXT NOT NULL, request_id TEXT NOT NULL,
    claimed_until REAL NOT NULL, status INTEGER, body TEXT, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS timer (
    id INTEGER PRIMARY KEY, due REAL NOT NULL, action TEXT NOT NULL, object TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY, event TEXT NOT NULL, url TEXT NOT NULL, due REAL NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0, is_reversed INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'pending', answer TEXT);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (state, due);
CREATE TABLE IF NOT EXISTS fault (id INTEGER PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, data TEXT NOT NULL);
"""


class Transaction:
    """A write transaction. Others wait for it, so it must be short."""

    def __init__(self, connection: sqlite3.Connection, now: float) -> None:
        self.connection, self.now = connection, now
        self.request: Object = {"id": None, "idempotency_key": None}
        """The request that events name as their cause."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement."""
        return self.connection.execute(sql, values)

    def find(self, object_id: str, kind: str | None = None) -> Object | None:
        """Return an object, or None."""
        row = self.execute("SELECT data, kind FROM object WHERE id = ?", object_id).fetchone()
        return json.loads(row[0]) if row is not None and kind in (None, row[1]) else None

    def insert(self, item: Object) -> Object:
        """Add an object."""
        values = (item["id"], item["object"], item["created"], json.dumps(item))
        self.execute("INSERT INTO object (id, kind, created, data) VALUES (?, ?, ?, ?)", *values)
        return item

    def save(self, item: Object) -> Object:
        """Store the changes of an object."""
        self.execute("UPDATE object SET data = ? WHERE id = ?", json.dumps(item), item["id"])
        return item

    def select(
        self, kind: str, where: str = "", values: Sequence[Any] = (), limit: int = -1, *, order: str = "DESC"
    ) -> list[Object]:
        """Return objects of a kind, the newest first unless the order is `ASC`."""
        condition = f" AND ({where})" if where else ""
        sql = f"SELECT data FROM object WHERE kind = ?{condition} ORDER BY sequence {order} LIMIT ?"
        return [json.loads(data) for (data,) in self.execute(sql, kind, *values, limit)]

    def of_intent(self, kind: str, intent_id: str) -> list[Object]:
        """Return the objects of a payment intent, the newest first."""
        return self.select(kind, "json_extract(data, '$.payment_intent') = ?", [intent_id])

    def schedule(self, action: str, object_id: str, seconds: float) -> None:
        """Have the background task carry out an action later."""
        self.execute("INSERT INTO timer (due, action, object) VALUES (?, ?, ?)", self.now + seconds, action, object_id)

    def setting(self, name: str) -> Any:
        """Return a setting of the controls, or None."""
        row = self.execute("SELECT data FROM setting WHERE name = ?", name).fetchone()
        return None if row is None else json.loads(row[0])

    def set(self, name: str, value: Any) -> None:
        """Change a setting of the controls."""
        self.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", name, json.dumps(value))


class Store:
    """The SQLite file. Its methods block, so they are called in a thread, one at a time."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path, self.clock = path, clock
        self.connection: sqlite3.Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a write transaction; an exception rolls it back."""
        connection = self._connect()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield Transaction(connection, self.clock())
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def read[T](self, sql: str, *values: Any) -> list[T]:
        """Return the rows of a SELECT without waiting for writers."""
        with closing(self._connect().execute(sql, values)) as cursor:
            return cursor.fetchall()

    def close(self) -> None:
        """Close the file."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _connect(self) -> sqlite3.Connection:
        if self.connection is None:
            self.connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = NORMAL")
            self.connection.executescript(SCHEMA)
        return self.connection
