"""Column types with one meaning on both databases; SQLite holds ids and times as the wire's own text, so that rows go to the encoder untouched."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, String, Text, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine

from ..clock import to_rfc3339

# PostgreSQL `json`, not `jsonb`: the order of a shop's keys (options: size, then colour) is kept, as SQLite keeps it.
Json = JSON(none_as_null=True)
# Text that is sorted by: "C" in PostgreSQL is SQLite's BINARY, so both databases give one order.
SortText = Text().with_variant(Text(collation="C"), "postgresql")


class Id(TypeDecorator[str]):
    """A UUID: `uuid` in PostgreSQL, its canonical text in SQLite. Python sees text."""

    impl, cache_ok = String(36), True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """`Uuid` alone would send 32 hex digits to SQLite, and the rows would silently vanish."""
        return dialect.type_descriptor(Uuid(as_uuid=False) if dialect.name == "postgresql" else String(36))


class UTCDateTime(TypeDecorator[datetime]):
    """A UTC time: `timestamptz` in PostgreSQL, the wire's own text in SQLite."""

    impl, cache_ok = DateTime(timezone=True), True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text of 27 characters where the database has no time type."""
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else String(27))

    def process_bind_param(self, value: datetime | str | None, dialect: Dialect) -> Any:
        """A cursor brings text, a rule brings a time; each database wants its own."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return datetime.fromisoformat(value) if isinstance(value, str) else value
        return value if isinstance(value, str) else to_rfc3339(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """A time in UTC, for the ORM."""
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC) if value is not None else None
