"""Fingerprints are equal if and only if the inputs are, in every encoding and at both doors."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.areas.catalog.graphql import product_create, product_update
from tradepost.areas.catalog.schemas import ProductCreate
from tradepost.doors.graphql_names import camel
from tradepost.kit.operations.idempotency.fingerprint import fingerprint
from tradepost.kit.problems import MalformedBody
from tradepost.kit.schema.patch import JsonPatch, MergePatch, Step
from tradepost.kit.schema.validation import validate

SECRET = b"the secret of the tests"
TEXT = st.text(st.characters(categories=["L", "N", "Zs"]), min_size=1, max_size=12).filter(lambda t: t.strip() != "")
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
INPUT = st.fixed_dictionaries(
    {"name": TEXT},
    optional={
        "description": TEXT,
        "attributes": st.dictionaries(TEXT, JSON_VALUES, max_size=4),
        "tags": st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), max_size=3),
        "category_id": st.uuids(version=4).map(str),
        "external_reference": st.from_regex(r"[A-Z0-9]{1,10}", fullmatch=True),
    },
)


def fingerprint_of(**arguments: Any) -> str:
    """Return the fingerprint of an operation's arguments."""
    return fingerprint(arguments, SECRET)


def shuffled(value: Any) -> Any:
    """Return the same value with the members of all objects in reverse order."""
    if isinstance(value, dict):
        return {k: shuffled(v) for k, v in reversed(value.items())}
    return [shuffled(v) for v in value] if isinstance(value, list) else value


def in_camel_case(members: dict[str, Any]) -> dict[str, Any]:
    """Return an input as it is in GraphQL variables."""
    return {camel(n): v for n, v in members.items()}


@given(INPUT)
def test_an_input_has_the_same_fingerprint_in_json_messagepack_and_graphql(members: dict[str, Any]) -> None:
    from_json = validate(ProductCreate, msgspec.json.decode(json.dumps(members)))
    from_messagepack = validate(ProductCreate, msgspec.msgpack.decode(msgspec.msgpack.encode(shuffled(members))))
    variables = {"input": msgspec.json.decode(json.dumps(in_camel_case(members)))}
    from_graphql = product_create.convert_arguments(variables)["input"]
    assert fingerprint_of(new=from_json) == fingerprint_of(new=from_messagepack) == fingerprint_of(new=from_graphql)


@given(INPUT)
def test_a_patch_has_the_same_fingerprint_at_both_doors(members: dict[str, Any]) -> None:
    variables = {"id": "01a1fdf4-f534-734d-a2e4-9a1d33482601", "patch": in_camel_case(members)}
    from_graphql = product_update.convert_arguments(variables)["patch"]
    assert fingerprint_of(patch=MergePatch(shuffled(members))) == fingerprint_of(patch=from_graphql)


@given(INPUT, INPUT)
def test_different_inputs_have_different_fingerprints(one: dict[str, Any], two: dict[str, Any]) -> None:
    first, second = validate(ProductCreate, one), validate(ProductCreate, two)
    # Equal as JSON: there true is not 1, and the order of members does not matter.
    equal = normal(msgspec.to_builtins(first)) == normal(msgspec.to_builtins(second))
    assert (fingerprint_of(new=first) == fingerprint_of(new=second)) is equal
    assert fingerprint_of(new=first) != fingerprint_of(new=msgspec.structs.replace(first, name=f"{first.name}x"))


@given(JSON_VALUES, JSON_VALUES)
def test_every_value_of_free_json_counts(one: Any, two: Any) -> None:
    assert (fingerprint_of(patch=MergePatch({"a": one})) == fingerprint_of(patch=MergePatch({"a": two}))) is (
        normal(one) == normal(two)
    )


def normal(value: Any) -> Any:
    """Return a value that is equal in Python if and only if the argument is equal as JSON."""
    match value:
        case dict():
            return "object", sorted((k, normal(v)) for k, v in value.items())
        case list():
            return "list", [normal(v) for v in value]
        case bool() | None | str():
            return type(value).__name__, str(value)
        case _:
            return "number", repr(int(value) if value == int(value) else value)


@pytest.mark.parametrize(
    ("one", "two", "equal"),
    [
        ({"expected": 3}, {"expected": (3,)}, True),
        ({"expected": (3, 4)}, {"expected": (4, 3, 3)}, True),
        ({"expected": None}, {"expected": ()}, False),
        ({"expected": 3}, {"expected": 4}, False),
        ({"key": "01A1FDF4-F534-734D-A2E4-9A1D33482601"}, {"key": "01a1fdf4-f534-734d-a2e4-9a1d33482601"}, True),
        ({"key": "Oak"}, {"key": "oak"}, False),
        ({"patch": MergePatch({"a": 1.0})}, {"patch": MergePatch({"a": 1})}, True),
        ({"patch": MergePatch({"a": 1})}, {"patch": MergePatch({"a": True})}, False),
        ({"patch": MergePatch({"a": 1})}, {"patch": MergePatch({"a": "1"})}, False),
        ({"patch": MergePatch({"a": None})}, {"patch": MergePatch({})}, False),
        ({"patch": MergePatch({"a": "\u00e9"})}, {"patch": MergePatch({"a": "e\u0301"})}, True),
        ({"patch": MergePatch({"steps": []})}, {"patch": JsonPatch(())}, False),
        (
            {"patch": JsonPatch((Step(op="add", path="/a", value=None),))},
            {"patch": JsonPatch((Step(op="add", path="/a"),))},
            False,
        ),
        ({"atomic": True}, {"atomic": False}, False),
    ],
)
def test_fingerprints_of_special_cases(one: dict[str, Any], two: dict[str, Any], equal: bool) -> None:
    assert (fingerprint_of(**one) == fingerprint_of(**two)) is equal


def test_a_fingerprint_depends_on_the_secret() -> None:
    assert fingerprint({"key": "a"}, b"one") != fingerprint({"key": "a"}, b"two")


def test_a_patch_that_is_nested_too_deeply_is_refused() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(MalformedBody):
        fingerprint_of(patch=MergePatch({"a": deep}))
