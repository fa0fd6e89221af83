"""What a caller may not see does not exist for that caller, on any path of either door."""

from typing import Any

import pytest

from tests.factories import make_media, unique, variant_input
from tests.parity.harness import ApiClient, DualDoorApp
from tests.parity.sample_rows import SampleRows

MARK = "Hidden Zyxwv"


@pytest.fixture(scope="package", params=["draft", "archived"])
async def hidden(harness: DualDoorApp, sample_rows: SampleRows, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A product that the public may not see, between two that it may, in one category and with one word."""
    staff, word = harness.staff, unique("word")
    category = (await staff.rest("POST", "/categories", json={"name": "Case", "slug": unique("case")})).json()
    rows: list[Any] = []
    for status in ("active", request.param, "active"):
        body = {
            "name": f"{MARK} {word}",
            "status": status,
            "slug": unique("p"),
            "external_reference": unique("ref"),
            "category_id": category["id"],
        }
        body |= {
            "tags": [word, unique(f"own-{status}")],
            "variants": [variant_input(500, source={"a": 1})],
            "source": {"b": 2},
        }
        made = await staff.rest(
            "POST",
            "/products",
            json=body,
            params={"fields": "id,slug,tags,status,variants{id,sku},external_reference,created_at"},
        )
        assert made.status_code == 201, made.text
        rows.append(made.json() | {"media": await make_media(harness.app, made.json()["id"])})
    tags = {
        t["slug"]: t["id"]
        for t in (await staff.rest("GET", "/tags", params={"limit": "100", "sort": "-slug"})).json()["data"]
    }
    one = rows[1]
    tag_id = tags.get(one["tags"][1]) or (await staff.rest("GET", f"/tags/{one['tags'][1]}")).json()["id"]
    return {
        "row": one,
        "shown": [rows[0], rows[2]],
        "category": category,
        "word": word,
        "tag": one["tags"][1],
        "tag_id": tag_id,
    }


def secrets(hidden: dict[str, Any]) -> list[str]:
    """Texts that show the row wherever they stand."""
    row = hidden["row"]
    below = [row["variants"][0]["id"], row["variants"][0]["sku"], row["media"]["id"], row["media"]["source_url"]]
    return [row["id"], row["slug"], row["external_reference"], *below, hidden["tag"], hidden["tag_id"]]


async def seen(visitor: ApiClient, path: str, **params: str) -> str:
    answer = await visitor.rest("GET", path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_it_has_no_page_of_its_own(harness: DualDoorApp, hidden: dict[str, Any]) -> None:
    row = hidden["row"]
    variant, media = row["variants"][0]["id"], row["media"]["id"]
    for path in (f"/products/{row['id']}", f"/products/{row['slug']}", f"/products/{row['id']}/variants", f"/products/{row['slug']}/variants",
                 f"/products/{row['id']}/media", f"/products/{row['slug']}/media", f"/variants/{variant}", f"/media/{media}",
                 f"/tags/{hidden['tag']}", f"/tags/{hidden['tag_id']}", f"/tags/{hidden['tag']}/products"):  # fmt: skip
        assert (await harness.anonymous.rest("GET", path)).status_code == 404, path
        assert (await harness.staff.rest("GET", path)).status_code == 200, path
    text = """query ($id: ID!, $slug: String, $variant: ID!, $media: ID!, $tag: ID!, $ids: [ID!]!) {
      a: product(id: $id) { id } b: product(slug: $slug) { id } c: productVariants(productId: $id) { nodes { id } }
      d: variant(id: $variant) { id } e: tag(id: $tag) { id } f: tagProducts(tagId: $tag) { nodes { id } } g: node(id: $id) { id }
      h: node(id: $variant) { id } j: productMedia(productId: $id) { nodes { id } }
      k: media(id: $media) { id } l: node(id: $media) { id } i: nodes(ids: $ids) { id } }"""
    ids = [row["id"], variant, media, hidden["tag_id"]]
    given = {
        "id": row["id"],
        "slug": row["slug"],
        "variant": variant,
        "media": media,
        "tag": hidden["tag_id"],
        "ids": ids,
    }
    data = await harness.anonymous.data(text, given)
    assert {k: v for k, v in data.items() if k != "i"} == dict.fromkeys("abcdefghjkl")
    assert data["i"] == [None] * 4
    data = await harness.staff.data(text, given)
    assert all(data.values())
    assert all(data["i"])


@pytest.mark.parametrize(
    "fields",
    [
        "id,slug", "id,products{id,slug,external_reference}", "products{category{products{id,slug}}}", "products{variants{product{id,category{products{id}}}}}",
        "products{categories{products{id,slug}}}", "products{variants{id,sku,product{slug}}}", "products{media{id,source_url,product{id,media{id}}}}",
    ],
)  # fmt: skip
async def test_it_stands_at_no_depth_below_its_category(
    harness: DualDoorApp, hidden: dict[str, Any], fields: str
) -> None:
    def graphql(text: str) -> str:
        """REST's braces as GraphQL's."""
        return text.replace("products{", "products{nodes{").replace("external_reference", "externalReference").replace(
            ",", " "
        ) + "}" * text.count("products{")

    path = f"/categories/{hidden['category']['id']}"
    both = [await seen(harness.anonymous, path, fields=fields)]
    if fields.endswith("}"):
        inner = closed(fields)
        both.append(str(await harness.anonymous.data(f'{{ category(id: "{hidden["category"]["id"]}") {{ {inner} }} }}')))
        assert [s for s in secrets(hidden) if s in await seen(harness.staff, path, fields=fields)]
    for text in both:
        assert not [s for s in secrets(hidden) if s in text]


def closed(fields: str) -> str:
    """REST's fields as GraphQL's: what stands below `products` stands in its `nodes`."""
    out: list[str] = []
    stack: list[str] = []
    word = ""
    for c in fields:
        if c.isalnum() or c == "_":
            word += c
            continue
        head, *tail = word.split("_")
        out.append(head + "".join([t.capitalize() for t in tail]))
        if c == "{":
            stack.append(word)
            out.append("{ nodes {" if word == "products" else "{")
        elif c == "}":
            out.append("} }" if stack.pop() == "products" else "}")
        else:
            out.append(" ")
        word = ""
    return "".join(out)


async def test_no_list_filter_search_or_order_shows_or_counts_it(harness: DualDoorApp, hidden: dict[str, Any]) -> None:
    row, staff, anonymous = hidden["row"], harness.staff, harness.anonymous
    found_by: list[tuple[dict[str, str], str]] = [
        ({"q": f"Zyxwv {hidden['word']}"}, f'{{q: "Zyxwv {hidden["word"]}"}}'),
        ({"tag": hidden["word"]}, f'{{tag: "{hidden["word"]}"}}'),
        ({"category": hidden["category"]["slug"]}, f'{{category: "{hidden["category"]["slug"]}"}}'),
    ]
    for params, filter in found_by:
        for sort, there in (
            ("name", "NAME_ASC"),
            ("-price", "PRICE_DESC"),
            ("-created_at", "CREATED_AT_DESC"),
            ("updated_at", "UPDATED_AT_ASC"),
        ):
            counts: list[tuple[int, int]] = []
            for visitor in (anonymous, staff):
                rest = (
                    await visitor.rest(
                        "GET", "/products", params={**params, "sort": sort, "include": "total", "fields": "id"}
                    )
                ).json()
                page = (
                    await visitor.data(
                        f"{{ products(filter: {filter}, sort: {there}) {{ nodes {{ id }} totalCount }} }}"
                    )
                )["products"]
                assert rest["data"] == page["nodes"]
                assert ({"id": row["id"]} in rest["data"]) is (visitor is staff)
                counts.append((rest["total"], page["totalCount"]))
                assert [r for r in rest["data"] if r["id"] == row["id"]] == (
                    [] if visitor is anonymous else [{"id": row["id"]}]
                )
            assert counts == [(2, 2), (3, 3)]
    for params, filter in (
        ({"slug": row["slug"]}, f'{{slug: "{row["slug"]}"}}'),
        ({"external_reference": row["external_reference"]}, f'{{externalReference: "{row["external_reference"]}"}}'),
        ({"status": row["status"]}, f"{{status: {row['status'].upper()}}}"), ({"tag": hidden["tag"]}, f'{{tag: "{hidden["tag"]}"}}'),
        ({"q": row["variants"][0]["sku"]}, f'{{q: "{row["variants"][0]["sku"]}"}}'),
        ({"created_at_gte": row["created_at"], "created_at_lte": row["created_at"]},
         f'{{createdAtGte: "{row["created_at"]}", createdAtLte: "{row["created_at"]}"}}'),
    ):  # fmt: skip
        rest = (await anonymous.rest("GET", "/products", params={**params, "include": "total"})).json()
        page = (
            await anonymous.data(
                f"{{ products(filter: {filter}) {{ nodes {{ id }} totalCount pageInfo {{ hasNextPage }} }} }}"
            )
        )["products"]
        assert (rest["data"], rest["total"], rest["has_more"]) == ([], 0, False), params
        assert page == {"nodes": [], "totalCount": 0, "pageInfo": {"hasNextPage": False}}
        assert (await staff.rest("GET", "/products", params={**params, "include": "total"})).json()["total"] >= 1


async def test_tags_do_not_count_it(harness: DualDoorApp, hidden: dict[str, Any]) -> None:
    word = hidden["word"]
    for visitor, count in ((harness.anonymous, 2), (harness.staff, 3)):
        assert (await visitor.rest("GET", f"/tags/{word}")).json()["product_count"] == count
        data = await visitor.data(
            f'{{ tags(filter: {{slug: "{word}"}}) {{ nodes {{ productCount products {{ nodes {{ id }} totalCount }} }} }}'
            f' tag(slug: "{word}") {{ productCount }} }}'
        )
        [tag] = data["tags"]["nodes"]
        assert (
            tag["productCount"],
            len(tag["products"]["nodes"]),
            tag["products"]["totalCount"],
            data["tag"]["productCount"],
        ) == (count,) * 4
    nobody = await harness.anonymous.rest("GET", "/tags", params={"slug": hidden["tag"], "include": "total"})
    assert (nobody.json()["data"], nobody.json()["total"]) == ([], 0)


async def test_a_page_is_full_and_its_cursor_tells_nothing_of_it(harness: DualDoorApp, hidden: dict[str, Any]) -> None:
    ids = [r["id"] for r in hidden["shown"]]
    first = (
        await harness.anonymous.rest(
            "GET", "/products", params={"tag": hidden["word"], "sort": "created_at", "limit": "1", "fields": "id"}
        )
    ).json()
    assert (first["data"], first["has_more"]) == ([{"id": ids[0]}], True)
    second = (
        await harness.anonymous.rest(
            "GET",
            "/products",
            params={
                "tag": hidden["word"],
                "sort": "created_at",
                "limit": "1",
                "fields": "id",
                "cursor": first["next_cursor"],
            },
        )
    ).json()
    assert (second["data"], second["has_more"]) == ([{"id": ids[1]}], False)


async def test_changing_it_is_refused_before_anything_is_told_of_it(harness: DualDoorApp, hidden: dict[str, Any]) -> None:
    for id in (hidden["row"]["id"], "no-such-thing"):
        answer = await harness.anonymous.rest("PATCH", f"/products/{id}", json={"name": 1})
        [error] = (
            await harness.anonymous.post(f'mutation {{ productUpdate(id: "{id}", patch: {{name: ""}}) {{ id }} }}')
        )["errors"]
        assert (
            (answer.status_code, answer.json()["code"])
            == (401, error["extensions"]["code"])
            == (401, "unauthenticated")
        )


RESTRICTED = [
    ("Product", "source", "source"),
    ("Variant", "source", "source"),
    ("Variant", "imported_quantity", "importedQuantity"),
]


@pytest.mark.parametrize(("kind", "name", "field"), RESTRICTED)
async def test_a_restricted_member_is_refused_alike_by_both_doors(
    harness: DualDoorApp, sample_rows: SampleRows, hidden: dict[str, Any], kind: str, name: str, field: str
) -> None:
    row = hidden["shown"][0]
    plural, id = ("products", row["id"]) if kind == "Product" else ("variants", row["variants"][0]["id"])
    nested = {"Product": ("/products", "category{products{" + name + "}}", f"products {{ nodes {{ category {{ products {{ nodes {{ {field} }} }} }} }} }}"),
              "Variant": ("/products", "variants{" + name + "}", f"products {{ nodes {{ variants {{ {field} }} }} }}")}[kind]  # fmt: skip
    documents = [
        f'{plural[:-1]}(id: "{id}") {{ {field} }}',
        nested[2],
        f'node(id: "{id}") {{ ... on {kind} {{ {field} }} }}',
    ]
    paths = [(f"/{plural}/{id}", name), (nested[0], nested[1])]
    for path, fields in paths:
        refused = await harness.anonymous.rest("GET", path, params={"fields": fields})
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated"), refused.text
        assert (await harness.staff.rest("GET", path, params={"fields": fields})).status_code == 200
    for text in documents:
        [error] = (await harness.anonymous.post(f"{{ {text} }}"))["errors"]
        assert (error["extensions"]["status"], error["extensions"]["code"]) == (401, "unauthenticated")
        assert await harness.staff.data(f"{{ {text} }}")
    for params in ({name: "1"}, {"sort": name}, {f"{name}_gte": "1"}):
        for visitor in (harness.anonymous, harness.staff):
            answer = await visitor.rest(
                "GET", "/products" if kind == "Product" else f"/products/{row['id']}/variants", params=params
            )
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    found = (await harness.anonymous.rest("GET", f"/{plural}/{id}")).json()
    assert name not in found
    assert name in (await harness.staff.rest("GET", f"/{plural}/{id}")).json()
    assert (
        field
        not in (await harness.anonymous.rest("GET", f"/{plural}/{id}", headers={"Accept": "application/graphql"})).text
    )
