"""A free JSON object of limited size."""

from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from tradepost.kit.problems import MalformedBody, Validation
from tradepost.kit.schema.small_object import SmallObject
from tradepost.kit.schema.validation import validate


class Line(msgspec.Struct):
    """A value with a small object."""

    attributes: SmallObject = {}


class Basket(msgspec.Struct):
    """A value with a small object, and a list of values that have one."""

    attributes: Annotated[SmallObject, Meta(examples=[{"a": 1}])] = {}
    lines: list[Line] = []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="ascii"), max_size=300),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from("abcdefgh"), inner, max_size=8),
    max_leaves=20,
)


def size_faults(body: Any) -> list[str]:
    """Return the pointers of the faults about sizes."""
    try:
        validate(Basket, body)
    except Validation as problem:
        return [f.pointer or "" for f in problem.errors if f.code == "too_large"]
    return []


@given(st.dictionaries(st.sampled_from("abcdefghij"), JSON, max_size=10))
def test_an_object_is_refused_exactly_if_its_json_has_more_than_4096_bytes(attributes: dict[str, Any]) -> None:
    is_small = len(msgspec.json.encode(attributes)) <= 4096
    assert size_faults({"attributes": attributes}) == ([] if is_small else ["/attributes"])
    assert size_faults({"lines": [{}, {"attributes": attributes}]}) == ([] if is_small else ["/lines/1/attributes"])


def test_the_fault_names_both_sizes() -> None:
    attributes = {"a": "x" * 4088}
    assert validate(Basket, {"attributes": attributes}).attributes == attributes
    with pytest.raises(Validation) as error:
        validate(Basket, {"attributes": {"a": "x" * 4089}})
    [fault] = error.value.errors
    assert fault.detail == "The value has 4097 bytes as JSON; at most 4096 are allowed."


def test_letters_count_as_the_bytes_of_their_json() -> None:
    assert size_faults({"attributes": {"a": "ö" * 2044}}) == []
    assert size_faults({"attributes": {"a": "ö" * 2045}}) == ["/attributes"]


@pytest.mark.parametrize("value", [2**70, float("inf"), "\ud800", b"bytes", {1: 2}])
def test_what_json_cannot_hold_has_a_fault_of_its_own(value: Any) -> None:
    with pytest.raises(Validation) as error:
        validate(Basket, {"attributes": {"a": value}})
    assert [f.code for f in error.value.errors] != ["too_large"]


def test_an_object_that_is_nested_too_deeply_is_refused() -> None:
    value: Any = {}
    for _ in range(100_000):
        value = {"a": value}
    with pytest.raises(MalformedBody, match="nested deeper than 32 levels"):
        validate(Basket, {"attributes": value})
