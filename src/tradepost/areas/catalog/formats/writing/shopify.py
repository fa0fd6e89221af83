"""Writes Shopify's product export with its long-standing header: one row a variant, further images in rows of their own.

Cells are written as they are, also those that begin like a formula: Shopify's own export does so, and its import would take a mark for text.
"""

import re
from collections.abc import Sequence

from tradepost.kit.schema.money import MAX_AMOUNT, exponent
from tradepost.kit.text.slugs import numbered_slug, slugify

from ...schemas import SLUG_PATTERN
from ..row_reader import JsonObject
from ..shopify import CONSUMED_PRODUCT_COLUMNS, CONSUMED_VARIANT_COLUMNS, NOTE_COLUMNS, SHOPIFY, is_variant_column
from ..spool import Spool
from .layout import Cells, Layout, ProductRows
from .option_columns import build_option_columns
from .writer import format_amount, sku_cell

COLUMNS = (
    "Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published", "Option1 Name", "Option1 Value", "Option2 Name",
    "Option2 Value", "Option3 Name", "Option3 Value", "Variant SKU", "Variant Grams", "Variant Inventory Tracker", "Variant Inventory Qty",
    "Variant Inventory Policy", "Variant Fulfillment Service", "Variant Price", "Variant Compare At Price", "Variant Requires Shipping", "Variant Taxable",
    "Variant Barcode", "Image Src", "Image Position", "Image Alt Text", "Gift Card", "SEO Title", "SEO Description", "Variant Image", "Variant Weight Unit",
    "Variant Tax Code", "Cost per item", "Status",
)  # fmt: skip
ATTRIBUTES = {"Vendor": "vendor", "SEO Title": "seo_title", "SEO Description": "seo_description"}
# A column of the newer template that says the same keeps the usual word out.
USUAL_WORDS = {
    "Variant Fulfillment Service": ("manual", "Fulfillment service"),
    "Variant Requires Shipping": ("true", "Requires shipping"),
    "Variant Taxable": ("true", "Charge tax"),
}
MOST_OPTIONS = 3
NO_OPTION = "Default Title"


class ShopifyLayout(Layout):
    """Shopify's columns. The handle is the reference of a product that came with one, else its slug; no two products have the same."""

    format, note_columns, formula_mark, file_prefix = SHOPIFY, NOTE_COLUMNS, "", b""

    def __init__(self, currency: str) -> None:
        self.currency, self.decimals = currency, exponent(currency)
        self.spool = Spool()

    def scan(self, record: JsonObject) -> None:
        """Handles that products came with are theirs, whatever the slugs of others are."""
        if reference := _handle(record):
            self.spool.claim_reference(reference)

    def columns(self) -> Sequence[str]:
        """Always the same."""
        return COLUMNS

    def lay_out(self, record: JsonObject) -> ProductRows:
        """A product, its variants, its images."""
        handle = _handle(record) or self._free(record.get("slug") or slugify(record["name"], "product"))
        images = [{"Handle": handle, **image} for image in _images(record)]
        variants = self._variants(record)
        rows = [{"Handle": handle, **row} for row in variants] or [{"Handle": handle}]
        rows[0] |= (
            _product(record, handle) | (images[0] if images else {}) | (_option_names(record) if variants else {})
        )
        return ProductRows([*rows, *images[1:]], rows if variants else [])

    def accepts_source(self, column: str, *, variant: bool, of_both: bool) -> bool:
        """What a variant's row says is told apart by the column's name."""
        return (
            column not in CONSUMED_PRODUCT_COLUMNS
            and column not in CONSUMED_VARIANT_COLUMNS
            and is_variant_column(column) == variant
        )

    def close(self) -> None:
        """Removes the handles."""
        self.spool.close()

    def _free(self, slug: str) -> str:
        number = 1
        while not self.spool.claim_reference(handle := numbered_slug(slug, number)):
            number += 1
        return handle

    def _variants(self, record: JsonObject) -> list[Cells]:
        variants: list[JsonObject] = record.get("variants", [])
        choices = build_option_columns(variants, MOST_OPTIONS)
        rows = [self._variant(v) for v in variants]
        for row, values in zip(rows, choices.values, strict=True):
            row |= (
                {f"Option{n} Value": value for n, value in enumerate(values, 1)}
                if choices.names
                else {"Option1 Value": NO_OPTION}
            )
            if choices.names and values == [NO_OPTION]:
                # These words alone mean that there are no options.
                row["Option1 Value"] = f"{NO_OPTION} (1)"
        return rows

    def _variant(self, variant: JsonObject) -> Cells:
        quantity, grams = variant.get("imported_quantity"), variant.get("weight_grams")
        source: JsonObject = variant.get("source") or {}
        usual = {
            column: word
            for column, (word, other) in USUAL_WORDS.items()
            if column not in source and other not in source
        }
        return usual | {
            "Variant SKU": sku_cell(variant["sku"]),
            "Variant Grams": "" if grams is None else str(grams),
            "Variant Inventory Tracker": "shopify" if variant.get("track_inventory", True) else "",
            "Variant Inventory Qty": "" if quantity is None else str(quantity),
            "Variant Inventory Policy": "continue" if variant.get("allow_backorder") else "deny",
            "Variant Price": self._price(variant["price"]),
            "Variant Compare At Price": self._price(variant.get("compare_at_price")),
            "Variant Barcode": variant.get("barcode") or "",
        }

    def _price(self, money: JsonObject | None) -> str:
        """A price in the sheet's currency. One in another shows the same number: the sheet knows one currency, and the note the truth."""
        if money is None:
            return ""
        amount = money["amount"] * 10**self.decimals // 10 ** exponent(money["currency"])
        return format_amount(min(amount, MAX_AMOUNT), self.decimals)


def _handle(record: JsonObject) -> str:
    """The reference where it can be a handle."""
    reference = record.get("external_reference") or ""
    return reference if len(reference) <= 100 and re.fullmatch(SLUG_PATTERN, reference) else ""


def _product(record: JsonObject, handle: str) -> Cells:
    attributes: JsonObject = record.get("attributes") or {}
    categories: list[list[str]] = record.get("categories") or []
    status: str = record.get("status", "draft")
    told = {
        column: value
        for column, member in ATTRIBUTES.items()
        if isinstance(value := attributes.get(member), str) and len(value) <= 5000
    }
    return told | {
        "Title": record["name"] if record["name"].strip() else handle,
        "Body (HTML)": record.get("description", ""),
        "Type": categories[0][-1] if categories and categories[0] else "",
        "Tags": ", ".join(record.get("tags", ())),
        "Published": "true" if status == "active" else "false",
        "Status": status,
        "Gift Card": "true" if attributes.get("gift_card") is True else "false",
    }


def _option_names(record: JsonObject) -> Cells:
    names = build_option_columns(record["variants"], MOST_OPTIONS).names
    return {f"Option{n} Name": name for n, name in enumerate(names or ["Title"], 1)}


def _images(record: JsonObject) -> list[Cells]:
    media: list[JsonObject] = record.get("media") or []
    return [
        {"Image Src": m["source_url"], "Image Position": str(n), "Image Alt Text": m.get("alt", "")}
        for n, m in enumerate(media, 1)
    ]
