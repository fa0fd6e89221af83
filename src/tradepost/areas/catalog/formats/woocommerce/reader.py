"""Groups the rows of a WooCommerce export, and parses the product of a group."""

import re
from collections.abc import Sequence

from tradepost.kit.text.slugs import slugify

from ..csv_file import Row
from ..format import Format, RowGroup, UngroupedRow
from ..row_reader import JsonObject, RowReader
from . import columns as col
from .attributes import (
    MAX_NAME_LENGTH,
    AttributeValues,
    consumed_by_product,
    non_option_attributes,
    read_attributes,
)
from .cells import PRODUCT_TYPES, decode_entities, decode_line_breaks, product_type, split_list, without_formula_marks
from .prices import has_price, read_prices
from .source import product_source
from .variants import FALSE_VALUES, TRUE_VALUES, read_parent, read_simple_variant, read_variations

PARENT_ID_PATTERN = re.compile(r"id:\s*(\d+)", re.IGNORECASE)
CATEGORY_SEPARATOR = re.compile(r"\s*>\s*")


def group_row(row: Row) -> RowGroup | UngroupedRow:
    """Group variations with the product whose SKU or ID is in `Parent`; other rows are products."""
    row = without_formula_marks(row)
    if not product_type(row).endswith("variation"):
        aliases = [f"{column}:{row[column].casefold()}" for column in (col.ID, col.SKU) if row[column]]
        return RowGroup(key=f"row:{row.line}", aliases=tuple(aliases))
    if not row[col.PARENT]:
        return UngroupedRow(col.PARENT, "A variation needs the SKU of its product here, or its ID as `id:44`.")
    parent_id = PARENT_ID_PATTERN.fullmatch(row[col.PARENT])
    return RowGroup(parent=f"id:{parent_id[1]}" if parent_id else f"sku:{row[col.PARENT].casefold()}")


def parse_product(rows: Sequence[Row], reader: RowReader) -> JsonObject | None:
    """Return the product of one product row and its variations; None if it is rejected."""
    rows = [without_formula_marks(row) for row in rows]
    head = next(row for row in rows if not product_type(row).endswith("variation"))
    reader.product_line = head.line
    children = [row for row in rows if row is not head]
    name = reader.text(head, col.NAME, value=decode_entities(head[col.NAME]))
    reference = reader.text(head, col.ID) or reader.text(head, col.SKU) or slugify(name, name)
    if not _is_valid(head, children, reference, reader):
        return None
    product: JsonObject = {
        "name": name,
        "external_reference": reference,
        "description": reader.html(head, col.DESCRIPTION, decode_line_breaks(head[col.DESCRIPTION])),
        "status": _status(head, reader),
        "tags": reader.tags(head, col.TAGS, _names(head, col.TAGS)),
        "brand": _brand(head, reader),
        "categories": _categories(head, reader),
    }
    attributes = read_attributes(head, reader)
    variants = _variants(head, children, attributes, reader)
    named_attributes, consumed = _named_attributes(head, reader)
    options = list(dict.fromkeys(name for variant in variants for name in variant["options"]))
    product |= {
        "attributes": non_option_attributes(attributes, options, named_attributes),
        "variants": variants,
        "media": _media([head, *children], reader),
    }
    reader.attribute_keys = _attribute_keys([head, *children], reader)
    consumed |= consumed_by_product(attributes, options) | _consumed(head, product)
    is_simple = len(variants) == 1 and not children
    product["source"] = product_source(head, consumed, reader, with_variant_columns=not is_simple)
    # The `source` of product and variants already holds the preserved cells.
    reader.preserved.clear()
    return product


def _is_valid(head: Row, children: Sequence[Row], reference: str, reader: RowReader) -> bool:
    """Check types, name and reference of a product; report what is wrong."""
    type_ = product_type(head)
    if type_ not in PRODUCT_TYPES:
        reader.reject(head, col.TYPE, f"Unknown product type; known are {', '.join(PRODUCT_TYPES)}.")
    if not head[col.NAME]:
        reader.reject(head, col.NAME, "A product needs a name.")
    for row in children:
        if product_type(row) != "variation":
            reader.reject(row, col.TYPE, "Unknown type of variation; only `variation` is known.")
        elif type_ in ("grouped", "external"):
            reader.reject(row, col.PARENT, f"The parent is of type {type_}, which has no variations.")
    if not reader.rejected and not reader.claims.claim_reference(reference):
        column = next((column for column in (col.ID, col.SKU) if head[column]), col.NAME)
        name = reader.column_names[column]
        reader.reject(head, column, f"An earlier product in this file has the same {name}.")
    return not reader.rejected


