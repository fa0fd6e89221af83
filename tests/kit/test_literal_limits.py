"""Statements with the row count as a constant, so that PostgreSQL caches their plans."""

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


def statements(list_query: ListQuery, dialect: Any) -> list[Statement]:
    """Return the statements of a page of products with relations."""
    selection = compile_fields(products, FIELDS, frozenset(), Rendering())
    shapes: list[ListQueryShape] = [query.shape for query in selection.list_queries]
    compiler = PlanCompiler(Viewer(frozenset(), False), dialect, iter(shapes))
    plan = compiler.compile_page(products, selection.field_set.unaliased, list_query.shape)
    return [level.rows_statement for level in plan.levels]


@pytest.mark.parametrize(
    "list_query",
    [
        ListQuery(),
        ListQuery(after="x"),
        ListQuery(before="x", last=5),
        ListQuery(sort=("-name",), after="x", before="y"),
    ],
)
def test_a_common_limit_is_a_constant_and_the_other_arguments_keep_their_order(list_query: ListQuery) -> None:
    def with_names(sql: str, names: dict[str, str]) -> str:
        return re.sub(r"\$\d+", lambda match: names[match[0]], sql)

    for statement in statements(list_query, postgresql()):
        assert set(statement.by_row_count) == set(COMMON_LIMITS)
        all_names = {f"${i + 1}": a.name for i, a in enumerate(statement.arguments)}
        for rows, sized in statement.by_row_count.items():
            names = {f"${i + 1}": a.name for i, a in enumerate(sized.arguments)}
            assert sorted(set(re.findall(r"\$\d+", sized.sql)), key=lambda n: int(n[1:])) == list(names)
            assert "limit" not in names.values()
            # With names for numbers, the two texts differ only in the limit.
            expected = with_names(statement.sql, all_names).replace("limit::INTEGER", str(rows))
            assert with_names(sized.sql, names) == expected
            assert sized.for_rows(rows) is sized
        assert statement.for_rows(21) is statement.by_row_count[21]
        assert statement.for_rows(22) is statement


def test_the_limit_is_an_argument_if_the_best_plan_depends_on_values() -> None:
    page, *relations = statements(ListQuery(filter=(("category", "chairs"),)), postgresql())
    assert not page.by_row_count
    assert all(s.by_row_count for s in relations)
    assert not statements(ListQuery(page=2), postgresql())[0].by_row_count
    assert not any(s.by_row_count for s in statements(ListQuery(), sqlite()))
