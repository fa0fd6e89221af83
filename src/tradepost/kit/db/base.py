"""What every table has: an id that names its kind, its times and, where rows change, the version."""

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy
from advanced_alchemy.base import DefaultBase
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from ..clock import now
from ..ids import new_id
from .column_types import Id, UTCDateTime

UNCACHED = "untold"


def uncached[Row: type[DefaultBase]](row: Row) -> Row:
    """Marks a table whose writes are told to nobody, because there are many of them and no cache may keep what it holds."""
    table: Any = row.__table__
    table.info[UNCACHED] = True
    return row


def is_uncached(table: sqlalchemy.Table) -> bool:
    """Whether a table is marked so."""
    return UNCACHED in table.info


class Table(DefaultBase):
    """A row: `id` (UUIDv7 with the kind's `__number__` in its last eight bits), `created_at` and `updated_at` in UTC."""

    __abstract__ = True
    __number__: ClassVar[int]

    @declared_attr
    def id(cls) -> Mapped[str]:
        """The primary key; every kind makes its own."""
        number = cls.__number__
        return mapped_column(Id, primary_key=True, default=lambda: new_id(number), sort_order=-3)

    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, sort_order=-2)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, onupdate=now, sort_order=-2)


class Versioned(Table):
    """A row that changes: `version` is its optimistic lock and the first half of its ETag."""

    __abstract__ = True
    version: Mapped[int] = mapped_column(default=1, sort_order=-1)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        """Every UPDATE asks for the version that was read, and bumps it."""
        return {"version_id_col": cls.version}
