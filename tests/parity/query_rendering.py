"""Write one question for each door, spelled at random."""

import json
from dataclasses import dataclass, field
from enum import EnumType
from random import Random
from typing import Any

from tests.parity.fields import camel
from tests.parity.harness import DualDoorApp, Json
from tests.parity.query_strategies import ACTIONS, AskedField, AskedList


def literal(value: Any) -> str:
    """Return a text, number or Boolean as both doors write it."""
    return json.dumps(value, ensure_ascii=False)


def is_enum_filter(resource: Any, name: str) -> bool:
    """Whether a filter takes the values of an enum, which GraphQL writes in capitals."""
    return isinstance(resource.filters[name].type, EnumType)


class RestWriter:
    """Writes a question as a REST request."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance

    def request(self, harness: DualDoorApp, asked: AskedList) -> tuple[str, Json]:
        """Return the path and the parameters."""
        args = asked.args
        params: Json = {} if asked.brief else {"fields": self.fields(asked.fields)}
        params |= {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in args.get("filter", {}).items()}
        parameters = {"first": "limit", "last": "limit", "after": "cursor", "before": "before"}
        params |= {name: str(args[argument]) for argument, name in parameters.items() if argument in args}
        if "sort" in args:
            params["sort"] = ",".join(args["sort"])
        if args.get("total"):
            params["include"] = "total"
        return harness.path(asked.operation, asked.key or ""), params

    def fields(self, fields: tuple[AskedField, ...]) -> str:
        """Return the inside of a selection set."""
        parts: list[str] = []
        for asked in fields:
            name = "links" if asked.name == ACTIONS else asked.name
            head = f"{asked.alias}: {name}" if asked.alias else name
            head += self.arguments(asked.resource, asked.args)
            if not asked.inner or (asked.brief and self.chance.random() < 0.8):
                parts.append(head)
            else:
                # Sometimes in two parts, which the door merges.
                cut = self.chance.randint(0, len(asked.inner) - 1) if self.chance.random() < 0.15 else 0
                parts += [f"{head} {{{self.fields(part)}}}" for part in (asked.inner[:cut], asked.inner[cut:]) if part]
        return self.chance.choice([",", " ", ", ", "\n"]).join(parts)

    def arguments(self, resource: Any, args: Json) -> str:
        """Return arguments in any order: `(first: 3, filter: {status: active})`."""
        parts = [f"{name}: {self.value(resource, name, value)}" for name, value in args.items()]
        self.chance.shuffle(parts)
        return f"({', '.join(parts)})" if parts else ""

    def value(self, resource: Any, name: str, value: Any) -> str:
        """Return the value of an argument."""
        if name == "sort":
            if self.chance.random() < 0.5:
                return literal(",".join(value))
            return "[" + ", ".join([literal(v) for v in value]) + "]"
        if name == "filter":
            return "{" + ", ".join([f"{n}: {self.filter_value(resource, n, v)}" for n, v in value.items()]) + "}"
        return literal(value)

    def filter_value(self, resource: Any, name: str, value: Any) -> str:
        """Return the value of a filter; enum values may stand without quotes."""
        return value if is_enum_filter(resource, name) and self.chance.random() < 0.5 else literal(value)


@dataclass
class GraphQLWriter:
    """Writes a question as a document, with fragments, variables and directives by chance."""

    harness: DualDoorApp
    chance: Random
    fragments: list[str] = field(default_factory=list[str])
    declared: list[str] = field(default_factory=list[str])
    variables: Json = field(default_factory=dict[str, Any])
    names: int = 0

    def happens(self, share: float) -> bool:
        return self.chance.random() < share

    def new_name(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"

    def document(self, asked: AskedList) -> tuple[str, Json]:
        """Return the document and its variables. The response key of the root field is `root`."""
        field = self.harness.root(asked.operation)
        definition = self.harness.executor.schema.query_type.fields[field.name]
        args = {n: v for n, v in asked.args.items() if n != "total"}
        if asked.key is not None:
            args |= self.harness.key_arguments(asked.operation, asked.key)
        if asked.is_list:
            body = self.page(asked.resource, asked.fields, bool(asked.args.get("total")))
        else:
            body = self.fields(asked.resource.name, asked.fields)
        text = f"{{ root: {field.name}{self.arguments(asked.resource, definition, args)} {body} }}"
        declared = f"({', '.join(self.declared)})" if self.declared else ""
        parts = [f"query Q{declared} {text}" if declared or self.happens(0.5) else text, *self.fragments]
        self.chance.shuffle(parts)
        return "\n".join(parts), self.variables

    def fields(self, type: str, fields: tuple[AskedField, ...]) -> str:
        """Return a selection set of an object type."""
        parts: list[str] = []
        rest = list(fields)
        while rest:
            if self.happens(0.15):
                count = self.chance.randint(1, len(rest))
                parts.append(self.fragment(type, tuple(rest[:count])))
                rest = rest[count:]
            else:
                parts.append(self.field(type, rest.pop(0)))
            parts += self.noise()
        return "{ " + " ".join(parts) + " }"

    def noise(self) -> list[str]:
        """Return fields that do not change the Selection: type names, and fields switched off."""
        parts: list[str] = []
        if self.happens(0.1):
            parts.append("__typename" if self.happens(0.5) else f"{self.new_name('t')}: __typename")
        if self.happens(0.05):
            parts.append(f"{self.new_name('x')}: __typename {self.switch(off=True)}")
        return parts

    def switch(self, off: bool = False) -> str:
        """Return a directive that keeps the field, or removes it."""
        include = self.happens(0.5)
        return f"@{'include' if include else 'skip'}(if: {self.value('Boolean!', include != off, 0.5)})"

    def value(self, type: str, value: Any, share: float, text: str | None = None) -> str:
        """Return a value as a literal, or with the probability `share` as a variable."""
        if not self.happens(share):
            return text if text is not None else literal(value)
        name = self.new_name("v")
        self.declared.append(f"${name}: {type}")
        self.variables[name] = value
        return f"${name}"

    def fragment(self, type: str, fields: tuple[AskedField, ...]) -> str:
        """Return a fragment around some fields."""
        inner = self.fields(type, fields)
        if self.happens(0.5):
            on = f"on {type} " if self.happens(0.6) else ""
            return f"... {on}{self.switch() if self.happens(0.3) else ''} {inner}"
        name = self.new_name("F")
        self.fragments.append(f"fragment {name} on {type} {inner}")
        return f"...{name} {self.switch() if self.happens(0.3) else ''}"

    def field(self, type: str, asked: AskedField) -> str:
        """Return a field, sometimes in two parts that merge."""
        definition = self.harness.executor.schema.type_map[type].fields[camel(asked.name)]
        args = {n: v for n, v in asked.args.items() if n != "total"}
        head = f"{asked.alias}: " if asked.alias else ""
        head += camel(asked.name) + self.arguments(asked.resource, definition, args)
        head += f" {self.switch()}" if self.happens(0.1) else ""
        if not asked.inner:
            return f"{head} {head}" if self.happens(0.05) else head
        total = bool(asked.args.get("total"))
        # A page stays whole: a second part would put the fields of `nodes` before those of `edges`.
        splits = self.happens(0.1) and asked.kind != "page"
        cut = self.chance.randint(0, len(asked.inner) - 1) if splits else 0
        parts = [p for p in (asked.inner[:cut], asked.inner[cut:]) if p]
        if asked.kind == "page":
            below = [self.page(asked.resource, p, total) for p in parts]
        else:
            below = [self.fields(asked.resource.name, p) for p in parts]
        return " ".join([f"{head} {b}" for b in below])

    def page(self, resource: Any, fields: tuple[AskedField, ...], total: bool) -> str:
        """Return a connection: its rows in `nodes`, in `edges`, or some fields in each."""
        cut = self.chance.choice([0, len(fields), len(fields), self.chance.randint(0, len(fields))])
        parts: list[str] = []
        if cut:
            parts.append(f"nodes {self.fields(resource.name, fields[:cut])}")
        if cut < len(fields):
            cursor = " cursor" if self.happens(0.5) else ""
            parts.append(f"edges {{ node {self.fields(resource.name, fields[cut:])}{cursor} }}")
        # `nodes` and `edges` keep the order of the fields; the others may stand anywhere.
        others = [
            "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }",
            *(["totalCount"] if total else []),
            *self.noise(),
        ]
        for part in others:
            parts.insert(self.chance.randint(0, len(parts)), part)
        text = " ".join(parts)
        return f"{{ ... on {resource.name}Connection {{ {text} }} }}" if self.happens(0.1) else f"{{ {text} }}"

    def arguments(self, resource: Any, definition: Any, args: Json) -> str:
        """Return arguments in any order, sometimes with one that is null."""
        parts = [f"{n}: {self.argument(resource, definition.args[n].type, n, v)}" for n, v in args.items()]
        if self.happens(0.1):
            unused = [n for n in ("after", "before", "filter", "sort") if n in definition.args and n not in args]
            parts += [f"{n}: {self.value(str(definition.args[n].type), None, 0.5)}" for n in unused[:1]]
        self.chance.shuffle(parts)
        return f"({', '.join(parts)})" if parts else ""

    def argument(self, resource: Any, type: Any, name: str, value: Any) -> str:
        """Return the value of an argument."""
        if name == "sort":
            keys = [f"{k.removeprefix('-').upper()}_{'DESC' if k.startswith('-') else 'ASC'}" for k in value]
            text = keys[0] if len(keys) == 1 and self.happens(0.5) else f"[{', '.join(keys)}]"
            return self.value(str(type), keys, 0.3, text)
        if name == "filter":
            return self.filter(resource, type, value)
        return self.value(str(type), value, 0.3)

    def filter(self, resource: Any, type: Any, conditions: Json) -> str:
        """Return a filter as one variable, or as an object whose members may be variables."""
        values = {n: v.upper() if is_enum_filter(resource, n) else v for n, v in conditions.items()}
        if self.happens(0.3):
            return self.value(str(type), {camel(n): v for n, v in values.items()}, 1)
        parts: list[str] = []
        for name, value in values.items():
            text = value if is_enum_filter(resource, name) else None
            parts.append(f"{camel(name)}: {self.value(str(type.fields[camel(name)].type), value, 0.2, text)}")
        return "{" + ", ".join(parts) + "}"
