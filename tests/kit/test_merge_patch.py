"""JSON Merge Patch (RFC 7396): the test cases of appendix A, and properties."""

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
def test_a_merge_patch_changes_the_target_by_the_rfc(target: Any, patch: Any, expected: Any) -> None:
    assert apply_merge_patch(target, patch) == expected


def test_the_target_is_not_changed() -> None:
    target = {"a": {"b": 1}, "c": 2}
    apply_merge_patch(target, {"a": {"b": None}, "c": None})
    assert target == {"a": {"b": 1}, "c": 2}


@given(target=PLAIN, patch=PLAIN)
def test_a_merge_patch_is_idempotent(target: Any, patch: Any) -> None:
    once = apply_merge_patch(target, patch)
    assert apply_merge_patch(once, patch) == once


@given(document=PLAIN)
def test_a_document_without_null_merged_into_an_empty_object_is_itself(document: Any) -> None:
    assert apply_merge_patch({}, document) == document
