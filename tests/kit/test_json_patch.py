"""JSON Patch (RFC 6902): the examples of appendix A, and cases that implementations get wrong."""

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.kit.problems import PatchTargetMissing, PatchTestFailed, Validation
from tradepost.kit.schema.patch import parse_json_patch

type Json = Any

CHANGED: dict[str, tuple[Json, list[Json], Json]] = {
    "A.1 adding an object member": (
        {"foo": "bar"},
        [{"op": "add", "path": "/baz", "value": "qux"}],
        {"baz": "qux", "foo": "bar"},
    ),
    "A.2 adding an array element": (
        {"foo": ["bar", "baz"]},
        [{"op": "add", "path": "/foo/1", "value": "qux"}],
        {"foo": ["bar", "qux", "baz"]},
    ),
    "A.3 removing an object member": ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    "A.4 removing an array element": (
        {"foo": ["bar", "qux", "baz"]},
        [{"op": "remove", "path": "/foo/1"}],
        {"foo": ["bar", "baz"]},
    ),
    "A.5 replacing a value": (
        {"baz": "qux", "foo": "bar"},
        [{"op": "replace", "path": "/baz", "value": "boo"}],
        {"baz": "boo", "foo": "bar"},
    ),
    "A.6 moving a value": (
        {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
        [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
        {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
    ),
    "A.7 moving an array element": (
        {"foo": ["all", "grass", "cows", "eat"]},
        [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
        {"foo": ["all", "cows", "eat", "grass"]},
    ),
    "A.8 testing a value": (
        {"baz": "qux", "foo": ["a", 2, "c"]},
        [{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2}],
        {"baz": "qux", "foo": ["a", 2, "c"]},
    ),
    "A.10 adding a nested member": (
        {"foo": "bar"},
        [{"op": "add", "path": "/child", "value": {"grandchild": {}}}],
        {"foo": "bar", "child": {"grandchild": {}}},
    ),
    "A.11 ignoring unknown members": (
        {"foo": "bar"},
        [{"op": "add", "path": "/baz", "value": "qux", "xyz": 123}],
        {"foo": "bar", "baz": "qux"},
    ),
    "A.14 the order of escapes": (
        {"/": 9, "~1": 10},
        [{"op": "test", "path": "/~01", "value": 10}],
        {"/": 9, "~1": 10},
    ),
    "A.16 adding an array value": (
        {"foo": ["bar"]},
        [{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}],
        {"foo": ["bar", ["abc", "def"]]},
    ),
    "no operation": ({"foo": 1}, [], {"foo": 1}),
    "add replaces an existing member": ({"foo": 1}, [{"op": "add", "path": "/foo", "value": 2}], {"foo": 2}),
    "add after the last element by its index": (
        {"a": [1]},
        [{"op": "add", "path": "/a/1", "value": 2}],
        {"a": [1, 2]},
    ),
    "the empty name is a name": ({"": 1}, [{"op": "replace", "path": "/", "value": 2}], {"": 2}),
    "null is a value to add": ({"foo": 1}, [{"op": "add", "path": "/bar", "value": None}], {"foo": 1, "bar": None}),
    "null is a value to test": ({"foo": None}, [{"op": "test", "path": "/foo", "value": None}], {"foo": None}),
    "numbers are equal by value": ({"foo": 1}, [{"op": "test", "path": "/foo", "value": 1.0}], {"foo": 1}),
    "the order of members does not count": (
        {"o": {"a": 1, "b": 2}},
        [{"op": "test", "path": "/o", "value": {"b": 2, "a": 1}}],
        {"o": {"a": 1, "b": 2}},
    ),
    "the whole document is replaced": ({"foo": 1}, [{"op": "replace", "path": "", "value": {"bar": 2}}], {"bar": 2}),
    "the whole document is tested": ({"foo": 1}, [{"op": "test", "path": "", "value": {"foo": 1}}], {"foo": 1}),
    "a move to the same place": ({"foo": 1}, [{"op": "move", "from": "/foo", "path": "/foo"}], {"foo": 1}),
    "a copy is independent of the original": (
        {"a": {"x": 1}},
        [{"op": "copy", "from": "/a", "path": "/b"}, {"op": "replace", "path": "/b/x", "value": 2}],
        {"a": {"x": 1}, "b": {"x": 2}},
    ),
    "a digit is a member's name in an object": (
        {"a": {"0": 1}},
        [{"op": "replace", "path": "/a/0", "value": 2}],
        {"a": {"0": 2}},
    ),
}

MISSING_TARGETS: dict[str, tuple[Json, list[Json]]] = {
    "A.12 adding to a missing target": ({"foo": "bar"}, [{"op": "add", "path": "/baz/bat", "value": "qux"}]),
    "replacing a missing member": ({"foo": 1}, [{"op": "replace", "path": "/bar", "value": 1}]),
    "removing a missing member": ({"foo": 1}, [{"op": "remove", "path": "/bar"}]),
    "an index after the end": ({"a": [1]}, [{"op": "add", "path": "/a/2", "value": 1}]),
    "a leading zero": ({"a": [1, 2]}, [{"op": "replace", "path": "/a/01", "value": 1}]),
    "a negative index": ({"a": [1, 2]}, [{"op": "add", "path": "/a/-1", "value": 1}]),
    "an index in letters": ({"a": [1, 2]}, [{"op": "add", "path": "/a/1e0", "value": 1}]),
    "digits that are not ASCII": ({"a": [1, 2]}, [{"op": "add", "path": "/a/\u0661", "value": 1}]),
    "removing after the end": ({"a": [1]}, [{"op": "remove", "path": "/a/-"}]),
    "replacing after the end": ({"a": [1]}, [{"op": "replace", "path": "/a/-", "value": 1}]),
    "a step into a text": ({"a": "text"}, [{"op": "add", "path": "/a/0", "value": 1}]),
    "a step into a number": ({"a": 5}, [{"op": "replace", "path": "/a/b", "value": 1}]),
    "a step into null": ({"a": None}, [{"op": "add", "path": "/a/b", "value": 1}]),
    "a move into itself": ({"a": {"b": {}}}, [{"op": "move", "from": "/a", "path": "/a/b"}]),
    "a move from a missing member": ({"a": 1}, [{"op": "move", "from": "/b", "path": "/a"}]),
    "a copy from a missing member": ({"a": 1}, [{"op": "copy", "from": "/b", "path": "/a"}]),
}

UNEQUAL: dict[str, tuple[Json, Json]] = {
    "A.9 another text": ("qux", "bar"),
    "A.15 a number and its text": (10, "10"),
    "true and one": (True, 1),
    "zero and false": (0, False),
    "true and one in a list": ([1], [True]),
    "null and false": (None, False),
    "a list and a longer one": ([1], [1, 2]),
    "an object and one with more members": ({"a": 1}, {"a": 1, "b": 2}),
}

MALFORMED: dict[str, Json] = {
    "an object": {"op": "add", "path": "/a", "value": 1},
    "null": None,
    "a list of texts": ["add"],
    "no op": [{"path": "/a", "value": 1}],
    "A.13 an unknown op": [{"op": "merge", "path": "/a", "value": 1}],
    "an op in capitals": [{"op": "ADD", "path": "/a", "value": 1}],
    "an op that is a list": [{"op": [], "path": "/a", "value": 1}],
    "no path": [{"op": "add", "value": 1}],
    "a path without a slash": [{"op": "add", "path": "a", "value": 1}],
    "a path with a lone tilde": [{"op": "add", "path": "/a~", "value": 1}],
    "a path with a wrong escape": [{"op": "add", "path": "/a~2", "value": 1}],
    "a path that is a number": [{"op": "add", "path": 1, "value": 1}],
    "no value to add": [{"op": "add", "path": "/a"}],
    "no value to test": [{"op": "test", "path": "/a"}],
    "no from": [{"op": "move", "path": "/a"}],
    "from null": [{"op": "copy", "path": "/a", "from": None}],
    "too many operations": [{"op": "test", "path": "", "value": {}}] * 101,
}

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=2), v, max_size=3),
)
POINTERS = st.lists(st.sampled_from(["", "a", "b", "0", "1", "-", "01", "~0", "~1"]), max_size=3).map(
    lambda parts: "".join(f"/{p}" for p in parts)
)
STEPS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": POINTERS},
    optional={"from": POINTERS, "value": VALUES},
)


