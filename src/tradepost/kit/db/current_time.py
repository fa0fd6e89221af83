"""The database's time as SQL, for rules about rows that change by time alone."""

from datetime import datetime
from typing import Any

from sqlalchemy import literal_column
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


class DaysAgo(FunctionElement[datetime]):
    """The time some days ago, comparable with columns of the type UTCDateTime."""

    type, inherit_cache, name = UTCDateTime(), True, "days_ago"

    def __init__(self, days: int) -> None:
        super().__init__(literal_column(str(days)))


@compiles(DaysAgo, "sqlite")
def _rfc3339_days_ago(element: DaysAgo, compiler: Any, **options: Any) -> str:
    days = compiler.process(element.clauses, **options)
    return f"strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-' || {days} || ' days')"


@compiles(DaysAgo, "postgresql")
def _now_less_days(element: DaysAgo, compiler: Any, **options: Any) -> str:
    return f"now() - make_interval(days => {compiler.process(element.clauses, **options)})"
