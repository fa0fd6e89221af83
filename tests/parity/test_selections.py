"""The same question at both doors is one Selection, with equal SQL and equal data."""

from dataclasses import replace
from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import currently_in_test_context, given, note
from hypothesis import strategies as st

from tests.parity.answers import graphql_page, normalize_graphql, normalize_rest, rest_page
from tests.parity.harness import UNKNOWN_SLUG, ApiClient, DualDoorApp, assert_same, hypothesis_settings
from tests.parity.query_rendering import GraphQLWriter, RestWriter
from tests.parity.query_strategies import LISTS, READS, REGISTRY, AskedField, AskedList, read_questions
from tests.parity.sample_rows import SampleRows

# Each part draws examples of its own, so that the parts can run on several cores.
PARTS = range(4)
SPELLINGS = st.integers(0, 2**32)
# Reads of one row with a relation that has cursors.
PAGED = [
    name
    for name in READS
    if name not in LISTS and any(relation.paged for relation in REGISTRY.operations[name].resource.relations.values())
]


async def ask_both_doors(harness: DualDoorApp, caller: ApiClient, asked: AskedList, spelling: int) -> Any:
    """Ask both doors, compare Selections, SQL and data, and return the data in the common form."""
    chance = Random(spelling)
    path, params = RestWriter(chance).request(harness, asked)
    text, variables = GraphQLWriter(harness, chance).document(asked)
    if currently_in_test_context():
        note(f"GET {path} {params}\n{text}\n{variables}")
    query = harness.rest_query(asked.operation, params, caller.permissions)
    selection, list_query = harness.graphql_query(text, variables, caller.permissions)
    assert_same((query.selection, query.list_query), (selection, list_query))
    assert (hash(query.selection), hash(query.list_query)) == (hash(selection), hash(list_query))
    answer, rest_sql = await harness.record(caller.rest("GET", path, params=params))
    data, graphql_sql = await harness.record(caller.data(text, variables))
    assert_same(rest_sql, graphql_sql)
    assert rest_sql or asked.key == UNKNOWN_SLUG
    return assert_same_data(asked, answer, data["root"])


def assert_same_data(asked: AskedList, answer: httpx.Response, root: Any) -> Any:
    """Return the data of both answers, which must be equal, in the common form.

    A missing row is 404 in REST and null in GraphQL.
    """
    if answer.status_code == 404:
        assert root is None
        return None
    assert answer.status_code == 200, answer.text
    if asked.is_list:
        rest = rest_page(asked.fields, answer.json(), bool(asked.args.get("total")))
        graphql = graphql_page(asked.fields, root)
    else:
        rest, graphql = normalize_rest(asked.fields, answer.json()), normalize_graphql(asked.fields, root)
    assert_same(rest, graphql)
    return rest


@pytest.mark.parametrize("part", PARTS)
@hypothesis_settings(35)
@given(asking=read_questions(), spelling=SPELLINGS)
async def test_a_question_has_one_selection_one_sql_and_one_answer_at_both_doors(
    harness: DualDoorApp, sample_rows: SampleRows, part: int, asking: tuple[str, AskedList], spelling: int
) -> None:
    name, asked = asking
    data = await ask_both_doors(harness, harness.callers[name], asked.with_samples(sample_rows), spelling)
    assert data is None or name == "staff" or "'draft'" not in str(data)


@hypothesis_settings(20)
@given(asking=read_questions(LISTS, depth=1), spelling=SPELLINGS)
async def test_a_cursor_of_one_door_works_at_the_other(
    harness: DualDoorApp, sample_rows: SampleRows, asking: tuple[str, AskedList], spelling: int
) -> None:
    caller, asked = harness.callers[asking[0]], asking[1].with_samples(sample_rows)
    first = await ask_both_doors(harness, caller, asked, spelling)
    if first is None or first["next"] is None:
        return
    cursor = first["next"]
    second = await ask_both_doors(harness, caller, replace(asked, args=asked.args | {"after": cursor}), spelling)
    assert second["rows"]
    others = {name: value for name, value in asked.args.items() if name != "first"}
    backward = replace(asked, args=others | {"before": cursor, "last": asked.args["first"]})
    before = await ask_both_doors(harness, caller, backward, spelling)
    # The row of the cursor is not before it.
    assert_same(before["rows"], first["rows"][:-1])
    empty_range = replace(asked, args=asked.args | {"after": second["next"] or cursor, "before": cursor})
    assert (await ask_both_doors(harness, caller, empty_range, spelling))["rows"] == []


@hypothesis_settings(20)
@given(asking=read_questions(PAGED, depth=2), spelling=SPELLINGS)
async def test_a_cursor_of_a_relation_works_at_both_doors(
    harness: DualDoorApp, sample_rows: SampleRows, asking: tuple[str, AskedList], spelling: int
) -> None:
    caller, asked = harness.callers[asking[0]], asking[1].with_samples(sample_rows)
    first = await ask_both_doors(harness, caller, asked, spelling)
    if first is None:
        return
    for number, page in enumerate(asked.fields):
        cursor = first[page.alias or page.name]["next"] if page.kind == "page" and "first" in page.args else None
        if cursor is not None:
            next_page = replace(page, args=page.args | {"after": cursor})
            fields = (*asked.fields[:number], next_page, *asked.fields[number + 1 :])
            answer = await ask_both_doors(harness, caller, replace(asked, fields=fields), spelling)
            assert answer[page.alias or page.name]["rows"]


async def test_a_product_with_its_category_and_variants(harness: DualDoorApp, caller: ApiClient) -> None:
    product = harness.registry.resources["Product"]
    category, variant = product.relations["category"].target, product.relations["variants"].target
    id, name = AskedField("id", "leaf", parent=product), AskedField("name", "leaf", parent=category)
    sku, options = [AskedField(member, "leaf", parent=variant) for member in ("sku", "options")]
    fields = (
        id,
        AskedField("category", "one", category, inner=(name,), parent=product),
        AskedField(
            "variants",
            "list",
            variant,
            inner=(sku, options),
            args={"first": 3, "sort": ("-sku",)},
            parent=product,
        ),
    )
    asked = AskedList("product_list", product, True, None, fields, {"first": 5, "sort": ("created_at",), "total": True})
    rows = [await ask_both_doors(harness, caller, asked, spelling) for spelling in range(20)]
    assert all(r == rows[0] for r in rows)
    assert any(p["variants"] for p in rows[0]["rows"])
