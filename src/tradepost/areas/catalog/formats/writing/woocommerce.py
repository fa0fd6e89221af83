"""Lays out WooCommerce's product export.

A simple product is one row. A variable product is a row followed by those of its variations.
WooCommerce's exporter writes a `'` before cells that begin with `= + - @`, line breaks as `\\n` and
commas within lists as `\\,`; so does this layout.
"""

from collections.abc import Sequence
from decimal import Decimal

from tradepost.kit.schema.money import MAX_AMOUNT, exponent
from tradepost.kit.text.slugs import numbered_slug, slugify

from ..row_reader import JsonObject
from ..spool import Spool
from ..woocommerce import WOOCOMMERCE
from ..woocommerce import columns as col
from ..woocommerce.reader import PARENT_ID_PATTERN
from .layout import Cells, Layout, ProductRows
from .woocommerce_cells import (
    MAX_ATTRIBUTES,
    encode_entities,
    encode_line_breaks,
    join_list,
    option_columns,
    text_attributes,
    text_values,
)
from .writer import UTF8_BOM, format_amount, sku_cell

COLUMNS = (
    "ID", "Type", "SKU", "GTIN, UPC, EAN, or ISBN", "Name", "Published", "Is featured?", "Visibility in catalog",
    "Short description", "Description", "Date sale price starts", "Date sale price ends", "Tax status", "Tax class",
    "In stock?", "Stock", "Low stock amount", "Backorders allowed?", "Sold individually?", "Weight (kg)",
    "Allow customer reviews?", "Purchase note", "Sale price", "Regular price", "Categories", "Tags", "Shipping class",
    "Images", "Parent", "Grouped products", "Upsells", "Cross-sells", "External URL", "Button text", "Position",
    "Brands",
)  # fmt: skip
NOTE_COLUMNS = ("Meta: tradepost_product", "Meta: tradepost_variant")
# Columns that link the rows of a product. They are never filled from `source`.
LINKING_COLUMNS = frozenset({col.ID, col.SKU, col.PARENT, col.POSITION, col.NAME})
# What WooCommerce's exporter writes for unset values.
UNSET_CELLS = {"Visibility in catalog": "visible", "Tax status": "taxable", "In stock?": "1"}


