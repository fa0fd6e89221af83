"""Rows of products: sample rows of each status, and products with all members."""

from typing import Any

from tests.factories import Json, make_media, unique, variant_input
from tests.parity.access.table import Place
from tests.parity.case import CaseContext, Sample
from tests.parity.harness import UNKNOWN_SLUG

STATUSES = ("draft", "active", "archived")
STORED_FILE: Json = {
    "status": "stored",
    "mime": "image/png",
    "sha256": "0" * 64,
    "bytes": 2**33,
    "width": 3,
    "height": 4,
    "source_url": None,
}
SAMPLE_FIELDS = "id,slug,status,created_at,external_reference,variants{id,sku,barcode},media{id}"


async def sample(context: CaseContext) -> Sample:
    """Create varied products of each status, and a shown and a hidden one with everything."""
    parent, child = [context.samples["Category"].rows[name]["id"] for name in ("parent", "child")]
    brand = context.samples["Brand"].rows["brand"]["id"]
    for number, status in enumerate(STATUSES * 3):
        await _create_varied(context, number, status, (parent, child), brand)
    word = unique("shared")
    shown, hidden = [await _create_complete(context, status, child, brand, word) for status in ("active", "draft")]
    rows = await products_hidden_first(context)
    active = [row for row in rows if row["status"] == "active"]
    some = [*[row for row in rows if row not in active][:3], *active[:5], *active[-2:]]
    moments = [*[row["created_at"] for row in some], "2025-06-01T02:00:00+02:00"]
    suffixes = ("gte", "gt", "lte", "lt")
    return Sample(
        keys=[*[row["id"] for row in some], *[row["slug"] for row in some[2:5]], UNKNOWN_SLUG],
        filter_values={
            "status": STATUSES,
            "slug": [row["slug"] for row in some],
            "tag": ["sale", "only-draft", "shared-by-all"],
            "external_reference": [row["external_reference"] or "none" for row in some],
            "category": context.samples["Category"].filter_values["slug"],
            "brand": context.samples["Brand"].filter_values["slug"],
            "q": ["wool", "ROLE oa", "rôle", "a s", "sku", "the"],
            **{f"price_{suffix}": [0, 999, 4000, 2**40] for suffix in suffixes},
            **{f"created_at_{suffix}": moments for suffix in suffixes},
            **{f"updated_at_{suffix}": moments for suffix in suffixes},
        },
        shown=_places(shown, child, brand),
        hidden=_places(hidden, child, brand),
        rows={"shown": shown, "hidden": hidden},
    )


def _places(product: Json, category: str, brand: str) -> dict[str, Place]:
    return {
        "product_list": Place(seeks=product["id"], filter=("slug", product["slug"])),
        "product_get": Place(product["id"], product["id"]),
        "category_products": Place(category, product["id"]),
        "brand_products": Place(brand, product["id"]),
        "tag_products": Place(product["shared_tag"], product["id"]),
    }


async def _create_varied(
    context: CaseContext, number: int, status: str, categories: tuple[str, str], brand: str
) -> None:
    """Create a product with 0 to 3 variants and images."""
    variants = [
        variant_input(
            1000 * number + index,
            source={"row": index},
            position=index // 2,
            compare_at_price={"amount": 4_000_000_000, "currency": "EUR"} if index else None,
        )
        for index in range(number % 4)
    ]
    product = await context.create(
        "/products",
        {
            "name": f"Rôle {'wool' if number % 2 else 'oak'} {number}",
            "slug": unique("role"),
            "status": status,
            "category_id": [*categories, None][number // 3],
            "category_ids": categories[: number % 3],
            "brand_id": brand if number % 2 else None,
            "attributes": {"camel_case_key": {"inner_key": [1, None, "x_y"]}, "n": 1.5},
            "tags": [f"only-{status}", "shared-by-all", f"t-{number}"],
            "source": {"legacy_id": number},
            "external_reference": unique("ref"),
            "variants": variants,
        },
    )
    for index in range((number + 1) % 4):
        members = STORED_FILE if index == number % 3 else {"alt": "Ein Zweig\n…"}
        await make_media(context.app, product["id"], position=index // 2, **members)


async def _create_complete(context: CaseContext, status: str, category: str, brand: str, word: str) -> Json:
    """Create a product with one of everything, and return it with the ids of its tags and image."""
    own_slug = unique("own")
    body = {
        "name": "Lamp",
        "slug": unique("lamp"),
        "status": status,
        "category_id": category,
        "brand_id": brand,
        "tags": [word, own_slug],
        "variants": [variant_input()],
        "source": {"erp": 1},
    }
    product = await context.create("/products", body, fields="id,slug,variants{id,sku}")
    shared_tag, own_tag = [(await context.read(f"/tags/{slug}"))["id"] for slug in (word, own_slug)]
    media = await make_media(context.app, product["id"])
    return product | {"media": media["id"], "shared_tag": shared_tag, "own_tag": own_tag, "own_slug": own_slug}


async def products_hidden_first(context: CaseContext) -> list[Any]:
    """Return products with their variants and images, those that are not active first."""
    rows = (await context.read("/products", limit="100", fields=SAMPLE_FIELDS))["data"]
    return sorted(rows, key=lambda row: row["status"] == "active")


def complete_product(mark: str) -> Json:
    """Return an input with all members."""
    return {
        "name": f"Whole {mark}",
        "slug": f"whole-{mark}",
        "description": "<b>x</b>",
        "status": "active",
        "attributes": {"snake_key": {"camelKey": [1, 2.5, None]}, "material": "oak"},
        "tags": ["b-tag", "a-tag", "b-tag"],
        "external_reference": f"ref-{mark}",
        "source": {"legacy_id": 1},
        "variants": [variant_input(900 + i, sku=f"sku-{i}-{mark}", options={"n": str(i)}) for i in range(3)],
    }


def without_variants(product: Json) -> Json:
    """Return the members that a replacement takes."""
    return {name: value for name, value in product.items() if name != "variants"}


async def row(context: CaseContext) -> str:
    """Create a product with all members, in a new category and of a new brand."""
    category = await context.create("/categories", {"name": f"Parent {context.mark}"})
    brand = await context.create("/brands", {"name": f"Brand {context.mark}"})
    body = complete_product(context.mark) | {"category_id": category["id"], "brand_id": brand["id"]}
    return (await context.create("/products", body, fields="id"))["id"]


async def many_rows(context: CaseContext) -> str:
    """Create 100 active products in one category and of one brand, with one tag."""
    parents = {"category_id": context.keys["Category"], "brand_id": context.keys["Brand"]}
    tag = unique("many")
    inputs = [
        {"name": f"Many {i}", "status": "active", "tags": [tag], "variants": [variant_input()]} | parents
        for i in range(100)
    ]
    batch = {"items": [{"op": "create", "input": product} for product in inputs]}
    results = (await context.create("/products/batch", batch, fields="id"))["results"]
    assert [result["status"] for result in results] == [201] * 100
    return results[0]["data"]["id"]


async def batch_of_changes(context: CaseContext) -> Json:
    """Create a product, and return a batch that updates it, then upserts and deletes it."""
    key = await row(context)
    upsert = {"name": f"Upserted {context.mark}", "external_reference": f"batch-{context.mark}"}
    return {
        "items": [
            {"op": "update", "id": key, "patch": {"description": "x", "tags": ["t"]}, "expected_version": 1},
            {"op": "upsert", "input": upsert},
            {"op": "delete", "id": key},
        ]
    }
