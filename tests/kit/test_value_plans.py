"""The plans of values: columns that are shared, tables that are read, and the generated source."""

from typing import Any, Literal

import msgspec
import pytest
from sqlalchemy.dialects.postgresql.asyncpg import dialect as postgresql
from sqlalchemy.dialects.sqlite.aiosqlite import dialect as sqlite

from tests.kit.sample_basket import SampleBasketRow, basket_lines, baskets, everyone
from tradepost.areas.catalog.resource import variants
from tradepost.doors.rest.fields_parameter import compile_fields
from tradepost.kit.auth.access import Viewer
from tradepost.kit.operations.registry import Registry
from tradepost.kit.query.compiler import PlanCompiler
from tradepost.kit.query.plan import Plan
from tradepost.kit.query.record_builder import RecordCompiler
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.resource import Resource
from tradepost.kit.resource.value_columns import check_columns, leaf_columns
from tradepost.kit.schema.money import Money
from tradepost.kit.schema.struct_fields import members

GUEST, EDITOR = Viewer(frozenset(), False), Viewer(frozenset({"catalog:write"}), True)
DIALECTS = pytest.mark.parametrize("dialect", [sqlite(), postgresql()], ids=["sqlite", "postgresql"])


def plan_of(resource: Resource[Any], fields: str, dialect: Any = None, viewer: Viewer = GUEST) -> Plan:
    """Return the plan of a page with these fields."""
    field_set = compile_fields(resource, fields, viewer.permissions).field_set
    compiler = PlanCompiler(viewer, dialect or sqlite(), iter(()))
    return compiler.compile_page(resource, field_set.unaliased, ListQuery().shape)


def sources_of(resource: Resource[Any], fields: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the source of the functions that build records with these fields."""
    sources: list[str] = []
    compile_function = RecordCompiler._function

    def noted(self: RecordCompiler, arguments: str, source: str) -> Any:
        sources.append(source)
        return compile_function(self, arguments, source)

    monkeypatch.setattr(RecordCompiler, "_function", noted)
    selection = compile_fields(resource, fields, frozenset())
    plan_of(resource, fields).record_builder(selection.field_set)
    return sources


@DIALECTS
def test_amounts_share_the_column_of_their_currency(dialect: Any) -> None:
    plan = plan_of(baskets, "currency,subtotal,shipping_total,shipping,top_rate{tax}", dialect)
    names = [column.name for column in plan.top.columns]
    amounts = ["price", "discount", "tax", "total"]
    expected = ["currency", "subtotal_amount", "shipping_total_amount", *[f"delivery_{a}_amount" for a in amounts]]
    assert names == [*expected, "top_rate_percentage", "top_rate_tax_amount", "id"]
    assert plan.top.rows_statement.sql.count("currency") == 1
    assert len(plan.levels) == 1


@DIALECTS
def test_only_the_columns_of_the_selected_leaves_are_read(dialect: Any) -> None:
    plan = plan_of(baskets, "items{quantity,unit_price{amount}},shipping{tax{amount}},gift{wrapped}", dialect)
    names = [column.name for column in plan.top.columns]
    # `shipping` is null if its first leaf that cannot be null is.
    assert names == ["items", "delivery_price_amount", "delivery_tax_amount", "gift_wrapped", "id"]


@DIALECTS
def test_an_expression_is_read_once_and_makes_the_plan_depend_on_its_tables(dialect: Any) -> None:
    fields = "a: unit_price{amount},b: unit_price{amount,currency}"
    plan = plan_of(basket_lines, fields, dialect)
    assert plan.read_tags == (("product", None), ("sample_basket_line", None), ("variant", None))
    assert plan.top.rows_statement.sql.count("price_amount") == 2  # the column, and its label in the list
    assert plan_of(basket_lines, fields, dialect, EDITOR).read_tags == (("sample_basket_line", None), ("variant", None))
    assert plan_of(basket_lines, "quantity", dialect).read_tags == (("sample_basket_line", None),)


def test_the_source_of_flat_values_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    [source] = sources_of(variants, "sku,price,compare_at_price{amount}", monkeypatch)
    struct = "S{}".format
    money, compared, record = struct(4), struct(5), struct(6)
    assert source == (
        f"[{record}(c0, {money}(c1, c2), (None if c3 is None else {compared}(c3))) for c0, c1, c2, c3, c4, c5, in rows]"
    )


def test_the_source_of_nested_values_is_one_expression(monkeypatch: pytest.MonkeyPatch) -> None:
    items, page = sources_of(baskets, "shipping{price},tax_lines{tax{amount}}", monkeypatch)
    assert items == "None if rows is None else [S7(S6(r[0])) for r in J8(rows)]"
    assert page == "[S10((None if r[0] is None else S5(S4(*r[0:2]))), V9(r[2], g)) for r in rows]"


def test_the_leaves_of_a_value_are_named_after_the_way_to_them() -> None:
    value: Any = baskets.members["top_rate"]
    assert [(leaf.name, leaf.path) for leaf in leaf_columns(value, "top_rate")] == [
        ("top_rate_percentage", ("percentage",)),
        ("top_rate_taxable_amount", ("taxable", "amount")),
        ("top_rate_taxable_currency", ("taxable", "currency")),
        ("top_rate_tax_amount", ("tax", "amount")),
        ("top_rate_tax_currency", ("tax", "currency")),
    ]


def test_two_members_with_one_column_are_refused_at_the_start() -> None:
    fee = msgspec.defstruct("Fee", [("total", Money)])
    shape = msgspec.defstruct("Basket", [("shipping", fee), ("shipping_total", Money)])
    currencies = {f"{n}_currency": SampleBasketRow.currency for n in ("shipping_total", "delivery_total")}

    def resource(**prefixes: str) -> Resource[Any]:
        return Resource(
            shape, SampleBasketRow, visible=everyone, expressions=currencies, column_prefixes=prefixes, name="Basket"
        )

    with pytest.raises(
        TypeError, match="two members have the column `shipping_total_amount`; give one a column prefix"
    ):
        check_columns(resource())
    check_columns(resource(shipping="delivery"))


class Unknown(msgspec.Struct):
    """A value whose members can all be null."""

    name: str | None
    city: str | None


@pytest.mark.parametrize(
    ("name", "type", "message"),
    [
        ("total", Money, "neither a column nor an expression `total_amount`"),
        ("prices", list[Money], "neither a column nor an expression `prices`"),
        ("shipping", msgspec.defstruct("Costs", [("fee", Money)]), "expression `shipping_fee_amount`"),
        ("address", Unknown | None, "can be null, but so can all members of Unknown"),
    ],
)
def test_a_value_without_its_columns_is_refused_at_the_start(name: str, type: Any, message: str) -> None:
    resource = Resource(msgspec.defstruct("Basket", [(name, type)]), SampleBasketRow, visible=everyone)
    with pytest.raises(TypeError, match=message):
        check_columns(resource)
    registry = Registry()
    registry.add_resource(resource)
    with pytest.raises(TypeError, match=message):
        registry.freeze()


def test_fixed_values_need_an_enum_whose_name_both_apis_show() -> None:
    with pytest.raises(
        TypeError, match="`status` has a type that the APIs do not support; for a few fixed values use a `StrEnum`"
    ):
        members(msgspec.defstruct("Basket", [("status", Literal["open", "closed"])]))
