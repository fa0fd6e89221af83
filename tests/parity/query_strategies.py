"""Questions as trees, drawn over the registry: what is asked, without any spelling."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from hypothesis import strategies as st

from tests.parity.harness import CUSTOMER, STAFF
from tests.parity.sample_rows import KINDS, SampleRows
from tradepost.app import load_modules
from tradepost.kit.operations.registry import Registry
from tradepost.kit.resource.resource import ACTIONS, EmbeddedValue, Resource

type Kind = Literal["leaf", "value", "one", "list", "page"]
type Args = dict[str, Any]

# The same declarations that the app collects: what can be drawn is known before there is a shop.
REGISTRY = Registry.collect(load_modules("resource", "service"))
RESTRICTED = ("source", "imported_quantity")


def drawable(operation: Any) -> bool:
    """Whether the stock knows the rows that an operation reads, and those that it begins at."""
    return operation.result.name in KINDS and (operation.parent_relation is None or operation.parent_relation[0].name in KINDS)


READS = [n for n, o in REGISTRY.operations.items() if not o.is_write and drawable(o)]
CALLERS = (("anonymous", frozenset[str]()), ("staff", STAFF), ("customer", CUSTOMER))
LISTS = [n for n in READS if REGISTRY.operations[n].kind == "list"]


class Shown:
    """Shows in a report what was drawn, and not the resources behind it."""

    def __repr__(self) -> str:
        left = {
            n: v for n, v in vars(self).items() if v not in (None, (), {}, False) and n not in ("of", "parent", "kind")
        }
        return f"{type(self).__name__}({', '.join([f'{n}={v!r}' for n, v in left.items()])})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


@dataclass(frozen=True, repr=False)
class AskedField(Shown):
    """One asked name. `brief` is left without braces in REST, which means all fields of a value and the default fields of a relation."""

    name: str
    kind: Kind
    of: Any = None
    alias: str | None = None
    inner: "tuple[AskedField, ...]" = ()
    args: Args = field(default_factory=dict[str, Any])
    brief: bool = False
    parent: Any = None

    def about(self, known: SampleRows) -> "AskedField":
        """The same with real filter values."""
        return replace(
            self, inner=tuple([a.about(known) for a in self.inner]), args=with_sample_ids(self.of, self.args, known)
        )


@dataclass(frozen=True, repr=False)
class AskedList(Shown):
    """A read: its operation, the key of its row, what is asked of it and, for a list, of which stretch.

    Drawn ones are about rows that are not known yet: keys and filter values are numbers until `about` puts real ones in their place.
    """

    operation: str
    of: Resource[Any]
    pages: bool
    key: Any
    asks: tuple[AskedField, ...]
    args: Args = field(default_factory=dict[str, Any])
    brief: bool = False

    def about(self, known: SampleRows) -> "AskedList":
        """The question about rows that there are."""
        key = self.key
        if key is not None:
            operation = REGISTRY.operations[self.operation]
            keys = known.keys[(operation.parent_relation[0] if operation.parent_relation else operation.result).name]
            keys = [k for k in keys if operation.parent_relation is None or len(k) == 36]
            key = keys[key % len(keys)]
        return replace(
            self,
            key=key,
            asks=tuple([a.about(known) for a in self.asks]),
            args=with_sample_ids(self.of, self.args, known),
        )


def with_sample_ids(of: Any, args: Args, known: SampleRows) -> Args:
    """The arguments with real filter values."""
    if "filter" not in args:
        return args
    return args | {
        "filter": {n: known.values[of.name, n][i % len(known.values[of.name, n])] for n, i in args["filter"].items()}
    }


def question(
    permissions: frozenset[str], operations: list[str] | None = None, depth: int = 3
) -> st.SearchStrategy[AskedList]:
    """Questions to the reads of the registry."""
    names = [n for n in operations or READS if REGISTRY.operations[n].access.allows(permissions)]

    @st.composite
    def one(draw: Any) -> AskedList:
        operation = REGISTRY.operations[draw(st.sampled_from(names))]
        of, pages = operation.result, operation.kind == "list"
        keyed = "key" in operation.signature.parameters
        brief = draw(st.integers(0, 9)) == 9
        asks = default(of, permissions) if brief else draw(asked(of, permissions, depth))
        args = draw(root_window(of)) if pages else {}
        return AskedList(operation.name, of, pages, draw(st.integers(0, 20)) if keyed else None, asks, args, brief)

    return one()


def read_questions(operations: list[str] | None = None, depth: int = 3) -> st.SearchStrategy[tuple[str, AskedList]]:
    """Who asks, and what."""
    return st.one_of(*[st.tuples(st.just(name), question(may, operations, depth)) for name, may in CALLERS])


def default(of: Resource[Any] | EmbeddedValue, permissions: frozenset[str]) -> tuple[AskedField, ...]:
    """What is answered where nothing is asked: scalars, whole values, links."""
    return tuple(
        [
            asked_member(of, n, default(of.members[n], permissions))
            if isinstance(of.members[n], EmbeddedValue)
            else asked_member(of, n)
            for n in readable(of, permissions)
        ]
    )  # type: ignore[arg-type]


def asked_member(of: Any, name: str, inner: tuple[AskedField, ...] = (), **more: Any) -> AskedField:
    """An ask for a scalar or an embedded value."""
    value = of.members[name] if isinstance(of.members[name], EmbeddedValue) else None
    return AskedField(name, "value" if value else "leaf", value, inner=inner, parent=of, **more)


def readable(of: Resource[Any] | EmbeddedValue, permissions: frozenset[str]) -> list[str]:
    """The own names that holders of these permissions may read, said apart from the kit."""
    return [
        n for n in of.members if isinstance(of, EmbeddedValue) or n not in RESTRICTED or "catalog:write" in permissions
    ]


@st.composite
def asked(draw: Any, of: Any, permissions: frozenset[str], depth: int) -> tuple[AskedField, ...]:
    """Up to five names of a shape, each under a key of its own."""
    relations = (
        sorted([n for n, r in of.relations.items() if r.target.name in KINDS and r.access.allows(permissions)])
        if depth
        else []
    )
    names = draw(
        st.lists(st.sampled_from([*readable(of, permissions), *relations, *relations]), min_size=1, max_size=5)
    )
    made: list[AskedField] = []
    keys: set[str] = set()
    for name in names:
        alias = None
        if name in keys or draw(st.integers(0, 7)) == 0:
            alias = draw(st.sampled_from(["a", "b_c", "d1", "_e", "fG"]))
        if (alias or name) not in keys:
            keys.add(alias or name)
            made.append(replace(draw(followed(of, name, permissions, depth)), alias=alias))
    return tuple(made)


@st.composite
def followed(draw: Any, of: Any, name: str, permissions: frozenset[str], depth: int) -> AskedField:
    """One name with what is below it."""
    relation = of.relations.get(name)
    brief = draw(st.integers(0, 5)) == 0
    if relation is None:
        if not isinstance(of.members[name], EmbeddedValue):
            return asked_member(of, name)
        value = of.members[name]
        return asked_member(
            of, name, default(value, permissions) if brief else draw(asked(value, permissions, 0)), brief=brief
        )
    target = relation.target
    inner = default(target, permissions) if brief else draw(asked(target, permissions, depth - 1))
    if not relation.is_to_many:
        return AskedField(name, "one", target, inner=inner, brief=brief, parent=of)
    args = draw(window(target, relation.paged))
    return AskedField(
        name, "page" if relation.paged else "list", target, inner=inner, args=args, brief=brief, parent=of
    )


@st.composite
def window(draw: Any, of: Resource[Any], paged: bool) -> Args:
    """The arguments of a list below a row."""
    args: Args = draw(conditions(of))
    if (size := draw(st.integers(0, 4))) or paged:
        backward = paged and draw(st.integers(0, 2)) == 0
        args["last" if backward else "first"] = size or 2
    if paged and draw(st.integers(0, 2)) == 0:
        args["total"] = True
    return args


@st.composite
def root_window(draw: Any, of: Resource[Any]) -> Args:
    """The arguments of a list of its own: REST reads it from the start, unless there is a cursor to read before."""
    args: Args = draw(conditions(of))
    args["first"] = draw(st.integers(1, 6))
    if draw(st.integers(0, 2)) == 0:
        args["total"] = True
    return args


@st.composite
def conditions(draw: Any, of: Resource[Any]) -> Args:
    """A filter and an order."""
    args: Args = {}
    names = (
        draw(st.lists(st.sampled_from(sorted(of.filters)), max_size=2, unique=True))
        if of.filters and draw(st.integers(0, 1))
        else []
    )
    if names:
        args["filter"] = {n: draw(st.integers(0, 20)) for n in names}
    sorts = [n for n, s in of.sorts.items() if s.required_filter is None or s.required_filter in names]
    keys = draw(st.lists(st.sampled_from(sorts), max_size=3, unique=True)) if draw(st.integers(0, 1)) else []
    if keys:
        args["sort"] = tuple([draw(st.sampled_from(["", "-"])) + k for k in keys])
    return args


__all__ = ["ACTIONS", "AskedField", "AskedList", "read_questions", "default", "question"]
