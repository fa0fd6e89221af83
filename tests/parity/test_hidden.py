"""A row that a caller may not see does not exist for that caller, on any path of either door."""

import json
from typing import Any

import pytest

from tests.factories import make_media, unique, variant_input
from tests.parity.cases import MEMBERS, REGISTRY
from tests.parity.fields import camel, graphql_fields
from tests.parity.harness import UNKNOWN_SLUG, ApiClient, DualDoorApp, Json
from tests.parity.sample_rows import SampleRows

HIDDEN_WORD = "Zyxwv"
CREATED_FIELDS = "id,slug,tags,status,variants{id,sku},external_reference,created_at"


@pytest.fixture(scope="package", params=["draft", "archived"])
async def hidden(harness: DualDoorApp, sample_rows: SampleRows, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A hidden product between two visible ones, in one category and with one tag."""
    staff, word = harness.staff, unique("word")
    category = (await staff.rest("POST", "/categories", json={"name": "Case", "slug": unique("case")})).json()
    rows: list[Any] = []
    for status in ("active", request.param, "active"):
        body = {
            "name": f"Hidden {HIDDEN_WORD} {word}",
            "status": status,
            "slug": unique("p"),
            "external_reference": unique("ref"),
            "category_id": category["id"],
            "tags": [word, unique(f"own-{status}")],
            "variants": [variant_input(500, source={"a": 1})],
            "source": {"b": 2},
        }
        answer = await staff.rest("POST", "/products", json=body, params={"fields": CREATED_FIELDS})
        assert answer.status_code == 201, answer.text
        rows.append(answer.json() | {"media": await make_media(harness.app, answer.json()["id"])})
    row = rows[1]
    tag_id = (await staff.rest("GET", f"/tags/{row['tags'][1]}")).json()["id"]
    return {
        "row": row,
        "shown": [rows[0], rows[2]],
        "category": category,
        "word": word,
        "tag": row["tags"][1],
        "tag_id": tag_id,
    }


def secrets(hidden: dict[str, Any]) -> list[str]:
    """Return texts that reveal the row."""
    row = hidden["row"]
    below = [row["variants"][0]["id"], row["variants"][0]["sku"], row["media"]["id"], row["media"]["source_url"]]
    return [row["id"], row["slug"], row["external_reference"], *below, hidden["tag"], hidden["tag_id"]]


async def read_text(caller: ApiClient, path: str, **params: str) -> str:
    """Return the text of an answer."""
    answer = await caller.rest("GET", path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_it_cannot_be_read_by_any_key(harness: DualDoorApp, hidden: dict[str, Any]) -> None:
    row, tag, tag_id = hidden["row"], hidden["tag"], hidden["tag_id"]
    variant, media = row["variants"][0]["id"], row["media"]["id"]
    products = [f"/products/{key}{below}" for key in (row["id"], row["slug"]) for below in ("", "/variants", "/media")]
    others = [f"/variants/{variant}", f"/media/{media}", f"/tags/{tag}", f"/tags/{tag_id}", f"/tags/{tag}/products"]
    for path in [*products, *others]:
        assert (await harness.anonymous.rest("GET", path)).status_code == 404, path
        assert (await harness.staff.rest("GET", path)).status_code == 200, path
    text = """query ($id: ID!, $slug: String, $variant: ID!, $media: ID!, $tag: ID!, $ids: [ID!]!) {
      a: product(id: $id) { id } b: product(slug: $slug) { id } c: productVariants(productId: $id) { nodes { id } }
      d: variant(id: $variant) { id } e: tag(id: $tag) { id } f: tagProducts(tagId: $tag) { nodes { id } }
      g: node(id: $id) { id } h: node(id: $variant) { id } j: productMedia(productId: $id) { nodes { id } }
      k: media(id: $media) { id } l: node(id: $media) { id } i: nodes(ids: $ids) { id } }"""
    ids = [row["id"], variant, media, tag_id]
    keys = {"id": row["id"], "slug": row["slug"], "variant": variant, "media": media, "tag": tag_id}
    data = await harness.anonymous.data(text, keys | {"ids": ids})
    assert {k: v for k, v in data.items() if k != "i"} == dict.fromkeys("abcdefghjkl")
    assert data["i"] == [None] * 4
    data = await harness.staff.data(text, keys | {"ids": ids})
    assert all(data.values())
    assert all(data["i"])


@pytest.mark.parametrize(
    "fields",
    [
        "id,slug",
        "id,products{id,slug,external_reference}",
        "products{category{products{id,slug}}}",
        "products{variants{product{id,category{products{id}}}}}",
        "products{categories{products{id,slug}}}",
        "products{variants{id,sku,product{slug}}}",
        "products{media{id,source_url,product{id,media{id}}}}",
    ],
)
async def test_it_is_at_no_depth_below_its_category(harness: DualDoorApp, hidden: dict[str, Any], fields: str) -> None:
    category = hidden["category"]["id"]
    selection = graphql_fields(REGISTRY.resources["Category"], fields)
    texts = [
        await read_text(harness.anonymous, f"/categories/{category}", fields=fields),
        str(await harness.anonymous.data(f'{{ category(id: "{category}") {{ {selection} }} }}')),
    ]
    for text in texts:
        assert [secret for secret in secrets(hidden) if secret in text] == []
    if "{" in fields:
        text = await read_text(harness.staff, f"/categories/{category}", fields=fields)
        assert [secret for secret in secrets(hidden) if secret in text] != [], "staff see it there"


SORTS = {
    "name": "NAME_ASC",
    "-price": "PRICE_DESC",
    "-created_at": "CREATED_AT_DESC",
    "updated_at": "UPDATED_AT_ASC",
}


async def list_products(caller: ApiClient, filters: Json, sort: str = "") -> list[Any]:
    """Return the ids and the total of a filtered list, which are equal at both doors."""
    params = filters | {"include": "total", "fields": "id"} | ({"sort": sort} if sort else {})
    rest = (await caller.rest("GET", "/products", params=params)).json()
    conditions = [f"{camel(n)}: {v.upper() if n == 'status' else json.dumps(v)}" for n, v in filters.items()]
    order = f", sort: {SORTS[sort]}" if sort else ""
    fields = "nodes { id } totalCount pageInfo { hasNextPage }"
    text = f"{{ products(filter: {{{', '.join(conditions)}}}{order}) {{ {fields} }} }}"
    graphql = (await caller.data(text))["products"]
    ids = [row["id"] for row in rest["data"]]
    assert ids == [node["id"] for node in graphql["nodes"]]
    assert (rest["total"], rest["has_more"]) == (graphql["totalCount"], graphql["pageInfo"]["hasNextPage"])
    return [ids, rest["total"]]


@pytest.mark.parametrize("sort", SORTS)
async def test_a_filtered_and_sorted_list_neither_returns_nor_counts_it(
    harness: DualDoorApp, hidden: dict[str, Any], sort: str
) -> None:
    for filters in (
        {"q": f"{HIDDEN_WORD} {hidden['word']}"},
        {"tag": hidden["word"]},
        {"category": hidden["category"]["slug"]},
    ):
        ids, total = await list_products(harness.anonymous, filters, sort)
        assert (hidden["row"]["id"] in ids, total) == (False, 2)
        ids, total = await list_products(harness.staff, filters, sort)
        assert (hidden["row"]["id"] in ids, total) == (True, 3)


async def test_a_filter_by_its_own_values_does_not_find_it(harness: DualDoorApp, hidden: dict[str, Any]) -> None:
    row = hidden["row"]
    for filters in (
        {"slug": row["slug"]},
        {"external_reference": row["external_reference"]},
        {"status": row["status"]},
        {"tag": hidden["tag"]},
        {"q": row["variants"][0]["sku"]},
        {"created_at_gte": row["created_at"], "created_at_lte": row["created_at"]},
    ):
        assert await list_products(harness.anonymous, filters) == [[], 0], filters
        assert (await list_products(harness.staff, filters))[1] >= 1, filters


async def test_the_count_of_a_tag_does_not_include_it(harness: DualDoorApp, hidden: dict[str, Any]) -> None:
    word = hidden["word"]
    products = "products { nodes { id } totalCount }"
    text = (
        f'{{ tags(filter: {{slug: "{word}"}}) {{ nodes {{ productCount {products} }} }}'
        f' tag(slug: "{word}") {{ productCount }} }}'
    )
    for caller, count in ((harness.anonymous, 2), (harness.staff, 3)):
        assert (await caller.rest("GET", f"/tags/{word}")).json()["product_count"] == count
        data = await caller.data(text)
        [tag] = data["tags"]["nodes"]
        assert (tag["productCount"], data["tag"]["productCount"]) == (count, count)
        assert (len(tag["products"]["nodes"]), tag["products"]["totalCount"]) == (count, count)
    page = await harness.anonymous.rest("GET", "/tags", params={"slug": hidden["tag"], "include": "total"})
    assert (page.json()["data"], page.json()["total"]) == ([], 0)


async def test_a_page_is_full_and_its_cursor_skips_it(harness: DualDoorApp, hidden: dict[str, Any]) -> None:
    ids = [row["id"] for row in hidden["shown"]]
    params = {"tag": hidden["word"], "sort": "created_at", "limit": "1", "fields": "id"}
    first = (await harness.anonymous.rest("GET", "/products", params=params)).json()
    assert (first["data"], first["has_more"]) == ([{"id": ids[0]}], True)
    params["cursor"] = first["next_cursor"]
    second = (await harness.anonymous.rest("GET", "/products", params=params)).json()
    assert (second["data"], second["has_more"]) == ([{"id": ids[1]}], False)


async def test_a_change_is_refused_before_its_existence_is_checked(
    harness: DualDoorApp, hidden: dict[str, Any]
) -> None:
    for id in (hidden["row"]["id"], UNKNOWN_SLUG):
        answer = await harness.anonymous.rest("PATCH", f"/products/{id}", json={"name": 1})
        text = f'mutation {{ productUpdate(id: "{id}", patch: {{name: ""}}) {{ id }} }}'
        [error] = (await harness.anonymous.post(text))["errors"]
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert error["extensions"]["code"] == "unauthenticated"


RESTRICTED = [
    (resource, name)
    for resource, _, name in [member.partition(".") for member in MEMBERS]
    if resource in ("Product", "Variant")
]
"""The members and relations that only editors read."""
# A list whose rows contain the restricted members deeper down.
NESTED = {"Product": "category{products{%s}}", "Variant": "variants{%s}"}


def has_member(value: Any, name: str) -> bool:
    """Whether a member of this name occurs in an answer, at any depth."""
    if isinstance(value, dict):
        return name in value or any(has_member(below, name) for below in value.values())
    return isinstance(value, list) and any(has_member(below, name) for below in value)


@pytest.mark.parametrize(("resource", "name"), RESTRICTED)
async def test_a_restricted_member_is_refused_alike_by_both_doors(
    harness: DualDoorApp, hidden: dict[str, Any], resource: str, name: str
) -> None:
    row, field, declared = hidden["shown"][0], camel(name), REGISTRY.resources[resource]
    is_relation = name in declared.relations
    selected = f"{name}{{id}}" if is_relation else name
    graphql_selected = graphql_fields(declared, selected)
    plural, id = ("products", row["id"]) if resource == "Product" else ("variants", row["variants"][0]["id"])
    nested, path = NESTED[resource] % selected, f"/{plural}/{id}"
    for where, fields in ((path, selected), ("/products", nested)):
        refused = await harness.anonymous.rest("GET", where, params={"fields": fields})
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated"), refused.text
        answer = await harness.staff.rest("GET", where, params={"fields": fields})
        assert answer.status_code == 200
        assert has_member(answer.json(), name), answer.text
    for text in (
        f'{{ {plural[:-1]}(id: "{id}") {{ {graphql_selected} }} }}',
        f"{{ products {{ nodes {{ {graphql_fields(REGISTRY.resources['Product'], nested)} }} }} }}",
        f'{{ node(id: "{id}") {{ ... on {resource} {{ {graphql_selected} }} }} }}',
    ):
        [error] = (await harness.anonymous.post(text))["errors"]
        assert (error["extensions"]["status"], error["extensions"]["code"]) == (401, "unauthenticated")
        assert has_member(await harness.staff.data(text), field)
    listed = "/products" if resource == "Product" else f"/products/{row['id']}/variants"
    for params in ({name: "1"}, {"sort": name}, {f"{name}_gte": "1"}):
        for caller in (harness.anonymous, harness.staff):
            answer = await caller.rest("GET", listed, params=params)
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    assert name not in (await harness.anonymous.rest("GET", path)).json()
    # A relation is returned only if it is selected.
    assert (name in (await harness.staff.rest("GET", path)).json()) is not is_relation
    document = await harness.anonymous.rest("GET", path, headers={"Accept": "application/graphql"})
    assert field not in document.text
