"""Fingerprints: equal for equal inputs in any spelling, and for no others."""

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

SECRET = b"a secret of the tests"
TEXT = st.text(st.characters(categories=["L", "N", "Zs"]), min_size=1, max_size=12).filter(lambda t: t.strip() != "")
FREE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
INPUT = st.fixed_dictionaries(
    {"name": TEXT},
    optional={
        "description": TEXT,
        "attributes": st.dictionaries(TEXT, FREE, max_size=4),
        "tags": st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), max_size=3),
        "category_id": st.uuids(version=4).map(str),
        "external_reference": st.from_regex(r"[A-Z0-9]{1,10}", fullmatch=True),
    },
)


def of(**arguments: Any) -> str:
    return fingerprint(arguments, SECRET)


def shuffled(value: Any) -> Any:
    """The same value with the members of all objects in another order."""
    if isinstance(value, dict):
        return {k: shuffled(v) for k, v in reversed(value.items())}
    return [shuffled(v) for v in value] if isinstance(value, list) else value


def spelled(given: dict[str, Any]) -> dict[str, Any]:
    """An input as GraphQL's variables have it."""
    return {camel(n): v for n, v in given.items()}


@given(INPUT)
def test_one_input_has_one_fingerprint_in_json_messagepack_and_graphql(given: dict[str, Any]) -> None:
    from_json = validate(ProductCreate, msgspec.json.decode(json.dumps(given)))
    packed = validate(ProductCreate, msgspec.msgpack.decode(msgspec.msgpack.encode(shuffled(given))))
    variables = product_create.convert_arguments({"input": msgspec.json.decode(json.dumps(spelled(given)))})["input"]
    assert of(new=from_json) == of(new=packed) == of(new=variables)


@given(INPUT)
def test_one_patch_has_one_fingerprint_at_both_doors(given: dict[str, Any]) -> None:
    patch = product_update.convert_arguments({"id": "01a1fdf4-f534-734d-a2e4-9a1d33482601", "patch": spelled(given)})[
        "patch"
    ]
    assert of(patch=MergePatch(shuffled(given))) == of(patch=patch)


@given(INPUT, INPUT)
def test_two_inputs_have_two_fingerprints(one: dict[str, Any], two: dict[str, Any]) -> None:
    first, second = validate(ProductCreate, one), validate(ProductCreate, two)
    # Equal as JSON: true is no 1 there, and the order of members is nothing.
    alike = normal(msgspec.to_builtins(first)) == normal(msgspec.to_builtins(second))
    assert (of(new=first) == of(new=second)) is alike
    assert of(new=first) != of(new=msgspec.structs.replace(first, name=f"{first.name}x"))


@given(FREE, FREE)
def test_free_json_counts_to_its_last_value(one: Any, two: Any) -> None:
    assert (of(patch=MergePatch({"a": one})) == of(patch=MergePatch({"a": two}))) is (normal(one) == normal(two))


def normal(value: Any) -> Any:
    """A value by which Python tells apart what JSON tells apart."""
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
    ("one", "two", "alike"),
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
def test_what_is_alike(one: dict[str, Any], two: dict[str, Any], alike: bool) -> None:
    assert (of(**one) == of(**two)) is alike


def test_it_is_of_no_use_without_the_secret() -> None:
    assert fingerprint({"key": "a"}, b"one") != fingerprint({"key": "a"}, b"two")


def test_a_patch_that_is_nested_too_deeply_is_malformed() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(MalformedBody):
        of(patch=MergePatch({"a": deep}))
