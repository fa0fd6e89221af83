"""Plans: all statements of one selection, compiled once per shape and kept in a bounded cache."""

from collections.abc import Callable
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


class Level:
    """One level of a plan: its statement, that of its total, and where in its rows things stand (`ones`: the ids of joined rows). `marks` are those that
    its cursors had last, with the filters that they are bound to."""

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
        self.parent_level, self.parent_index, self.parent_key_index = 0, 0, 0

    def add_column(self, expression: Any) -> int:
        """The position of a column in the row; adds it where it is new."""
        for i, column in enumerate(self.columns):
            if column is expression:
                return i
        self.columns.append(expression)
        return len(self.columns) - 1

    @property
    def width(self) -> int:
        """How many columns its rows have: below a parent the parent's id comes last."""
        return len(self.columns) + (self.relation is not None)

    @property
    def list_name(self) -> str:
        """What the cursors of this list are bound to."""
        return self.resource.name if self.relation is None else self.relation.list_name


class Plan:
    """The levels of one selection, the top one first. `version` and `id` are places in the top row of a single read.

    `reads` are the tables that it looks at besides that row, each as a tag; None where what it gives depends on more than rows.
    """

    __slots__ = ("dialect", "id_index", "levels", "read_tags", "top", "version_index")

    def __init__(
        self,
        levels: list[Level],
        dialect: str,
        id_index: int | None = None,
        version: int | None = None,
        read_tags: tuple[tuple[str, None], ...] | None = None,
    ) -> None:
        self.levels, self.dialect, self.read_tags, self.id_index, self.version_index = (
            levels,
            dialect,
            read_tags,
            id_index,
            version,
        )
        self.top = levels[0]

    def record_builder(self, form: FieldSet) -> Any:
        """The function that turns this plan's rows into records as a form wants them; it lives as long as the form."""
        found = form.memo.get(self)
        if found is None:
            writer = RecordCompiler(self, form, self.dialect)
            made = writer.page_function(self.top) if self.id_index is None else writer.record_function()
            found = form.memoize(
                self,
                made
                if form.secondary is None
                else _both(made, RecordCompiler(self, form.secondary, self.dialect).record_function()),
            )
        return found

    def level_page_builder(self, form: FieldSet, at: int) -> Any:
        """The same for a relation that is answered as a list of its own."""
        found = form.memo.get((self, at))
        if found is None:
            found = form.memoize((self, at), RecordCompiler(self, form, self.dialect).page_function(self.levels[at]))
        return found


def _both(shown: Callable[..., Any], whole: Callable[..., Any]) -> Callable[[Any, Any], DualBody]:
    return lambda row, groups: DualBody(shown(row, groups), whole(row, groups))


class PlanKey(msgspec.Struct, frozen=True):
    """What a plan depends on: everything but values, aliases and spelling."""

    resource: str
    key_column: str | None
    fields: tuple[Field, ...]
    shapes: tuple[ListQueryShape, ...]
    list_shape: ListQueryShape | None
    permissions: frozenset[str]
    is_authenticated: bool
