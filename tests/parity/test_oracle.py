"""Lists of both doors, compared with the oracle."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parity.access.table import CALLERS
from tests.parity.cases import REGISTRY
from tests.parity.harness import ApiClient, DualDoorApp, assert_same, hypothesis_settings
from tests.parity.oracle import Oracle, oracle_for, table_of
from tests.parity.query_rendering import GraphQLWriter, RestWriter
from tests.parity.query_strategies import ASKERS, LISTS, AskedField, AskedList, sort_keys
from tests.parity.sample_rows import SampleRows
from tradepost.kit.auth.access import Access
from tradepost.kit.operations.operation import Operation

CHILD_LISTS = tuple([name for name in LISTS if REGISTRY.operations[name].parent_relation])
"""The lists below a row."""
PERMITTED = [
    (name, asker)
    for name in LISTS
    for asker in ASKERS
    if REGISTRY.operations[name].access.allows(CALLERS[asker].permissions)
]


def refusal_of(asker: str) -> int:
    """Return the status of a refusal of a caller without the permission."""
    return 403 if CALLERS[asker].is_authenticated else 401


@st.composite
def lists(draw: Any, names: tuple[str, ...] = tuple(LISTS)) -> AskedList:
    """Draw a list with filters and sort keys, of a size that often takes several pages."""
    operation = REGISTRY.operations[draw(st.sampled_from(names))]
    resource, filters = operation.resource, list[str]()
    if resource.filters:
        filters = draw(st.lists(st.sampled_from(sorted(resource.filters)), max_size=2, unique=True))
    keys = draw(sort_keys(resource, filters))
    args: dict[str, Any] = {"first": draw(st.integers(3, 40))}
    if filters:
        args["filter"] = {n: draw(st.integers(0, 20)) for n in filters}
    if keys:
        args["sort"] = tuple(keys)
    key = draw(st.integers(0, 20)) if operation.parent_relation else None
    return AskedList(operation.name, resource, True, key, (AskedField("id", "leaf", parent=resource),), args)


@hypothesis_settings(50)
@given(drawn_list=lists(), asker=st.sampled_from(ASKERS), spelling=st.integers(0, 2**32))
async def test_both_doors_list_the_rows_of_the_oracle(
    harness: DualDoorApp, sample_rows: SampleRows, drawn_list: AskedList, asker: str, spelling: int
) -> None:
    asked, caller = drawn_list.with_samples(sample_rows), harness.callers[asker]
    oracle, size = await oracle_for(harness, caller), drawn_list.args["first"]
    path, params = RestWriter(Random(spelling)).request(harness, asked)
    answer = await caller.rest("GET", path, params=params | {"include": "total"})
    if not harness.operation(asked.operation).access.allows(caller.permissions):
        assert answer.status_code == refusal_of(asker)
        return
    if answer.status_code == 404:
        assert_parent_hidden(harness, oracle, asked.operation, asked.key)
        return
    expected, page = oracle.answer(asked), answer.json()
    assert_same([row["id"] for row in page["data"]], expected[:size])
    assert page["total"] == len(expected)
    assert page["has_more"] == (len(expected) > size)
    if page["next_cursor"]:
        await assert_pages_join(harness, caller, asked, spelling, page["next_cursor"], expected)


@pytest.mark.parametrize(("operation", "asker"), PERMITTED)
async def test_each_filter_and_each_sort_key_returns_the_rows_of_the_oracle(
    harness: DualDoorApp, sample_rows: SampleRows, operation: str, asker: str
) -> None:
    """With every sample value of every filter, and with every sort key in both directions."""
    caller, resource = harness.callers[asker], REGISTRY.operations[operation].resource
    oracle = await oracle_for(harness, caller)
    key = list_key(sample_rows, operation, asker)
    filters = [{name: value} for name in resource.filters for value in sample_rows.values[resource.name, name]]
    keys = [name for name, sort in resource.sorts.items() if sort.required_filter is None]
    args: list[dict[str, Any]] = [{"filter": condition} for condition in filters]
    args += [{"sort": (f"{sign}{name}",)} for name in keys for sign in ("", "-")]
    fields = (AskedField("id", "leaf", parent=resource),)
    for number, arguments in enumerate(args):
        asked = AskedList(operation, resource, True, key, fields, arguments | {"first": 100, "total": True})
        path, params = RestWriter(Random(number)).request(harness, asked)
        answer = await caller.rest("GET", path, params=params)
        if answer.status_code == 404:
            assert_parent_hidden(harness, oracle, operation, key)
            continue
        page, expected = answer.json(), oracle.answer(asked)
        assert_same([row["id"] for row in page["data"]], expected[:100])
        assert page["total"] == len(expected), arguments


def assert_parent_hidden(harness: DualDoorApp, oracle: Oracle, operation: str, key: str | None) -> None:
    """Assert that the caller does not see the row that a list is below, or that there is none."""
    parent = harness.operation(operation).path_resource
    rows = [row for row in oracle.view.tables[table_of(parent.name)] if key in [row[c] for c in parent.key_columns]]
    assert not any(oracle.is_visible(parent.name, row) for row in rows)


def list_key(sample_rows: SampleRows, operation: str, asker: str) -> str | None:
    """Return the key of a parent that the caller sees, if the list is below a row.

    Staff read below the parent of the hidden sample row, if there is one.
    """
    if not REGISTRY.operations[operation].parent_relation:
        return None
    shown, hidden = sample_rows.places[operation]
    return hidden.key if hidden is not None and asker == "staff" else shown.key


async def assert_pages_join(
    harness: DualDoorApp, caller: ApiClient, asked: AskedList, spelling: int, cursor: str, expected: list[str]
) -> None:
    """Read the second page by GraphQL, and from its start the first page again by REST."""
    size, writer = asked.args["first"], GraphQLWriter(harness, Random(spelling))
    text, variables = writer.document(replace(asked, args=asked.args | {"after": cursor}))
    root = (await caller.data(text, variables))["root"]
    rows = root.get("nodes") or [edge["node"] for edge in root["edges"]]
    assert_same([row["id"] for row in rows], expected[size : 2 * size])
    assert root["pageInfo"]["hasPreviousPage"] is True
    path, params = RestWriter(Random(spelling)).request(harness, asked)
    back = await caller.rest("GET", path, params=params | {"before": root["pageInfo"]["startCursor"]})
    assert_same([row["id"] for row in back.json()["data"]], expected[:size])


def parents_in_lists(harness: DualDoorApp, resource: str) -> list[tuple[str, str]]:
    """Return lists in which rows of a resource occur, and the relation from their rows to them.

    The first is over a to-one relation, if there is one, so that one parent occurs in several
    places. The relation is empty if the list is that of the resource itself.
    """
    lists = {
        o.result.name: n
        for n, o in harness.registry.operations.items()
        if o.kind == "list" and not o.parent_relation and (o.access.permission is None or o.result.name == resource)
    }
    over_relations = [
        (lists[other.name], name)
        for other in harness.registry.resources.values()
        for name, relation in other.relations.items()
        if relation.target.name == resource != other.name and not relation.is_to_many and other.name in lists
    ]
    return [*over_relations[:1], (lists[resource], "")]


def may_read_below(listed: Operation[Any, ..., Any], outer: str, below: Access, caller: ApiClient) -> bool:
    """Whether a caller may read a list, the relation `outer` of its rows, and the one below."""
    accesses = [listed.access, below, *[listed.resource.access(outer)] * bool(outer)]
    return all(access.allows(caller.permissions) for access in accesses)


@hypothesis_settings(30)
@given(drawn_list=lists(CHILD_LISTS), asker=st.sampled_from(ASKERS), shuffle=st.integers(0, 2**32))
async def test_the_rows_below_each_row_are_those_of_the_oracle(
    harness: DualDoorApp, sample_rows: SampleRows, drawn_list: AskedList, asker: str, shuffle: int
) -> None:
    asked, caller = drawn_list.with_samples(sample_rows), harness.callers[asker]
    oracle = await oracle_for(harness, caller)
    parent_relation = harness.operation(asked.operation).parent_relation
    assert parent_relation is not None
    parent, name = parent_relation
    args = asked.args | {"first": 1 + shuffle % 4}
    below = f"{name}{RestWriter(Random(shuffle)).arguments(asked.resource, args)}{{id}}"
    rows, was_read = list[Any](), False
    for operation, outer in parents_in_lists(harness, parent.name):
        fields = f"{outer}{{id,{below}}}" if outer else f"id,{below}"
        answer = await caller.rest("GET", harness.path(operation), params={"fields": fields, "limit": "100"})
        is_refused = not may_read_below(harness.operation(operation), outer, parent.access(name), caller)
        assert answer.status_code == (refusal_of(asker) if is_refused else 200), answer.text
        if is_refused:
            continue
        was_read = True
        rows = [row[outer] if outer else row for row in answer.json()["data"]]
        if any(rows):
            break
    parents = oracle.view.tables[table_of(parent.name)]
    assert any(rows) or not was_read or not any(oracle.is_visible(parent.name, row) for row in parents)
    for row in [row for row in rows if row]:
        expected, paged = oracle.answer(replace(asked, key=row["id"])), parent.relations[name].paged
        children = row[name]["data"] if paged else row[name]
        assert_same([child["id"] for child in children], expected[: args["first"]])
        if paged:
            assert row[name]["has_more"] == (len(expected) > args["first"])
