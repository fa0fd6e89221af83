"""Lays out Shopify's product export, with its long-standing header.

One row per variant; further images have rows of their own. Cells that look like a formula are
written unchanged: Shopify's own export does the same, and its import would keep a formula mark as
text.
"""

import re
from collections.abc import Sequence

from tradepost.kit.schema.money import MAX_AMOUNT, exponent
from tradepost.kit.text.slugs import numbered_slug, slugify

from ...schemas import SLUG_PATTERN
from ..row_reader import JsonObject
from ..shopify import SHOPIFY
from ..shopify_columns import (
    CONSUMED_PRODUCT_COLUMNS,
    CONSUMED_VARIANT_COLUMNS,
    MAX_ATTRIBUTE_LENGTH,
    NOTE_COLUMNS,
    is_variant_column,
)
from ..spool import Spool
from .layout import Cells, Layout, ProductRows
from .option_columns import build_option_columns
from .writer import format_amount, sku_cell

COLUMNS = (
    "Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published", "Option1 Name",
    "Option1 Value", "Option2 Name", "Option2 Value", "Option3 Name", "Option3 Value", "Variant SKU", "Variant Grams",
    "Variant Inventory Tracker", "Variant Inventory Qty", "Variant Inventory Policy", "Variant Fulfillment Service",
    "Variant Price", "Variant Compare At Price", "Variant Requires Shipping", "Variant Taxable", "Variant Barcode",
    "Image Src", "Image Position", "Image Alt Text", "Gift Card", "SEO Title", "SEO Description", "Variant Image",
    "Variant Weight Unit", "Variant Tax Code", "Cost per item", "Status",
)  # fmt: skip
ATTRIBUTES = {"SEO Title": "seo_title", "SEO Description": "seo_description"}
# The usual cell of a column, and the column of the newer template with the same meaning. If
# `source` has one of the two, the usual cell is not written.
USUAL_CELLS = {
    "Variant Fulfillment Service": ("manual", "Fulfillment service"),
    "Variant Taxable": ("true", "Charge tax"),
}
MAX_OPTIONS, MAX_HANDLE_LENGTH = 3, 100
NO_OPTION = "Default Title"


