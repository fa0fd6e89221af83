"""Writes with arbitrary bodies: each is accepted, or refused with its errors."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import assert_problem, faults, make_category, make_product, make_variant, unique

NAMES = [
    "name", "slug", "description", "status", "attributes", "tags", "category_id", "category_ids", "external_reference",
    "source", "variants", "sku", "price", "options", "compare_at_price", "weight_grams", "position", "parent_id",
    "items", "op", "id", "input", "patch", "amount", "currency", "nope", "",
]  # fmt: skip
TEXTS = st.sampled_from(
    [
        "",
        "x",
        "oak-chair",
        "active",
        "EUR",
        "create",
        "update",
        "delete",
        "upsert",
        "\0",
        "a\nb",
        "é",
        "01a1fd35-a00d-731c-b13c-3a7402625f02",
        "x" * 300,
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, -1, 2**31, 2**53, 2**63, 2**64, 10**30])
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.sampled_from(NAMES), v, max_size=4), max_leaves=10
)
STRUCTURED_NAMES = (
    "slug", "status", "attributes", "category_id", "category_ids", "variants", "options", "items", "source", "position",
    "parent_id",
)  # fmt: skip
PLAUSIBLE = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXTS,
        "sku": TEXTS,
        "price": st.fixed_dictionaries({"amount": SCALARS, "currency": TEXTS}),
        "tags": st.lists(TEXTS, max_size=3),
    }
    | dict.fromkeys(STRUCTURED_NAMES, VALUES),
)


@pytest.fixture(scope="module")
async def writes(staff: httpx.AsyncClient, anyio_backend: object) -> list[tuple[str, str]]:
    """Every route that takes a body."""
    product, category = await make_product(staff), await make_category(staff)
    variant = await make_variant(staff, product["id"])
    creations = [
        ("POST", "/v1/products"),
        ("POST", "/v1/categories"),
        ("POST", f"/v1/products/{product['id']}/variants"),
        ("POST", "/v1/products/batch"),
    ]
    rows = [f"/v1/products/{product['id']}", f"/v1/categories/{category['id']}", f"/v1/variants/{variant['id']}"]
    return creations + [(method, path) for path in rows for method in ("PUT", "PATCH")]


@settings(max_examples=60)
@given(body=VALUES | PLAUSIBLE | st.fixed_dictionaries({"items": st.lists(PLAUSIBLE | VALUES, max_size=3)}))
async def test_any_json_is_accepted_or_refused_with_pointers(
    staff: httpx.AsyncClient, writes: list[tuple[str, str]], body: Any
) -> None:
    for method, path in writes:
        answer = await staff.request(
            method, path, content=json.dumps(body), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in (200, 201, 400, 409, 422), (method, path, body, answer.text)
        if answer.status_code == 422:
            assert all(e["pointer"].startswith("/") or e["pointer"] == "" for e in answer.json()["errors"])


@settings(max_examples=60)
@given(
    body=st.binary(max_size=40),
    media_type=st.sampled_from(
        ["application/json", "application/msgpack", "application/json-patch+json", "application/merge-patch+json"]
    ),
)
async def test_any_bytes_are_accepted_or_refused(
    staff: httpx.AsyncClient, writes: list[tuple[str, str]], body: bytes, media_type: str
) -> None:
    for method, path in writes:
        answer = await staff.request(method, path, content=body, headers={"Content-Type": media_type})
        assert answer.status_code in (200, 201, 400, 409, 415, 422), (method, path, body, answer.text)


MALFORMED = {
    "an empty body": b"",
    "half an object": b'{"name": "x"',
    "two values": b'{"name": "x"} {}',
    "a lone surrogate": b'{"name": "\\ud800"}',
    "invalid UTF-8": b'{"name": "\xff"}',
    "NaN": b'{"name": "x", "attributes": {"a": NaN}}',
    "an infinite number": b'{"name": "x", "attributes": {"a": 1e999}}',
    "a number of six thousand digits": b'{"name": "x", "attributes": {"a": ' + b"9" * 6000 + b"}}",
    "a hundred thousand lists": b"[" * 100_000,
    "forty levels": b'{"name": "x", "attributes": ' + b'{"a":' * 40 + b"1" + b"}" * 41,
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_invalid_json_is_malformed(staff: httpx.AsyncClient, writes: list[tuple[str, str]], case: str) -> None:
    for method, path in writes:
        answer = await staff.request(
            method, path, content=MALFORMED[case], headers={"Content-Type": "application/json"}
        )
        if case == "forty levels" and answer.status_code == 422:
            continue  # without the member `attributes`, depth is not the first error
        assert_problem(answer, 400, "malformed")


async def test_a_body_over_the_limit_is_refused(staff: httpx.AsyncClient, writes: list[tuple[str, str]]) -> None:
    for method, path in writes:
        answer = await staff.request(
            method,
            path,
            content=b'{"name": "' + b"x" * 1024 * 1024 + b'"}',
            headers={"Content-Type": "application/json"},
        )
        assert_problem(answer, 413, "content_too_large")


async def test_all_errors_are_reported_at_once(staff: httpx.AsyncClient) -> None:
    body = {
        "nme": 1, "slug": "No Slug", "status": "sold", "tags": ["ok", "Not ok", 5], "category_id": "x",
        "attributes": [], "external_reference": "", "description": "bell\a",
        "variants": [
            {"sku": "", "price": {"amount": -1, "currency": "euro", "x": 1}}, {"price": 5, "weight_grams": 1.5},
        ],
    }  # fmt: skip
    answer = await staff.post("/v1/products", json=body)
    assert_problem(answer, 422, "validation")
    assert faults(answer) == {
        ("/nme", "unknown_member"), ("/name", "required"), ("/slug", "invalid_format"), ("/status", "not_allowed"),
        ("/tags/1", "invalid_format"), ("/tags/2", "invalid_type"), ("/category_id", "invalid_format"),
        ("/attributes", "invalid_type"), ("/external_reference", "too_short"), ("/description", "control_character"),
        ("/description", "invalid_format"), ("/variants/0/sku", "too_short"),
        ("/variants/0/price/amount", "out_of_range"), ("/variants/0/price/currency", "invalid_format"),
        ("/variants/0/price/x", "unknown_member"), ("/variants/1/sku", "required"),
        ("/variants/1/price", "invalid_type"), ("/variants/1/weight_grams", "invalid_type"),
    }  # fmt: skip


async def test_at_most_a_hundred_errors_are_reported(staff: httpx.AsyncClient) -> None:
    answer = await staff.post("/v1/products", json={"name": "x", "tags": ["Not ok"] * 100, "variants": [{}] * 100})
    assert_problem(answer, 422, "validation")
    assert len(answer.json()["errors"]) == 100


async def test_names_in_a_pointer_are_escaped(staff: httpx.AsyncClient) -> None:
    answer = await staff.post("/v1/products", json={"name": "x", "attributes": {"a/b~c": {"d": "\0"}}})
    assert faults(answer) == {("/attributes/a~1b~0c/d", "control_character")}


@pytest.mark.parametrize("text", ["a\0", "\x07", "a\x1b[31m", "a\x7f", "a\x85", "line\nbreak", "tab\t", "end\n", "\r"])
async def test_a_single_line_text_must_not_contain_control_characters(staff: httpx.AsyncClient, text: str) -> None:
    for body in ({"name": text}, {"name": "x", "external_reference": text}):
        answer = await staff.post("/v1/products", json=body)
        assert_problem(answer, 422, "validation")
    product = await make_product(staff)
    for member in (
        {"sku": text},
        {"sku": unique(), "options": {text: "x"}},
        {"sku": unique(), "options": {"x": text}},
        {"sku": unique(), "barcode": text},
    ):
        answer = await staff.post(
            f"/v1/products/{product['id']}/variants", json={"price": {"amount": 1, "currency": "EUR"}, **member}
        )
        assert_problem(answer, 422, "validation")


async def test_text_is_stored_in_nfc_everywhere(staff: httpx.AsyncClient) -> None:
    nfd, nfc = "Cafe\u0301", "Caf\u00e9"
    product = await make_product(
        staff, name=nfd, description=f"{nfd}\n\t{nfd}", attributes={nfd: [nfd]}, external_reference=f"{nfd}-{unique()}"
    )
    assert (product["name"], product["description"], product["attributes"]) == (nfc, f"{nfc}\n\t{nfc}", {nfc: [nfc]})
    assert product["external_reference"].startswith(nfc)
    assert (await staff.patch(f"/v1/products/{product['id']}", json={"name": nfd})).json()["version"] == 1, (
        "the same text in another Unicode form is not a change"
    )


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64, 10**30])
async def test_a_number_over_64_bits_is_out_of_range(staff: httpx.AsyncClient, number: int) -> None:
    answer = await staff.post("/v1/products", json={"name": "x", "attributes": {"n": [number]}})
    assert_problem(answer, 422, "validation")
    assert faults(answer) == {("/attributes/n/0", "out_of_range")}


async def test_numbers_within_64_bits_are_stored_exactly(staff: httpx.AsyncClient) -> None:
    numbers = [2**63 - 1, -(2**63), 2**53 + 1, 0, -1, 1.5, 1e300, 0.1]
    assert (await make_product(staff, attributes={"n": numbers}))["attributes"]["n"] == numbers
