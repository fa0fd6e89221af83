"""Products: drafts and archived products are hidden from everyone but editors."""

from tests.areas.catalog.case.product_rows import (
    batch_of_changes,
    complete_product,
    many_rows,
    row,
    sample,
    without_variants,
)
from tests.areas.catalog.case.values import ATTRIBUTES, BAD_PRICES, DESCRIPTIONS, NAMES, PRICE, SLUGS, SOURCES
from tests.parity.access.table import DRAFTS_HIDDEN, EDITORS, FOR_EDITORS
from tests.parity.case import EntityCase, Fault, OracleCase, OracleView, ReadCase, TableRow, WriteCase
from tests.parity.harness import UNKNOWN_ID

WITHOUT_NAME = Fault({"name": ""}, ("/name",))


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
            "category_products": lambda view, row, key: view.has_row(
                "product_category", category_id=key, product_id=row["id"]
            ),
            "brand_products": lambda view, row, key: row["brand_id"] == key,
            "tag_products": lambda view, row, key: view.has_row("product_tag", tag_id=key, product_id=row["id"]),
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
            bodies=(
                lambda c: {"items": [{"op": "create", "input": {"name": f"In a batch {c.mark}"}}]},
                batch_of_changes,
            ),
            batch_statuses=([201], [200, 201, 204]),
            faults=(Fault({"items": []}, ("/items",)),),
        ),
    ),
)
