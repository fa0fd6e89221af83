"""A Hypothesis strategy of valid GraphQL documents, derived from a schema.

Each document selects one target field of one type, so every field is drawn; around it are other
fields, aliases that clash and merge, fragments of all kinds, directives and variables. Selections
of one response key must merge, so the writer keeps a `Scope` for each place in the response.
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

from tests.doors.graphql.value_strategies import (
    INVALID_VALUES,
    fill_placeholders,
    input_subject,
    json_value,
    some_members,
    to_literal,
)

MAX_FIELDS, MAX_DEPTH = 30, 3
ABSENT: Any = object()

type Coordinate = tuple[str, str]
"""A type and its field."""


@dataclass(frozen=True)
class DrawnDocument:
    """A document, and two sets of values for its variables, which may need different plans."""

    text: str
    variables: tuple[dict[str, Any], dict[str, Any]]

    def with_values(self, find: Callable[[str, int], str | None]) -> "DrawnDocument":
        """Replace the placeholders by values of existing rows."""
        return DrawnDocument(fill_placeholders(self.text, find), fill_placeholders(list(self.variables), find))


@dataclass
class Entry:
    """The field under a response key, with its arguments and its selections."""

    name: str
    type: str
    arguments: str
    scope: "Scope"


@dataclass
class Scope:
    """All selections at one place of the response, by response key."""

    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])

    def fits(self, other: "Scope") -> bool:
        """Whether two selections merge (GraphQL, 5.3.2)."""
        both = [(e, other.entries[k]) for k, e in self.entries.items() if k in other.entries]
        return all(
            (a.name, a.type, a.arguments) == (b.name, b.type, b.arguments) and a.scope.fits(b.scope) for a, b in both
        )

    def merge(self, other: "Scope") -> None:
        """Add the selections of another scope."""
        for key, entry in other.entries.items():
            merged = self.entries.setdefault(key, Entry(entry.name, entry.type, entry.arguments, Scope()))
            merged.scope.merge(entry.scope)


@dataclass
class DocumentWriter:
    """Writes a document, and keeps its fragments, variables and limits."""

    random: Random
    schema: GraphQLSchema
    fragments: dict[str, tuple[Any, Scope, str]] = field(default_factory=dict[str, tuple[Any, Scope, str]])
    declared: dict[str, str] = field(default_factory=dict[str, str])
    variables: tuple[dict[str, Any], dict[str, Any]] = field(default_factory=lambda: ({}, {}))
    names: int = 0
    fields: int = 0
    roots: int = 0

    def chance(self, one_in: int) -> bool:
        """Return True with probability 1 / `one_in`."""
        return self.random.randrange(one_in) == 0

    def name(self, prefix: str) -> str:
        """Return a new name."""
        self.names += 1
        return f"{prefix}{self.names}"

    def selection(self, parent: Any, depth: int, scope: Scope, path: tuple[Coordinate, ...] = ()) -> str:
        """Return a selection set of an object or interface type that leads along the path."""
        parts = [self.step(parent, depth, scope, path)] if path else []
        choices = [n for n, f in parent.fields.items() if is_leaf(f) or (depth > 0 and self.fields < MAX_FIELDS)]
        for _ in range(self.random.randint(0, 2 if path else 3) if choices else 0):
            if self.full(parent):
                break
            parts.insert(
                self.random.randint(0, len(parts)), self.field(parent, self.random.choice(choices), depth, scope)
            )
        if self.chance(4) or not parts:
            parts.append(self.field(parent, "__typename", depth, scope))
        if (
            not self.full(parent)
            and self.chance(4)
            and self.fields < MAX_FIELDS
            and (fragment := self.fragment(parent, depth - 1, scope))
        ):
            parts.append(fragment)
        return "{ " + " ".join(parts) + " }"

    def full(self, parent: Any) -> bool:
        """Whether the limit of four mutations is near; an alias of `__typename` counts as one."""
        return parent is self.schema.mutation_type and self.roots > 1

    def step(self, parent: Any, depth: int, scope: Scope, path: tuple[Coordinate, ...]) -> str:
        """Return the next field of the path, in a fragment if only a possible type has it."""
        (type, name), rest = path[0], path[1:]
        if type == parent.name:
            return self.field(parent, name, depth, scope, rest)
        return f"... on {type} {{ {self.field(self.schema.type_map[type], name, depth, scope, rest)} }}"

    def fragment(self, parent: Any, depth: int, scope: Scope) -> str:
        """Return a fragment on the type, one of its interfaces or a possible type.

        It is inline, or named and perhaps already defined. Empty if a new one would not merge.
        """
        types = [parent, *getattr(parent, "interfaces", ())]
        if isinstance(parent, GraphQLInterfaceType):
            types += self.schema.get_possible_types(parent)
        reusable = [n for n, (type, inner, _) in self.fragments.items() if type in types and inner.fits(scope)]
        if reusable and self.chance(2):
            name = self.random.choice(reusable)
            scope.merge(self.fragments[name][1])
            return f"...{name}{self.conditions()}"
        type = self.random.choice(types)
        if self.chance(2):
            type_condition = "" if type is parent and self.chance(2) else f" on {type.name}"
            return f"...{type_condition}{self.conditions()} {self.selection(type, depth, scope)}"
        inner = Scope()
        text = self.selection(type, depth, inner)
        if not inner.fits(scope):
            return ""
        name = self.name("F")
        self.fragments[name] = (type, inner, f"fragment {name} on {type.name} {text}")
        scope.merge(inner)
        return f"...{name}{self.conditions()}"

    def conditions(self) -> str:
        """Return mostly nothing, otherwise @skip, @include or both."""
        if not self.chance(8):
            return ""
        names = self.random.choice([["skip"], ["include"], ["include", "skip"]])
        directive = self.schema.get_directive("skip")
        assert directive is not None
        type: Any = directive.args["if"].type
        return "".join([f" @{name}(if: {self.literal('if', type, '')})" for name in names])

    def field(self, parent: Any, name: str, depth: int, scope: Scope, path: tuple[Coordinate, ...] = ()) -> str:
        """Return a field with its arguments and selections.

        If the response key is in use, the field has the same name and arguments as before.
        """
        typename = name == "__typename"
        definition: Any = None if typename else parent.fields[name]
        type = "String!" if typename else str(definition.type)
        key = self.random.choice(["a", "b", "id", "name", self.name("k")]) if self.chance(5) else name
        if (entry := scope.entries.get(key)) is not None and (entry.name, entry.type) != (name, type):
            key, entry = self.name("k"), None
        self.fields += 1
        child = None if definition is None or is_leaf(definition) else get_named_type(definition.type)
        if entry is None:
            arguments = "" if definition is None else self.arguments(definition, getattr(child, "name", ""))
            entry = scope.entries[key] = Entry(name, type, arguments, Scope())
            self.roots += parent is self.schema.mutation_type
        inner = "" if child is None else " " + self.selection(child, depth - 1, entry.scope, path)
        return f"{'' if key == name else f'{key}: '}{name}{entry.arguments}{self.conditions()}{inner}"

    def arguments(self, definition: Any, child: str) -> str:
        """Return the required arguments of a field and some others.

        Pages are small; of `id` and `slug` mostly one is present. Cursors are rare, and so is the
        combination of `first` and `last`.
        """
        owner, arguments = re.sub(r"(Connection|BatchPayload)$", "", child), list[str]()
        one_in = {n: 4 for n in definition.args} | dict.fromkeys(("after", "before", "jsonPatch"), 16)
        if "first" in definition.args:
            one_in |= {"first": 40, "last": 40}
            if child.endswith("Connection") or self.chance(2):
                one_in[self.random.choice([n for n in ("first", "first", "last") if n in definition.args])] = 1
        for alternatives in [{"id", "slug"}, {"patch", "jsonPatch"}, {"document", "url"}]:
            if alternatives <= definition.args.keys():
                one_in |= dict.fromkeys(alternatives, 16) | {self.random.choice(sorted(alternatives)): 1}
        for name, argument in definition.args.items():
            if is_non_null_type(argument.type) or self.chance(one_in[name]):
                arguments.append(f"{name}: {self.literal(name, argument.type, owner)}")
        return f"({', '.join(arguments)})" if arguments else ""

    def literal(self, name: str, type: Any, owner: str) -> str:
        """Return a value in GraphQL syntax, perhaps with variables in it."""
        if self.chance(4):
            return self.variable(name, type, owner)
        if self.chance(12) and not is_non_null_type(type):
            return "null"
        nullable = type.of_type if is_non_null_type(type) else type
        if is_list_type(nullable) and not self.chance(4):
            items = [self.literal(name, nullable.of_type, owner) for _ in range(self.random.randint(0, 2))]
            return f"[{', '.join(items)}]"
        named: Any = get_named_type(type)
        if isinstance(named, GraphQLInputObjectType):
            subject, members = input_subject(named, owner), some_members(self.random, named)
            return "{" + ", ".join([f"{n}: {self.literal(n, f.type, subject)}" for n, f in members]) + "}"
        return to_literal(json_value(self.random, name, named, owner), named)

    def variable(self, name: str, type: Any, owner: str) -> str:
        """Declare a variable of the type, of its non-null type, or with a default."""
        required, type_name = is_non_null_type(type), str(type).removesuffix("!")
        kind = self.random.choice(["same type", "default", "required"])
        default = f" = {to_literal(json_value(self.random, name, type, owner), type)}" if kind == "default" else ""
        required = kind == "required" or (required and kind == "same type")
        variable = self.name("v")
        self.declared[variable] = f"${variable}: {type_name}{'!' if required else ''}{default}"
        for values in self.variables:
            if (value := self.variable_value(name, type, owner, required)) is not ABSENT:
                values[variable] = value
        return f"${variable}"

    def variable_value(self, name: str, type: Any, owner: str, required: bool) -> Any:
        """Return the value of a variable: valid, to be coerced, invalid, null or absent."""
        if self.chance(40):
            return self.random.choice(INVALID_VALUES)
        if not required and self.chance(5):
            return self.random.choice([ABSENT, None])
        value = json_value(self.random, name, type, owner)
        if self.chance(4):
            if value.__class__ is int and abs(value) < 2**31:
                return float(value)
            if isinstance(value, list) and len(value) == 1:
                return value[0]
        return value

    def document(self, kind: str, text: str) -> DrawnDocument:
        """Return the document with the fragments and variables that it uses."""
        used, unvisited = dict[str, str](), re.findall(r"\.\.\.(F\d+)", text)
        while unvisited:
            if (name := unvisited.pop()) not in used:
                used[name] = self.fragments[name][2]
                unvisited += re.findall(r"\.\.\.(F\d+)", used[name])
        definitions = [text, *used.values()]
        names = set(re.findall(r"\$(v\d+)", " ".join(definitions)))
        declared = ", ".join([d for n, d in self.declared.items() if n in names])
        first, second = [{n: v for n, v in values.items() if n in names} for values in self.variables]
        head = f"{kind}{f'({declared})' if declared else ''}"
        return DrawnDocument("\n".join([f"{head} {text}", *definitions[1:]]), (first, second))


def is_leaf(definition: Any) -> bool:
    """Whether a field has no selections."""
    return is_leaf_type(get_named_type(definition.type))


def shortest_paths(schema: GraphQLSchema, root: Any) -> dict[Coordinate, tuple[Coordinate, ...]]:
    """Return the shortest path from a root type to each reachable field."""
    paths: dict[Coordinate, tuple[Coordinate, ...]] = {}
    queue: list[tuple[Any, tuple[Coordinate, ...]]] = [(root, ())]
    while queue:
        parent, path = queue.pop(0)
        for type in [parent, *(schema.get_possible_types(parent) if isinstance(parent, GraphQLInterfaceType) else ())]:
            for name, definition in type.fields.items():
                if (type.name, name) not in paths:
                    paths[type.name, name] = (*path, (type.name, name))
                    if not is_leaf(definition):
                        queue.append((get_named_type(definition.type), paths[type.name, name]))
    return paths


@cache
def field_paths(schema: GraphQLSchema) -> dict[str, dict[Coordinate, tuple[Coordinate, ...]]]:
    """Return the paths of queries, and those of mutations to fields that no query reaches."""
    queries = shortest_paths(schema, schema.query_type)
    mutations = shortest_paths(schema, schema.mutation_type)
    return {"query": queries, "mutation": {c: path for c, path in mutations.items() if c not in queries}}


@st.composite
def documents(draw: Any, schema: GraphQLSchema, kind: str, target: Coordinate | None = None) -> DrawnDocument:
    """Draw a query or mutation that selects the target field, by default any field."""
    paths = field_paths(schema)[kind]
    path = paths[target or draw(st.sampled_from(sorted(paths)))]
    writer, scope = DocumentWriter(draw(st.randoms(use_true_random=True)), schema), Scope()
    root: GraphQLObjectType | None = schema.query_type if kind == "query" else schema.mutation_type
    return writer.document(kind, writer.selection(root, MAX_DEPTH, scope, path))