class ShopifyLayout(Layout):
    """Shopify's columns.

    The handle is the external reference of a product, else its slug. It is unique in the file.
    """

    format, note_columns, formula_mark, file_prefix = SHOPIFY, NOTE_COLUMNS, "", b""

    def __init__(self, currency: str) -> None:
        self.currency, self.decimals = currency, exponent(currency)
        self.spool = Spool()

    def scan(self, record: JsonObject) -> None:
        """Claim handles given by external references before any is made from a slug."""
        if handle := _reference_handle(record):
            self.spool.claim_reference(handle)

    def columns(self) -> Sequence[str]:
        """Return the columns, which are always the same."""
        return COLUMNS

    def lay_out(self, record: JsonObject) -> ProductRows:
        """Return the rows of a product: its variants, then its further images."""
        handle = _reference_handle(record) or self._unused_handle(
            record.get("slug") or slugify(record["name"], "product")
        )
        images = [{"Handle": handle, **image} for image in _images(record)]
        variants = self._variants(record)
        rows = [{"Handle": handle, **row} for row in variants] or [{"Handle": handle}]
        rows[0] |= _product(record, handle)
        rows[0] |= images[0] if images else {}
        rows[0] |= _option_names(record) if variants else {}
        return ProductRows([*rows, *images[1:]], rows if variants else [])

    def accepts_source(self, column: str, *, variant: bool, shared_row: bool) -> bool:
        """Whether a column may be filled from `source`, of a product or a variant by its name."""
        return (
            column not in CONSUMED_PRODUCT_COLUMNS
            and column not in CONSUMED_VARIANT_COLUMNS
            and is_variant_column(column) == variant
        )

    def close(self) -> None:
        """Delete the claimed handles."""
        self.spool.close()

    def _unused_handle(self, slug: str) -> str:
        number = 1
        while not self.spool.claim_reference(handle := numbered_slug(slug, number)):
            number += 1
        return handle

    def _variants(self, record: JsonObject) -> list[Cells]:
        variants: list[JsonObject] = record.get("variants", [])
        options = build_option_columns(variants, MAX_OPTIONS)
        rows = [self._variant(variant) for variant in variants]
        for row, values in zip(rows, options.values, strict=True):
            if not options.names:
                row["Option1 Value"] = NO_OPTION
            elif values == [NO_OPTION]:
                # On its own this value would mean that there are no options.
                row["Option1 Value"] = f"{NO_OPTION} (1)"
            else:
                row |= {f"Option{n} Value": value for n, value in enumerate(values, 1)}
        return rows

    def _variant(self, variant: JsonObject) -> Cells:
        quantity, grams = variant.get("imported_quantity"), variant.get("weight_grams")
        source: JsonObject = variant.get("source") or {}
        usual_cells = {
            column: cell
            for column, (cell, new_column) in USUAL_CELLS.items()
            if column not in source and new_column not in source
        }
        return usual_cells | {
            "Variant SKU": sku_cell(variant["sku"]),
            "Variant Grams": "" if grams is None else str(grams),
            "Variant Inventory Tracker": "shopify" if variant.get("track_inventory", True) else "",
            "Variant Inventory Qty": "" if quantity is None else str(quantity),
            "Variant Inventory Policy": "continue" if variant.get("allow_backorder") else "deny",
            "Variant Price": self._price(variant["price"]),
            "Variant Requires Shipping": "true" if variant.get("requires_shipping", True) else "false",
            "Variant Compare At Price": self._price(variant.get("compare_at_price")),
            "Variant Barcode": variant.get("barcode") or "",
        }

    def _price(self, money: JsonObject | None) -> str:
        """Format a price in the currency of the file.

        A price in another currency is written as the same number; the note holds the currency.
        """
        if money is None:
            return ""
        amount = money["amount"] * 10**self.decimals // 10 ** exponent(money["currency"])
        return format_amount(min(amount, MAX_AMOUNT), self.decimals)


def _reference_handle(record: JsonObject) -> str:
    """Return the external reference if it can be a handle."""
    reference = record.get("external_reference") or ""
    return reference if len(reference) <= MAX_HANDLE_LENGTH and re.fullmatch(SLUG_PATTERN, reference) else ""


def _product(record: JsonObject, handle: str) -> Cells:
    attributes: JsonObject = record.get("attributes") or {}
    categories: list[list[str]] = record.get("categories") or []
    status: str = record.get("status", "draft")
    attribute_cells = {
        column: value
        for column, name in ATTRIBUTES.items()
        if isinstance(value := attributes.get(name), str) and len(value) <= MAX_ATTRIBUTE_LENGTH
    }
    return attribute_cells | {
        "Title": record["name"] if record["name"].strip() else handle,
        "Body (HTML)": record.get("description", ""),
        "Vendor": record.get("brand") or "",
        "Type": categories[0][-1] if categories and categories[0] else "",
        "Tags": ", ".join(record.get("tags", ())),
        "Published": "true" if status == "active" else "false",
        "Status": status,
        "Gift Card": "true" if attributes.get("gift_card") is True else "false",
    }


def _option_names(record: JsonObject) -> Cells:
    names = build_option_columns(record["variants"], MAX_OPTIONS).names
    return {f"Option{n} Name": name for n, name in enumerate(names or ["Title"], 1)}


def _images(record: JsonObject) -> list[Cells]:
    media: list[JsonObject] = record.get("media") or []
    return [
        {"Image Src": image["source_url"], "Image Position": str(n), "Image Alt Text": image.get("alt", "")}
        for n, image in enumerate(media, 1)
    ]