def _variants(
    head: Row, children: Sequence[Row], attributes: dict[str, AttributeValues], reader: RowReader
) -> list[JsonObject]:
    """Return the variants of a product.

    Generated SKUs begin with the SKU of the product. Without one they begin with its name and ID,
    because several products may have the same name.
    """
    type_, sku_prefix = product_type(head), head[col.SKU] or f"{head[col.NAME]} {head[col.ID]}".strip()
    if type_ in ("grouped", "external"):
        return []
    if type_ == "simple" and not children:
        if has_price(head):
            return [read_simple_variant(head, sku_prefix, reader)]
        reader.repair(head, col.REGULAR, "No price; the product was imported without a variant.")
        return []
    if type_ == "simple":
        reader.repair(head, col.TYPE, "The product has variations; read as variable.")
    variants = read_variations(children, read_parent(head, attributes, sku_prefix, reader), reader)
    if not variants and not reader.rejected:
        reader.repair(head, col.TYPE, "No variation can be bought; the product was imported without variants.")
    return variants


def _status(head: Row, reader: RowReader) -> str:
    """Return "active" if the product is published and not hidden, else "draft".

    If the cell is blank, a product that exists keeps its status.
    """
    published = head[col.PUBLISHED].casefold()
    if not published:
        reader.keep(head, col.PUBLISHED, col.VISIBILITY)
    if published not in TRUE_VALUES and published not in FALSE_VALUES and published != "-1":
        reader.repair(head, col.PUBLISHED, "Not one of 1, 0 or -1; a new product is a draft.")
    if published in TRUE_VALUES and head[col.VISIBILITY].casefold() == "hidden":
        message = "Published products that are only reachable by URL are not supported; imported as draft."
        reader.repair(head, col.VISIBILITY, message)
        return "draft"
    return "active" if published in TRUE_VALUES else "draft"


def _names(row: Row, column: str) -> list[str]:
    return [decode_entities(value) for value in split_list(row[column])]


def _categories(head: Row, reader: RowReader) -> list[list[str]]:
    """Return the category paths, the main one first. A `>` within a name is written `&gt;`."""
    paths: dict[tuple[str, ...], None] = {}
    for path in split_list(head[col.CATEGORIES]):
        names = [
            reader.text(head, col.CATEGORIES, value=decode_entities(name))
            for name in CATEGORY_SEPARATOR.split(path)
            if name
        ]
        if names:
            paths[tuple(names)] = None
    return [list(path) for path in paths]


def _brand(head: Row, reader: RowReader) -> str | None:
    """Return the first brand, the one that a product can have."""
    brands = _names(head, col.BRANDS)
    if len(brands) > 1:
        message = f"{len(brands)} brands; only the first was imported. The value was kept in `source`."
        reader.repair(head, col.BRANDS, message, preserve=True)
    return (reader.text(head, col.BRANDS, value=brands[0]) or None) if brands else None


def _named_attributes(head: Row, reader: RowReader) -> tuple[JsonObject, set[str]]:
    """Return the attributes whose names are ours, and the columns that they represent.

    WooCommerce has a column for each of them, and the record has no member.
    """
    attributes: JsonObject = {}
    if head[col.SHORT]:
        attributes["short_description"] = reader.html(head, col.SHORT, decode_line_breaks(head[col.SHORT]))
    consumed = {col.SHORT}
    if product_type(head) == "grouped":
        attributes["grouped_products"] = split_list(head[col.GROUPED])
        consumed.add(col.GROUPED)
    if product_type(head) == "external":
        prices = read_prices(head, reader)
        external = {
            "external_url": reader.url(head, col.URL),
            "button_text": reader.text(head, col.BUTTON),
            "price": prices.price,
        }
        attributes |= {name: value for name, value in external.items() if value}
        consumed |= {col.URL, col.BUTTON} if attributes.get("external_url") else {col.BUTTON}
        # There is only one price attribute, so the regular price of a sale stays in `source`.
        consumed |= {col.SALE} if prices.compare_at_price else {col.REGULAR, col.SALE}.difference(prices.unconsumed)
    return attributes, consumed


