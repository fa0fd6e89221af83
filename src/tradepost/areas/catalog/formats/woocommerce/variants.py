"""What can be bought of a WooCommerce product: its variations, or a simple product itself."""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from tradepost.kit.text.slugs import slugify

from ..csv_file import Row
from ..numbers import parse_measure
from ..row_reader import JsonObject, RowReader
from . import columns as col
from .attributes import AttributeValues, consumed_by_variation, read_options
from .cells import decode_entities
from .prices import has_price, read_prices
from .source import simple_product_source, variation_source

MOST_VARIANTS = 100
TAX_CLASS = re.compile(r"[a-z0-9_-]{1,40}")
TRUE_VALUES, FALSE_VALUES = frozenset({"1", "true"}), frozenset({"0", "false"})


class Parent(Struct, frozen=True):
    """What variations have from their product: its row, its attributes, the word that SKUs are made of, and tax class and weight where they have none."""

    row: Row
    attributes: Mapping[str, AttributeValues]
    sku_prefix: str
    tax_class: str
    grams: int | None


def read_parent(head: Row, attributes: Mapping[str, AttributeValues], word: str, reading: RowReader) -> Parent:
    """The row of a product as its variations see it."""
    columns = col.columns_of(reading)
    return Parent(
        head,
        attributes,
        word,
        _tax_class(head, "standard", reading),
        reading.grams(head, columns.weight, columns.grams_per_unit),
    )


def read_simple_variant(row: Row, word: str, reading: RowReader) -> JsonObject:
    """The only variant of a simple product."""
    made, told = _variant(row, word, {}, None, reading)
    reading.variant_lines.append(row.line)
    return made | {"source": simple_product_source(row, told, reading)}


def read_variations(rows: Sequence[Row], parent: Parent, reading: RowReader) -> list[JsonObject]:
    """The variants of a variable product, in the order of their positions; those with one position as they stand in the file."""
    offered = [r for r in rows if _is_offered(r, reading)]
    if len(offered) > MOST_VARIANTS:
        reading.reject(
            parent.row, col.TYPE, f"has {len(offered)} variations; a product here has at most {MOST_VARIANTS} variants."
        )
        return []
    if parent.row[col.STOCK] and any(r[col.STOCK].casefold() == "parent" for r in offered):
        reading.repair(
            parent.row, col.STOCK, "is shared by the variations; kept in `source`, and they come without a quantity."
        )
    seen: dict[str, int] = {}
    made: list[JsonObject] = []
    for at, row in enumerate(sorted(offered, key=lambda r: (reading.integer(r, col.POSITION) or 0, r.line))):
        options = read_options(row, parent.attributes, reading)
        if (first := seen.setdefault(repr(sorted(options.items())), row.line)) != row.line:
            reading.reject(row, _first_values(reading), f"has the same options as the variation in line {first}.")
        reading.variant_lines.append(row.line)
        made.append(_variation(row, at, options, parent, reading))
    return made


def _is_offered(row: Row, reading: RowReader) -> bool:
    """Whether a variation can be bought; why not is told. `-1` is the draft that its product is."""
    published = row[col.PUBLISHED].casefold()
    if published in FALSE_VALUES:
        reading.repair(row, col.PUBLISHED, "the variation is switched off; it is left out.")
    elif published and published != "-1" and published not in TRUE_VALUES:
        reading.repair(row, col.PUBLISHED, "is none of 1, 0 and -1; the variation is left out.")
    elif not has_price(row):
        reading.repair(row, col.REGULAR, "a variation without a price cannot be bought; it is left out.")
    else:
        return True
    return False


def _first_values(reading: RowReader) -> str:
    return next((a.values for a in col.columns_of(reading).attributes), col.NAME)


