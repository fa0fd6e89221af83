"""Selection: the fields and relations that a client requests.

Both doors compile to the same value. It holds no spelling, no `__typename` and no edges: how a
door renders it is its `rendering`, which is carried along but not compared.
"""

from typing import Any, Protocol

import msgspec

from ..auth.caller import Caller
from ..lru import Memo, MemoPool
from ..problems import TooDeep, TooManyAliases
from .list_query import DEFAULT_LIST_QUERY, ListQuery
from .resource import EmbeddedValue, Resource, Result

MAX_DEPTH, MAX_ALIASES = 10, 50
FIELD_BYTES, OBJECT_BYTES = 1000, 4000
"""Bytes of a selected field, and of the functions and the Struct generated for one object."""
RECORD_BUILDERS = MemoPool("record_builders", 4 * 1024 * 1024)


class Field(msgspec.Struct, frozen=True, cache_hash=True):
    """A selected field. `subfields` are those of an embedded value or a relation."""

    name: str
    alias: str | None = None
    subfields: "tuple[Field, ...]" = ()


class FieldSet:
    """The fields of one request text, parsed once, and the door's rendering of them.

    unaliased: the fields without their aliases, which decide the SQL.
    secondary: the same fields in another rendering; records then have a `DualBody` of both.
    memo: objects derived from this field set, such as the record builders of its plans.
    priced_relations: its relations as the price function needs them, once it has been priced.
    field_count, object_count: the numbers of its fields and of its objects, at all depths.
    """

    __slots__ = (
        "field_count",
        "fields",
        "memo",
        "object_count",
        "priced_relations",
        "rendering",
        "secondary",
        "unaliased",
    )

    def __init__(self, fields: tuple[Field, ...], rendering: Any = None, secondary: "FieldSet | None" = None) -> None:
        self.fields, self.unaliased = fields, without_aliases(fields)
        self.rendering, self.secondary = rendering, secondary
        self.memo = Memo[Any, Any](RECORD_BUILDERS)
        self.priced_relations: tuple[Any, ...] | None = None
        self.field_count, self.object_count = _count(fields)

    def memoize[V](self, key: Any, value: V) -> V:
        """Store a derived object and return it."""
        return self.memo.put(key, value, FIELD_BYTES // 2 * self.field_count + OBJECT_BYTES * self.object_count)


def _count(fields: tuple[Field, ...]) -> tuple[int, int]:
    """Return the number of fields, and of objects that have them."""
    field_count, object_count = len(fields), 1
    for field in fields:
        if field.subfields:
            nested_fields, nested_objects = _count(field.subfields)
            field_count, object_count = field_count + nested_fields, object_count + nested_objects
    return field_count, object_count


def has_personal_data(result: Result[Any], fields: tuple[Field, ...]) -> bool:
    """Whether these fields of a result, or of its relations, hold personal data (never cached)."""
    relations = result.relations
    return result.personal or any(
        [has_personal_data(r.target, f.subfields) for f in fields if (r := relations.get(f.name)) is not None]
    )


def too_many_aliases() -> TooManyAliases:
    """The problem of too many aliases: each can request the same data again (CVE-2026-35441)."""
    return TooManyAliases(f"At most {MAX_ALIASES} aliases are allowed; there are more.")


def without_aliases(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return the fields without their aliases."""
    return tuple([Field(f.name, None, without_aliases(f.subfields)) for f in fields])


class Selection[S]:
    """The selected fields in order, and a ListQuery for each to-many relation, depth first.

    row_estimate: memo of `estimate_rows` in operations/pricing.py.
    last_plan: memo of the read engine: the last arguments it was planned for, and the plan's key.
    """

    __slots__ = ("field_set", "last_plan", "list_queries", "row_estimate")

    def __init__(self, field_set: FieldSet, list_queries: tuple[ListQuery, ...] = ()) -> None:
        self.field_set, self.list_queries = field_set, list_queries
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
    """A door's list arguments: GraphQL's may hold variables, REST's are a ListQuery already."""

    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...


class SelectionBuilder:
    """Builds a Selection. Adding the same name, alias and list query twice gives one field."""

    def __init__(self, target: Result[Any] | EmbeddedValue, depth: int = 0) -> None:
        self.target, self.depth = target, depth
        self.entries: dict[tuple[str, str | None, UnboundListQuery | None], tuple[int, SelectionBuilder | None]] = {}

    def add(
        self, name: str, alias: str | None = None, list_query: UnboundListQuery | None = None
    ) -> "tuple[int, SelectionBuilder | None]":
        """Add a field. Return its index, and the builder of its subfields if it can have any."""
        key = (name, alias, list_query)
        if key not in self.entries:
            nested = self.target.nested(name)
            if self.depth == MAX_DEPTH and isinstance(nested, Resource):
                raise TooDeep(f"Relations can be followed {MAX_DEPTH} deep; this selection goes deeper.")
            builder = SelectionBuilder(nested, self.depth + 1) if nested is not None else None
            self.entries[key] = (len(self.entries), builder)
        return self.entries[key]

    def build(self) -> tuple[tuple[Field, ...], tuple[Any, ...]]:
        """Return the fields and the list queries."""
        fields: list[Field] = []
        list_queries: list[Any] = []
        for (name, alias, list_query), (_, builder) in self.entries.items():
            subfields, nested_queries = builder.build() if builder is not None else ((), ())
            if isinstance(self.target, Resource) and self.target.is_to_many(name):
                list_queries.append(list_query)
            list_queries += nested_queries
            fields.append(Field(name, alias, subfields))
        return tuple(fields), tuple(list_queries)

    def add_default(self, permissions: frozenset[str], *, with_relations: bool = True) -> "SelectionBuilder":
        """Add the default fields that these permissions may read.

        They are the scalars, the embedded values and, with their own default fields, the relations
        that are marked as default.
        """
        for name in self.target.members:
            if isinstance(self.target, EmbeddedValue) or self.target.is_readable(name, permissions):
                _, builder = self.add(name)
                if builder is not None:
                    builder.add_default(permissions)
        if with_relations and self.depth < MAX_DEPTH:
            for relation in self.target.relations.values():
                if relation.default and relation.access.allows(permissions):
                    _, builder = self.add(relation.name, None, DEFAULT_LIST_QUERY)
                    assert builder is not None
                    builder.add_default(permissions)
        return self


def default_selection(
    result: Result[Any], permissions: frozenset[str], *, with_relations: bool = True
) -> Selection[Any]:
    """Return the selection that applies if a caller with these permissions selects nothing."""
    builder = SelectionBuilder(result).add_default(permissions, with_relations=with_relations)
    fields, list_queries = builder.build()
    return Selection(FieldSet(fields), list_queries)


def relation_selection(relation: str, list_query: ListQuery, selection: Selection[Any]) -> Selection[Any]:
    """Wrap a selection in a relation, so that a list below a path has a nested list's SQL."""
    fields = (Field(relation, None, selection.field_set.fields),)
    return Selection(FieldSet(fields, selection.field_set.rendering), (list_query, *selection.list_queries))


def check_access(result: Result[Any], fields: tuple[Field, ...], caller: Caller) -> None:
    """Raise 401 or 403 if the caller may not read one of the fields, at any depth."""
    for field in fields:
        if not (access := result.access(field.name)).allows(caller.permissions):
            raise access.problem(caller.is_authenticated)
        if (relation := result.relations.get(field.name)) is not None:
            check_access(relation.target, field.subfields, caller)


def readable_names(target: Result[Any] | EmbeddedValue, permissions: frozenset[str]) -> list[str]:
    """Return the names that callers with these permissions can select."""
    names = [*target.members, *target.relations]
    return names if isinstance(target, EmbeddedValue) else [n for n in names if target.is_readable(n, permissions)]
