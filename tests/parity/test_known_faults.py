"""Faults that other shops and frameworks with two doors had, each tried here. A test is named after the id of the fault elsewhere.

Those about budgets, aliases' cost, subscriptions, orders, uploads and sockets stand with what they are about.
"""

from typing import Any

import httpx
import pytest

from tests.factories import unique, variant_input
from tests.parity.harness import ApiClient, DualDoorApp, Json
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.problems import Unauthenticated
from tradepost.kit.writes.call_context import CallContext

MARK = "Vqzeltor"


@pytest.fixture(scope="module")
async def secret(harness: DualDoorApp) -> Json:
    """An active product with a member that only editors read, and a draft; both have a word that nothing else has."""
    made: Json = {}
    for status in ("active", "draft"):
        own = unique("m").replace("-", "")
        body = complete_product(own) | {
            "status": status,
            "source": {"cost": f"{MARK}-{unique()}"},
            "name": f"Faulty {own}",
            "tags": [unique("tag")],
        }
        answer = await harness.staff.rest(
            "POST", "/products", json=body, params={"fields": "id,slug,source,name,created_at,variants{id,sku}"}
        )
        assert answer.status_code == 201, answer.text
        made[status] = answer.json()
    return made


async def entry_of(harness: DualDoorApp, subject: str) -> str:
    """The id of the newest audit entry about a row."""
    return (await harness.staff.rest("GET", "/audit", params={"subject": subject, "fields": "id"})).json()["data"][0][
        "id"
    ]


async def test_cve_2025_31481_node_skips_the_policy(harness: DualDoorApp, secret: Json) -> None:
    """API Platform: Relay's `node` found a row without asking the security of its own operation."""
    draft = secret["draft"]
    ids = [draft["id"], draft["variants"][0]["id"], await entry_of(harness, draft["id"])]
    text = "query ($id: ID!, $ids: [ID!]!) { node(id: $id) { id } nodes(ids: $ids) { id } }"
    for id in ids:
        assert await harness.anonymous.data(text, {"id": id, "ids": ids}) == {"node": None, "nodes": [None] * 3}
        assert await harness.staff.data(text, {"id": id, "ids": ids}) == {
            "node": {"id": id},
            "nodes": [{"id": i} for i in ids],
        }
    inner = f'{{ node(id: "{secret["active"]["id"]}") {{ ... on Product {{ source }} }} }}'
    [error] = (await harness.anonymous.post(inner))["errors"]
    assert error["extensions"]["code"] == "unauthenticated"


async def test_cve_2024_54151_no_principal_is_no_admin(harness: DualDoorApp, secret: Json) -> None:
    """Directus: where no principal was set, the request was run without any check, as if by an administrator."""
    assert (ANONYMOUS.id, ANONYMOUS.permissions, ANONYMOUS.is_authenticated) == (None, frozenset(), False)
    context = CallContext(Caller(), harness.app.state.database, dependencies=harness.app.state.dependencies)
    for name, of in harness.registry.operations.items():
        if of.access.permission:
            # Whatever the arguments are: the access is asked before anything looks at them.
            with pytest.raises(Unauthenticated):
                await of.__get__(of.service(context), of.service)()
            assert of.access.check(caller_with(of.access.permission)) is None, name
    for headers in (
        {},
        {"X-API-Key": ""},
        {"Authorization": ""},
        {"Authorization": "Bearer null"},
        {"X-User": "admin"},
        {"X-Cart-Token": "x"},
    ):
        for method, path in (("GET", "/audit"), ("POST", "/products"), ("GET", f"/products/{secret['draft']['id']}")):
            answer = await harness.anonymous.rest(
                method, path, headers=headers, **({"json": {"name": "x"}} if method == "POST" else {})
            )
            assert answer.status_code in (401, 404), (headers, path)
            assert answer.status_code == 401 or path.startswith("/products/")


def caller_with(permission: str) -> Caller:
    """A caller with one permission."""
    return Caller(id="01890a5d-ac96-774b-bcce-b302099a800a", role="staff", permissions=frozenset({permission}))


