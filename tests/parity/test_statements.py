"""What reads cost in SQL: the same number of statements however many rows there are, one for each to-many level, one for each asked total."""

from typing import Any

import httpx
import pytest

from tests.factories import make_media, unique, variant_input
from tests.parity.account_write_cases import client_with_role
from tests.parity.harness import ApiClient, DualDoorApp
from tests.parity.sample_rows import SampleRows
from tests.users import ADDRESS, create_user
from tradepost.areas.accounts.models import AddressRow, ApiKeyRow

type Row = tuple[str, str, str, int]

# Operation, what REST asks for, what GraphQL asks for, statements. A list that begins at a row is that row and the list: one more.
LISTS: list[Row] = [
    ("product_list", "id,name", "nodes { id name }", 1),
    ("product_list", "id,category{name},price_from", "nodes { id category { name } priceFrom { amount currency } }", 1),
    ("product_list", "id,variants{sku}", "nodes { id variants { sku } }", 2),
    ("product_list", "id,variants{sku},categories{slug}", "nodes { id variants { sku } categories { slug } }", 3),
    ("product_list", "variants{product{categories(first:2){id}}}", "nodes { variants { product { categories(first: 2) { id } } } }", 3),
    ("product_list", "category{products(first:2){id}}", "nodes { category { products(first: 2) { nodes { id } } } }", 2),
    ("product_list", "category{products(first:2,total:true){id}}", "nodes { category { products(first: 2) { nodes { id } totalCount } } }", 3),
    ("product_list", "a:variants{sku},b:variants(first:1){sku}", "nodes { a: variants { sku } b: variants(first: 1) { sku } }", 3),
    ("category_list", "id,parent{name}", "nodes { id parent { name } }", 1),
    ("category_list", "children{id}", "nodes { children { nodes { id } } }", 2),
    (
        "category_list", "children(first:3){products(first:4){variants(first:5){id}}}",
        "nodes { children(first: 3) { nodes { products(first: 4) { nodes { variants(first: 5) { id } } } } } }", 4,
    ),
    ("category_children", "id,products{id}", "nodes { id products { nodes { id } } }", 3),
    ("category_products", "id,variants{id}", "nodes { id variants { id } }", 3),
    ("tag_list", "slug,product_count", "nodes { slug productCount }", 1),
    ("tag_list", "products{name}", "nodes { products { nodes { name } } }", 2),
    ("tag_products", "id", "nodes { id }", 2),
    ("variant_list", "id,product{name}", "nodes { id product { name } }", 2),
    ("product_list", "id,media{source_url}", "nodes { id media { sourceUrl } }", 2),
    ("media_list", "id,product{name,media{id}}", "nodes { id product { name media { id } } }", 3),
    ("audit_list", "id,subject,data", "nodes { id subject data }", 1),
    ("user_list", "id,email,role", "nodes { id email role }", 1),
    ("user_list", "id,addresses{city}", "nodes { id addresses { city } }", 2),
    ("address_list", "id,lines", "nodes { id lines }", 1),
    ("api_key_list", "id,prefix,user{email}", "nodes { id prefix user { email } }", 1),
    ("api_key_list", "id,user{addresses{id}}", "nodes { id user { addresses { id } } }", 2),
]  # fmt: skip
ONES: list[Row] = [
    ("product_get", "id,name,category{name,parent{name}}", "id name category { name parent { name } }", 1),
    ("product_get", "id,variants{sku},categories{id}", "id variants { sku } categories { id }", 3),
    ("category_get", "id,products{id,variants{id}}", "id products { nodes { id variants { id } } }", 3),
    ("category_get", "products(total:true){id}", "products { nodes { id } totalCount }", 3),
    ("variant_get", "sku,product{name}", "sku product { name }", 1),
    ("media_get", "status,product{name}", "status product { name }", 1),
    ("tag_get", "slug,product_count,products{id}", "slug productCount products { nodes { id } }", 2),
    ("audit_get", "type,data", "type data", 1),
    ("user_get", "email,role", "email role", 1),
    ("user_get", "email,addresses{city}", "email addresses { city }", 2),
    ("me", "email,addresses{city}", "email addresses { city }", 2),
    ("address_get", "city", "city", 1),
    ("api_key_get", "name,user{email}", "name user { email }", 1),
]
# Reads that show rows to their owner alone: to the others, who may call them, they show nothing.
OWN = ("me", "address_list", "address_get", "api_key_list", "api_key_get")

# Reads behind which no row stands.
TOLD = {"rate_limit": ("/rate-limit", None, "rateLimit { remaining }"),
        "price": ("/price", {"url": "/v1/products"}, 'price(url: "/v1/products") { points }')}  # fmt: skip