@pytest.mark.parametrize("case", CHANGED)
def test_a_patch_changes_the_document_by_the_rfc(case: str) -> None:
    document, patch, expected = CHANGED[case]
    assert parse_json_patch(patch).apply(document) == expected


@pytest.mark.parametrize("case", MISSING_TARGETS)
def test_a_pointer_without_a_target_is_refused(case: str) -> None:
    document, patch = MISSING_TARGETS[case]
    with pytest.raises(PatchTargetMissing):
        parse_json_patch(patch).apply(document)


@pytest.mark.parametrize("case", UNEQUAL)
def test_a_test_of_a_different_json_value_fails(case: str) -> None:
    value, tested = UNEQUAL[case]
    with pytest.raises(PatchTestFailed):
        parse_json_patch([{"op": "test", "path": "/v", "value": tested}]).apply({"v": value})


@pytest.mark.parametrize("case", MALFORMED)
def test_an_invalid_patch_is_refused_when_it_is_parsed(case: str) -> None:
    with pytest.raises(Validation) as caught:
        parse_json_patch(MALFORMED[case])
    assert caught.value.errors


def test_every_error_of_a_patch_is_listed() -> None:
    with pytest.raises(Validation) as caught:
        parse_json_patch([{"op": "add", "path": "a"}, {"op": "nope"}, {"op": "move", "path": "/a"}])
    assert [e.pointer for e in caught.value.errors] == ["/0/path", "/0/value", "/1/op", "/2/from"]


def test_a_failed_patch_does_not_change_the_document() -> None:
    document = {"a": [1], "b": {"c": 1}}
    with pytest.raises(PatchTestFailed):
        parse_json_patch(
            [
                {"op": "add", "path": "/a/-", "value": 2},
                {"op": "remove", "path": "/b/c"},
                {"op": "test", "path": "/a", "value": 0},
            ]
        ).apply(document)
    assert document == {"a": [1], "b": {"c": 1}}


@pytest.mark.parametrize("document", [{"a": {}}, {"a": ["x" * 1000]}])
def test_repeated_copies_are_limited_in_size(document: Json) -> None:
    start = time.monotonic()
    with pytest.raises(Validation):
        parse_json_patch([{"op": "copy", "from": "", "path": f"/c{i}"} for i in range(100)]).apply(document)
    with pytest.raises(Validation):
        parse_json_patch([{"op": "copy", "from": "/a", "path": f"/c{i}"} for i in range(100)]).apply(
            {"a": ["x" * 20_000]}
        )
    assert time.monotonic() - start < 5


@given(
    document=st.dictionaries(st.sampled_from(["a", "b", "0", ""]), VALUES, max_size=4),
    steps=st.lists(STEPS, max_size=5),
)
def test_any_patch_is_applied_or_raises_a_problem(document: Json, steps: list[Json]) -> None:
    with suppress(PatchTargetMissing, PatchTestFailed, Validation):
        parse_json_patch(steps).apply(document)