def _variation(row: Row, at: int, options: dict[str, str], parent: Parent, reading: RowReader) -> JsonObject:
    """One variation. It has its name from its options, as in the shop that it comes from; only without any its own is kept."""
    made, told = _variant(row, parent.sku_prefix, options, parent, reading)
    told |= {col.ID, col.PARENT, *consumed_by_variation(row, options, parent.attributes, parent.row, reading)}
    name = reading.text(row, col.NAME, 200, decode_entities(row[col.NAME]))
    if name and not options:
        made["name"] = name
    generated = f"{decode_entities(parent.row[col.NAME])} - {', '.join(options.values())}"
    same = (
        (col.NAME, name == generated or not options),
        (col.PUBLISHED, row[col.PUBLISHED].casefold() in TRUE_VALUES),
        (col.POSITION, row[col.POSITION] == str(at)),
    )
    told |= {column for column, is_told in (*same, (col.TYPE, row[col.TYPE].casefold() == "variation")) if is_told}
    return made | {
        "position": at,
        "external_reference": reading.text(row, col.ID) or None,
        "source": variation_source(row, told, reading),
    }


def _variant(
    row: Row, word: str, options: dict[str, str], parent: Parent | None, reading: RowReader
) -> tuple[JsonObject, set[str]]:
    """What a row says of something that can be bought, and the columns that are told whole by it."""
    cost, columns = read_prices(row, reading), col.columns_of(reading)
    sku, _ = reading.sku(row, col.SKU, word, options)
    barcode = reading.text(row, col.GTIN, 60).lstrip("'") or None
    grams = reading.grams(row, columns.weight, columns.grams_per_unit)
    stock = _stock(row, parent, reading)
    tax_class = _tax_class(row, parent.tax_class if parent else "standard", reading)
    told = {col.REGULAR, col.SALE}.difference(cost.unconsumed)
    same = (
        (col.SKU, row[col.SKU] == sku),
        (col.GTIN, row[col.GTIN] == barcode),
        (col.TAX, row[col.TAX] == tax_class),
        (col.STOCK, stock["imported_quantity"] is not None),
        (col.BACKORDERS, row[col.BACKORDERS] == "1"),
        (columns.weight, _is_exact(row, columns.weight, grams, reading)),
    )
    told |= {column for column, is_told in same if is_told}
    return {
        "sku": sku, "price": cost.price or {}, "compare_at_price": cost.compare_at_price, "options": options, "barcode": barcode,
        "weight_grams": parent.grams if parent and not row[columns.weight] else grams, "tax_class": tax_class, **stock,
    }, told  # fmt: skip


def _is_exact(row: Row, column: str, grams: int | None, reading: RowReader) -> bool:
    """Whether whole grams are the very weight of the row."""
    weight = parse_measure(row[column])
    return weight is not None and weight * col.columns_of(reading).grams_per_unit == grams


def _stock(row: Row, parent: Parent | None, reading: RowReader) -> JsonObject:
    """A stock that is given is counted; `parent` means that the product's is, which no variant can have for itself."""
    given, backorders = row[col.STOCK], row[col.BACKORDERS].casefold()
    quantity = None if parent and given.casefold() == "parent" else reading.integer(row, col.STOCK)
    if backorders not in ("1", "0", "notify", "true", "false", "yes", "no", ""):
        reading.repair(row, col.BACKORDERS, "is none of 1, 0 and notify; taken as 0.")
    if not given and row[col.IN_STOCK].casefold() in FALSE_VALUES:
        reading.repair(
            row,
            col.IN_STOCK,
            "is out of stock and not counted, which a variant here cannot be; it can be bought. Give it a stock of 0 to change that.",
        )
    return {
        "track_inventory": bool(given),
        "allow_backorder": backorders in ("1", "notify", "true", "yes"),
        "imported_quantity": quantity,
    }


def _tax_class(row: Row, inherited: str, reading: RowReader) -> str:
    """The tax class as a slug; `parent` is the product's, nothing the standard one."""
    given = row[col.TAX].casefold()
    if given in ("", "standard", "parent"):
        return inherited if given == "parent" else "standard"
    if TAX_CLASS.fullmatch(given):
        return given
    made = slugify(given, "")[:40].strip("-")
    if not made:
        reading.repair(row, col.TAX, "is no tax class in Latin letters; taken as standard, and kept in `source`.")
    return made or "standard"
