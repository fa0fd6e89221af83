"""The variants of a WooCommerce product: its variations, or a simple product itself."""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from tradepost.kit.text.slugs import slugify

from ..csv_file import Row
from ..numbers import parse_decimal
from ..row_reader import JsonObject, RowReader
from . import columns as col
from .attributes import AttributeValues, consumed_by_variation, read_options
from .cells import decode_entities
from .prices import has_price, read_prices
from .source import simple_product_source, variation_source

MAX_VARIANTS, MAX_VARIANT_NAME_LENGTH, MAX_BARCODE_LENGTH, MAX_TAX_CLASS_LENGTH = 100, 200, 60, 40
TAX_CLASS = re.compile(r"[a-z0-9_-]{1,40}")
TRUE_VALUES, FALSE_VALUES = frozenset({"1", "true"}), frozenset({"0", "false"})


class Parent(Struct, frozen=True):
    """The values that variations take from their product.

    sku_prefix: the beginning of generated SKUs.
    tax_class, grams: for variations that have none.
    """

    row: Row
    attributes: Mapping[str, AttributeValues]
    sku_prefix: str
    tax_class: str
    grams: int | None


def read_parent(head: Row, attributes: Mapping[str, AttributeValues], sku_prefix: str, reader: RowReader) -> Parent:
    """Return what the variations of a product take from its row."""
    columns = col.columns_of(reader)
    return Parent(
        head,
        attributes,
        sku_prefix,
        _tax_class(head, "standard", reader),
        reader.grams(head, columns.weight, columns.grams_per_unit),
    )


def read_simple_variant(row: Row, sku_prefix: str, reader: RowReader) -> JsonObject:
    """Return the only variant of a simple product. The ID is that of the product."""
    reader.keep(row, col.ID)
    variant, consumed = _variant(row, sku_prefix, {}, None, reader)
    reader.variant_lines.append(row.line)
    return variant | {"source": simple_product_source(row, consumed, reader)}


def read_variations(rows: Sequence[Row], parent: Parent, reader: RowReader) -> list[JsonObject]:
    """Return the variants of a variable product by position, then by line."""
    available = [row for row in rows if _is_available(row, reader)]
    if len(available) > MAX_VARIANTS:
        message = f"The product has {len(available)} variations; at most {MAX_VARIANTS} are supported."
        reader.reject(parent.row, col.TYPE, message)
        return []
    if parent.row[col.STOCK] and any(row[col.STOCK].casefold() == "parent" for row in available):
        message = (
            "Stock shared by variations is not supported; they were imported without a quantity. "
            "The value was kept in `source`."
        )
        reader.repair(parent.row, col.STOCK, message)
    first_lines: dict[str, int] = {}
    variants: list[JsonObject] = []
    by_position = sorted(available, key=lambda row: (reader.integer(row, col.POSITION) or 0, row.line))
    for index, row in enumerate(by_position):
        options = read_options(row, parent.attributes, reader)
        if (first_line := first_lines.setdefault(repr(sorted(options.items())), row.line)) != row.line:
            reader.reject(row, _first_value_column(reader), f"Same options as the variation in line {first_line}.")
        reader.variant_lines.append(row.line)
        variants.append(_variation(row, index, options, parent, reader))
    return variants


def _is_available(row: Row, reader: RowReader) -> bool:
    """Whether a variation can be bought; if not, report why. `-1` follows its draft product."""
    published = row[col.PUBLISHED].casefold()
    if published in FALSE_VALUES:
        reader.repair(row, col.PUBLISHED, "Disabled variation; skipped.")
    elif published and published != "-1" and published not in TRUE_VALUES:
        reader.repair(row, col.PUBLISHED, "Not one of 1, 0 or -1; the variation was skipped.")
    elif not has_price(row):
        reader.repair(row, col.REGULAR, "A variation without a price cannot be bought; skipped.")
    else:
        return True
    return False


def _first_value_column(reader: RowReader) -> str:
    return next((attribute.values for attribute in col.columns_of(reader).attributes), col.NAME)


