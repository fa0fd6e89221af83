"""Translation of `fields` into GraphQL, of inputs into GraphQL, and of answers into REST's form.

It does not use the translation in the source, which these tests check.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.parity.harness import Json
from tradepost.kit.resource.resource import EmbeddedValue, Result
from tradepost.kit.schema.struct_fields import members

TOKEN = re.compile(r"\w+|[{}():]")


def camel(name: str) -> str:
    """Return a REST name in GraphQL's spelling."""
    head, *tail = name.split("_")
    return head + "".join([t[:1].upper() + t[1:] for t in tail])


def snake(name: str) -> str:
    """Return a GraphQL name in REST's spelling."""
    return "".join([f"_{c.lower()}" if c.isupper() else c for c in name]).removeprefix("_")


@dataclass
class SelectedField:
    """A field of a REST request: `alias: name(first: 2) { subfields }`."""

    name: str
    alias: str = ""
    arguments: dict[str, str] = field(default_factory=dict[str, str])
    subfields: "list[SelectedField] | None" = None


def parse_fields(text: str) -> list[SelectedField]:
    """Parse `fields`. Arguments are numbers and Booleans only."""
    tokens = iter(TOKEN.findall(text))
    fields, rest = _parse_level(tokens), list(tokens)
    assert rest == [], f"`{text}` has a closing brace too many"
    return fields


def _parse_level(tokens: Iterator[str]) -> list[SelectedField]:
    fields: list[SelectedField] = []
    for token in tokens:
        match token:
            case "}":
                return fields
            case "{":
                fields[-1].subfields = _parse_level(tokens)
            case "(":
                fields[-1].arguments = _parse_arguments(tokens)
            case ":":
                fields[-1].alias, fields[-1].name = fields[-1].name, next(tokens)
            case _:
                fields.append(SelectedField(token))
    return fields


def _parse_arguments(tokens: Iterator[str]) -> dict[str, str]:
    arguments: dict[str, str] = {}
    while (name := next(tokens)) != ")":
        assert next(tokens) == ":"
        arguments[name] = next(tokens)
    return arguments


def graphql_fields(
    result: Result[Any] | EmbeddedValue, fields: str, *, prefix: str = "", with_lists: bool = True
) -> str:
    """Return the inside of the GraphQL selection set that is equal to some REST fields.

    prefix: put before the response keys, so that fields of several types can be in one document.
    with_lists: False to leave out to-many relations.
    """
    return _write(result, parse_fields(fields), prefix, with_lists)


def _write(
    result: Result[Any] | EmbeddedValue, fields: list[SelectedField], prefix: str = "", with_lists: bool = True
) -> str:
    to_many = {name for name, relation in result.relations.items() if relation.is_to_many}
    kept = [selected for selected in fields if with_lists or selected.name not in to_many]
    return " ".join([_write_field(result, selected, prefix) for selected in kept])


def _write_field(result: Result[Any] | EmbeddedValue, selected: SelectedField, prefix: str) -> str:
    alias = f"{prefix}{selected.alias or selected.name}" if prefix else selected.alias
    head = f"{alias}: " if alias else ""
    if selected.name == "links":
        return f"{head}availableActions"
    arguments = ", ".join([f"{name}: {value}" for name, value in selected.arguments.items() if name != "total"])
    head += camel(selected.name) + (f"({arguments})" if arguments else "")
    relation = result.relations.get(selected.name)
    nested = relation.target if relation is not None else result.members[selected.name]
    if not isinstance(nested, (Result, EmbeddedValue)):
        return head
    assert selected.subfields is not None or relation is None, f"select fields of `{selected.name}`"
    default_relations = [name for name, relation in nested.relations.items() if relation.default]
    subfields = selected.subfields or [SelectedField(name) for name in (*nested.members, *default_relations)]
    below = _write(nested, subfields)
    if relation is not None and relation.paged:
        return f"{head} {{ nodes {{ {below} }}{' totalCount' if 'total' in selected.arguments else ''} }}"
    return f"{head} {{ {below} }}"


def graphql_input(shape: type[msgspec.Struct], value: Any) -> Any:
    """Return an input with GraphQL's names and enum values. Free JSON keeps its own names."""
    if not isinstance(value, dict):
        return value
    known = members(shape)
    return {camel(name): _input_member(known[name], v) if name in known else v for name, v in value.items()}


def _input_member(member: Any, value: Any) -> Any:
    if value is None or member.kind == "json":
        return value
    if member.kind == "list" and isinstance(value, list):
        return [_input_member(member.item, v) for v in value]
    if member.kind == "enum" and isinstance(value, str):
        return value.upper()
    return graphql_input(member.shape, value) if member.shape is not None else value


def normalize_answer(result: Result[Any] | EmbeddedValue, value: Any, mark: str = "\0") -> Any:
    """Return an answer of either door in REST's form, with the mark of its row masked."""
    if isinstance(value, list):
        return [normalize_answer(result, v, mark) for v in value]
    if not isinstance(value, dict):
        return mask(value, mark)
    return {snake(name): _answer_member(result, snake(name), v, mark) for name, v in value.items()}


def _answer_member(result: Result[Any] | EmbeddedValue, name: str, value: Any, mark: str) -> Any:
    nested = result.relations[name].target if name in result.relations else result.members[name]
    if isinstance(nested, (Result, EmbeddedValue)):
        return normalize_answer(nested, value, mark)
    if nested.kind == "enum" and isinstance(value, str):
        return value.lower()
    if nested.item is not None and nested.item.kind == "enum" and isinstance(value, list):
        return [v.lower() for v in value]
    return mask(value, mark)


def mask(value: Any, mark: str) -> Any:
    """Return a value with `*` in place of a mark, which may be in upper case."""
    text = msgspec.json.encode(value).decode()
    return msgspec.json.decode(text.replace(mark, "*").replace(mark.upper(), "*"))


def problem_summary(document: Json) -> tuple[Any, ...]:
    """Return the part of a problem that is equal at both doors.

    Several errors are sorted: REST lists them in the order of the members, GraphQL in its schema's.
    """
    errors: list[Mapping[str, Any]] = list(document.get("errors") or ())
    faults = sorted([(e.get("pointer") or "", e["code"], e["detail"]) for e in errors])
    return document["code"], document["status"], document["detail"] if len(faults) < 2 else "", document["type"], faults
