"""Vulnerabilities of other servers in their use of HTTP: forged forms, and shared cache entries."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.parity.harness import ApiClient, DualDoorApp, Json
from tests.users import http_client

MUTATION = 'mutation { productCreate(input: {name: "Forged"}) { id } }'
OPERATIONS = '{"query": "mutation { productCreate(input: {name: \\"Forged\\"}) { id } }"}'
MULTIPART: dict[str, Any] = {
    "operations": (None, OPERATIONS),
    "map": (None, "{}"),
    "name": (None, "Forged"),
    "query": (None, MUTATION),
}
# Further media types that a browser sends to other sites without a preflight.
FORMS = ("application/x-www-form-urlencoded", "text/plain", "text/plain; application/json", "")
BODY = b'{"query": "mutation { productCreate(input: {name: \\"Forged\\"}) { id } }", "name": "Forged"}'
WRITES = (
    ("POST", "/graphql"),
    ("POST", "/v1/products"),
    ("POST", "/v1/products/batch"),
    ("PATCH", "/v1/products/no-such-product"),
)


@pytest.fixture
async def customer_key(harness: DualDoorApp) -> AsyncIterator[ApiClient]:
    """An API key with the role of a customer, without a user."""
    key = await harness.app.state.credentials.create(name="a customer", role="customer")
    async with http_client(harness.app, key) as client:
        yield ApiClient("customer", client, frozenset())


async def count_products(harness: DualDoorApp) -> int:
    """Return the number of products."""
    return (await harness.staff.rest("GET", "/products", params={"include": "total", "limit": "1"})).json()["total"]


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_cve_2024_47082_a_form_of_another_site_writes_nothing(
    harness: DualDoorApp, method: str, path: str
) -> None:
    """Strawberry: `/graphql` read forms, which other sites can send without a preflight."""
    before = await count_products(harness)
    for caller in (harness.anonymous, harness.staff):
        answers = [await caller.client.request(method, path, files=MULTIPART)]
        for media_type in FORMS:
            headers = {"content-type": media_type} if media_type else {}
            answers.append(await caller.client.request(method, path, content=BODY, headers=headers))
        is_refused = caller is harness.anonymous and path != "/graphql"
        expected = (401, "unauthenticated") if is_refused else (415, "unsupported_media_type")
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [expected] * 5
    assert await count_products(harness) == before


async def test_cve_2024_47082_a_mutation_in_a_url_or_a_credential_in_a_cookie_writes_nothing(
    harness: DualDoorApp,
) -> None:
    before = await count_products(harness)
    for caller in (harness.anonymous, harness.staff):
        for query in ({"query": MUTATION}, {"operations": OPERATIONS}):
            assert (await caller.client.get("/graphql", params=query)).status_code in (400, 405)
    headers = {"Cookie": "session=x; X-API-Key=x; Authorization=x"}
    answer = await harness.anonymous.rest("POST", "/products", json={"name": "Forged"}, headers=headers)
    assert answer.status_code == 401
    assert await count_products(harness) == before


async def test_no_cache_returns_the_answer_of_one_caller_to_another(
    harness: DualDoorApp, secret_products: Json, customer_key: ApiClient
) -> None:
    """Keystone, WPGraphQL Smart Cache and others: cache keys did not contain the caller."""
    draft, active = secret_products["draft"]["id"], secret_products["active"]["id"]
    fields = f'product(id: "{draft}") {{ id name }} node(id: "{draft}") {{ id }} it: product(id: "{active}") {{ id }}'
    text = f"{{ {fields} }}"
    # Each sends the same bytes, in every order of the callers.
    for callers in (
        [harness.staff, harness.anonymous, customer_key],
        [customer_key, harness.staff, harness.anonymous],
        [harness.anonymous, customer_key, harness.staff],
    ):
        for caller in (*callers, *callers):
            is_staff, is_anonymous = caller is harness.staff, caller is harness.anonymous
            allowed = 200 if is_staff else 401 if is_anonymous else 403
            whole = await caller.rest("GET", f"/products/{active}")
            by_get = await caller.client.get("/graphql", params={"query": text})
            assert (await caller.rest("GET", f"/products/{draft}")).status_code == (200 if is_staff else 404)
            assert ("source" in whole.json()) is is_staff
            source = await caller.rest("GET", f"/products/{active}", params={"fields": "source"})
            assert source.status_code == allowed
            for data in (await caller.data(text), by_get.json()["data"]):
                assert (data["product"] is not None, data["node"] is not None) == (is_staff, is_staff)
                assert data["it"] == {"id": active}
            assert (await caller.rest("GET", "/audit", params={"limit": "1"})).status_code == allowed
            for answer in (whole, by_get):
                # The same holds for other caches: only public data is `public`, and the credential
                # is part of the key.
                cache_control = "public" if is_anonymous else "private, no-cache"
                assert answer.headers["cache-control"].startswith(cache_control)
                assert {"Authorization", "X-API-Key"} <= set(answer.headers["vary"].split(", "))


async def test_an_entity_tag_of_another_caller_does_not_bypass_the_access_rules(
    harness: DualDoorApp, secret_products: Json
) -> None:
    paths = (f"/products/{secret_products['draft']['id']}", f"/products/{secret_products['active']['id']}", "/audit")
    for path, status in zip(paths, (404, 200, 401), strict=True):
        etag = (await harness.staff.rest("GET", path)).headers["etag"]
        for tag in (etag, f"W/{etag}", "*"):
            answer = await harness.anonymous.rest("GET", path, headers={"If-None-Match": tag})
            # `*` matches any representation, so it is a 304 if the caller may read the row.
            assert answer.status_code == (304 if (status, tag) == (200, "*") else status), (path, tag)
