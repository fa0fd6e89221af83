"""One tree in two spellings, and both answers in one: the inside of `fields`, a GraphQL document written at random, and what they come back as."""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.parity.harness import DualDoorApp
from tests.parity.query_strategies import ACTIONS, AskedField, AskedList

type Json = dict[str, Any]

# Members whose values are names of an enum, which GraphQL writes in capitals.
ENUMS = ("status", "role")


def camel(name: str) -> str:
    """REST's name in GraphQL."""
    head, *tail = name.split("_")
    return head + "".join([t[:1].upper() + t[1:] for t in tail])


def literal(value: Any) -> str:
    """A text, number or Boolean as both doors write it."""
    return json.dumps(value, ensure_ascii=False)


class RestWriter:
    """A question as a REST request."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance

    def request(self, harness: DualDoorApp, asked: AskedList) -> tuple[str, Json]:
        """Path and parameters."""
        args = asked.args
        params: Json = {} if asked.brief else {"fields": self.fields(asked.asks)}
        params |= {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in args.get("filter", {}).items()}
        named = {"first": "limit", "last": "limit", "after": "cursor", "before": "before"}
        params |= {there: str(args[here]) for here, there in named.items() if here in args}
        if "sort" in args:
            params["sort"] = ",".join(args["sort"])
        if args.get("total"):
            params["include"] = "total"
        return harness.path(asked.operation, asked.key or ""), params

    def fields(self, asks: tuple[AskedField, ...]) -> str:
        """The inside of a selection set."""
        said: list[str] = []
        for ask in asks:
            name = "links" if ask.name == ACTIONS else ask.name
            head = f"{ask.alias}: {name}" if ask.alias else name
            head += self.arguments(ask.args)
            if not ask.inner or (ask.brief and self.chance.random() < 0.8):
                said.append(head)
            else:
                cut = self.chance.randint(0, len(ask.inner) - 1) if self.chance.random() < 0.15 else 0
                said += [f"{head} {{{self.fields(part)}}}" for part in (ask.inner[:cut], ask.inner[cut:]) if part]
        return self.chance.choice([",", " ", ", ", "\n"]).join(said)

    def arguments(self, args: Json) -> str:
        """`(first: 3, filter: {status: active})`."""
        said = [f"{n}: {self.value(n, v)}" for n, v in args.items()]
        self.chance.shuffle(said)
        return f"({', '.join(said)})" if said else ""

    def value(self, name: str, value: Any) -> str:
        """An argument's value."""
        if name == "sort":
            return (
                literal(",".join(value))
                if self.chance.random() < 0.5
                else "[" + ", ".join([literal(v) for v in value]) + "]"
            )
        if name == "filter":
            return (
                "{"
                + ", ".join(
                    [f"{n}: {v if n in ENUMS and self.chance.random() < 0.5 else literal(v)}" for n, v in value.items()]
                )
                + "}"
            )
        return literal(value)


