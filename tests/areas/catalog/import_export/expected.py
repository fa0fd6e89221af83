"""The products in the files of this folder, as both doors return them after an import."""

from typing import Any

type Json = dict[str, Any]


def euros(cents: int) -> Json:
    """Return a price in euros."""
    return {"amount": cents, "currency": "EUR"}


def variant(sku: str, cents: int, options: Json, **members: Any) -> Json:
    """Return a variant as both doors return it, with defaults."""
    defaults: Json = {
        "sku": sku,
        "price": euros(cents),
        "options": options,
        "compare_at_price": None,
        "weight_grams": None,
        "barcode": None,
        "track_inventory": True,
        "allow_backorder": False,
        "requires_shipping": True,
        "imported_quantity": None,
    }
    return defaults | members


REEF_MUG: Json = {
    "name": "Reef Mug \u2013 30 cl", "slug": "reef-mug", "external_reference": "reef-mug", "status": "active",
    "description": "<p>Glazed by hand, 30 cl.</p>\n<p>Caf\u00e9 au lait</p>",
    "attributes": {"seo_title": "A mug", "seo_description": "Glazed by hand"},
    "brand": {"name": "T\u00f6pferei S\u00fcd", "slug": "topferei-sud"}, "tags": ["kitchen", "gift-idea"],
    "price_from": euros(1490), "category": {"name": "Mugs", "slug": "mugs"},
    "categories": [{"name": "Mugs"}],
    "variants": [
        variant(
            "MUG-SG-S", 1490, {"Colour": "Sea green", "Size": "Small"}, compare_at_price=euros(1990),
            weight_grams=350, barcode="4006381333931", imported_quantity=12,
        ),
        variant(
            "MUG-SG-L", 101790, {"Colour": "Sea green", "Size": "Large"}, weight_grams=420, allow_backorder=True,
            imported_quantity=0,
        ),
        variant(
            "reef-mug-sand-small", 1490, {"Colour": "Sand", "Size": "Small"}, weight_grams=350, imported_quantity=3,
        ),
    ],
    "media": [
        {"source_url": "https://cdn.example.com/mug-1.jpg", "alt": "", "status": "remote"},
        {"source_url": "https://cdn.example.com/mug-2.jpg", "alt": "From above", "status": "remote"},
        {"source_url": "https://cdn.example.com/mug-3.jpg", "alt": "Three of them", "status": "remote"},
        {"source_url": "https://cdn.example.com/mug-green.jpg", "alt": "", "status": "remote"},
    ],
}  # fmt: skip
WALNUT_TRAY: Json = {
    "name": "Walnut Tray", "slug": "walnut-tray", "external_reference": "walnut-tray", "status": "active",
    "description": "<p>Oiled</p>", "attributes": {}, "brand": {"name": "Holzwerk", "slug": "holzwerk"}, "tags": [],
    "price_from": euros(4900),
    "category": {"name": "Trays", "slug": "trays"}, "categories": [{"name": "Trays"}],
    "variants": [variant("walnut-tray", 4900, {}, weight_grams=1200, track_inventory=False, allow_backorder=True)],
    "media": [],
}  # fmt: skip
STATUSES = {
    "reef-mug": "active",
    "walnut-tray": "active",
    "old-lamp": "archived",
    "voucher": "active",
    "secret-bowl": "draft",
    "odd-status": "draft",
}

TEE: Json = {
    "name": "V-Neck Tee", "slug": "v-neck-tee", "external_reference": "44", "status": "active",
    "description": "Soft cotton.\nMade in Porto.", "attributes": {"short_description": "A tee."}, "brand": None,
    "tags": ["cotton", "summer-wear"], "price_from": euros(1850), "category": {"name": "Tees", "slug": "tees"},
    "categories": [{"name": "Sale"}, {"name": "Tees"}],
    "variants": [
        variant("tee-red", 2000, {"Colour": "Red"}, weight_grams=227, imported_quantity=4),
        variant(
            "tee-green-m", 1850, {"Colour": "Green", "Size": "M"}, compare_at_price=euros(2200),
            weight_grams=227, track_inventory=False, allow_backorder=True,
        ),
    ],
    "media": [
        {"source_url": "https://cdn.example.com/tee-1.jpg", "alt": "", "status": "remote"},
        {"source_url": "https://cdn.example.com/tee-2.jpg", "alt": "", "status": "remote"},
        {"source_url": "https://cdn.example.com/tee-red.jpg", "alt": "", "status": "remote"},
    ],
}  # fmt: skip
BELT: Json = {
    "name": "Belt", "slug": "belt", "external_reference": "58", "status": "active",
    "description": "<p>Leather, <strong>tanned</strong></p>", "attributes": {"Material": "Leather"}, "tags": [],
    "brand": {"name": "Cinta", "slug": "cinta"},
    "price_from": euros(6500), "category": {"name": "Accessories", "slug": "accessories"},
    "categories": [{"name": "Accessories"}, {"name": "Men, Women"}, {"name": "Sale"}],
    "variants": [variant("belt", 6500, {}, weight_grams=544, allow_backorder=True, imported_quantity=0)], "media": [],
}  # fmt: skip
