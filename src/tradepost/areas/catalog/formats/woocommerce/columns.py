"""WooCommerce's columns: the known ones by their folded names, and those whose names differ from file to file."""

import re
from decimal import Decimal
from functools import cache

from msgspec import Struct

from ..row_reader import RowReader

ID, TYPE, SKU, NAME, PUBLISHED, VISIBILITY, PARENT = (
    "id",
    "type",
    "sku",
    "name",
    "published",
    "visibility in catalog",
    "parent",
)
DESCRIPTION, SHORT, POSITION, IMAGES = "description", "short description", "position", "images"
CATEGORIES, TAGS, BRANDS, GROUPED = "categories", "tags", "brands", "grouped products"
URL, BUTTON, GTIN = "external url", "button text", "gtin, upc, ean, or isbn"
TAX, TAX_STATUS, STOCK, IN_STOCK, BACKORDERS = "tax class", "tax status", "stock", "in stock?", "backorders allowed?"
REGULAR, SALE, STARTS, ENDS = "regular price", "sale price", "date sale price starts", "date sale price ends"

ATTRIBUTE = re.compile(r"attribute (\d+) (name|value\(s\)|visible|global|default)")
WEIGHT = re.compile(r"weight \((.+)\)")
GRAMS_PER_UNIT = {
    "kg": Decimal(1000),
    "g": Decimal(1),
    "lbs": Decimal("453.59237"),
    "lb": Decimal("453.59237"),
    "oz": Decimal("28.349523125"),
}

# What a variation may have of its own. In the row of a simple product these speak of its only variant.
OF_VARIANT = frozenset([SKU, GTIN, TAX, TAX_STATUS, STOCK, IN_STOCK, BACKORDERS, REGULAR, SALE, STARTS, ENDS, "low stock amount", "shipping class",
                        "cost of goods"])  # fmt: skip
OF_VARIANT_TOO = ("weight", "length", "width", "height", "download")


class AttributeColumns(Struct, frozen=True):
    """The columns of one attribute."""

    name: str
    values: str
    visible: str
    is_global: str
    default: str


class FileColumns(Struct, frozen=True):
    """What a header has whose names differ from file to file: attributes in the order of their numbers, and the weight with its unit in grams."""

    attributes: tuple[AttributeColumns, ...]
    weight: str
    grams_per_unit: Decimal


def columns_of(reading: RowReader) -> FileColumns:
    """The columns of the file that is read."""
    return _columns(tuple(reading.column_names))


@cache
def _columns(names: tuple[str, ...]) -> FileColumns:
    numbers = sorted({int(found[1]) for n in names if (found := ATTRIBUTE.fullmatch(n))})
    attributes = [
        AttributeColumns(*[f"attribute {n} {part}" for part in ("name", "value(s)", "visible", "global", "default")])
        for n in numbers
    ]
    weights = {
        n: GRAMS_PER_UNIT[found[1]] for n in names if (found := WEIGHT.fullmatch(n)) and found[1] in GRAMS_PER_UNIT
    }
    weight = next(iter(weights), "")
    return FileColumns(attributes=tuple(attributes), weight=weight, grams_per_unit=weights.get(weight, Decimal(1)))


@cache
def is_variant_column(column: str) -> bool:
    """Whether a column speaks of what can be bought, and not of the product as a whole."""
    return column in OF_VARIANT or column.startswith(OF_VARIANT_TOO)
