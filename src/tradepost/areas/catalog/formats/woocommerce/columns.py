"""WooCommerce's columns: constants for the fixed ones, and those that differ from file to file."""

import re
from decimal import Decimal
from functools import cache

from msgspec import Struct

from ..row_reader import RowReader

ID, TYPE, SKU, NAME = "id", "type", "sku", "name"
PUBLISHED, VISIBILITY, PARENT = "published", "visibility in catalog", "parent"
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

WEIGHTS = tuple([f"weight ({unit})" for unit in GRAMS_PER_UNIT])
MAX_ATTRIBUTES = 100
ATTRIBUTE_VALUES = tuple([f"attribute {n} value(s)" for n in range(1, MAX_ATTRIBUTES + 1)])

# Columns of a variation. In the row of a simple product they describe its only variant.
VARIANT_COLUMNS = frozenset(
    [
        *(SKU, GTIN, TAX, TAX_STATUS, STOCK, IN_STOCK, BACKORDERS, REGULAR, SALE, STARTS, ENDS),
        *("low stock amount", "shipping class", "cost of goods"),
    ]
)
VARIANT_COLUMN_PREFIXES = ("weight", "length", "width", "height", "download")


class AttributeColumns(Struct, frozen=True):
    """The columns of one attribute."""

    name: str
    values: str
    visible: str
    is_global: str
    default: str


class FileColumns(Struct, frozen=True):
    """The columns that differ from file to file.

    attributes: in the order of their numbers.
    weight: the column of the weight, empty if there is none; its name ends with the unit.
    """

    attributes: tuple[AttributeColumns, ...]
    weight: str
    grams_per_unit: Decimal


def columns_of(reader: RowReader) -> FileColumns:
    """Return the columns of the reader's file."""
    return _file_columns(tuple(reader.column_names))


@cache
def _file_columns(columns: tuple[str, ...]) -> FileColumns:
    numbers = sorted({int(match[1]) for column in columns if (match := ATTRIBUTE.fullmatch(column))})
    attributes = [
        AttributeColumns(*[f"attribute {n} {part}" for part in ("name", "value(s)", "visible", "global", "default")])
        for n in numbers
    ]
    weights = {
        column: GRAMS_PER_UNIT[match[1]]
        for column in columns
        if (match := WEIGHT.fullmatch(column)) and match[1] in GRAMS_PER_UNIT
    }
    weight = next(iter(weights), "")
    return FileColumns(attributes=tuple(attributes), weight=weight, grams_per_unit=weights.get(weight, Decimal(1)))


@cache
def is_variant_column(column: str) -> bool:
    """Whether a column describes a variant and not the product as a whole."""
    return column in VARIANT_COLUMNS or column.startswith(VARIANT_COLUMN_PREFIXES)
