"""WooCommerce's columns: the known ones by their folded names, and those whose names differ from file to file."""

import re
from decimal import Decimal
from functools import cache

from msgspec import Struct

from ..row_reader import Reading

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
GRAMS = {
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


class Attribute(Struct, frozen=True):
    """The columns of one attribute."""

    name: str
    values: str
    visible: str
    shared: str
    default: str


class Columns(Struct, frozen=True):
    """What a header has whose names differ from file to file: attributes in the order of their numbers, and the weight with its unit in grams."""

    attributes: tuple[Attribute, ...]
    weight: str
    grams: Decimal


def columns_of(reading: Reading) -> Columns:
    """The columns of the file that is read."""
    return _columns(tuple(reading.names))


@cache
def _columns(names: tuple[str, ...]) -> Columns:
    numbers = sorted({int(found[1]) for n in names if (found := ATTRIBUTE.fullmatch(n))})
    attributes = [
        Attribute(*[f"attribute {n} {part}" for part in ("name", "value(s)", "visible", "global", "default")])
        for n in numbers
    ]
    weights = {n: GRAMS[found[1]] for n in names if (found := WEIGHT.fullmatch(n)) and found[1] in GRAMS}
    weight = next(iter(weights), "")
    return Columns(attributes=tuple(attributes), weight=weight, grams=weights.get(weight, Decimal(1)))


@cache
def of_variant(column: str) -> bool:
    """Whether a column speaks of what can be bought, and not of the product as a whole."""
    return column in OF_VARIANT or column.startswith(OF_VARIANT_TOO)
