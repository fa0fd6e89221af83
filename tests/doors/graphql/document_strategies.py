"""GraphQL documents over a whole schema, drawn by Hypothesis: valid by construction, and derived from nothing but the schema.

Each is drawn around one field of one type, so all of them come about; around it stand other fields, aliases that clash and merge, fragments of all
kinds, directives and variables. What is drawn under one response key has to merge, so a document is written together with its `Scope`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from hypothesis import strategies as st

from tests.doors.graphql.values import BROKEN, about, chosen, filled, plain, written

MOST_FIELDS, DEPTH = 30, 3
ABSENT: Any = object()

type Coordinate = tuple[str, str]
"""A type and its field."""


@dataclass(frozen=True)
class Written:
    """A document, and two sets of values for its variables: the plan of the first may not serve the second."""

    text: str
    variables: tuple[dict[str, Any], dict[str, Any]]

    def about(self, find: Callable[[str, int], str | None]) -> "Written":
        """The document about what is really there."""
        return Written(filled(self.text, find), filled(list(self.variables), find))


@dataclass
class Entry:
    """What stands under a response key: a field with its arguments, and what is below it."""

    name: str
    type: str
    arguments: str
    scope: "Scope"


@dataclass
class Scope:
    """All that is selected at one place of the answer, by response key."""

    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])

    def fits(self, other: "Scope") -> bool:
        """Whether two selections merge (GraphQL, 5.3.2)."""
        both = [(e, other.entries[k]) for k, e in self.entries.items() if k in other.entries]
        return all(
            (a.name, a.type, a.arguments) == (b.name, b.type, b.arguments) and a.scope.fits(b.scope) for a, b in both
        )

    def merge(self, other: "Scope") -> None:
        """Takes a selection in."""
        for key, entry in other.entries.items():
            mine = self.entries.setdefault(key, Entry(entry.name, entry.type, entry.arguments, Scope()))
            mine.scope.merge(entry.scope)


@dataclass
class Pen:
    """What a document collects while it is written."""

    random: Random
    schema: GraphQLSchema
    fragments: dict[str, tuple[Any, Scope, str]] = field(default_factory=dict[str, tuple[Any, Scope, str]])
    declared: dict[str, str] = field(default_factory=dict[str, str])
    variables: tuple[dict[str, Any], dict[str, Any]] = field(default_factory=lambda: ({}, {}))
    names: int = 0
    fields: int = 0
    roots: int = 0

    def chance(self, one_in: int) -> bool:
        """True once in so many times."""
        return self.random.randrange(one_in) == 0

    def name(self, letter: str) -> str:
        """A name that the document does not have yet."""
        self.names += 1
        return f"{letter}{self.names}"

    def selection(self, of: Any, depth: int, scope: Scope, path: tuple[Coordinate, ...] = ()) -> str:
        """A selection set of an object or interface type, with what lies on the path."""
        parts = [self.towards(of, depth, scope, path)] if path else []
        open = [n for n, f in of.fields.items() if leaf(f) or (depth > 0 and self.fields < MOST_FIELDS)]
        for _ in range(self.random.randint(0, 2 if path else 3) if open else 0):
            if self.full(of):
                break
            parts.insert(self.random.randint(0, len(parts)), self.field(of, self.random.choice(open), depth, scope))
        if self.chance(4) or not parts:
            parts.append(self.field(of, "__typename", depth, scope))
        if (
            not self.full(of)
            and self.chance(4)
            and self.fields < MOST_FIELDS
            and (found := self.fragment(of, depth - 1, scope))
        ):
            parts.append(found)
        return "{ " + " ".join(parts) + " }"

    def full(self, of: Any) -> bool:
        """Whether there are enough fields: a document may have four mutations, and an alias of `__typename` is one as well."""
        return of is self.schema.mutation_type and self.roots > 1

    def towards(self, of: Any, depth: int, scope: Scope, path: tuple[Coordinate, ...]) -> str:
        """The next field on the path, in a fragment where it is one of a possible type's alone."""
        (type, name), rest = path[0], path[1:]
        if type == of.name:
            return self.field(of, name, depth, scope, rest)
        return f"... on {type} {{ {self.field(self.schema.type_map[type], name, depth, scope, rest)} }}"

    def fragment(self, of: Any, depth: int, scope: Scope) -> str:
        """A fragment on the type, on an interface of it, or on a possible type: inline, or named and perhaps used before."""
        types = [of, *getattr(of, "interfaces", ())]
        if isinstance(of, GraphQLInterfaceType):
            types += self.schema.get_possible_types(of)
        known = [n for n, (on, inner, _) in self.fragments.items() if on in types and inner.fits(scope)]
        if known and self.chance(2):
            name = self.random.choice(known)
            scope.merge(self.fragments[name][1])
            return f"...{name}{self.switch()}"
        on = self.random.choice(types)
        if self.chance(2):
            condition = "" if on is of and self.chance(2) else f" on {on.name}"
            return f"...{condition}{self.switch()} {self.selection(on, depth, scope)}"
        inner = Scope()
        text = self.selection(on, depth, inner)
        if not inner.fits(scope):
            return ""
        name = self.name("F")
        self.fragments[name] = (on, inner, f"fragment {name} on {on.name} {text}")
        scope.merge(inner)
        return f"...{name}{self.switch()}"

    def switch(self) -> str:
        """Sometimes a @skip or @include, sometimes both."""
        if not self.chance(8):
            return ""
        names = self.random.choice([["skip"], ["include"], ["include", "skip"]])
        type: Any = self.schema.get_directive("skip").args["if"].type  # type: ignore[union-attr]
        return "".join([f" @{name}(if: {self.literal('if', type, '')})" for name in names])

    def field(self, of: Any, name: str, depth: int, scope: Scope, path: tuple[Coordinate, ...] = ()) -> str:
        """A field with its arguments and what is below it. Under a key that is there already it is the same field once more."""
        typename = name == "__typename"
        definition = None if typename else of.fields[name]
        type = "String!" if typename else str(definition.type)
        key = self.random.choice(["a", "b", "id", "name", self.name("k")]) if self.chance(5) else name
        if (there := scope.entries.get(key)) is not None and (there.name, there.type) != (name, type):
            key, there = self.name("k"), None
        self.fields += 1
        below = None if definition is None or leaf(definition) else get_named_type(definition.type)
        if there is None:
            arguments = "" if definition is None else self.arguments(definition, getattr(below, "name", ""))
            there = scope.entries[key] = Entry(name, type, arguments, Scope())
            self.roots += of is self.schema.mutation_type
        inner = "" if below is None else " " + self.selection(below, depth - 1, there.scope, path)
        return f"{'' if key == name else f'{key}: '}{name}{there.arguments}{self.switch()}{inner}"

    def arguments(self, definition: Any, below: str) -> str:
        """Some arguments of a field, and all that it needs. Pages are small; of an id and a slug mostly one is given; few of both ends and cursors."""
        owner, made = re.sub(r"(Connection|BatchPayload)$", "", below), list[str]()
        likely = {n: 4 for n in definition.args} | dict.fromkeys(("after", "before", "jsonPatch"), 16)
        if "first" in definition.args:
            likely |= {"first": 40, "last": 40}
            if below.endswith("Connection") or self.chance(2):
                likely[self.random.choice([n for n in ("first", "first", "last") if n in definition.args])] = 1
        for one in [{"id", "slug"}, {"patch", "jsonPatch"}, {"document", "url"}]:
            if one <= definition.args.keys():
                likely |= dict.fromkeys(one, 16) | {self.random.choice(sorted(one)): 1}
        for name, argument in definition.args.items():
            if is_non_null_type(argument.type) or self.chance(likely[name]):
                made.append(f"{name}: {self.literal(name, argument.type, owner)}")
        return f"({', '.join(made)})" if made else ""

    def literal(self, name: str, type: Any, owner: str) -> str:
        """A value as it is written, perhaps with variables in it."""
        if self.chance(4):
            return self.variable(name, type, owner)
        if self.chance(12) and not is_non_null_type(type):
            return "null"
        bare = type.of_type if is_non_null_type(type) else type
        if is_list_type(bare) and not self.chance(4):
            return (
                "["
                + ", ".join([self.literal(name, bare.of_type, owner) for _ in range(self.random.randint(0, 2))])
                + "]"
            )
        named: Any = get_named_type(type)
        if isinstance(named, GraphQLInputObjectType):
            return (
                "{"
                + ", ".join(
                    [f"{n}: {self.literal(n, f.type, about(named, owner))}" for n, f in chosen(self.random, named)]
                )
                + "}"
            )
        return written(plain(self.random, name, named, owner), named)

    def variable(self, name: str, type: Any, owner: str) -> str:
        """A new variable of the type, or of one that is as good: not null, or with a default."""
        needed, said = is_non_null_type(type), str(type).removesuffix("!")
        kind = self.random.choice(["as it is", "default", "needed"])
        default = f" = {written(plain(self.random, name, type, owner), type)}" if kind == "default" else ""
        needed = kind == "needed" or (needed and kind == "as it is")
        made = self.name("v")
        self.declared[made] = f"${made}: {said}{'!' if needed else ''}{default}"
        for values in self.variables:
            if (value := self.given(name, type, owner, needed)) is not ABSENT:
                values[made] = value
        return f"${made}"

    def given(self, name: str, type: Any, owner: str, needed: bool) -> Any:
        """What is sent for a variable: a value, one that has to be coerced, one that cannot be, null or nothing."""
        if self.chance(40):
            return self.random.choice(BROKEN)
        if not needed and self.chance(5):
            return self.random.choice([ABSENT, None])
        value = plain(self.random, name, type, owner)
        if self.chance(4):
            return (
                value[0]
                if isinstance(value, list) and len(value) == 1
                else float(value)
                if value.__class__ is int and abs(value) < 2**31
                else value
            )
        return value

    def finished(self, head: str, text: str) -> Written:
        """The document, without what nothing uses."""
        used, waiting = dict[str, str](), re.findall(r"\.\.\.(F\d+)", text)
        while waiting:
            if (name := waiting.pop()) not in used:
                used[name] = self.fragments[name][2]
                waiting += re.findall(r"\.\.\.(F\d+)", used[name])
        definitions = [text, *used.values()]
        asked = set(re.findall(r"\$(v\d+)", " ".join(definitions)))
        declared = ", ".join([d for n, d in self.declared.items() if n in asked])
        kept = [{n: v for n, v in values.items() if n in asked} for values in self.variables]
        return Written(
            "\n".join([f"{head}{f'({declared})' if declared else ''} {text}", *definitions[1:]]), (kept[0], kept[1])
        )


