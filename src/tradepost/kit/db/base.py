"""Base classes of tables: id and timestamps, and a version for rows that change."""

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy
from advanced_alchemy.base import DefaultBase
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from ..clock import now
from ..ids import new_id
from .column_types import Id, UTCDateTime

UNCACHED = "uncached"


def uncached[Row: type[DefaultBase]](row: Row) -> Row:
    """Mark a table whose writes are not sent to other processes, because there are many.

    Reads of it are never cached.
    """
    table: Any = row.__table__
    table.info[UNCACHED] = True
    return row


def is_uncached(table: sqlalchemy.Table) -> bool:
    """Whether a table is marked as uncached."""
    return UNCACHED in table.info


class Table(DefaultBase):
    """A table with `id`, `created_at` and `updated_at`; times are in UTC.

    `__number__` is the type number in its ids (see `ids.py`).
    """

    __abstract__ = True
    __number__: ClassVar[int]

    @declared_attr
    def id(cls) -> Mapped[str]:
        """The primary key, generated in Python."""
        number = cls.__number__
        return mapped_column(Id, primary_key=True, default=lambda: new_id(number), sort_order=-3)

    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, sort_order=-2)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, onupdate=now, sort_order=-2)


class Versioned(Table):
    """A table whose rows change. `version` is the optimistic lock and part of the ETag."""

    __abstract__ = True
    version: Mapped[int] = mapped_column(default=1, sort_order=-1)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        """Make every UPDATE match the version that was read, and increment it."""
        return {"version_id_col": cls.version}