@dataclass
class GraphQLWriter:
    """A question as a GraphQL document: fragments, variables, switches, `__typename`, edges or nodes, all by chance."""

    harness: DualDoorApp
    chance: Random
    fragments: list[str] = field(default_factory=list[str])
    declared: list[str] = field(default_factory=list[str])
    variables: Json = field(default_factory=dict[str, Any])
    names: int = 0

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def new(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"

    def document(self, asked: AskedList) -> tuple[str, Json]:
        """The document and its variables; the root field is `root`."""
        field = self.harness.root(asked.operation)
        definition = self.harness.executor.schema.query_type.fields[field.name]
        args = {n: v for n, v in asked.args.items() if n != "total"}
        if asked.key is not None:
            args[next(n for n in definition.args if n in self.key_names(field, asked))] = asked.key
        body = (
            self.page(asked.of, asked.asks, bool(asked.args.get("total")))
            if asked.pages
            else self.fields(asked.of.name, asked.asks)
        )
        text = f"{{ root: {field.name}{self.arguments(definition, args)} {body} }}"
        declared = f"({', '.join(self.declared)})" if self.declared else ""
        parts = [f"query Q{declared} {text}" if declared or self.often(0.5) else text, *self.fragments]
        self.chance.shuffle(parts)
        return "\n".join(parts), self.variables

    def key_names(self, field: Any, asked: AskedList) -> list[str]:
        return [n for n in field.parameters if (n == "slug") == (len(asked.key or "") != 36)]

    def fields(self, type: str, asks: tuple[AskedField, ...]) -> str:
        """A selection set of an object type."""
        said: list[str] = []
        rest = list(asks)
        while rest:
            if self.often(0.15):
                count = self.chance.randint(1, len(rest))
                said.append(self.fragment(type, tuple(rest[:count])))
                rest = rest[count:]
            else:
                said.append(self.field(type, rest.pop(0)))
            said += self.noise(type, asks)
        return "{ " + " ".join(said) + " }"

    def noise(self, type: str, asks: tuple[AskedField, ...]) -> list[str]:
        """What leaves no mark in a Selection: type names, fields that are switched off, fields that were asked for before."""
        said: list[str] = []
        if self.often(0.1):
            said.append("__typename" if self.often(0.5) else f"{self.new('t')}: __typename")
        if self.often(0.05):
            said.append(f"{self.new('x')}: __typename {self.switch(off=True)}")
        return said

    def switch(self, off: bool = False) -> str:
        """A directive that lets pass, or does not."""
        include = self.often(0.5)
        return f"@{'include' if include else 'skip'}(if: {self.given('Boolean!', include != off, 0.5)})"

    def given(self, type: str, value: Any, share: float, text: str | None = None) -> str:
        """A value written out, or as a variable."""
        if not self.often(share):
            return text if text is not None else literal(value)
        name = self.new("v")
        self.declared.append(f"${name}: {type}")
        self.variables[name] = value
        return f"${name}"

    def fragment(self, type: str, asks: tuple[AskedField, ...]) -> str:
        """A fragment around some fields."""
        inner = self.fields(type, asks)
        if self.often(0.5):
            on = f"on {type} " if self.often(0.6) else ""
            return f"... {on}{self.switch() if self.often(0.3) else ''} {inner}"
        name = self.new("F")
        self.fragments.append(f"fragment {name} on {type} {inner}")
        return f"...{name} {self.switch() if self.often(0.3) else ''}"

    def field(self, type: str, ask: AskedField) -> str:
        """A field, sometimes in two parts that merge."""
        definition = self.harness.executor.schema.type_map[type].fields[camel(ask.name)]
        head = f"{ask.alias}: " if ask.alias else ""
        head += camel(ask.name) + self.arguments(definition, {n: v for n, v in ask.args.items() if n != "total"})
        head += f" {self.switch()}" if self.often(0.1) else ""
        if not ask.inner:
            return f"{head} {head}" if self.often(0.05) else head
        total = bool(ask.args.get("total"))
        # A page stays whole: a second part of it would put the fields of `nodes` before those of `edges`.
        cut = self.chance.randint(0, len(ask.inner) - 1) if self.often(0.1) and ask.kind != "page" else 0
        parts = [p for p in (ask.inner[:cut], ask.inner[cut:]) if p]
        below = [self.page(ask.of, p, total) if ask.kind == "page" else self.fields(ask.of.name, p) for p in parts]
        return " ".join([f"{head} {b}" for b in below])

    def page(self, of: Any, asks: tuple[AskedField, ...], total: bool) -> str:
        """A connection: its rows in `nodes`, in `edges`, or some of their fields in each."""
        cut = self.chance.choice([0, len(asks), len(asks), self.chance.randint(0, len(asks))])
        said: list[str] = []
        if cut:
            said.append(f"nodes {self.fields(of.name, asks[:cut])}")
        if cut < len(asks):
            cursor = " cursor" if self.often(0.5) else ""
            said.append(f"edges {{ node {self.fields(of.name, asks[cut:])}{cursor} }}")
        # The order of nodes and edges is that of the fields; what stands around them may stand anywhere.
        around = [
            "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }",
            *(["totalCount"] if total else []),
            *self.noise(f"{of.name}Connection", ()),
        ]
        for part in around:
            said.insert(self.chance.randint(0, len(said)), part)
        if self.often(0.1):
            return f"{{ ... on {of.name}Connection {{ {' '.join(said)} }} }}"
        return "{ " + " ".join(said) + " }"

    def arguments(self, definition: Any, args: Json) -> str:
        """Arguments in any order, each as a literal or a variable; some that are null besides."""
        said = [f"{n}: {self.argument(definition.args[n].type, n, v)}" for n, v in args.items()]
        if self.often(0.1):
            idle = [n for n in ("after", "before", "filter", "sort") if n in definition.args and n not in args]
            said += [f"{n}: {self.given(str(definition.args[n].type), None, 0.5)}" for n in idle[:1]]
        self.chance.shuffle(said)
        return f"({', '.join(said)})" if said else ""

    def argument(self, type: Any, name: str, value: Any) -> str:
        """One argument's value."""
        if name == "sort":
            keys = [f"{k.removeprefix('-').upper()}_{'DESC' if k.startswith('-') else 'ASC'}" for k in value]
            text = keys[0] if len(keys) == 1 and self.often(0.5) else f"[{', '.join(keys)}]"
            return self.given(str(type), keys, 0.3, text)
        if name == "filter":
            fields = {camel(n): (v.upper() if n in ENUMS else v) for n, v in value.items()}
            if self.often(0.3):
                return self.given(str(type), fields, 1)
            return "{" + ", ".join([f"{n}: {self.condition(type, n, v)}" for n, v in fields.items()]) + "}"
        return self.given(str(type), value, 0.3)

    def condition(self, type: Any, name: str, value: Any) -> str:
        """One member of a filter; it can be a variable inside of the object."""
        return self.given(str(type.fields[name].type), value, 0.2, value if name in ENUMS else None)


def normalize_rest(asks: tuple[AskedField, ...], given: Any) -> Any:
    """An object of a REST answer in the common form."""
    if given is None:
        return None
    keys = {ask.alias or ("links" if ask.name == ACTIONS else ask.name): ask for ask in asks}
    assert list(given) == list(keys), "REST answers with the asked members, in their order"
    return {ask.alias or ask.name: _rest_member(ask, given[key]) for key, ask in keys.items()}


def _rest_member(ask: AskedField, value: Any) -> Any:
    if ask.name == ACTIONS:
        return sorted(
            [
                camel(n if n.startswith("me_") else f"{ask.parent.operation_prefix}_{n}")
                for n, link in value.items()
                if "method" in link
            ]
        )
    if ask.kind == "page":
        return rest_page(ask.inner, value, bool(ask.args.get("total")))
    if ask.kind == "list":
        return [normalize_rest(ask.inner, v) for v in value]
    return normalize_rest(ask.inner, value) if ask.inner else value


def rest_page(asks: tuple[AskedField, ...], value: Any, total: bool) -> Any:
    """A page of a REST answer in the common form."""
    assert ("total" in value) == total
    return {
        "rows": [normalize_rest(asks, v) for v in value["data"]],
        "more": value["has_more"],
        "next": value["next_cursor"],
        "total": value.get("total"),
    }


def normalize_graphql(asks: tuple[AskedField, ...], given: Any) -> Any:
    """An object of a GraphQL answer in the common form."""
    if given is None:
        return None
    known = {ask.alias or camel(ask.name) for ask in asks}
    assert all(k in known or k == "__typename" or k[0] == "t" for k in given), (
        f"{list(given)} has more than was asked for"
    )
    return {ask.alias or ask.name: _graphql_member(ask, given[ask.alias or camel(ask.name)]) for ask in asks}


def _graphql_member(ask: AskedField, value: Any) -> Any:
    if ask.name == ACTIONS:
        return sorted(value)
    if ask.kind == "page":
        return graphql_page(ask.inner, value)
    if ask.kind == "list":
        return [normalize_graphql(ask.inner, v) for v in value]
    if ask.inner:
        return normalize_graphql(ask.inner, value)
    return value.lower() if ask.name in ENUMS and value is not None else value


def graphql_page(asks: tuple[AskedField, ...], value: Any) -> Any:
    """A connection in the common form: a row's fields from `nodes` and `edges` together."""
    nodes, edges, info = value.get("nodes"), value.get("edges"), value["pageInfo"]
    count = len(nodes if nodes is not None else edges)
    rows = [
        merge(nodes[i] if nodes is not None else {}, edges[i]["node"] if edges is not None else {})
        for i in range(count)
    ]
    for i, edge in enumerate(edges or ()):
        assert i or edge.get("cursor", info["startCursor"]) == info["startCursor"]
    end = info["endCursor"] if info.get("hasNextPage") else None
    return {
        "rows": [normalize_graphql(asks, r) for r in rows],
        "more": info["hasNextPage"],
        "next": end,
        "total": value.get("totalCount"),
    }


def merge(one: Json, other: Json) -> Json:
    """Two parts of one object."""
    assert all(other[k] == one[k] for k in other if k in one)
    return one | other