@pytest.fixture(scope="module")
async def owner(harness: DualDoorApp) -> ApiClient:
    """A customer with more addresses and keys than stand on a page."""
    owner = await client_with_role(harness, "customer")
    assert owner.person is not None
    async with harness.app.state.database.transaction() as session:
        session.add_all([AddressRow(user_id=owner.person.id, **ADDRESS) for _ in range(101)])
        session.add_all(
            [
                ApiKeyRow(user_id=owner.person.id, name="Key", prefix=unique("prefix"), secret_hash="x" * 64)
                for _ in range(101)
            ]
        )
    for _ in range(101):
        await create_user(harness.app)
    return owner


@pytest.fixture(scope="module", params=["anonymous", "staff", "owner"])
def visitor(harness: DualDoorApp, owner: ApiClient, request: pytest.FixtureRequest) -> ApiClient:
    """Each kind of caller, and the one who owns the rows that somebody owns."""
    return owner if request.param == "owner" else harness.visitors[request.param]


@pytest.fixture(scope="module")
async def rows(harness: DualDoorApp, known: SampleRows, owner: ApiClient) -> dict[str, str]:
    """Keys of rows below which there are more than a page of others."""
    staff = harness.staff
    body = {"name": "Roots", "slug": unique("roots")}
    category = (await staff.rest("POST", "/categories", json=body)).json()["id"]
    tag = unique("many")
    items = [
        {
            "op": "create",
            "input": {
                "name": f"Many {i}",
                "status": "active",
                "category_id": category,
                "tags": [tag],
                "variants": [variant_input()],
            },
        }
        for i in range(100)
    ]
    made = await staff.rest("POST", "/products/batch", json={"items": items}, params={"fields": "id,tags"})
    assert [r["status"] for r in made.json()["results"]] == [201] * 100
    product = made.json()["results"][0]["data"]["id"]
    for i in range(60):
        assert (
            await staff.rest("POST", "/categories", json={"name": f"Twig {i}", "parent_id": category})
        ).status_code == 201
        assert (
            await staff.rest("POST", f"/products/{product}/variants", json=variant_input(), params={"fields": "id"})
        ).status_code == 201
    for i in range(60):
        media = await make_media(harness.app, product, position=i // 2)
    variant = (await staff.rest("GET", f"/products/{product}/variants", params={"limit": "1", "fields": "id"})).json()[
        "data"
    ][0]["id"]
    tag_id = (await staff.rest("GET", f"/tags/{tag}")).json()["id"]
    entry = (await staff.rest("GET", "/audit", params={"limit": "1", "fields": "id"})).json()["data"][0]["id"]
    assert owner.person is not None
    mine = {
        "User": owner.person.id,
        "Address": await owner.person.address(),
        "ApiKey": (await owner.rest("GET", "/api-keys")).json()["data"][0]["id"],
    }
    return {
        "Category": category,
        "Product": product,
        "Variant": variant,
        "Media": media["id"],
        "Tag": tag_id,
        "AuditEntry": entry,
    } | mine


def test_every_read_is_in_the_tables(harness: DualDoorApp) -> None:
    told = {operation for operation, *_ in [*LISTS, *ONES]} | set(TOLD)
    assert told == {n for n, o in harness.registry.operations.items() if not o.is_write}


def keyed(harness: DualDoorApp, operation: str, rows: dict[str, str]) -> tuple[str, str]:
    """The key of a read, and the argument that GraphQL takes it by."""
    found = harness.operation(operation)
    if "key" not in found.signature.parameters:
        return "", ""
    key = rows[(found.parent_relation[0] if found.parent_relation else found.result).name]
    return key, f'{next(iter(harness.root(operation).parameters))}: "{key}"'


@pytest.mark.parametrize(("operation", "fields", "body", "count"), LISTS)
async def test_a_list_takes_as_many_statements_for_100_rows_as_for_one(
    harness: DualDoorApp, rows: dict[str, str], visitor: ApiClient, operation: str, fields: str, body: str, count: int
) -> None:
    key, argument = keyed(harness, operation, rows)
    if not harness.operation(operation).access.allows(visitor.permissions):
        return await refused_without_a_statement(harness, visitor, operation, key)
    counts: dict[int, set[int]] = {1: set(), 50: set(), 100: set()}
    for limit in (1, 50, 100):
        answer, kept = await harness.recorded(
            visitor.rest("GET", harness.path(operation, key), params={"fields": fields, "limit": str(limit)})
        )
        assert answer.status_code == 200, answer.text
        counts[limit].add(len(kept))
        arguments = ", ".join([a for a in (argument, f"first: {limit}") if a])
        data, kept = await harness.recorded(
            visitor.data(f"{{ r: {harness.root(operation).name}({arguments}) {{ {body} }} }}")
        )
        assert bool(data["r"]["nodes"]) == shows(visitor, operation)
        counts[limit].add(len(kept))
    # A level that has no parents is not asked for at all.
    assert counts[50] == counts[100] == ({count} if shows(visitor, operation) else {1})
    assert max(counts[1]) <= count
    assert len(counts[1]) == 1
    return None


@pytest.mark.parametrize("operation", TOLD)
async def test_what_no_row_stands_behind_takes_no_statement(
    harness: DualDoorApp, visitor: ApiClient, operation: str
) -> None:
    path, body, text = TOLD[operation]
    answer, kept = await harness.recorded(visitor.rest("POST" if body else "GET", path, json=body))
    assert (answer.status_code, kept) == (200, [])
    data, kept = await harness.recorded(visitor.data(f"{{ r: {text} }}"))
    assert data["r"]
    assert kept == []


@pytest.mark.parametrize(("operation", "fields", "body", "count"), ONES)
async def test_a_single_read_takes_one_statement_for_each_level(
    harness: DualDoorApp, rows: dict[str, str], visitor: ApiClient, operation: str, fields: str, body: str, count: int
) -> None:
    key, argument = keyed(harness, operation, rows)
    if not harness.operation(operation).access.allows(visitor.permissions):
        return await refused_without_a_statement(harness, visitor, operation, key)
    answer, kept = await harness.recorded(visitor.rest("GET", harness.path(operation, key), params={"fields": fields}))
    expected = (200, count) if shows(visitor, operation) else (404, 1)
    assert (answer.status_code, len(kept)) == expected
    arguments = f"({argument})" if argument else ""
    data, kept = await harness.recorded(visitor.data(f"{{ r: {harness.root(operation).name}{arguments} {{ {body} }} }}"))
    assert (200 if data["r"] else 404, len(kept)) == expected
    return None


def shows(visitor: ApiClient, operation: str) -> bool:
    """Whether a read that this visitor may call shows it anything here."""
    return operation not in OWN or visitor.person is not None


async def refused_without_a_statement(harness: DualDoorApp, visitor: ApiClient, operation: str, key: str) -> None:
    """Who may not costs the database nothing."""
    answer, kept = await harness.recorded(visitor.rest("GET", harness.path(operation, key)))
    assert (answer.status_code, kept) == (403 if visitor.permissions else 401, [])


@pytest.mark.parametrize(("more", "text"), [({"include": "total"}, "totalCount"), ({"page": "1"}, None)])
async def test_a_total_is_one_statement_more(
    harness: DualDoorApp, rows: dict[str, str], more: dict[str, str], text: str | None
) -> None:
    _, kept = await harness.recorded(harness.staff.rest("GET", "/products", params={"fields": "id", **more}))
    assert len(kept) == 2
    if text:
        _, kept = await harness.recorded(harness.staff.data("{ products { nodes { id } totalCount } }"))
        assert len(kept) == 2


async def test_a_node_takes_what_its_own_read_takes_and_nodes_that_for_each(
    harness: DualDoorApp, rows: dict[str, str], visitor: ApiClient
) -> None:
    inner = "{ id ... on Product { variants { sku } } ... on Category { parent { id } } ... on Tag { slug } ... on AuditEntry { type } }"
    may = {
        kind: harness.registry.getter(harness.registry.resources[kind]).access.allows(visitor.permissions) for kind in rows
    }  # type: ignore[union-attr]
    shown = {
        kind: key
        for kind, key in rows.items()
        if may[kind] and (kind not in ("Address", "ApiKey") or visitor.person is not None)
    }
    # What its own read refuses costs nothing; what it does not find costs that look.
    takes = {kind: 2 if kind == "Product" else 1 if may[kind] else 0 for kind in rows}
    for kind, key in rows.items():
        data, kept = await harness.recorded(visitor.data(f'{{ node(id: "{key}") {inner} }}'))
        assert data["node"] == (None if kind not in shown else data["node"] | {"id": key})
        assert len(kept) == takes[kind]
    ids = [*rows.values(), *rows.values()]
    data, kept = await harness.recorded(
        visitor.data(f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {inner} }}", {"ids": ids})
    )
    assert [n and n["id"] for n in data["nodes"]] == [id if id in shown.values() else None for id in ids]
    assert len(kept) == sum(takes.values())


@pytest.mark.parametrize(
    "text",
    ['{ node(id: "nothing") { id } }', '{ node(id: "01924560-6c00-7d4b-bb5e-72fc1f750dff") { id } }', "{ __typename }"],
)
async def test_what_names_no_row_takes_no_statement(harness: DualDoorApp, text: str) -> None:
    data, kept = await harness.recorded(harness.staff.data(text))
    assert kept == []
    assert not data.get("node")


async def test_a_refused_request_takes_no_statement(harness: DualDoorApp) -> None:
    answer: tuple[httpx.Response, Any] = await harness.recorded(
        harness.anonymous.rest("GET", "/products", params={"sort": "nope"})
    )
    assert (answer[0].status_code, answer[1]) == (400, [])
    refused, kept = await harness.recorded(harness.anonymous.post("{ products(first: 0) { nodes { id } } }"))
    assert (refused["errors"][0]["extensions"]["code"], kept) == ("invalid_parameter", [])
