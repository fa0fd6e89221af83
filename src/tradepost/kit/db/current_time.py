"""The database's time as SQL, for rules about rows that change by time alone."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from .column_types import UTCDateTime


class CurrentTime(FunctionElement[datetime]):
    """The current time, comparable with columns of the type UTCDateTime."""

    type, inherit_cache, name = UTCDateTime(), True, "current_time"


@compiles(CurrentTime, "sqlite")
def _rfc3339(element: CurrentTime, compiler: Any, **options: Any) -> str:
    # SQLite has milliseconds; the zeros make them the six decimals of the column.
    return "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"


@compiles(CurrentTime, "postgresql")
def _now(element: CurrentTime, compiler: Any, **options: Any) -> str:
    return "now()"
