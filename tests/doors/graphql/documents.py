"""GraphQL documents over a whole schema, drawn by Hypothesis: valid by construction, with aliases, fragments, directives and variables."""

import json
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    print_type,
)
from hypothesis import strategies as st

PLACES = 6
MOMENT = "2026-01-02T03:04:05.000006Z"


@dataclass(frozen=True)
class Written:
    """A document and the values of its variables. `@id0` stands for a known id, which is known only when the test runs."""

    text: str
    variables: dict[str, Any]

    def about(self, known: dict[str, list[str]]) -> "Written":
        """The document with known values in it."""
        text = json.dumps([self.text, self.variables])
        for name, values in known.items():
            for at in range(PLACES):
                text = text.replace(f"@{name}{at}", values[at % len(values)])
        return Written(*json.loads(text))


@dataclass
class Pen:
    """What a document collects while it is written. `known` are the arguments and filters that known values are put into, so that something is found."""

    draw: Any
    schema: GraphQLSchema
    known: tuple[str, ...]
    fragments: list[str] = field(default_factory=list[str])
    declared: list[str] = field(default_factory=list[str])
    variables: dict[str, Any] = field(default_factory=dict[str, Any])
    names: int = 0
    fields: int = 0

    def chance(self, one_in: int) -> bool:
        """True once in so many times; false is the simplest."""
        return self.draw(st.integers(1, one_in)) == one_in

    def name(self, letter: str) -> str:
        """A name that the document does not have yet."""
        self.names += 1
        return f"{letter}{self.names}"

    def selection(self, of: Any, depth: int) -> str:
        """A selection set of an object or interface type."""
        fields = sorted([n for n, f in of.fields.items() if depth or leaf(f)], key=lambda n: not leaf(of.fields[n]))
        chosen = self.draw(st.lists(st.sampled_from(fields), min_size=1, max_size=4)) if fields else []
        parts = [self.field(of, name, depth) for name in chosen]
        if self.chance(4) or not parts:
            parts.append("__typename")
        if self.chance(4):
            parts.append(self.fragment(of, depth))
        return "{ " + " ".join(parts) + " }"

    def fragment(self, of: Any, depth: int) -> str:
        """A fragment on the type, on an interface of it, or on a possible type."""
        about = [of, *getattr(of, "interfaces", ())]
        if isinstance(of, GraphQLInterfaceType):
            about += self.schema.get_possible_types(of)
        on = self.draw(st.sampled_from(about))
        inner = self.selection(on, max(depth - 1, 0))
        if self.chance(2):
            return f"... on {on.name}{self.switch()} {inner}"
        if on is of and self.chance(2):
            return f"...{self.switch()} {inner}"
        name = self.name("F")
        self.fragments.append(f"fragment {name} on {on.name} {inner}")
        return f"...{name}{self.switch()}"

    def switch(self) -> str:
        """Sometimes a @skip or @include."""
        if not self.chance(6):
            return ""
        value = self.draw(st.booleans())
        return f" @{self.draw(st.sampled_from(['skip', 'include']))}(if: {self.given('Boolean!', value)})"

    def given(self, type: str, value: Any, literal: str | None = None) -> str:
        """A value as a literal or as a variable."""
        if not self.chance(2):
            return literal if literal is not None else written(value)
        name = self.name("v")
        self.declared.append(f"${name}: {type}")
        self.variables[name] = value
        return f"${name}"

    def field(self, of: Any, name: str, depth: int) -> str:
        """A field with its arguments and what is below it."""
        definition = of.fields[name]
        self.fields += 1
        arguments = self.arguments(definition)
        # Fields with arguments or with fields below them get a key of their own: what is under one key has to merge.
        below = get_named_type(definition.type)
        alias = f"{self.name('a')}: " if arguments or not is_leaf_type(below) or self.chance(5) else ""
        inner = "" if is_leaf_type(below) else " " + self.selection(below, depth - 1)
        return f"{alias}{name}{arguments}{self.switch()}{inner}"

    def arguments(self, definition: Any) -> str:
        """Some arguments of a field, and all that it needs."""
        made: list[str] = []
        for name, argument in definition.args.items():
            if is_non_null_type(argument.type) or self.chance(3):
                made.append(f"{name}: {self.argument(name, argument.type)}")
        return f"({', '.join(made)})" if made else ""

    def argument(self, name: str, type: Any) -> str:
        """A value of an argument."""
        bare = type.of_type if is_non_null_type(type) else type
        named = get_named_type(type)
        if isinstance(named, GraphQLInputObjectType):
            value = self.conditions(named)
            return self.given(str(type), value, "{" + ", ".join([f"{n}: {written(v, named.fields[n].type)}" for n, v in value.items()]) + "}")
        if is_list_type(bare):
            value = self.draw(st.lists(self.value(name, named), max_size=3, unique=True))
            return self.given(str(type), value, "[" + ", ".join([written(v, named) for v in value]) + "]")
        value = self.draw(self.value(name, named))
        return self.given(str(type), value, written(value, named))

    def conditions(self, named: GraphQLInputObjectType) -> dict[str, Any]:
        """Some members of a filter."""
        names = self.draw(st.lists(st.sampled_from(list(named.fields)), max_size=2, unique=True))
        return {n: self.draw(self.value(n, get_named_type(named.fields[n].type))) for n in names}

    def value(self, name: str, named: Any) -> st.SearchStrategy[Any]:
        """Values of a scalar or enum; some of them are refused."""
        if isinstance(named, GraphQLEnumType):
            return st.sampled_from(list(named.values))
        match named.name:
            case "Boolean":
                return st.booleans()
            case "Int":
                return st.sampled_from([1, 2, 3, 5, 20, 100, 0, 101] if name in ("first", "last") else [0, 1000, 100_000])
            case "BigInt":
                return st.sampled_from([0, 1000, 2**40])
            case "DateTime":
                return st.just(MOMENT)
            case "ID":
                return st.sampled_from([*places("id"), "no-id"])
            case _:
                return st.sampled_from([*places(name), "none"]) if name in self.known else st.just("none")


def places(name: str) -> list[str]:
    """What stands for the known values of a name."""
    return [f"@{name}{at}" for at in range(PLACES)]


def leaf(definition: Any) -> bool:
    """Whether nothing stands below a field."""
    return is_leaf_type(get_named_type(definition.type))


def written(value: Any, type: Any = None) -> str:
    """A value as a literal."""
    named = get_named_type(type) if type is not None else None
    if isinstance(named, GraphQLEnumType):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


@st.composite
def queries(draw: Any, schema: GraphQLSchema, known: tuple[str, ...] = ("slug", "q", "sku"), depth: int = 3) -> Written:
    """A query over a schema."""
    pen = Pen(draw, schema, known)
    root = schema.query_type
    assert isinstance(root, GraphQLObjectType), print_type(root) if root else "no queries"
    names = draw(st.lists(st.sampled_from(list(root.fields)), min_size=1, max_size=3))
    fields = [pen.field(root, name, depth) for name in names]
    declared = f"({', '.join(pen.declared)})" if pen.declared else ""
    return Written("\n".join([f"query{declared} {{ {' '.join(fields)} }}", *pen.fragments]), pen.variables)
