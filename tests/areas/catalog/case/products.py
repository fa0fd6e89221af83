"""Products: drafts and archived products are hidden from everyone but editors."""

from typing import Any

from tests.areas.catalog.case.values import ATTRIBUTES, BAD_PRICES, DESCRIPTIONS, NAMES, PRICE, SLUGS, SOURCES
from tests.factories import Json, make_media, unique, variant_input
from tests.parity.access.table import DRAFTS_HIDDEN, EDITORS, FOR_EDITORS, Place
from tests.parity.case import (
    CaseContext,
    EntityCase,
    Fault,
    OracleCase,
    OracleView,
    ReadCase,
    Sample,
    TableRow,
    WriteCase,
)
from tests.parity.harness import UNKNOWN_ID

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
SAMPLE_FIELDS = (
    "id,slug,status,created_at,external_reference,variants{id,sku,barcode},media{id}"
)
WITHOUT_NAME = Fault({"name": ""}, ("/name",))


async def sample(context: CaseContext) -> Sample:
    """Create products of each status with all kinds of members, and one of each kind to try access on."""
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
        keys=[*[row["id"] for row in some], *[row["slug"] for row in some[2:5]], "no-such-thing"],
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
            compare_at_price={"amount": 9_000_000_000, "currency": "EUR"} if index else None,
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
    own = unique("own")
    body = {
        "name": "Lamp",
        "slug": unique("lamp"),
        "status": status,
        "category_id": category,
        "brand_id": brand,
        "tags": [word, own],
        "variants": [variant_input()],
        "source": {"erp": 1},
    }
    product = await context.create("/products", body, fields="id,slug,variants{id}")
    shared_tag, own_tag = [(await context.read(f"/tags/{slug}"))["id"] for slug in (word, own)]
    media = await make_media(context.app, product["id"])
    return product | {"media": media["id"], "shared_tag": shared_tag, "own_tag": own_tag, "own_slug": own}


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


def is_visible(view: OracleView, product: TableRow) -> bool:
    """Editors see all products, everyone else sees active ones."""
    return "catalog:write" in view.permissions or product["status"] == "active"


def is_in_category(view: OracleView, product: TableRow, slug: str) -> bool:
    """Whether a product is in the category with this slug or in one below it."""
    return any(
        _is_below(view, link["category_id"], slug)
        for link in view.tables["product_category"]
        if link["product_id"] == product["id"]
    )


def is_of_brand(view: OracleView, product: TableRow, slug: str) -> bool:
    """Whether a product is of the brand with this slug."""
    return product["brand_id"] is not None and view.row("brand", product["brand_id"])["slug"] == slug


def _is_below(view: OracleView, id: str | None, slug: str) -> bool:
    while id is not None:
        category = view.row("category", id)
        if category["slug"] == slug:
            return True
        id = category["parent_id"]
    return False


def search_text(view: OracleView, product: TableRow) -> str:
    """Return the words of a product that a search finds."""
    skus = [v["sku"] for v in view.tables["variant"] if v["product_id"] == product["id"]]
    return " ".join([product["name"], product["description"], *product["tags"], *skus])


def is_linked(view: OracleView, table: str, **columns: str) -> bool:
    """Whether a link table has a row with these columns."""
    return any(all(link[name] == value for name, value in columns.items()) for link in view.tables[table])