async def test_cve_2024_39895_duplicated_fields(harness: DualDoorApp, secret: Json) -> None:
    """Directus: one field written many times in a document was worked out as often, until the service stood still."""
    once = await measured(harness, "{ products(first: 2) { nodes { id variants { sku } } } }")
    often = await measured(harness, "{ products(first: 2) { " + "nodes { id variants { sku } } " * 50 + "} }")
    nested = await measured(harness, "{ products(first: 2) { nodes { id " + "variants { sku sku sku } " * 50 + "} } }")
    assert once == often == nested
    refused = await harness.anonymous.client.post(
        "/graphql", json={"query": "{" + " products { nodes { id } }" * 100 + "}"}
    )
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (400, "document_too_large")
    rest, kept = await harness.record(
        harness.anonymous.rest("GET", "/products", params={"limit": "2", "fields": "id," + "variants{sku}," * 50})
    )
    assert rest.status_code == 200
    assert len(kept) == once[1]


async def measured(harness: DualDoorApp, text: str) -> tuple[Any, int]:
    """What a document answers, and how many statements that took."""
    data, kept = await harness.record(harness.anonymous.data(text))
    return data, len(kept)


async def test_cve_2025_30352_search_on_a_hidden_field(harness: DualDoorApp, secret: Json) -> None:
    """Directus: the search looked into fields that the caller may not read, so its hits told what stood in them."""
    cost = secret["active"]["source"]["cost"]
    for visitor in (harness.anonymous, harness.staff):
        for word in (MARK, cost, cost.split("-")[-1]):
            listed = (
                await visitor.rest(
                    "GET",
                    "/products",
                    params={"q": f"{word}", "fields": "id,source" if visitor is harness.staff else "id"},
                )
            ).json()["data"]
            page = (await visitor.data(f'{{ products(filter: {{q: "{word}"}}) {{ nodes {{ id }} }} }}'))["products"][
                "nodes"
            ]
            assert (listed, page) == ([], []), word
    shown, hidden = secret["active"], secret["draft"]
    for word in (hidden["name"].split()[1], hidden["variants"][0]["sku"]):
        assert (await harness.anonymous.rest("GET", "/products", params={"q": word})).json()["data"] == []
    assert [
        r["id"]
        for r in (await harness.anonymous.rest("GET", "/products", params={"q": shown["variants"][0]["sku"]})).json()[
            "data"
        ]
    ] == [shown["id"]]


async def test_cve_2024_34708_an_alias_reveals_a_redacted_value(harness: DualDoorApp, secret: Json) -> None:
    """Directus: what was redacted under a field's own name came out under an alias."""
    id = secret["active"]["id"]
    for fields in (
        "source",
        "a: source",
        "name: source",
        "x: source, name",
        "variants{sku: source}",
        "variants{product{p: source}}",
    ):
        answer = await harness.anonymous.rest("GET", f"/products/{id}", params={"fields": fields})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), fields
        assert MARK not in answer.text
        inner = fields.replace("{", " { ").replace("}", " } ").replace(",", " ")
        document = f'{{ product(id: "{id}") {{ {inner} }} node(id: "{id}") {{ ... on Product {{ {inner} }} }} }}'
        for text in (document, f"{document} fragment F on Product {{ a: source }}".replace(inner, f"{inner} ...F", 1)):
            said = await harness.anonymous.client.post("/graphql", json={"query": text})
            assert "unauthenticated" in said.text, text
            assert MARK not in said.text


ORACLES = [
    {"source": MARK}, {"source[cost]": MARK}, {"source.cost": MARK}, {"source_contains": MARK}, {"source_gte": "a"}, {"source": ""},
    {"imported_quantity": "1"}, {"imported_quantity_gt": "0"}, {"variants[imported_quantity]": "1"}, {"filter": f'{{"source": "{MARK}"}}'},
]  # fmt: skip


@pytest.mark.parametrize("params", ORACLES, ids=str)
async def test_cve_2026_27886_and_cve_2023_22894_a_filter_as_oracle(
    harness: DualDoorApp, secret: Json, params: dict[str, str]
) -> None:
    """Strapi: rows could be filtered by a private member, so that asking often enough spelled its value out, letter by letter."""
    row = secret["active"]
    for path in ("/products", f"/products/{row['id']}/variants"):
        answer = await harness.anonymous.rest("GET", path, params=params)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    [name, *_] = params
    for fields in (
        f"variants(filter: {{{name}: 1}}){{id}}",
        f'category{{products(filter: {{{name}: "{MARK}"}}){{id}}}}',
    ):
        assert (
            await harness.anonymous.rest("GET", f"/products/{row['id']}", params={"fields": fields})
        ).status_code == 400
    for filter in (f'source: "{MARK}"', f'source: {{cost: "{MARK}"}}', "importedQuantity: 1", "importedQuantityGt: 0"):
        answer = (
            await harness.anonymous.client.post(
                "/graphql", json={"query": f"{{ products(filter: {{{filter}}}) {{ totalCount }} }}"}
            )
        ).json()
        assert answer["errors"][0]["extensions"]["status"] == 400
        assert not answer.get("data")


