"""What was asked: fields and relations, each to-many relation with its Window.

Both doors write the same value. It has no spelling, no `__typename`, no edges: how a door wants it written is its `rendering`, which rides
along and which `==` does not see.
"""

from typing import Any, Protocol

import msgspec

from ..auth.caller import Caller
from ..problems import TooDeep, TooManyAliases
from .list_query import Window
from .resource import Resource, Result, Value

DEEPEST, MOST_ALIASES = 10, 50
MOST_WRITERS = 100


class Field(msgspec.Struct, frozen=True, cache_hash=True):
    """One asked name. `inner` is what was asked of an embedded value or a relation."""

    name: str
    alias: str | None = None
    inner: "tuple[Field, ...]" = ()


class Form:
    """What a text asks for, made once per text: its fields, the door's rendering of them, and the writers made for it so far.

    `beside` has the same fields in another rendering: each row is then written twice, into a body that is `Both`.
    """

    __slots__ = ("bare", "beside", "branches", "fields", "rendering", "writers")

    def __init__(self, fields: tuple[Field, ...], rendering: Any = None, beside: "Form | None" = None) -> None:
        self.fields, self.rendering, self.bare, self.beside = fields, rendering, unnamed(fields), beside
        self.writers: dict[Any, Any] = {}
        self.branches: tuple[Any, ...] | None = None  # the relations in it, once it has been priced

    def keep[W](self, key: Any, writer: W) -> W:
        """Keeps a writer; the oldest goes where there are many, because a text's variables can ask for ever more plans."""
        self.writers[key] = writer
        if len(self.writers) > MOST_WRITERS:
            del self.writers[next(iter(self.writers))]
        return writer


def personal(of: Result[Any], fields: tuple[Field, ...]) -> bool:
    """Whether an answer with these fields of a shape holds somebody's own data, its own or that of a relation in it: no cache keeps it."""
    return of.personal or any(
        [personal(r.target, f.inner) for f in fields if (r := of.relations.get(f.name)) is not None]
    )


def too_many_aliases() -> TooManyAliases:
    """The problem of a text with more aliases than it may have: each asks for the same things once more (CVE-2026-35441)."""
    return TooManyAliases(f"At most {MOST_ALIASES} aliases are allowed; there are more.")


def unnamed(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """The fields without their aliases: what decides the SQL."""
    return tuple([Field(f.name, None, unnamed(f.inner)) for f in fields])


class Selection[S]:
    """The asked fields in order, and one Window for each to-many relation among them (depth first). `weight` is what `price` remembers of it, `last` what
    the read engine does: who asked for it last, and the plan."""

    __slots__ = ("form", "last", "weight", "windows")

    def __init__(self, form: Form, windows: tuple[Window, ...] = ()) -> None:
        self.form, self.windows = form, windows
        self.weight: tuple[int, int] | None = None
        self.last: tuple[Any, Any] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selection) and self.form.fields == other.form.fields and self.windows == other.windows

    def __hash__(self) -> int:
        return hash((self.form.fields, self.windows))

    def __repr__(self) -> str:
        return f"Selection({self.form.fields!r}, {self.windows!r})"


class Asked(Protocol):
    """A door's Window while it is not known yet: GraphQL's may hold variables, REST's is known at once."""

    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...


class Draft:
    """A selection while a door writes it; the same name, alias and window asked twice are one field."""

    def __init__(self, names: Result[Any] | Value, depth: int = 0) -> None:
        self.names, self.depth = names, depth
        self.lines: dict[tuple[str, str | None, Asked | None], tuple[int, Draft | None]] = {}

    def add(self, name: str, alias: str | None = None, window: Asked | None = None) -> "tuple[int, Draft | None]":
        """Asks for a name; returns its position and the draft of what stands below it."""
        key = (name, alias, window)
        if key not in self.lines:
            inner = self.names.inner(name)
            if self.depth == DEEPEST and isinstance(inner, Resource):
                raise TooDeep(f"Relations can be followed {DEEPEST} deep; this selection goes deeper.")
            self.lines[key] = (len(self.lines), Draft(inner, self.depth + 1) if inner is not None else None)
        return self.lines[key]

    def seal(self) -> tuple[tuple[Field, ...], tuple[Any, ...]]:
        """The finished fields and windows."""
        fields: list[Field] = []
        windows: list[Any] = []
        for (name, alias, window), (_, inner) in self.lines.items():
            below = inner.seal() if inner is not None else ((), ())
            if isinstance(self.names, Resource) and self.names.many(name):
                windows.append(window)
            windows += below[1]
            fields.append(Field(name, alias, below[0]))
        return tuple(fields), tuple(windows)

    def add_default(self, permissions: frozenset[str]) -> "Draft":
        """Asks for what is answered where nothing was asked: all scalars and embedded values that this kind of caller may read, no relations."""
        for name in self.names.own:
            if isinstance(self.names, Value) or self.names.readable(name, permissions):
                _, inner = self.add(name)
                if inner is not None:
                    inner.add_default(permissions)
        return self


def default(resource: Result[Any], permissions: frozenset[str]) -> Selection[Any]:
    """The default selection of a resource for callers with these permissions."""
    fields, windows = Draft(resource).add_default(permissions).seal()
    return Selection(Form(fields), windows)


def below(relation: str, window: Window, want: Selection[Any]) -> Selection[Any]:
    """The selection of one relation around another: how a list below a path is read, in the same SQL as below the row."""
    return Selection(Form((Field(relation, None, want.form.fields),), want.form.rendering), (window, *want.windows))


def check(of: Result[Any], fields: tuple[Field, ...], caller: Caller) -> None:
    """Refuses a caller that may not read one of the fields, at any depth: 401 or 403."""
    for field in fields:
        if not (access := of.access(field.name)).allows(caller.permissions):
            raise access.refusal(caller.known)
        if (relation := of.relations.get(field.name)) is not None:
            check(relation.target, field.inner, caller)


def known(names: Result[Any] | Value, permissions: frozenset[str]) -> list[str]:
    """The names that may be asked for by callers with these permissions."""
    return [n for n in (*names.own, *names.relations) if isinstance(names, Value) or names.readable(n, permissions)]
