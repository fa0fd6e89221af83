"""Plans: all statements of one selection, compiled once per shape and kept in a bounded cache."""

from collections.abc import Callable
from typing import Any

import msgspec

from ..resource.list_query import Shape
from ..resource.resource import Relation
from ..resource.row_layout import Many, Node
from ..resource.selection import Field, Form
from .cursors import Marks
from .record_builder import Writer
from .records import Both
from .statement import Statement


class Level:
    """One level of a plan: its statement, that of its total, and where in its rows things stand (`ones`: the ids of joined rows). `marks` are those that
    its cursors had last, with the filters that they are bound to."""

    rows: Statement
    total: Statement | None = None
    marks: tuple[Any, Marks] | None = None

    def __init__(self, index: int, resource: Any, relation: Relation | None) -> None:
        self.index, self.resource, self.relation = index, resource, relation
        self.columns: list[Any] = []
        self.nodes: tuple[Node, ...] = ()
        self.keys: list[int] = []
        self.ones: list[int] = []
        self.order: tuple[str, ...] = ()
        self.waiting: list[tuple[Many, Field]] = []
        self.joined: dict[tuple[str, str], Any] = {}
        self.parent_level, self.parent_at, self.link = 0, 0, 0

    def column(self, expression: Any) -> int:
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

    __slots__ = ("dialect", "id", "levels", "reads", "top", "version")

    def __init__(
        self,
        levels: list[Level],
        dialect: str,
        id: int | None = None,
        version: int | None = None,
        reads: tuple[tuple[str, None], ...] | None = None,
    ) -> None:
        self.levels, self.dialect, self.reads, self.id, self.version = levels, dialect, reads, id, version
        self.top = levels[0]

    def writer(self, form: Form) -> Any:
        """The function that turns this plan's rows into records as a form wants them; it lives as long as the form."""
        found = form.writers.get(self)
        if found is None:
            writer = Writer(self, form, self.dialect)
            made = writer.page(self.top) if self.id is None else writer.one()
            found = form.keep(
                self, made if form.beside is None else _both(made, Writer(self, form.beside, self.dialect).one())
            )
        return found

    def level_writer(self, form: Form, at: int) -> Any:
        """The same for a relation that is answered as a list of its own."""
        found = form.writers.get((self, at))
        if found is None:
            found = form.keep((self, at), Writer(self, form, self.dialect).page(self.levels[at]))
        return found


def _both(shown: Callable[..., Any], whole: Callable[..., Any]) -> Callable[[Any, Any], Both]:
    return lambda row, groups: Both(shown(row, groups), whole(row, groups))


class PlanKey(msgspec.Struct, frozen=True):
    """What a plan depends on: everything but values, aliases and spelling."""

    resource: str
    by: str | None
    fields: tuple[Field, ...]
    shapes: tuple[Shape, ...]
    window: Shape | None
    permissions: frozenset[str]
    known: bool