def _variation(row: Row, index: int, options: dict[str, str], parent: Parent, reader: RowReader) -> JsonObject:
    """Return one variation.

    Its name is generated from its options later. Only a variation without options keeps the name in
    the file.
    """
    variant, consumed = _variant(row, parent.sku_prefix, options, parent, reader)
    consumed |= {col.ID, col.PARENT, *consumed_by_variation(row, options, parent.attributes, parent.row, reader)}
    name = reader.text(row, col.NAME, MAX_VARIANT_NAME_LENGTH, decode_entities(row[col.NAME]))
    if name and not options:
        variant["name"] = name
    generated_name = f"{decode_entities(parent.row[col.NAME])} - {', '.join(options.values())}"
    is_represented = (
        (col.NAME, name == generated_name or not options),
        (col.PUBLISHED, row[col.PUBLISHED].casefold() in TRUE_VALUES),
        (col.POSITION, row[col.POSITION] == str(index)),
        (col.TYPE, row[col.TYPE].casefold() == "variation"),
    )
    consumed |= {column for column, represented in is_represented if represented}
    return variant | {
        "position": index,
        "external_reference": reader.text(row, col.ID) or None,
        "source": variation_source(row, consumed, reader),
    }


def _variant(
    row: Row, sku_prefix: str, options: dict[str, str], parent: Parent | None, reader: RowReader
) -> tuple[JsonObject, set[str]]:
    """Return a variant, and the columns that its members fully represent."""
    reader.has_regular_prices_only = col.SALE not in reader.column_names
    if not row[col.ID]:
        reader.keep(row, col.ID)
    prices, columns = read_prices(row, reader), col.columns_of(reader)
    sku, _ = reader.sku(row, col.SKU, sku_prefix, options)
    barcode = reader.text(row, col.GTIN, MAX_BARCODE_LENGTH).lstrip("'") or None
    grams = reader.grams(row, columns.weight, columns.grams_per_unit)
    stock = _stock(row, parent, reader)
    tax_class = _tax_class(row, parent.tax_class if parent else "standard", reader)
    is_represented = (
        (col.SKU, row[col.SKU] == sku),
        (col.GTIN, row[col.GTIN] == barcode),
        (col.TAX, row[col.TAX] == tax_class),
        (col.STOCK, stock["imported_quantity"] is not None),
        (col.BACKORDERS, row[col.BACKORDERS] == "1"),
        (columns.weight, _is_exact_weight(row, columns.weight, grams, reader)),
    )
    consumed = {col.REGULAR, col.SALE}.difference(prices.unconsumed)
    consumed |= {column for column, represented in is_represented if represented}
    variant: JsonObject = {
        "sku": sku,
        "price": prices.price or {},
        "compare_at_price": prices.compare_at_price,
        "options": options,
        "barcode": barcode,
        "weight_grams": parent.grams if parent and not row[columns.weight] else grams,
        "tax_class": tax_class,
        **stock,
    }
    return variant, consumed


def _is_exact_weight(row: Row, column: str, grams: int | None, reader: RowReader) -> bool:
    """Whether the whole grams are exactly the weight in the row."""
    weight = parse_decimal(row[column], reader.number_separator)
    return weight is not None and weight * col.columns_of(reader).grams_per_unit == grams


def _stock(row: Row, parent: Parent | None, reader: RowReader) -> JsonObject:
    """Return the stock members of a variant. Inventory is tracked if the cell has a value.

    `parent` means the stock of the product, which cannot be divided among its variants.
    """
    stock, backorders = row[col.STOCK], row[col.BACKORDERS].casefold()
    quantity = None if parent and stock.casefold() == "parent" else reader.integer(row, col.STOCK)
    if backorders not in ("1", "0", "notify", "true", "false", "yes", "no", ""):
        reader.repair(row, col.BACKORDERS, "Not one of 1, 0 or notify; read as 0.")
    if not stock and row[col.IN_STOCK].casefold() in FALSE_VALUES:
        message = "Out of stock without a stock quantity is not supported; the variant can be bought."
        reader.repair(row, col.IN_STOCK, message, fix="Set its stock to 0 to prevent that.")
    return {
        "track_inventory": bool(stock),
        "allow_backorder": backorders in ("1", "notify", "true", "yes"),
        "imported_quantity": quantity,
    }


def _tax_class(row: Row, inherited: str, reader: RowReader) -> str:
    """Return the tax class as a slug: `parent` means that of the product, blank "standard"."""
    text = row[col.TAX].casefold()
    if text in ("", "standard", "parent"):
        return inherited if text == "parent" else "standard"
    if TAX_CLASS.fullmatch(text):
        return text
    slug = slugify(text, "")[:MAX_TAX_CLASS_LENGTH].strip("-")
    if not slug:
        message = "Not a tax class in Latin letters; read as standard. The value was kept in `source`."
        reader.repair(row, col.TAX, message)
    return slug or "standard"
