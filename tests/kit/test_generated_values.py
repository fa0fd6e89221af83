"""Values of generated Structs: any selection is the whole record filtered, from either source."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.test_nested_values import Tree, fields_text, keep, trees
from tradepost.doors.rest.fields_parameter import compile_fields
from tradepost.kit.query.plan import Level, Plan
from tradepost.kit.query.value_layout import JSON, ValueLayout
from tradepost.kit.query.value_records import value_record
from tradepost.kit.resource.rendering import Rendering
from tradepost.kit.resource.resource import MAX_VALUE_DEPTH, EmbeddedValue, Result
from tradepost.kit.resource.row_layout import ValueList
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.money import Amount, Money
from tradepost.kit.schema.rate import Rate
from tradepost.kit.schema.wire_form import wire_form

type Shape = tuple[type[msgspec.Struct], st.SearchStrategy[Any]]
"""A Struct, and its values."""


class Size(Enum):
    """A size."""

    SMALL = "small"
    LARGE = "large"


START = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = st.integers(0, 10**15).map(lambda n: START + timedelta(microseconds=n))
FREE_JSON = st.dictionaries(st.text(max_size=3), st.none() | st.booleans() | st.lists(st.integers(0, 9)), max_size=2)
LEAVES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (Amount, st.integers(0, 2**53 - 1)),
    (bool, st.booleans()),
    (str, st.text(max_size=5)),
    (UUID, st.uuids()),
    (datetime, TIMES),
    (Rate, st.sampled_from(["0", "19", "7.5", "8.875"])),
    (Size, st.sampled_from(Size)),
    (list[str], st.lists(st.text(max_size=3), max_size=3)),
    (list[Size], st.lists(st.sampled_from(Size), max_size=3)),
    (dict[str, Any], FREE_JSON),
    (Any, FREE_JSON | st.text(max_size=3) | st.none()),
]
MONEY: Shape = (Money, st.builds(Money, st.integers(0, 2**53 - 1), st.sampled_from(["EUR", "JPY"])))


def struct(members: list[tuple[Any, st.SearchStrategy[Any]]]) -> Shape:
    """Return a Struct with members of these types, and its values."""
    shape = msgspec.defstruct("Generated", [(f"m{i}", type) for i, (type, _) in enumerate(members)])
    return shape, st.tuples(*[values for _, values in members]).map(lambda values: shape(*values))


@st.composite
def shapes(draw: Any, depth: int = 0) -> Shape:
    """Draw a Struct whose members may be values, lists of values and null."""
    members: list[tuple[Any, st.SearchStrategy[Any]]] = []
    for _ in range(draw(st.integers(1, 3))):
        nested = depth < MAX_VALUE_DEPTH and draw(st.booleans())
        # Money is the commonest value, and the innermost one.
        is_money = depth == MAX_VALUE_DEPTH - 1 or draw(st.booleans())
        type, values = (MONEY if is_money else draw(shapes(depth + 1))) if nested else draw(st.sampled_from(LEAVES))
        if nested and draw(st.booleans()):
            type, values = list[type], st.lists(values, max_size=2)
        if draw(st.booleans()):
            type, values = type | None, st.none() | values
        members.append((type, values))
    return struct(members)


def rendered(result: Result[Any], value: Any, selection: Selection[Any]) -> bytes:
    """Return the JSON of a Struct in a selection."""
    return msgspec.json.encode(value_record(result, value, selection).body)


def rendered_from_json(result: Result[Any], column: Any, selection: Selection[Any]) -> bytes:
    """Return the JSON of the member `values` in a selection, read from a column of JSON."""
    [field], member = selection.field_set.fields, result.members["values"]
    assert isinstance(member, EmbeddedValue)
    items, level = ValueLayout(member.members, field.subfields, JSON), Level(0, result, None)
    level.nodes = (ValueList(0, items.nodes, items.rows_of_json),)
    return msgspec.json.encode(Plan([level], "", id_index=0).record_builder(selection.field_set)([column], []))


@st.composite
def cases(draw: Any) -> tuple[Result[Any], Any, Tree]:
    """Draw a result with a list of generated values, an instance of it, and a selection."""
    shape, values = draw(shapes(1))
    outer = msgspec.defstruct("Outer", [("values", list[shape])])
    result = Result(outer)
    return result, outer(draw(st.lists(values, max_size=3))), draw(trees(result))


@given(cases())
def test_any_selection_is_the_whole_record_filtered(case: tuple[Result[Any], Any, Tree]) -> None:
    result, value, tree = case
    whole = wire_form(value)
    assert msgspec.json.decode(rendered(result, value, compile_fields(result, None, frozenset()))) == whole
    selection = compile_fields(result, fields_text(tree), frozenset())
    assert rendered(result, value, selection) == msgspec.json.encode(keep(tree, whole))


COLUMNS: list[Callable[[Any], Any]] = [
    lambda value: value,
    lambda value: msgspec.json.encode(value).decode(),
    lambda value: msgspec.Raw(msgspec.json.encode(value)),
]
"""What the readers return for a column of JSON: decoded by SQLAlchemy, SQLite's, PostgreSQL's."""


@pytest.mark.parametrize("in_graphql", [False, True])
@given(case=cases(), column=st.sampled_from(COLUMNS))
def test_values_of_json_are_rendered_as_the_structs_are(
    in_graphql: bool, case: tuple[Result[Any], Any, Tree], column: Any
) -> None:
    result, value, tree = case
    selection = compile_fields(result, fields_text(tree), frozenset(), Rendering(enum_names=in_graphql))
    from_struct = rendered(result, value, selection)
    assert rendered_from_json(result, column(wire_form(value.values)), selection) == from_struct