def _attribute_keys(rows: Sequence[Row], reader: RowReader) -> set[str]:
    """Return the attributes that the rows decide: those that they name, and those with a column.

    An attribute with another name may have been added in this shop, so it stays.
    """
    cells = {row[columns.name] for row in rows for columns in col.columns_of(reader).attributes}
    names = {" ".join(decode_entities(cell).split())[:MAX_NAME_LENGTH].strip() for cell in cells}
    columns = ((col.SHORT, "short_description"), (col.GROUPED, "grouped_products"), (col.URL, "external_url"))
    named = {name for column, name in (*columns, (col.BUTTON, "button_text")) if column in reader.column_names}
    if product_type(rows[0]) == "external":
        named.add("price")
    return names | {f"{name} (attribute)" for name in names} | named


def _media(rows: Sequence[Row], reader: RowReader) -> list[JsonObject]:
    """Return the images of the product, then those of its variations."""
    urls = [url for row in rows for text in split_list(row[col.IMAGES]) if (url := reader.url(row, col.IMAGES, text))]
    return reader.images([{"source_url": url} for url in urls], rows[0])


def _consumed(head: Row, product: JsonObject) -> set[str]:
    """Return the columns of a product's row that its members fully represent."""
    published, urls = head[col.PUBLISHED].casefold(), {image["source_url"] for image in product["media"]}
    is_represented = (
        (col.NAME, decode_entities(head[col.NAME]) == product["name"]),
        (col.SKU, head[col.SKU] == product["external_reference"]),
        (col.PUBLISHED, published in (TRUE_VALUES if product["status"] == "active" else ("-1", "false"))),
        (col.TAGS, split_list(head[col.TAGS]) == product["tags"]),
        (col.IMAGES, urls.issuperset(split_list(head[col.IMAGES]))),
        (col.TYPE, head[col.TYPE].casefold() == _implied_type(product)),
    )
    consumed = [column for column, represented in is_represented if represented]
    return {col.ID, col.DESCRIPTION, col.CATEGORIES, col.BRANDS, *consumed}


def _implied_type(product: JsonObject) -> str:
    """Return the type that follows from the members of a product; empty if none does."""
    if "grouped_products" in product["attributes"]:
        return "grouped"
    if "external_url" in product["attributes"]:
        return "external"
    options = [variant["options"] for variant in product["variants"]]
    return "" if not options else "simple" if options == [{}] else "variable"


WOOCOMMERCE = Format(
    name="woocommerce",
    title="WooCommerce's product export",
    example=(
        "Type, SKU, Name, Published, ..., Regular price "
        "(WooCommerce writes the header in the language of the shop; set it to English for the export)"
    ),
    required_columns=((col.TYPE,), (col.NAME,), (col.PUBLISHED,), (col.REGULAR,)),
    has_local_prices=True,
    is_price_column=lambda column: column in (col.REGULAR, col.SALE),
    is_number_column=lambda column: column in (col.STOCK, *col.WEIGHTS),
    group_row=group_row,
    parse_product=parse_product,
    member_columns={
        "name": (col.NAME,),
        "external_reference": (col.ID, col.SKU),
        "description": (col.DESCRIPTION,),
        "status": (col.PUBLISHED, col.VISIBILITY),
        "tags": (col.TAGS,),
        "media": (col.IMAGES,),
        "attributes": (col.SHORT, col.GROUPED, col.URL, col.BUTTON, *col.ATTRIBUTE_VALUES),
        "brand": (col.BRANDS,),
        "brand_id": (col.BRANDS,),
        "categories": (col.CATEGORIES,),
        "category_id": (col.CATEGORIES,),
        "category_ids": (col.CATEGORIES,),
        "variants.sku": (col.SKU,),
        "variants.price": (col.REGULAR,),
        "variants.compare_at_price": (col.SALE,),
        "variants.barcode": (col.GTIN,),
        "variants.options": col.ATTRIBUTE_VALUES,
        "variants.name": (col.NAME,),
        "variants.imported_quantity": (col.STOCK,),
        "variants.track_inventory": (col.STOCK,),
        "variants.allow_backorder": (col.BACKORDERS,),
        "variants.weight_grams": col.WEIGHTS,
        "variants.position": (col.POSITION,),
        "variants.tax_class": (col.TAX,),
        "variants.external_reference": (col.ID,),
    },
    new_members=frozenset({"external_reference"}),
    orphan_message="The product that the row names is not in this file.",
    note_columns=("meta: tradepost_product", "meta: tradepost_variant"),
)