def leaf(definition: Any) -> bool:
    """Whether nothing stands below a field."""
    return is_leaf_type(get_named_type(definition.type))


def paths(schema: GraphQLSchema, root: Any) -> dict[Coordinate, tuple[Coordinate, ...]]:
    """The shortest way from a root to each field of each type that can be reached."""
    found: dict[Coordinate, tuple[Coordinate, ...]] = {}
    waiting: list[tuple[Any, tuple[Coordinate, ...]]] = [(root, ())]
    while waiting:
        of, way = waiting.pop(0)
        for type in [of, *(schema.get_possible_types(of) if isinstance(of, GraphQLInterfaceType) else ())]:
            for name, definition in type.fields.items():
                if (type.name, name) not in found:
                    found[type.name, name] = (*way, (type.name, name))
                    if not leaf(definition):
                        waiting.append((get_named_type(definition.type), found[type.name, name]))
    return found


@cache
def ways(schema: GraphQLSchema) -> dict[str, dict[Coordinate, tuple[Coordinate, ...]]]:
    """The ways of queries, and those of mutations to what only they give."""
    queries = paths(schema, schema.query_type)
    return {
        "query": queries,
        "mutation": {c: way for c, way in paths(schema, schema.mutation_type).items() if c not in queries},
    }


@st.composite
def documents(draw: Any, schema: GraphQLSchema, kind: str, towards: Coordinate | None = None) -> Written:
    """A query or mutation over a schema, around a field: any, or the one that is named."""
    known = ways(schema)[kind]
    way = known[towards or draw(st.sampled_from(sorted(known)))]
    pen, scope = Pen(draw(st.randoms(use_true_random=True)), schema), Scope()
    root: GraphQLObjectType | None = schema.query_type if kind == "query" else schema.mutation_type
    return pen.finished(kind, pen.selection(root, DEPTH, scope, way))
