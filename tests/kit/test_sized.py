"""Statements with the number of rows written into them: PostgreSQL keeps their plan, and every argument is where its number says."""

import re
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql.asyncpg import dialect as postgresql
from sqlalchemy.dialects.sqlite.aiosqlite import dialect as sqlite

from tradepost.areas.catalog.resource import products
from tradepost.doors.rest.fields_parameter import compile_fields
from tradepost.kit.auth.access import Viewer
from tradepost.kit.query.compiler import COMMON_LIMITS, PlanCompiler
from tradepost.kit.query.statement import Statement
from tradepost.kit.resource.list_query import ListQuery, ListQueryShape
from tradepost.kit.resource.rendering import Rendering

FIELDS = "id,variants(first:5){sku},category{name},media{id}"


def statements(window: ListQuery, dialect: Any) -> list[Statement]:
    """Those of a page of products with two relations below it."""
    want = compile_fields(products, FIELDS, frozenset(), Rendering())
    shapes: list[ListQueryShape] = [w.shape for w in want.list_queries]
    plan = PlanCompiler(Viewer(frozenset(), False), dialect, iter(shapes)).compile_page(
        products, want.field_set.unaliased, window.shape
    )
    return [level.rows_statement for level in plan.levels]


@pytest.mark.parametrize(
    "window",
    [
        ListQuery(),
        ListQuery(after="x"),
        ListQuery(before="x", last=5),
        ListQuery(sort=("-name",), after="x", before="y"),
    ],
)
def test_the_number_of_rows_is_in_the_text_and_the_other_arguments_are_in_order(window: ListQuery) -> None:
    for statement in statements(window, postgresql()):
        assert set(statement.by_row_count) == set(COMMON_LIMITS)
        named = {f"${i + 1}": a.name for i, a in enumerate(statement.arguments)}
        for rows, sized in statement.by_row_count.items():
            said = {f"${i + 1}": a.name for i, a in enumerate(sized.arguments)}
            assert sorted(set(re.findall(r"\$\d+", sized.sql)), key=lambda n: int(n[1:])) == list(said)
            assert "limit" not in said.values()
            # Each number stands for the same value as in the statement with all arguments, place by place.
            mine = re.sub(r"\$\d+", lambda m, said=said: said[m[0]], sized.sql)
            theirs = re.sub(r"\$\d+", lambda m, named=named: named[m[0]], statement.sql).replace(
                "limit::INTEGER", str(rows)
            )
            assert mine == theirs
            assert sized.for_rows(rows) is sized
        assert statement.for_rows(21) is statement.by_row_count[21]
        assert statement.for_rows(22) is statement


def test_where_the_best_plan_depends_on_values_it_is_made_for_them() -> None:
    top, *below = statements(ListQuery(filter=(("category", "chairs"),)), postgresql())
    assert not top.by_row_count
    assert all(s.by_row_count for s in below)
    assert not statements(ListQuery(page=2), postgresql())[0].by_row_count
    assert not any(s.by_row_count for s in statements(ListQuery(), sqlite()))
