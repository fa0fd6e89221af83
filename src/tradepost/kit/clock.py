"""The time, as the wire shows it: UTC, RFC 3339, exactly six decimals."""

from collections.abc import Callable
from datetime import UTC, datetime

type Clock = Callable[[], datetime]


def now() -> datetime:
    """The present moment in UTC. Its microsecond is never 0, because msgspec would then print no decimals at all."""
    moment = datetime.now(UTC)
    return moment if moment.microsecond else moment.replace(microsecond=1)


def to_rfc3339(moment: datetime) -> str:
    """The moment as both doors and SQLite's text columns write it: `2026-01-02T03:04:05.000006Z`."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def to_datetime(value: datetime | str) -> datetime:
    """A time as a reader of either database brings it."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
