"""What was asked: fields and relations, each to-many relation with its Window.

Both doors write the same value. It has no spelling, no `__typename`, no edges: how a door wants it written is its `rendering`, which rides
along and which `==` does not see.
"""

from typing import Any, Protocol

import msgspec

from ..auth.caller import Caller
from ..problems import TooDeep, TooManyAliases
from .list_query import ListQuery
from .resource import EmbeddedValue, Resource, Result

MAX_DEPTH, MAX_ALIASES = 10, 50
MAX_MEMO_ENTRIES = 100


class Field(msgspec.Struct, frozen=True, cache_hash=True):
    """One asked name. `inner` is what was asked of an embedded value or a relation."""

    name: str
    alias: str | None = None
    subfields: "tuple[Field, ...]" = ()


class FieldSet:
    """What a text asks for, made once per text: its fields, the door's rendering of them, and the writers made for it so far.

    `beside` has the same fields in another rendering: each row is then written twice, into a body that is `Both`.
    """

    __slots__ = ("fields", "memo", "priced_relations", "rendering", "secondary", "unaliased")

    def __init__(self, fields: tuple[Field, ...], rendering: Any = None, secondary: "FieldSet | None" = None) -> None:
        self.fields, self.rendering, self.unaliased, self.secondary = (
            fields,
            rendering,
            without_aliases(fields),
            secondary,
        )
        self.memo: dict[Any, Any] = {}
        self.priced_relations: tuple[Any, ...] | None = None  # the relations in it, once it has been priced

    def memoize[W](self, key: Any, writer: W) -> W:
        """Keeps a writer; the oldest goes where there are many, because a text's variables can ask for ever more plans."""
        self.memo[key] = writer
        if len(self.memo) > MAX_MEMO_ENTRIES:
            del self.memo[next(iter(self.memo))]
        return writer


def has_personal_data(of: Result[Any], fields: tuple[Field, ...]) -> bool:
    """Whether an answer with these fields of a shape holds somebody's own data, its own or that of a relation in it: no cache keeps it."""
    return of.personal or any(
        [has_personal_data(r.target, f.subfields) for f in fields if (r := of.relations.get(f.name)) is not None]
    )


def too_many_aliases() -> TooManyAliases:
    """The problem of a text with more aliases than it may have: each asks for the same things once more (CVE-2026-35441)."""
    return TooManyAliases(f"At most {MAX_ALIASES} aliases are allowed; there are more.")


def without_aliases(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """The fields without their aliases: what decides the SQL."""
    return tuple([Field(f.name, None, without_aliases(f.subfields)) for f in fields])


class Selection[S]:
    """The asked fields in order, and one Window for each to-many relation among them (depth first). `weight` is what `price` remembers of it, `last` what
    the read engine does: who asked for it last, and the plan."""

    __slots__ = ("field_set", "last_plan", "list_queries", "row_estimate")

    def __init__(self, form: FieldSet, windows: tuple[ListQuery, ...] = ()) -> None:
        self.field_set, self.list_queries = form, windows
        self.row_estimate: tuple[int, int] | None = None
        self.last_plan: tuple[Any, Any] | None = None

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Selection)
            and self.field_set.fields == other.field_set.fields
            and self.list_queries == other.list_queries
        )

    def __hash__(self) -> int:
        return hash((self.field_set.fields, self.list_queries))

    def __repr__(self) -> str:
        return f"Selection({self.field_set.fields!r}, {self.list_queries!r})"


class UnboundListQuery(Protocol):
    """A door's Window while it is not known yet: GraphQL's may hold variables, REST's is known at once."""

    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...


class SelectionBuilder:
    """A selection while a door writes it; the same name, alias and window asked twice are one field."""

    def __init__(self, names: Result[Any] | EmbeddedValue, depth: int = 0) -> None:
        self.target, self.depth = names, depth
        self.lines: dict[tuple[str, str | None, UnboundListQuery | None], tuple[int, SelectionBuilder | None]] = {}

    def add(
        self, name: str, alias: str | None = None, window: UnboundListQuery | None = None
    ) -> "tuple[int, SelectionBuilder | None]":
        """Asks for a name; returns its position and the draft of what stands below it."""
        key = (name, alias, window)
        if key not in self.lines:
            inner = self.target.nested(name)
            if self.depth == MAX_DEPTH and isinstance(inner, Resource):
                raise TooDeep(f"Relations can be followed {MAX_DEPTH} deep; this selection goes deeper.")
            self.lines[key] = (len(self.lines), SelectionBuilder(inner, self.depth + 1) if inner is not None else None)
        return self.lines[key]

    def build(self) -> tuple[tuple[Field, ...], tuple[Any, ...]]:
        """The finished fields and windows."""
        fields: list[Field] = []
        windows: list[Any] = []
        for (name, alias, window), (_, inner) in self.lines.items():
            below = inner.build() if inner is not None else ((), ())
            if isinstance(self.target, Resource) and self.target.is_to_many(name):
                windows.append(window)
            windows += below[1]
            fields.append(Field(name, alias, below[0]))
        return tuple(fields), tuple(windows)

    def add_default(self, permissions: frozenset[str]) -> "SelectionBuilder":
        """Asks for what is answered where nothing was asked: all scalars and embedded values that this kind of caller may read, no relations."""
        for name in self.target.members:
            if isinstance(self.target, EmbeddedValue) or self.target.is_readable(name, permissions):
                _, inner = self.add(name)
                if inner is not None:
                    inner.add_default(permissions)
        return self


def default_selection(resource: Result[Any], permissions: frozenset[str]) -> Selection[Any]:
    """The default selection of a resource for callers with these permissions."""
    fields, windows = SelectionBuilder(resource).add_default(permissions).build()
    return Selection(FieldSet(fields), windows)


def relation_selection(relation: str, window: ListQuery, want: Selection[Any]) -> Selection[Any]:
    """The selection of one relation around another: how a list below a path is read, in the same SQL as below the row."""
    return Selection(
        FieldSet((Field(relation, None, want.field_set.fields),), want.field_set.rendering),
        (window, *want.list_queries),
    )


def check_access(of: Result[Any], fields: tuple[Field, ...], caller: Caller) -> None:
    """Refuses a caller that may not read one of the fields, at any depth: 401 or 403."""
    for field in fields:
        if not (access := of.access(field.name)).allows(caller.permissions):
            raise access.problem(caller.is_authenticated)
        if (relation := of.relations.get(field.name)) is not None:
            check_access(relation.target, field.subfields, caller)


def readable_names(names: Result[Any] | EmbeddedValue, permissions: frozenset[str]) -> list[str]:
    """The names that may be asked for by callers with these permissions."""
    return [
        n
        for n in (*names.members, *names.relations)
        if isinstance(names, EmbeddedValue) or names.is_readable(n, permissions)
    ]
