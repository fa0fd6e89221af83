"""A record builder unpacks a row if it uses most of its columns, and indexes it otherwise."""

import gc
from types import FunctionType
from typing import Any
from weakref import ref

import msgspec
import pytest
from sqlalchemy.dialects.postgresql.asyncpg import dialect as postgresql

from tests.garbage import without_collections
from tradepost.areas.catalog.resource import products
from tradepost.doors.rest.fields_parameter import compile_fields
from tradepost.kit.auth.access import Viewer
from tradepost.kit.query.compiler import PlanCompiler
from tradepost.kit.query.record_builder import STRUCTS, struct_type
from tradepost.kit.query.records import PageSlice
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.rendering import FieldMember, Rendering

UNPACKED = "unpacked"
FIELDS = "id,name,slug,description,category_id,brand_id,external_reference"


class ObservedRow(tuple[Any, ...]):
    """A row that notes how it is read: unpacked, or at an index or a slice."""

    def __init__(self, _: tuple[Any, ...]) -> None:
        self.reads: list[Any] = []

    def __iter__(self) -> Any:
        self.reads.append(UNPACKED)
        return super().__iter__()

    def __getitem__(self, index: Any) -> Any:
        self.reads.append(index)
        return super().__getitem__(index)


def build(fields: str, rendering: Rendering, *columns: Any) -> tuple[Any, list[Any]]:
    """Return the record built from a row with these columns, and how the row was read."""
    permissions = frozenset({"products:read"})
    field_set = compile_fields(products, fields, permissions, rendering).field_set
    compiler = PlanCompiler(Viewer(permissions, True), postgresql(), iter(()))
    plan = compiler.compile_page(products, field_set.unaliased, ListQuery().shape)
    assert plan.top.width == len(columns)
    row = ObservedRow(columns)
    [record] = plan.record_builder(field_set)(PageSlice([row], False, False), None, None, [])
    return msgspec.to_builtins(record), row.reads


def test_a_row_is_unpacked_if_most_columns_are_used_one_by_one() -> None:
    record = {"id": "p1", "name": "Chair", "category": {"name": "Seats"}}
    fields = "id,name,category{name}"
    assert build(fields, Rendering(), "p1", "Chair", "c1", "Seats", 5) == (record, [UNPACKED])
    assert build(fields, Rendering(), "p1", "Chair", None, None, 5) == (record | {"category": None}, [UNPACKED])


def test_an_unpacked_row_fills_objects_of_consecutive_columns() -> None:
    columns = ("Chair", "c1", "seats", "Seats", "active", "chair", 5, "p1")
    record, reads = build("name,category{slug,name},status,slug", Rendering(), *columns)
    category = {"slug": "seats", "name": "Seats"}
    assert record == {"name": "Chair", "category": category, "status": "active", "slug": "chair"}
    assert reads == [UNPACKED]


def test_consecutive_columns_are_read_as_one_slice() -> None:
    assert build("id,name", Rendering(), "p1", "Chair", 5) == ({"id": "p1", "name": "Chair"}, [slice(0, 2)])


@pytest.mark.parametrize("indexes", [(0,), (4, 1), (5, 0, 2)])
def test_a_few_columns_of_many_are_read_by_index(indexes: tuple[int, ...]) -> None:
    rendering = Rendering(members=tuple([FieldMember(f"m{i}", i) for i in indexes]))
    record, reads = build(FIELDS, rendering, *"abcdefg", 5)
    assert record == {f"m{i}": "abcdefg"[i] for i in indexes}
    assert reads == list(indexes)


def test_a_row_with_few_columns_outside_a_slice_is_read_by_index() -> None:
    record, reads = build("id,category{id,name,slug}", Rendering(), "p1", "c1", "Seats", "seats", 5)
    assert record == {"id": "p1", "category": {"id": "c1", "name": "Seats", "slug": "seats"}}
    assert reads == [0, 1, slice(1, 4)]


def test_an_expression_that_uses_the_row_itself_gets_the_row() -> None:
    rendering = Rendering(actions=lambda node: lambda row: f"{type(row).__name__} of {row[node.id_index]}")
    columns = ("Chair", "chair", "p1", "c1", "b1", 5)
    record, reads = build("name,slug,id,category_id,brand_id,links", rendering, *columns)
    assert record["available_actions"] == "ObservedRow of p1"
    assert list(record.values())[:5] == list(columns[:5])
    assert UNPACKED not in reads


def plan_and_fields(fields: str) -> tuple[Any, Any]:
    """Return a plan of products, and its field set."""
    permissions = frozenset({"products:read"})
    selection = compile_fields(products, fields, permissions, Rendering())
    shapes = iter([query.shape for query in selection.list_queries])
    compiler = PlanCompiler(Viewer(permissions, True), postgresql(), shapes)
    return compiler.compile_page(products, selection.field_set.unaliased, ListQuery().shape), selection.field_set


def generated_functions() -> list[FunctionType]:
    """Return the functions of generated source that were created in the block and are in memory."""
    return [f for f in gc.get_objects() if isinstance(f, FunctionType) and f.__code__.co_filename == "<record>"]


def test_a_record_builder_is_freed_without_a_garbage_collection() -> None:
    plan, field_set = plan_and_fields("id,name,category{name},price_from,variants{sku}")
    with without_collections():
        plan.record_builder(field_set)
        created = [ref(f) for f in generated_functions()]
        assert created
        field_set.memo.values.clear()
        assert [f for f in created if f() is not None] == []


def test_objects_with_the_same_keys_share_a_struct_while_it_is_in_use() -> None:
    plan, field_set = plan_and_fields("id,shared_by_two:category{name},again:category{name},other:category{id}")
    gc.freeze()  # the collection below skips the objects of other tests
    before = set(STRUCTS)
    builder = plan.record_builder(field_set)
    assert ("id", "shared_by_two", "again", "other") in set(STRUCTS) - before
    [record] = builder(PageSlice([("p1", "c1", "Seats", 5)], False, False), None, None, [])
    assert type(record.f1) is type(record.f2) is struct_type(("name",)) is not type(record.f3)
    del builder, record
    field_set.memo.values.clear()
    gc.collect()
    assert ("id", "shared_by_two", "again", "other") not in STRUCTS
