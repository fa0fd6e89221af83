"""Writes Shopify's product export with its long-standing header: one row a variant, further images in rows of their own.

Cells are written as they are, also those that begin like a formula: Shopify's own export does so, and its import would take a mark for text.
"""

import re
from collections.abc import Sequence

from tradepost.kit.schema.money import MOST, exponent
from tradepost.kit.text.slugs import numbered, slug_of

from ...schemas import SLUG
from ..row_reader import Plain
from ..shopify import NOTES, PRODUCT_TOLD, SHOPIFY, VARIANT_TOLD, of_variant
from ..spool import Spool
from .layout import Cells, LaidOut, Layout
from .option_columns import choices_of
from .writer import code_of, shown

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

    format, notes, mark, head = SHOPIFY, NOTES, "", b""

    def __init__(self, currency: str) -> None:
        self.currency, self.decimals = currency, exponent(currency)
        self.spool = Spool()

    def see(self, record: Plain) -> None:
        """Handles that products came with are theirs, whatever the slugs of others are."""
        if reference := _handle(record):
            self.spool.claim_reference(reference)

    def columns(self) -> Sequence[str]:
        """Always the same."""
        return COLUMNS

    def lay_out(self, record: Plain) -> LaidOut:
        """A product, its variants, its images."""
        handle = _handle(record) or self._free(record.get("slug") or slug_of(record["name"], "product"))
        images = [{"Handle": handle, **image} for image in _images(record)]
        variants = self._variants(record)
        rows = [{"Handle": handle, **row} for row in variants] or [{"Handle": handle}]
        rows[0] |= (
            _product(record, handle) | (images[0] if images else {}) | (_option_names(record) if variants else {})
        )
        return LaidOut([*rows, *images[1:]], rows if variants else [])

    def takes(self, column: str, *, variant: bool, of_both: bool) -> bool:
        """What a variant's row says is told apart by the column's name."""
        return column not in PRODUCT_TOLD and column not in VARIANT_TOLD and of_variant(column) == variant

    def close(self) -> None:
        """Removes the handles."""
        self.spool.close()

    def _free(self, slug: str) -> str:
        number = 1
        while not self.spool.claim_reference(handle := numbered(slug, number)):
            number += 1
        return handle

    def _variants(self, record: Plain) -> list[Cells]:
        variants: list[Plain] = record.get("variants", [])
        choices = choices_of(variants, MOST_OPTIONS)
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

    def _variant(self, variant: Plain) -> Cells:
        quantity, grams = variant.get("imported_quantity"), variant.get("weight_grams")
        source: Plain = variant.get("source") or {}
        usual = {
            column: word
            for column, (word, other) in USUAL_WORDS.items()
            if column not in source and other not in source
        }
        return usual | {
            "Variant SKU": code_of(variant["sku"]),
            "Variant Grams": "" if grams is None else str(grams),
            "Variant Inventory Tracker": "shopify" if variant.get("track_inventory", True) else "",
            "Variant Inventory Qty": "" if quantity is None else str(quantity),
            "Variant Inventory Policy": "continue" if variant.get("allow_backorder") else "deny",
            "Variant Price": self._price(variant["price"]),
            "Variant Compare At Price": self._price(variant.get("compare_at_price")),
            "Variant Barcode": variant.get("barcode") or "",
        }

    def _price(self, money: Plain | None) -> str:
        """A price in the sheet's currency. One in another shows the same number: the sheet knows one currency, and the note the truth."""
        if money is None:
            return ""
        amount = money["amount"] * 10**self.decimals // 10 ** exponent(money["currency"])
        return shown(min(amount, MOST), self.decimals)


def _handle(record: Plain) -> str:
    """The reference where it can be a handle."""
    reference = record.get("external_reference") or ""
    return reference if len(reference) <= 100 and re.fullmatch(SLUG, reference) else ""


def _product(record: Plain, handle: str) -> Cells:
    attributes: Plain = record.get("attributes") or {}
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


def _option_names(record: Plain) -> Cells:
    names = choices_of(record["variants"], MOST_OPTIONS).names
    return {f"Option{n} Name": name for n, name in enumerate(names or ["Title"], 1)}


def _images(record: Plain) -> list[Cells]:
    media: list[Plain] = record.get("media") or []
    return [
        {"Image Src": m["source_url"], "Image Position": str(n), "Image Alt Text": m.get("alt", "")}
        for n, m in enumerate(media, 1)
    ]