PRODUCT = EntityCase(
    name="Product",
    plural="products",
    sample=sample,
    row=row,
    many_rows=many_rows,
    answer="name,description,status,attributes,tags,price_from,external_reference,source,version,"
    "category{name},brand{name},categories{name},variants{sku,position,price,options}",
    replayed="id,a:name,links,price_from{currency},p:price_from,category{name,links},variants{sku,price},"
    "version,tags,attributes",
    members={"source": FOR_EDITORS},
    oracle=OracleCase(
        visible=is_visible,
        columns={"price": "price_from_amount"},
        filters={
            "tag": lambda view, row, value: value in row["tags"],
            "category": is_in_category,
            "brand": is_of_brand,
        },
        search_text=search_text,
        parents={
            "category_products": lambda view, row, key: is_linked(
                view, "product_category", category_id=key, product_id=row["id"]
            ),
            "brand_products": lambda view, row, key: row["brand_id"] == key,
            "tag_products": lambda view, row, key: is_linked(view, "product_tag", tag_id=key, product_id=row["id"]),
        },
        tables=("product_tag", "product_category"),
    ),
    bad_values={
        "name": NAMES,
        "slug": SLUGS,
        "description": DESCRIPTIONS,
        "tags": [["A"], ["a", "b c"], ["t"] * 101, ["x" * 61]],
        "category_id": [UNKNOWN_ID, "no-id", None],
        "brand_id": [UNKNOWN_ID, "no-id", None],
        "category_ids": [[UNKNOWN_ID], ["x"], []],
        "external_reference": ["", "x" * 201, None],
        "attributes": ATTRIBUTES,
        "source": SOURCES,
        "variants": [[{"sku": "s", "price": price}, {"sku": "", "price": PRICE}] for price in BAD_PRICES],
    },
    reads=(
        ReadCase(
            "product_list",
            DRAFTS_HIDDEN,
            {
                "id,name": 1,
                "id,category{name},price_from": 1,
                "id,variants{sku}": 2,
                "id,variants{sku},categories{slug}": 3,
                "variants{product{categories(first:2){id}}}": 3,
                "category{products(first:2){id}}": 2,
                "category{products(first:2,total:true){id}}": 3,
                "a:variants{sku},b:variants(first:1){sku}": 3,
                "id,media{source_url}": 2,
            },
        ),
        ReadCase(
            "product_get",
            DRAFTS_HIDDEN,
            {"id,name,category{name,parent{name}}": 1, "id,variants{sku},categories{id}": 3},
        ),
        ReadCase("category_products", DRAFTS_HIDDEN, {"id,variants{id}": 3}),
        ReadCase("brand_products", DRAFTS_HIDDEN, {"id,brand{name}": 2}),
        ReadCase("tag_products", DRAFTS_HIDDEN, {"id": 2}),
    ),
    writes=(
        WriteCase(
            "product_create",
            EDITORS,
            bodies=(lambda c: {"name": f"New {c.mark}"}, lambda c: complete_product(c.mark)),
            faults=(
                WITHOUT_NAME,
                Fault({"name": "x", "variants": [{"sku": "s", "price": BAD_PRICES[0]}]}, ("/variants/0/price/amount",)),
            ),
        ),
        WriteCase(
            "product_replace",
            EDITORS,
            bodies=(
                lambda c: {"name": f"Other {c.mark}"},
                lambda c: without_variants(complete_product(c.mark)),
            ),
            faults=(WITHOUT_NAME,),
        ),
        WriteCase(
            "product_update",
            EDITORS,
            bodies=(
                lambda c: {"name": f"Other {c.mark}", "attributes": {"keep_me": 1, "material": None}},
                {"tags": [], "description": None, "status": "archived"},
                {},
            ),
            json_patches=(
                [
                    {"op": "test", "path": "/status", "value": "active"},
                    {"op": "add", "path": "/tags/-", "value": "new"},
                    {"op": "move", "from": "/attributes/material", "path": "/attributes/of_what"},
                ],
            ),
            faults=(Fault({"name": "a\nb", "tags": ["A"]}, ("/name", "/tags/0")),),
        ),
        WriteCase("product_delete", EDITORS),
        WriteCase(
            "product_batch",
            EDITORS,
            bodies=(lambda c: {"items": [{"op": "create", "input": {"name": f"In a batch {c.mark}"}}]},),
            faults=(Fault({"items": []}, ("/items",)),),
        ),
    ),
)
