"""Times as both APIs and SQLite write them: UTC, RFC 3339, exactly six decimals."""

from collections.abc import Callable
from datetime import UTC, datetime

type Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the current time in UTC.

    The microsecond is never 0, because msgspec would then write no decimals at all.
    """
    time = datetime.now(UTC)
    return time if time.microsecond else time.replace(microsecond=1)


def to_rfc3339(time: datetime) -> str:
    """Format a time as `2026-01-02T03:04:05.000006Z`."""
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def to_datetime(value: datetime | str) -> datetime:
    """Convert a time column's value: PostgreSQL returns a datetime, SQLite text."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
