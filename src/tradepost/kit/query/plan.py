"""Plan: the compiled statements of one selection."""

from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec

from ..resource.list_query import ListQueryShape
from ..resource.resource import Relation
from ..resource.row_layout import Node, ToMany
from ..resource.selection import Field, FieldSet
from .cursors import CursorCodec
from .record_builder import RecordCompiler
from .records import DualBody
from .statement import Statement

_numbers = count()


class Level:
    """One level of a plan: the top rows, or the rows of one to-many relation.

    rows_statement, total_statement: the statement of its rows, and that of its total if requested.
    columns, nodes: the columns of its rows, and which of them the selected fields are in.
    sort_key_indexes, to_one_indexes: columns of the sort keys, and of the ids of joined rows.
    parent_level, parent_id_index: the level of the parent rows, and the column of their id.
    parent_key_index: the column of the parent's id in the rows of this level.
    pending_relations, joins, expressions: used while compiling.
    cursor_codec: memo of the last cursor codec, with the filters its cursors are bound to.
    """

    rows_statement: Statement
    total_statement: Statement | None = None
    cursor_codec: tuple[Any, CursorCodec] | None = None

    def __init__(self, index: int, resource: Any, relation: Relation | None) -> None:
        self.index, self.resource, self.relation = index, resource, relation
        self.columns: list[Any] = []
        self.nodes: tuple[Node, ...] = ()
        self.sort_key_indexes: list[int] = []
        self.to_one_indexes: list[int] = []
        self.order: tuple[str, ...] = ()
        self.pending_relations: list[tuple[ToMany, Field]] = []
        self.joins: dict[tuple[str, str], Any] = {}
        self.expressions: dict[tuple[str, str], int] = {}
        self.parent_level, self.parent_id_index, self.parent_key_index = 0, 0, 0

    def add_column(self, expression: Any) -> int:
        """Return the index of a column in the row, adding the column if it is new."""
        for i, column in enumerate(self.columns):
            if column is expression:
                return i
        self.columns.append(expression)
        return len(self.columns) - 1

    @property
    def width(self) -> int:
        """The number of columns in a row. Below a parent, the last one is the parent's id."""
        return len(self.columns) + (self.relation is not None)

    @property
    def list_name(self) -> str:
        """The name of the list that its cursors are bound to."""
        return self.resource.name if self.relation is None else self.relation.list_name


class Plan:
    """The levels of one selection, the top one first.

    number: identifies the plan in memos, which must not keep it alive.
    id_index, version_index: columns of the top row's id and version, in plans that read by key.
    read_tags: the tables it reads, without the table of a row read by key; None if its result
        depends on more than rows, so that it cannot be cached.
    """

    __slots__ = ("dialect", "id_index", "levels", "number", "read_tags", "top", "version_index")

    def __init__(
        self,
        levels: list[Level],
        dialect: str,
        id_index: int | None = None,
        version_index: int | None = None,
        read_tags: tuple[tuple[str, None], ...] | None = None,
    ) -> None:
        self.levels, self.dialect, self.read_tags = levels, dialect, read_tags
        self.id_index, self.version_index = id_index, version_index
        self.top, self.number = levels[0], next(_numbers)

    def record_builder(self, field_set: FieldSet) -> Any:
        """Return the function that builds records from rows, memoized in the field set."""
        builder = field_set.memo.get(self.number)
        if builder is None:
            compiler = RecordCompiler(self, field_set, self.dialect)
            builder = compiler.page_function(self.top) if self.id_index is None else compiler.record_function()
            if field_set.secondary is not None:
                stored = RecordCompiler(self, field_set.secondary, self.dialect).record_function()
                builder = _dual_body(builder, stored)
            field_set.memoize(self.number, builder)
        return builder

    def level_page_builder(self, field_set: FieldSet, level_index: int) -> Any:
        """Return the function that builds the page of a relation returned as a list."""
        key = (self.number, level_index)
        builder = field_set.memo.get(key)
        if builder is None:
            compiler = RecordCompiler(self, field_set, self.dialect)
            builder = field_set.memoize(key, compiler.page_function(self.levels[level_index]))
        return builder


def _dual_body(response: Callable[..., Any], stored: Callable[..., Any]) -> Callable[[Any, Any], DualBody]:
    return lambda row, groups: DualBody(response(row, groups), stored(row, groups))


class PlanKey(msgspec.Struct, frozen=True, cache_hash=True):
    """The cache key of a plan: everything that it depends on, so no values, aliases or spelling."""

    resource: str
    key_column: str | None
    fields: tuple[Field, ...]
    shapes: tuple[ListQueryShape, ...]
    list_shape: ListQueryShape | None
    permissions: frozenset[str]
    is_authenticated: bool
