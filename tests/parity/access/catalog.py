"""Who may do what in the catalogue."""

from tests.factories import make_media, unique, variant_input
from tests.parity.access.table import (
    FOR_EDITORS,
    FOR_STOCKKEEPERS,
    OPEN_TO_ALL,
    SEEN_BY_EDITORS,
    Place,
    Places,
    Row,
    Rule,
)
from tests.parity.harness import DualDoorApp, Json
from tests.users import ShopUser

PUBLIC = Rule(OPEN_TO_ALL)
DRAFTS_HIDDEN = Rule(OPEN_TO_ALL, SEEN_BY_EDITORS)
EDITORS = Rule(FOR_EDITORS)

TABLE: dict[str, Rule] = {
    "category_list": PUBLIC,
    "category_get": PUBLIC,
    "category_children": PUBLIC,
    "category_create": EDITORS,
    "category_replace": EDITORS,
    "category_update": EDITORS,
    "category_delete": EDITORS,
    "category_products": DRAFTS_HIDDEN,
    "product_list": DRAFTS_HIDDEN,
    "product_get": DRAFTS_HIDDEN,
    "product_create": EDITORS,
    "product_replace": EDITORS,
    "product_update": EDITORS,
    "product_delete": EDITORS,
    "product_batch": EDITORS,
    "variant_list": DRAFTS_HIDDEN,
    "variant_get": DRAFTS_HIDDEN,
    "variant_create": EDITORS,
    "variant_replace": EDITORS,
    "variant_update": EDITORS,
    "variant_delete": EDITORS,
    "media_list": DRAFTS_HIDDEN,
    "media_get": DRAFTS_HIDDEN,
    "tag_list": DRAFTS_HIDDEN,
    "tag_get": DRAFTS_HIDDEN,
    "tag_products": DRAFTS_HIDDEN,
}

MEMBERS: dict[str, Row] = {
    "Product.source": FOR_EDITORS,
    "Variant.source": FOR_EDITORS,
    "Variant.imported_quantity": FOR_STOCKKEEPERS,
}


async def places(harness: DualDoorApp, owner: ShopUser) -> Places:
    """An active product and a draft in one category, with a word that both have and one of its own each."""
    parent = await _made(harness, "/categories", {"name": "Parent", "slug": unique("parent")})
    category = await _made(harness, "/categories", {"name": "Child", "slug": unique("child"), "parent_id": parent["id"]})
    word = unique("shared")
    shown, hidden = [await _product(harness, status, category["id"], word) for status in ("active", "draft")]
    both = {name: (place(shown), place(hidden)) for name, place in PLACES.items()}
    child = Place(seeks=category["id"], filter=("slug", category["slug"]))
    return both | {
        "category_list": (child, None),
        "category_get": (Place(category["id"], category["id"]), None),
        "category_children": (Place(parent["id"], category["id"]), None),
        "category_products": (Place(category["id"], shown["id"]), Place(category["id"], hidden["id"])),
        "tag_products": (Place(shown["word"], shown["id"]), Place(shown["word"], hidden["id"])),
    }


PLACES = {
    "product_list": lambda p: Place(seeks=p["id"], filter=("slug", p["slug"])),
    "product_get": lambda p: Place(p["id"], p["id"]),
    "variant_list": lambda p: Place(p["id"], p["variant"]),
    "variant_get": lambda p: Place(p["variant"], p["variant"]),
    "media_list": lambda p: Place(p["id"], p["media"]),
    "media_get": lambda p: Place(p["media"], p["media"]),
    "tag_list": lambda p: Place(seeks=p["tag"], filter=("slug", p["own"])),
    "tag_get": lambda p: Place(p["tag"], p["tag"]),
}


async def _product(harness: DualDoorApp, status: str, category_id: str, word: str) -> Json:
    """A product with one of everything, and the ids of that."""
    own = unique("own")
    body = {
        "name": "Lamp",
        "status": status,
        "category_id": category_id,
        "tags": [word, own],
        "variants": [variant_input()],
        "source": {"erp": 1},
    }
    made = await _made(harness, "/products", body | {"slug": unique("lamp")}, fields="id,slug,variants{id}")
    tags = [(await harness.staff.rest("GET", f"/tags/{slug}")).json()["id"] for slug in (word, own)]
    media = await make_media(harness.app, made["id"])
    return made | {
        "variant": made["variants"][0]["id"],
        "media": media["id"],
        "word": tags[0],
        "tag": tags[1],
        "own": own,
    }


async def _made(harness: DualDoorApp, path: str, body: Json, **params: str) -> Json:
    answer = await harness.staff.rest("POST", path, json=body, params=params)
    assert answer.status_code == 201, answer.text
    return answer.json()
