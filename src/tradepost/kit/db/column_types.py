"""Column types that behave alike on both databases.

SQLite stores ids and times as the text of the APIs, so that rows are encoded without conversion.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import JSON, DateTime, Dialect, String, Text, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine

from ..clock import to_rfc3339

# PostgreSQL's `json`, not `jsonb`: it keeps the order of members (options: size, then colour).
Json = JSON(none_as_null=True)
# Text in a sort key. PostgreSQL's collation "C" is SQLite's BINARY: both sort by bytes.
SortText = Text().with_variant(Text(collation="C"), "postgresql")


class Id(TypeDecorator[str]):
    """A UUID as text in Python: `uuid` in PostgreSQL, canonical text in SQLite."""

    impl, cache_ok = String(36), True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the database's type.

        `Uuid` alone would send 32 hex digits to SQLite and match no row.
        """
        return dialect.type_descriptor(Uuid(as_uuid=False) if dialect.name == "postgresql" else String(36))


class UTCDateTime(TypeDecorator[datetime]):
    """A time in UTC: `timestamptz` in PostgreSQL, RFC 3339 text in SQLite."""

    impl, cache_ok = DateTime(timezone=True), True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the database's type. RFC 3339 with six decimals has 27 characters."""
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else String(27))

    def process_bind_param(self, value: datetime | str | None, dialect: Dialect) -> Any:
        """Convert a time for the database. Cursors hold times as text."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return datetime.fromisoformat(value) if isinstance(value, str) else value
        return value if isinstance(value, str) else to_rfc3339(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Convert a column's value to a datetime in UTC, for the ORM."""
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC) if value is not None else None


def decode_json(value: Any) -> Any:
    """Return the value of a JSON column.

    Readers return it as text on SQLite and as `Raw` on PostgreSQL; in an open write on PostgreSQL
    it is decoded already.
    """
    return msgspec.json.decode(value) if isinstance(value, str | msgspec.Raw) else value
