"""Answers of both doors to one question, in one form."""

from typing import Any

from tests.parity.cases import REGISTRY
from tests.parity.fields import camel, snake
from tests.parity.harness import Json
from tests.parity.query_strategies import ACTIONS, AskedField


def normalize_rest(fields: tuple[AskedField, ...], value: Any) -> Any:
    """Return an object of a REST answer in the common form."""
    if value is None:
        return None
    keys = {asked.alias or ("links" if asked.name == ACTIONS else asked.name): asked for asked in fields}
    assert list(value) == list(keys), "REST returns the selected members in their order"
    return {asked.alias or asked.name: _rest_member(asked, value[key]) for key, asked in keys.items()}


def _rest_member(asked: AskedField, value: Any) -> Any:
    if asked.name == ACTIONS:
        names = [name for name, link in value.items() if "method" in link]
        return sorted([camel(n if n in REGISTRY.operations else f"{asked.parent.operation_prefix}_{n}") for n in names])
    if asked.kind == "page":
        return rest_page(asked.inner, value, bool(asked.args.get("total")))
    if asked.kind == "list" or (asked.inner and isinstance(value, list)):
        return [normalize_rest(asked.inner, v) for v in value]
    return normalize_rest(asked.inner, value) if asked.inner else value


def rest_page(fields: tuple[AskedField, ...], value: Any, total: bool) -> Any:
    """Return a page of a REST answer in the common form."""
    assert ("total" in value) == total
    return {
        "rows": [normalize_rest(fields, v) for v in value["data"]],
        "more": value["has_more"],
        "next": value["next_cursor"],
        "total": value.get("total"),
    }


def normalize_graphql(fields: tuple[AskedField, ...], value: Any) -> Any:
    """Return an object of a GraphQL answer in the common form."""
    if value is None:
        return None
    keys = {asked.alias or camel(asked.name) for asked in fields}
    unexpected = [k for k in value if k not in keys and k != "__typename" and k[0] != "t"]
    assert unexpected == [], f"{list(value)} has more than was selected"
    return {
        asked.alias or asked.name: _graphql_member(asked, value[asked.alias or camel(asked.name)]) for asked in fields
    }


def _graphql_member(asked: AskedField, value: Any) -> Any:
    if asked.name == ACTIONS:  # REST has no link with a second id
        return sorted([n for n in value if len(REGISTRY.operations[snake(n)].path_parameters) < 2])
    if asked.kind == "page":
        return graphql_page(asked.inner, value)
    if asked.kind == "list" or (asked.inner and isinstance(value, list)):
        return [normalize_graphql(asked.inner, v) for v in value]
    if asked.inner:
        return normalize_graphql(asked.inner, value)
    is_enum = asked.kind == "leaf" and asked.parent.members[asked.name].enum is not None
    return value.lower() if is_enum and value is not None else value


def graphql_page(fields: tuple[AskedField, ...], value: Any) -> Any:
    """Return a connection in the common form: a row's fields from `nodes` and `edges` together."""
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
        "rows": [normalize_graphql(fields, r) for r in rows],
        "more": info["hasNextPage"],
        "next": end,
        "total": value.get("totalCount"),
    }


def merge(one: Json, other: Json) -> Json:
    """Return two parts of one object as one."""
    assert all(other[k] == one[k] for k in other if k in one)
    return one | other