async def test_a_filter_is_no_way_around_the_access_of_its_member(harness: DualDoorApp) -> None:
    """The same for members to come: whoever may not read one may neither filter nor sort by what bears its name."""
    for of in harness.registry.resources.values():
        for member, access in of.field_access.items():
            names = {member, *[f"{member}_{k}" for k in ("gte", "gt", "lte", "lt")]}
            assert [n for n, f in of.filters.items() if n in names and f.access != access] == [], of.name
            assert [n for n, s in of.sorts.items() if n == member and s.access != access] == [], of.name


@pytest.mark.parametrize("name", ["source", "imported_quantity", "source.cost", "variants.imported_quantity"])
async def test_cve_2026_57954_a_sort_as_oracle(harness: DualDoorApp, secret: Json, name: str) -> None:
    """Payload: rows could be sorted by a member that the caller may not read, and their order told its values."""
    row = secret["active"]
    for sort in (name, f"-{name}", f"created_at,{name}"):
        for path in ("/products", f"/products/{row['id']}/variants"):
            answer = await harness.anonymous.rest("GET", path, params={"sort": sort})
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
        answer = await harness.anonymous.rest(
            "GET", f"/products/{row['id']}", params={"fields": f'variants(sort: "{sort}"){{id}}'}
        )
        assert answer.status_code == 400
    key = name.replace(".", "_").upper()
    for text in (f"products(sort: [{key}_ASC])", f"products(sort: [CREATED_AT_ASC, {key}_DESC])"):
        said = (
            await harness.anonymous.client.post("/graphql", json={"query": f"{{ {text} {{ nodes {{ id }} }} }}"})
        ).json()
        assert said["errors"][0]["extensions"]["status"] == 400


async def test_the_public_order_says_nothing_of_what_is_hidden(harness: DualDoorApp, secret: Json) -> None:
    """A page is as full, and its cursors as long, whether or not a draft stands between its rows."""
    row = secret["draft"]
    params = {"created_at_gte": row["created_at"], "created_at_lte": row["created_at"], "include": "total"}
    for more in ({}, {"sort": "price"}, {"sort": "-name"}, {"limit": "1"}):
        page = (await harness.anonymous.rest("GET", "/products", params={**params, **more})).json()
        assert (page["data"], page["total"], page["has_more"], page["next_cursor"]) == ([], 0, False, None)


