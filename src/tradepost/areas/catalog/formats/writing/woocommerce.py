"""Writes WooCommerce's product export: a row for a simple product, for a variable one a row and those of its variations.

As its own exporter does, it sets a `'` before cells that begin with `= + - @`, and writes line breaks as `\\n` and commas in lists as `\\,`.
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
    MOST_ATTRIBUTES,
    encode_entities,
    encode_line_breaks,
    join_list,
    option_columns,
    text_attributes,
    text_values,
)
from .writer import UTF8_BOM, format_amount, sku_cell

COLUMNS = (
    "ID", "Type", "SKU", "GTIN, UPC, EAN, or ISBN", "Name", "Published", "Is featured?", "Visibility in catalog", "Short description", "Description",
    "Date sale price starts", "Date sale price ends", "Tax status", "Tax class", "In stock?", "Stock", "Low stock amount", "Backorders allowed?",
    "Sold individually?", "Weight (kg)", "Allow customer reviews?", "Purchase note", "Sale price", "Regular price", "Categories", "Tags", "Shipping class",
    "Images", "Parent", "Grouped products", "Upsells", "Cross-sells", "External URL", "Button text", "Position", "Brands",
)  # fmt: skip
NOTES = ("Meta: tradepost_product", "Meta: tradepost_variant")
# What makes rows belong together: never from `source`.
BINDING = frozenset({col.ID, col.SKU, col.PARENT, col.POSITION, col.NAME})
# What WooCommerce itself writes where nothing was set.
USUAL = {"Visibility in catalog": "visible", "Tax status": "taxable", "In stock?": "1"}


class WooCommerceLayout(Layout):
    """WooCommerce's columns. A product has the `ID` that it came with; else its SKU, or that of its only variant, is what its rows know it by."""

    format, note_columns, formula_mark, file_prefix = WOOCOMMERCE, NOTES, "'", UTF8_BOM

    def __init__(self, currency: str) -> None:
        self.decimals, self.attributes = exponent(currency), 0
        self.spool = Spool()

    def scan(self, record: JsonObject) -> None:
        """IDs and SKUs that there are stand before those that are made; and how many attributes a row has."""
        if number := _id(record):
            self.spool.claim_reference(number)
        for variant in record.get("variants", ()):
            self.spool.claim_sku(sku_cell(variant["sku"]).casefold())
        self.attributes = max(self.attributes, len(option_columns(record).names) + len(text_attributes(record)))

    def columns(self) -> Sequence[str]:
        """With the attributes of the product that has the most."""
        count = min(self.attributes, MOST_ATTRIBUTES)
        return [
            *COLUMNS,
            *[
                f"Attribute {n} {part}"
                for n in range(1, count + 1)
                for part in ("name", "value(s)", "visible", "global")
            ],
        ]

    def lay_out(self, record: JsonObject) -> ProductRows:
        """A product and its variations."""
        head = _product(record)
        variants: list[JsonObject] = record.get("variants", [])
        if self._is_simple(record):
            row = head | {"Type": "simple"} | self._variant(variants[0])
            return ProductRows([row], [row])
        head |= {"SKU": self._own_sku(record), "Type": "variable"} if variants else self._without_variants(record)
        parent = f"id:{head['ID']}" if head["ID"] else head["SKU"]
        choices = option_columns(record)
        for n, name in enumerate(choices.names, 1):
            values = dict.fromkeys(row[n - 1] for row in choices.values if row[n - 1])
            head |= {
                f"Attribute {n} name": encode_entities(name),
                f"Attribute {n} value(s)": join_list([encode_entities(v) for v in values]),
            }
        rows = [
            self._variation(head, parent, at, variant, choices.names, choices.values[at])
            for at, variant in enumerate(variants)
        ]
        return ProductRows([head, *rows], rows)

    def accepts_source(self, column: str, *, variant: bool, of_both: bool) -> bool:
        """In the row of a simple product the columns of a variation are the variant's."""
        return column not in BINDING and (not of_both or col.is_variant_column(column) == variant)

    def close(self) -> None:
        """Removes the references."""
        self.spool.close()

    def _is_simple(self, record: JsonObject) -> bool:
        """Whether one row can say it all: one variant without options, whose SKU no other product is known by."""
        variants: list[JsonObject] = record.get("variants", [])
        if len(variants) != 1 or variants[0].get("options"):
            return False
        return bool(_id(record)) or self.spool.claim_reference(sku_cell(variants[0]["sku"]))

    def _own_sku(self, record: JsonObject) -> str:
        """The SKU of a product that is not a variant's: the one that it came with, else what it is known by."""
        source: JsonObject = record.get("source") or {}
        given = source.get("SKU")
        if isinstance(given, str) and sku_cell(given) == given and (taken := self._take(given, record)):
            return taken
        if _id(record):
            return ""
        name, number = record.get("external_reference") or record.get("slug") or slugify(record["name"], "product"), 1
        while not (taken := self._take(numbered_slug(sku_cell(name), number), record)):
            number += 1
        return taken

    def _take(self, sku: str, record: JsonObject) -> str:
        """A SKU, if neither a variant nor another product has it. One like `id:1` would be an ID to the variations that name it as their parent."""
        if not _id(record) and PARENT_ID_PATTERN.fullmatch(sku):
            return ""
        free = self.spool.claim_sku(sku.casefold()) and (_id(record) or self.spool.claim_reference(sku))
        return sku if free else ""

    def _without_variants(self, record: JsonObject) -> Cells:
        """A product that cannot be bought itself: its parts, or where it is sold."""
        attributes: JsonObject = record.get("attributes") or {}
        row = {"SKU": self._own_sku(record), "Type": "simple"}
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
        self, head: Cells, parent: str, at: int, variant: JsonObject, names: Sequence[str], values: Sequence[str]
    ) -> Cells:
        name = f"{head['Name']} - {', '.join([v for v in values if v])}" if any(values) else variant.get("name", "")
        row = self._variant(variant) | {
            "ID": _id(variant),
            "Type": "variation",
            "Name": name,
            "Published": "1",
            "Parent": parent,
            "Position": str(at),
        }
        for n, (option, value) in enumerate(zip(names, values, strict=True), 1):
            if value:
                row |= {
                    f"Attribute {n} name": encode_entities(option),
                    f"Attribute {n} value(s)": join_list([encode_entities(value)]),
                }
        return row

    def _variant(self, variant: JsonObject) -> Cells:
        price, compare, grams = variant["price"], variant.get("compare_at_price"), variant.get("weight_grams")
        reduced = compare is not None and compare["amount"] > price["amount"]
        quantity, tax_class = variant.get("imported_quantity"), variant.get("tax_class", "standard")
        return USUAL | {
            "SKU": sku_cell(variant["sku"]),
            "GTIN, UPC, EAN, or ISBN": variant.get("barcode") or "",
            "Tax class": "" if tax_class == "standard" else tax_class,
            "Stock": "" if quantity is None else str(quantity),
            "Backorders allowed?": "1" if variant.get("allow_backorder") else "0",
            "Weight (kg)": "" if grams is None else f"{Decimal(grams).scaleb(-3).normalize():f}",
            "Regular price": self._price(compare if reduced else price),
            "Sale price": self._price(price) if reduced else "",
        }  # fmt: skip

    def _price(self, money: JsonObject | None) -> str:
        """A price in the sheet's currency; one in another shows the same number, and the note tells the truth."""
        if money is None:
            return ""
        amount = min(money["amount"] * 10**self.decimals // 10 ** exponent(money["currency"]), MAX_AMOUNT)
        # Three decimals look like thousands; a fourth makes them decimals.
        return format_amount(amount, self.decimals) + ("0" if self.decimals == 3 else "")


def _id(plain: JsonObject) -> str:
    """The reference where it is an ID of WooCommerce."""
    reference = plain.get("external_reference") or ""
    return reference if reference.isascii() and reference.isdigit() else ""


def _product(record: JsonObject) -> Cells:
    attributes: JsonObject = record.get("attributes") or {}
    told = USUAL | {
        "ID": _id(record),
        "Name": encode_entities(record["name"] if record["name"].strip() else record.get("slug") or "product"),
        "Published": "1" if record.get("status") == "active" else "-1",
        "Description": encode_line_breaks(record.get("description", "")),
        "Categories": join_list(
            [
                " > ".join([encode_entities(step).replace(">", "&gt;") for step in path])
                for path in record.get("categories") or ()
                if path
            ]
        ),
        "Tags": join_list(record.get("tags", ())),
        "Images": join_list([m["source_url"] for m in record.get("media") or ()]),
        "Short description": encode_line_breaks(short)
        if isinstance(short := attributes.get("short_description"), str)
        else "",
        "Brands": join_list([encode_entities(v) for v in text_values(attributes.get("brand"))]),
    }
    first = len(option_columns(record).names) + 1
    for n, (name, values) in enumerate(text_attributes(record).items(), first):
        if n <= MOST_ATTRIBUTES:
            told |= {
                f"Attribute {n} name": encode_entities(name),
                f"Attribute {n} value(s)": join_list([encode_entities(v) for v in values]),
                f"Attribute {n} visible": "1",
            }
    return told
