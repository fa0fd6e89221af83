"""Conditional writes: `If-Match` compares the version, and REQUIRE_IF_MATCH makes it mandatory."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import msgspec
import pytest

from tests.factories import Json, assert_problem, make_category, make_product, make_variant, read, unique
from tradepost.settings import Settings

KINDS = ["products", "categories", "variants"]


async def create_row(staff: httpx.AsyncClient, kind: str) -> tuple[str, Json]:
    """Create a row and return its path and a body that replaces it."""
    if kind == "products":
        return f"/v1/products/{(await make_product(staff))['id']}", {"name": "New", "status": "active"}
    if kind == "categories":
        return f"/v1/categories/{(await make_category(staff))['id']}", {"name": "New"}
    variant = await make_variant(staff, (await make_product(staff))["id"])
    return f"/v1/variants/{variant['id']}", {"sku": unique("NEW"), "price": {"amount": 7, "currency": "EUR"}}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_write_with_the_tag_of_another_version_is_refused(
    staff: httpx.AsyncClient, kind: str, method: str
) -> None:
    path, body = await create_row(staff, kind)
    before = await read(staff, path)
    for tag in (
        '"2.x"',
        '"0.x"',
        '"-1.x"',
        'W/"1.x"',
        '"1"',
        '"x"',
        "",
        "1.x",
        '"1.x-gzip',
        '"99999999999999999999.x"',
        '"2.x", W/"1.x"',
    ):
        answer = await staff.request(method, path, json=None if method == "DELETE" else body, headers={"If-Match": tag})
        problem = assert_problem(answer, 412, "precondition_failed")
        assert problem["version"] == 1, tag
    assert await read(staff, path) == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tag", ['"1.x"', "*", '"7.x", "1.y"', '"1.0-gzip"', 'W/"9.x" , "1.x"'])
async def test_a_write_with_the_tag_of_this_version_succeeds(staff: httpx.AsyncClient, kind: str, tag: str) -> None:
    path, body = await create_row(staff, kind)
    answer = await staff.put(path, json=body, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert (await staff.delete(path, headers={"If-Match": answer.headers["etag"]})).status_code == 204


@pytest.mark.parametrize("kind", KINDS)
async def test_the_tag_of_any_representation_is_accepted(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, kind: str
) -> None:
    path, body = await create_row(staff, kind)
    for headers, fields in (
        ({"Accept": "application/msgpack"}, "id"),
        ({"Accept-Encoding": "gzip"}, "id,version"),
        ({}, None),
    ):
        tag = (await client.get(path, params={"fields": fields} if fields else None, headers=headers)).headers["etag"]
        assert (await staff.put(path, json=body, headers={"If-Match": tag})).status_code == 200
        body = {n: f"{v}x" if n in ("name", "sku") else v for n, v in body.items()}


async def test_a_missing_row_is_404_whatever_the_tag(staff: httpx.AsyncClient) -> None:
    path = "/v1/products/01a1fd35-a00d-731c-b13c-3a7402625f02"
    for tag in ("*", '"1.x"'):
        assert_problem(await staff.put(path, json={"name": "x"}, headers={"If-Match": tag}), 404, "not_found")


@pytest.fixture(scope="module")
async def strict_staff(
    app: Any, settings: Settings, staff_key: str, anyio_backend: object
) -> AsyncIterator[httpx.AsyncClient]:
    """A staff client of the same shop with REQUIRE_IF_MATCH."""
    from tradepost.app import create_app

    shop = create_app(msgspec.structs.replace(settings, require_if_match=True))
    async with (
        shop.lifespan(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=shop), base_url="http://careful.test", headers={"X-API-Key": staff_key}
        ) as client,
    ):
        yield client


@pytest.mark.parametrize("kind", KINDS)
async def test_a_shop_can_require_preconditions(strict_staff: httpx.AsyncClient, kind: str) -> None:
    path, body = await create_row(strict_staff, kind)
    calls: list[Callable[..., Any]] = [
        lambda **more: strict_staff.put(path, json=body, **more),
        lambda **more: strict_staff.patch(path, json=body, **more),
        lambda **more: strict_staff.delete(path, **more),
    ]
    for call in calls:
        assert_problem(await call(), 428, "precondition_required")
    for call in calls:
        tag = (await strict_staff.get(path)).headers["etag"]
        assert (await call(headers={"If-Match": tag})).status_code in (200, 204)