class WooCommerceLayout(Layout):
    """WooCommerce's columns.

    Variations refer to their product by its `ID` if it was imported with one, else by its SKU.
    """

    format, note_columns, formula_mark, file_prefix = WOOCOMMERCE, NOTE_COLUMNS, "'", UTF8_BOM

    def __init__(self, currency: str) -> None:
        self.decimals, self.attribute_count = exponent(currency), 0
        self.spool = Spool()

    def scan(self, record: JsonObject) -> None:
        """Claim the IDs and SKUs of the record, and count its attributes."""
        if id := _id(record):
            self.spool.claim_reference(id)
        for variant in record.get("variants", ()):
            self.spool.claim_sku(sku_cell(variant["sku"]).casefold())
        count = len(option_columns(record).names) + len(text_attributes(record))
        self.attribute_count = max(self.attribute_count, count)

    def columns(self) -> Sequence[str]:
        """Return the columns, with as many attributes as the product that has the most."""
        count = min(self.attribute_count, MAX_ATTRIBUTES)
        parts = ("name", "value(s)", "visible", "global")
        return [*COLUMNS, *[f"Attribute {n} {part}" for n in range(1, count + 1) for part in parts]]

    def lay_out(self, record: JsonObject) -> ProductRows:
        """Return the rows of a product and its variations."""
        head = _product(record)
        variants: list[JsonObject] = record.get("variants", [])
        if self._is_simple(record):
            row = head | {"Type": "simple"} | self._variant(variants[0])
            return ProductRows([row], [row])
        head |= {"SKU": self._product_sku(record), "Type": "variable"} if variants else self._without_variants(record)
        parent = f"id:{head['ID']}" if head["ID"] else head["SKU"]
        options = option_columns(record)
        for n, name in enumerate(options.names, 1):
            values = dict.fromkeys(row[n - 1] for row in options.values if row[n - 1])
            head |= {
                f"Attribute {n} name": encode_entities(name),
                f"Attribute {n} value(s)": join_list([encode_entities(value) for value in values]),
            }
        rows = [
            self._variation(head, parent, index, variant, options.names, options.values[index])
            for index, variant in enumerate(variants)
        ]
        return ProductRows([head, *rows], rows)

    def accepts_source(self, column: str, *, variant: bool, shared_row: bool) -> bool:
        """Whether a column may be filled from `source`.

        In the row of a simple product, variant columns take the variant's `source`.
        """
        return column not in LINKING_COLUMNS and (not shared_row or col.is_variant_column(column) == variant)

    def close(self) -> None:
        """Delete the claimed IDs and SKUs."""
        self.spool.close()

    def _is_simple(self, record: JsonObject) -> bool:
        """Whether one row is enough: a single variant without options.

        Without an ID, the variant's SKU identifies the product, so no other product may use it.
        """
        variants: list[JsonObject] = record.get("variants", [])
        if len(variants) != 1 or variants[0].get("options"):
            return False
        return bool(_id(record)) or self.spool.claim_reference(sku_cell(variants[0]["sku"]))

    def _product_sku(self, record: JsonObject) -> str:
        """Return the SKU of a product that has several variants or none.

        It is the SKU that the product was imported with. Otherwise one is made from its reference,
        slug or name, unless it has an ID.
        """
        source: JsonObject = record.get("source") or {}
        source_sku = source.get("SKU")
        if isinstance(source_sku, str) and sku_cell(source_sku) == source_sku and self._claim(source_sku, record):
            return source_sku
        if _id(record):
            return ""
        name, number = record.get("external_reference") or record.get("slug") or slugify(record["name"], "product"), 1
        while not self._claim(sku := numbered_slug(sku_cell(name), number), record):
            number += 1
        return sku

    def _claim(self, sku: str, record: JsonObject) -> bool:
        """Claim a product's SKU. Return False if it cannot be used.

        A SKU such as `id:1` would be read as an ID in the `Parent` column of the variations.
        """
        if not sku or (not _id(record) and PARENT_ID_PATTERN.fullmatch(sku)):
            return False
        return self.spool.claim_sku(sku.casefold()) and (bool(_id(record)) or self.spool.claim_reference(sku))

    def _without_variants(self, record: JsonObject) -> Cells:
        """Return the cells of a product without variants: grouped, external, or simple."""
        attributes: JsonObject = record.get("attributes") or {}
        row = {"SKU": self._product_sku(record), "Type": "simple"}
        if parts := text_values(attributes.get("grouped_products")):
            return row | {"Type": "grouped", "Grouped products": join_list(parts)}
        if isinstance(url := attributes.get("external_url"), str):
            row |= {"Type": "external", "External URL": url, "Button text": str(attributes.get("button_text") or "")}
            price: JsonObject | None = attributes.get("price") if isinstance(attributes.get("price"), dict) else None
            if (
                price is not None
                and isinstance(price.get("amount"), int)
                and price["amount"] >= 0
                and isinstance(price.get("currency"), str)
            ):
                row["Regular price"] = self._price(price)
        return row

    def _variation(
        self, head: Cells, parent: str, index: int, variant: JsonObject, names: Sequence[str], values: Sequence[str]
    ) -> Cells:
        shown_values = ", ".join([value for value in values if value])
        row = self._variant(variant) | {
            "ID": _id(variant),
            "Type": "variation",
            "Name": f"{head['Name']} - {shown_values}" if shown_values else variant.get("name", ""),
            "Published": "1",
            "Parent": parent,
            "Position": str(index),
        }
        for n, (name, value) in enumerate(zip(names, values, strict=True), 1):
            if value:
                row |= {
                    f"Attribute {n} name": encode_entities(name),
                    f"Attribute {n} value(s)": join_list([encode_entities(value)]),
                }
        return row

    def _variant(self, variant: JsonObject) -> Cells:
        price, compare_at_price = variant["price"], variant.get("compare_at_price")
        is_reduced = compare_at_price is not None and compare_at_price["amount"] > price["amount"]
        quantity, grams = variant.get("imported_quantity"), variant.get("weight_grams")
        tax_class = variant.get("tax_class", "standard")
        return UNSET_CELLS | {
            "SKU": sku_cell(variant["sku"]),
            "GTIN, UPC, EAN, or ISBN": variant.get("barcode") or "",
            "Tax class": "" if tax_class == "standard" else tax_class,
            "Stock": "" if quantity is None else str(quantity),
            "Backorders allowed?": "1" if variant.get("allow_backorder") else "0",
            "Weight (kg)": "" if grams is None else _kilograms(grams),
            "Regular price": self._price(compare_at_price if is_reduced else price),
            "Sale price": self._price(price) if is_reduced else "",
        }

    def _price(self, money: JsonObject | None) -> str:
        """Format a price in the currency of the file.

        A price in another currency is written as the same number; the note holds the currency.
        """
        if money is None:
            return ""
        amount = min(money["amount"] * 10**self.decimals // 10 ** exponent(money["currency"]), MAX_AMOUNT)
        # Three decimals look like grouped thousands, so a fourth is added.
        return format_amount(amount, self.decimals) + ("0" if self.decimals == 3 else "")


def _kilograms(grams: int) -> str:
    """Format a weight. Three decimals look like grouped thousands, so a fourth is added."""
    text = f"{Decimal(grams).scaleb(-3).normalize():f}"
    return text if grams % 10 == 0 else f"{text}0"


def _id(members: JsonObject) -> str:
    """Return the external reference if it is a WooCommerce ID, that is, only digits."""
    reference = members.get("external_reference") or ""
    return reference if reference.isascii() and reference.isdigit() else ""


def _product(record: JsonObject) -> Cells:
    attributes: JsonObject = record.get("attributes") or {}
    short_description = attributes.get("short_description")
    cells = UNSET_CELLS | {
        "ID": _id(record),
        "Name": encode_entities(record["name"] if record["name"].strip() else record.get("slug") or "product"),
        "Published": "1" if record.get("status") == "active" else "-1",
        "Description": encode_line_breaks(record.get("description", "")),
        "Categories": join_list([_category_path(path) for path in record.get("categories") or () if path]),
        "Tags": join_list(record.get("tags", ())),
        "Images": join_list([image["source_url"] for image in record.get("media") or ()]),
        "Short description": encode_line_breaks(short_description) if isinstance(short_description, str) else "",
        "Brands": join_list([encode_entities(brand)]) if (brand := record.get("brand")) else "",
    }
    first_number = len(option_columns(record).names) + 1
    for n, (name, values) in enumerate(text_attributes(record).items(), first_number):
        if n <= MAX_ATTRIBUTES:
            cells |= {
                f"Attribute {n} name": encode_entities(name),
                f"Attribute {n} value(s)": join_list([encode_entities(value) for value in values]),
                f"Attribute {n} visible": "1",
            }
    return cells


def _category_path(names: Sequence[str]) -> str:
    return " > ".join([encode_entities(name).replace(">", "&gt;") for name in names])
