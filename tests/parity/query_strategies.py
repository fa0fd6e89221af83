"""Questions drawn from the registry, as trees that have the spelling of neither door."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from hypothesis import strategies as st

from tests.parity.access.table import CALLERS, Outcome
from tests.parity.cases import DRAWN, MEMBERS, REGISTRY
from tests.parity.sample_rows import SampleRows
from tradepost.kit.resource.resource import ACTIONS, EmbeddedValue, Resource

type Kind = Literal["leaf", "value", "one", "list", "page"]
type Args = dict[str, Any]

ASKERS = ("anonymous", "staff", "customer", "guest")
"""The callers who ask drawn questions."""
UUID_LENGTH = 36
MAX_FIELDS = 180
"""GraphQL writes a field in up to 8.4 tokens on average, and a document has at most 2,000."""


def is_drawn(operation: Any) -> bool:
    """Whether there are sample rows for what an operation reads, and for the parent of a list."""
    parent = operation.parent_relation
    return operation.result.name in DRAWN and (parent is None or parent[0].name in DRAWN)


READS = [n for n, o in REGISTRY.operations.items() if not o.is_write and is_drawn(o)]
LISTS = [n for n in READS if REGISTRY.operations[n].kind == "list"]


class Shown:
    """Shows what was drawn in a failure, without the resources behind it."""

    def __repr__(self) -> str:
        members = {
            n: v
            for n, v in vars(self).items()
            if v not in (None, (), {}, False) and n not in ("resource", "parent", "kind")
        }
        return f"{type(self).__name__}({', '.join([f'{n}={v!r}' for n, v in members.items()])})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


@dataclass(frozen=True, repr=False)
class AskedField(Shown):
    """One selected name.

    kind: `leaf` and `value` are members, the others relations.
    brief: REST writes it without braces, which selects all members of a value and the default
        fields of a relation.
    """

    name: str
    kind: Kind
    resource: Any = None
    alias: str | None = None
    inner: "tuple[AskedField, ...]" = ()
    args: Args = field(default_factory=dict[str, Any])
    brief: bool = False
    parent: Any = None

    def with_samples(self, sample_rows: SampleRows) -> "AskedField":
        """Return the field with real filter values."""
        inner = tuple([asked.with_samples(sample_rows) for asked in self.inner])
        return replace(self, inner=inner, args=sample_filter(self.resource, self.args, sample_rows))


@dataclass(frozen=True, repr=False)
class AskedList(Shown):
    """A read: its operation, the key of its row, the fields, and the arguments of a list.

    Questions are drawn before there are rows: keys and filter values are numbers until
    `with_samples` replaces them.
    """

    operation: str
    resource: Resource[Any]
    is_list: bool
    key: Any
    fields: tuple[AskedField, ...]
    args: Args = field(default_factory=dict[str, Any])
    brief: bool = False

    def with_samples(self, sample_rows: SampleRows) -> "AskedList":
        """Return the question about rows that exist."""
        key = self.key
        if key is not None:
            operation = REGISTRY.operations[self.operation]
            keys = sample_rows.keys[operation.path_resource.name]
            keys = [k for k in keys if operation.parent_relation is None or len(k) == UUID_LENGTH]
            key = keys[key % len(keys)]
        fields = tuple([asked.with_samples(sample_rows) for asked in self.fields])
        return replace(self, key=key, fields=fields, args=sample_filter(self.resource, self.args, sample_rows))


def sample_filter(resource: Any, args: Args, sample_rows: SampleRows) -> Args:
    """Return the arguments with sample values in the filter."""
    if "filter" not in args:
        return args
    values = {n: sample_rows.values[resource.name, n] for n in args["filter"]}
    return args | {"filter": {n: values[n][number % len(values[n])] for n, number in args["filter"].items()}}


def question(asker: str, operations: list[str] | None = None, depth: int = 3) -> st.SearchStrategy[AskedList]:
    """Draw a question to one of the reads that the caller may call."""
    permissions = CALLERS[asker].permissions
    names = [n for n in operations or READS if REGISTRY.operations[n].access.allows(permissions)]

    @st.composite
    def draw_question(draw: Any) -> AskedList:
        operation = REGISTRY.operations[draw(st.sampled_from(names))]
        resource, is_list = operation.resource, operation.kind == "list"
        brief = draw(st.integers(0, 9)) == 9
        fields = default_fields(resource, asker) if brief else draw(drawn_fields(resource, asker, depth))
        args = draw(list_arguments(resource)) if is_list else {}
        key = draw(st.integers(0, 20)) if "key" in operation.signature.parameters else None
        return AskedList(operation.name, resource, is_list, key, fields, args, brief)

    return draw_question().filter(lambda asked: count_fields(asked.fields) <= MAX_FIELDS)


def count_fields(fields: tuple[AskedField, ...]) -> int:
    """Return how many fields there are, at all depths."""
    return sum([1 + count_fields(asked.inner) for asked in fields])


def read_questions(operations: list[str] | None = None, depth: int = 3) -> st.SearchStrategy[tuple[str, AskedList]]:
    """Draw a caller and a question."""
    return st.one_of(*[st.tuples(st.just(asker), question(asker, operations, depth)) for asker in ASKERS])


def default_fields(resource: Resource[Any] | EmbeddedValue, asker: str) -> tuple[AskedField, ...]:
    """Return the fields of an answer if none are selected.

    They are scalars, whole values, links, and the relations that are marked as default.
    """
    relations = [r for n, r in resource.relations.items() if r.default and is_readable(resource, n, asker)]
    return (
        *[whole_member(resource, n, asker) for n in readable(resource, asker)],
        *[AskedField(r.name, "list", r.target, inner=default_fields(r.target, asker)) for r in relations],
    )


def whole_member(resource: Any, name: str, asker: str) -> AskedField:
    """Return a member, with all members of it if it is a value."""
    value = resource.members[name]
    return asked_member(resource, name, default_fields(value, asker) if isinstance(value, EmbeddedValue) else ())


def asked_member(resource: Any, name: str, inner: tuple[AskedField, ...] = (), brief: bool = False) -> AskedField:
    """Return a member of a resource or of a value."""
    value = resource.members[name] if isinstance(resource.members[name], EmbeddedValue) else None
    return AskedField(name, "value" if value else "leaf", value, inner=inner, brief=brief, parent=resource)


def is_readable(resource: Any, name: str, asker: str) -> bool:
    """Whether the cases allow the caller to read a member or to follow a relation."""
    row = MEMBERS.get(f"{resource.name}.{name}")
    return row is None or row.of(asker) is Outcome.ALLOWED


def readable(resource: Resource[Any] | EmbeddedValue, asker: str) -> list[str]:
    """Return the members that a caller may read, by the cases and not by the source."""
    return [name for name in resource.members if is_readable(resource, name, asker)]


@st.composite
def drawn_fields(draw: Any, resource: Any, asker: str, depth: int) -> tuple[AskedField, ...]:
    """Draw up to five names of a shape, each under a key of its own."""
    relations: list[str] = []
    if depth:
        relations = sorted(
            [n for n, r in resource.relations.items() if r.target.name in DRAWN and is_readable(resource, n, asker)]
        )
    pool = [*readable(resource, asker), *relations, *relations]
    fields: list[AskedField] = []
    keys: set[str] = set()
    for name in draw(st.lists(st.sampled_from(pool), min_size=1, max_size=5)):
        alias = None
        if name in keys or draw(st.integers(0, 7)) == 0:
            alias = draw(st.sampled_from(["a", "b_c", "d1", "_e", "fG"]))
        if (alias or name) not in keys:
            keys.add(alias or name)
            fields.append(replace(draw(drawn_field(resource, name, asker, depth)), alias=alias))
    return tuple(fields)


@st.composite
def drawn_field(draw: Any, resource: Any, name: str, asker: str, depth: int) -> AskedField:
    """Draw what is selected below a name."""
    relation = resource.relations.get(name)
    brief = draw(st.integers(0, 5)) == 0
    if relation is None:
        value = resource.members[name]
        if not isinstance(value, EmbeddedValue):
            return asked_member(resource, name)
        inner = default_fields(value, asker) if brief else draw(drawn_fields(value, asker, 0))
        return asked_member(resource, name, inner, brief=brief)
    target = relation.target
    inner = default_fields(target, asker) if brief else draw(drawn_fields(target, asker, depth - 1))
    if not relation.is_to_many:
        return AskedField(name, "one", target, inner=inner, brief=brief, parent=resource)
    args, kind = draw(relation_arguments(target, relation.paged)), "page" if relation.paged else "list"
    return AskedField(name, kind, target, inner=inner, args=args, brief=brief, parent=resource)


@st.composite
def relation_arguments(draw: Any, resource: Resource[Any], paged: bool) -> Args:
    """Draw the arguments of a list below a row."""
    args: Args = draw(conditions(resource))
    if (size := draw(st.integers(0, 4))) or paged:
        backward = paged and draw(st.integers(0, 2)) == 0
        args["last" if backward else "first"] = size or 2
    if paged and draw(st.integers(0, 2)) == 0:
        args["total"] = True
    return args


@st.composite
def list_arguments(draw: Any, resource: Resource[Any]) -> Args:
    """Draw the arguments of a whole list, which is read from the start: there is no cursor yet."""
    args: Args = draw(conditions(resource))
    args["first"] = draw(st.integers(1, 6))
    if draw(st.integers(0, 2)) == 0:
        args["total"] = True
    return args


@st.composite
def conditions(draw: Any, resource: Resource[Any]) -> Args:
    """Draw a filter and an order."""
    args: Args = {}
    names: list[str] = []
    if resource.filters and draw(st.integers(0, 1)):
        names = draw(st.lists(st.sampled_from(sorted(resource.filters)), max_size=2, unique=True))
    if names:
        args["filter"] = {name: draw(st.integers(0, 20)) for name in names}
    keys = draw(sort_keys(resource, names)) if draw(st.integers(0, 1)) else []
    if keys:
        args["sort"] = tuple(keys)
    return args


@st.composite
def sort_keys(draw: Any, resource: Resource[Any], filters: list[str]) -> list[str]:
    """Draw sort keys, ascending or descending, that are allowed with these filters."""
    allowed = [n for n, s in resource.sorts.items() if s.required_filter is None or s.required_filter in filters]
    if not allowed:
        return []
    names = draw(st.lists(st.sampled_from(allowed), max_size=3, unique=True))
    return [draw(st.sampled_from(["", "-"])) + name for name in names]


__all__ = ["ACTIONS", "REGISTRY", "AskedField", "AskedList", "default_fields", "question", "read_questions"]
