"""JSON Merge Patch by RFC 7396: the table of its appendix A."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.kit.schema.patch import apply_merge_patch

TABLE: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]

PLAIN = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=3),
    lambda v: st.dictionaries(st.text(max_size=2), v, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(("target", "patch", "expected"), TABLE)
def test_the_table_of_the_rfc_holds(target: Any, patch: Any, expected: Any) -> None:
    assert apply_merge_patch(target, patch) == expected


def test_the_target_is_left_alone() -> None:
    target = {"a": {"b": 1}, "c": 2}
    apply_merge_patch(target, {"a": {"b": None}, "c": None})
    assert target == {"a": {"b": 1}, "c": 2}


@given(target=PLAIN, patch=PLAIN)
def test_merging_twice_is_merging_once(target: Any, patch: Any) -> None:
    once = apply_merge_patch(target, patch)
    assert apply_merge_patch(once, patch) == once


@given(document=PLAIN)
def test_a_document_without_null_is_the_patch_that_makes_it(document: Any) -> None:
    assert apply_merge_patch({}, document) == document