async def test_cve_2026_33756_unbounded_batch(harness: DualDoorApp) -> None:
    """A batch took any number of documents or items, each of which cost as much as a request of its own."""
    one = {"query": "{ __typename }"}
    for documents in ([], [one], [one] * 1000):
        answer = await harness.anonymous.client.post("/graphql", json=documents)
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "malformed")
    item = {"op": "create", "input": {"name": "One of many"}}
    before = await count(harness)
    answer = await harness.staff.rest("POST", "/products/batch", json={"items": [item] * 101})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation")
    text = (
        "mutation ($items: [ProductBatchItemInput!]!) { productBatch(input: {items: $items}) { results { status } } }"
    )
    [error] = (await harness.staff.post(text, {"items": [item | {"op": "CREATE"}] * 101}))["errors"]
    assert error["extensions"]["code"] == "validation"
    [error] = (await harness.anonymous.post("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["x"] * 101}))[
        "errors"
    ]
    assert error["extensions"]["code"] == "invalid_parameter"
    body = {"name": "Many", "variants": [variant_input() for _ in range(101)]}
    assert (await harness.staff.rest("POST", "/products", json=body)).status_code == 422
    assert await count(harness) == before


async def count(harness: DualDoorApp) -> int:
    """How many products there are."""
    return (await harness.staff.rest("GET", "/products", params={"include": "total", "limit": "1"})).json()["total"]


MULTIPART = {
    "operations": (None, '{"query": "mutation { productCreate(input: {name: \\"Forged\\"}) { id } }"}'), "map": (None, "{}"), "name": (None, "Forged"),
    "query": (None, 'mutation { productCreate(input: {name: "Forged"}) { id } }'),
}  # fmt: skip
# What a form can send without being asked for, besides multipart.
FORMS = ("application/x-www-form-urlencoded", "text/plain", "text/plain; application/json", "")
PLAIN = b'{"query": "mutation { productCreate(input: {name: \\"Forged\\"}) { id } }", "name": "Forged"}'


async def test_cve_2024_47082_multipart_csrf(harness: DualDoorApp) -> None:
    """Strawberry: multipart was read on `/graphql`, which a form of any other site can send without a preflight."""
    before = await count(harness)
    for visitor in (harness.anonymous, harness.staff):
        for path, method in (
            ("/graphql", "POST"),
            ("/v1/products", "POST"),
            ("/v1/products/batch", "POST"),
            (f"/v1/products/{unique()}", "PATCH"),
        ):
            answers = [await visitor.client.request(method, path, files=MULTIPART)]
            answers += [
                await visitor.client.request(
                    method, path, content=PLAIN, headers={"content-type": media} if media else {}
                )
                for media in FORMS
            ]
            for answer in answers:
                refused = visitor is harness.anonymous and path != "/graphql"
                assert (answer.status_code, answer.json()["code"]) == (
                    (401, "unauthenticated") if refused else (415, "unsupported_media_type")
                ), path
        for query in ({"query": MULTIPART["query"][1]}, {"operations": MULTIPART["operations"][1]}):
            assert (await visitor.client.get("/graphql", params=query)).status_code in (400, 405)
    cookies = {"session": "x", "X-API-Key": "x", "Authorization": "x"}
    header = {"Cookie": "; ".join([f"{k}={v}" for k, v in cookies.items()])}
    assert (
        await harness.anonymous.client.post("/v1/products", json={"name": "Forged"}, headers=header)
    ).status_code == 401
    assert await count(harness) == before


async def test_a_cache_key_without_the_caller(harness: DualDoorApp, secret: Json) -> None:
    """Keystone, WPGraphQL Smart Cache and others: what was kept for one caller was answered to the next who asked with the same words."""
    draft, active = secret["draft"]["id"], secret["active"]["id"]
    customer = await another(harness)
    text = (
        f'{{ product(id: "{draft}") {{ id name }} node(id: "{draft}") {{ id }} it: product(id: "{active}") {{ id }} }}'
    )
    # Each asks with the very same bytes, in every order of the callers.
    for visitors in (
        [harness.staff, harness.anonymous, customer],
        [customer, harness.staff, harness.anonymous],
        [harness.anonymous, customer, harness.staff],
    ):
        for visitor in (*visitors, *visitors):
            sees = visitor is harness.staff
            assert (await visitor.rest("GET", f"/products/{draft}")).status_code == (200 if sees else 404)
            assert ("source" in (await visitor.rest("GET", f"/products/{active}")).json()) is sees
            assert (await visitor.rest("GET", f"/products/{active}", params={"fields": "source"})).status_code == (
                200 if sees else 401 if visitor is harness.anonymous else 403
            )
            for data in (
                await visitor.data(text),
                (await visitor.client.get("/graphql", params={"query": text})).json()["data"],
            ):
                assert (data["product"] is not None, data["node"] is not None, data["it"]) == (
                    sees,
                    sees,
                    {"id": active},
                )
            assert (await visitor.rest("GET", "/audit", params={"limit": "1"})).status_code == (
                200 if sees else 401 if visitor is harness.anonymous else 403
            )
            answers = [
                await visitor.rest("GET", f"/products/{active}"),
                await visitor.client.get("/graphql", params={"query": text}),
            ]
            for answer in answers:
                # Others' caches are told the same: only what anybody may see is public, and the credential is part of the key.
                assert answer.headers["cache-control"].startswith(
                    "public" if visitor is harness.anonymous else "private, no-cache"
                )
                assert {"Authorization", "X-API-Key"} <= set(answer.headers["vary"].split(", "))
    await customer.client.aclose()


async def test_an_entity_tag_is_no_way_around_the_caller(harness: DualDoorApp, secret: Json) -> None:
    """The same of conditional requests: a tag that the staff got gives nobody else a 304."""
    paths = (f"/products/{secret['draft']['id']}", f"/products/{secret['active']['id']}", "/audit")
    for path, status in zip(paths, (404, 200, 401), strict=True):
        etag = (await harness.staff.rest("GET", path)).headers["etag"]
        for tag in (etag, f"W/{etag}", "*"):
            answer = await harness.anonymous.rest("GET", path, headers={"If-None-Match": tag})
            assert answer.status_code == (304 if (status, tag) == (200, "*") else status), (path, tag)


async def another(harness: DualDoorApp) -> ApiClient:
    """A customer by a key."""
    headers = {"X-API-Key": await harness.app.state.credentials.create(name="a customer", role="customer")}
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=harness.app), base_url="http://tradepost.test", headers=headers
    )
    return ApiClient("customer", client, frozenset())
