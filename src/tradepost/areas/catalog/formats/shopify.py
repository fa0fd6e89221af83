"""Shopify's product export, with its long-standing columns or those of its newer template.

A product is all rows with its handle: the first row, further variants, further images.
Source: help.shopify.com, "Using CSV files to import and export products".
"""

from collections.abc import Sequence
from functools import lru_cache

from tradepost.kit.text.slugs import slugify

from .csv_file import Row, column_key
from .format import Format, RowGroup, UngroupedRow
from .row_reader import JsonObject, RowReader

# Columns by their key; tuples hold the spelling in the old export and in the newer template.
HANDLE, TITLE, BODY = ("handle", "url handle"), "title", ("body (html)", "description")
VENDOR, TYPE, TAGS, STATUS, GIFT = "vendor", "type", "tags", "status", "gift card"
PUBLISHED = ("published", "published on online store")
SKU, BARCODE, GRAMS = ("variant sku", "sku"), ("variant barcode", "barcode"), ("variant grams", "weight value (grams)")
TRACKER, QUANTITY = ("variant inventory tracker", "inventory tracker"), ("variant inventory qty", "inventory quantity")
POLICY = ("variant inventory policy", "continue selling when out of stock")
PRICE, COMPARE = ("variant price", "price"), ("variant compare at price", "compare-at price")
IMAGE, POSITION, ALT = ("image src", "product image url"), "image position", "image alt text"
VARIANT_IMAGE = ("variant image", "variant image url")
ATTRIBUTES = {"seo title": "seo_title", "seo description": "seo_description"}
OPTIONS = tuple([(f"option{n} name", f"option{n} value") for n in (1, 2, 3)])
FIRST_OPTION_VALUE = OPTIONS[0][1]
MAX_VARIANTS, MAX_ATTRIBUTE_LENGTH, MAX_OPTION_NAME_LENGTH = 100, 5000, 60
MAX_BARCODE_LENGTH, MAX_ALT_LENGTH = 60, 512
# Columns of metafields: Shopify keeps them, and exports them under these names.
NOTE_COLUMNS = ("Tradepost (product.metafields.tradepost.product)", "Tradepost (variant.metafields.tradepost.variant)")

# Columns fully represented by members of the record. The cells of all others go to `source`.
CONSUMED_PRODUCT_COLUMNS = frozenset(
    [*HANDLE, TITLE, *BODY, VENDOR, TYPE, *ATTRIBUTES, *IMAGE, POSITION, ALT, *[name for name, _ in OPTIONS]]
)
CONSUMED_VARIANT_COLUMNS = frozenset(
    [*SKU, *BARCODE, *GRAMS, *QUANTITY, *PRICE, *COMPARE, *[value for _, value in OPTIONS]]
)
IMAGE_COLUMNS = frozenset([*IMAGE, POSITION, ALT])
# The usual cells, not kept in `source`. Exports write them, because a blank cell means "no" here.
USUAL_CELLS = {"variant fulfillment service": "manual", "variant requires shipping": "true", "variant taxable": "true"}
# Columns of a variant, also in the first row of a product.
VARIANT_COLUMN_PREFIXES = (
    "variant ", "cost per item", "price /", "compare at price /", "compare-at price /", "charge tax", "tax code",
    "weight unit", "fulfillment", "requires shipping", "inventory", "continue selling", "unit price",
)  # fmt: skip


def group_row(row: Row) -> RowGroup | UngroupedRow:
    """Group rows by their handle. Without one, it is made from the title."""
    handle = row.first(*HANDLE) or (slugify(row[TITLE], "") if row[TITLE] else "")
    if handle:
        return RowGroup(key=handle.casefold())
    column = next(column for column in HANDLE if column in row.columns)
    return UngroupedRow(column, "The row has no handle, which names the product it belongs to.")


def is_price_column(column: str) -> bool:
    """Whether a column holds prices, including those per market."""
    return column in (*PRICE, *COMPARE, "cost per item") or column.startswith(
        ("price /", "compare at price /", "compare-at price /")
    )


def parse_product(rows: Sequence[Row], reader: RowReader) -> JsonObject | None:
    """Return the product of the first title under a handle.

    Rows with another title are another product, and rejected.
    """
    head = next((row for row in rows if row[TITLE]), None)
    if head is None:
        reader.reject(
            rows[0], reader.find_column(HANDLE), "The product has no title.", fix="Add a Title to its first row."
        )
        return None
    product_rows = _rows_of_title(head[TITLE], rows, reader)
    handle = head.first(*HANDLE) or slugify(head[TITLE], "")
    variant_rows = [row for row in product_rows if _is_variant(row)]
    if len(variant_rows) > MAX_VARIANTS:
        message = (
            f"The product has {len(variant_rows)} variants; at most {MAX_VARIANTS} are supported "
            "(Shopify allows 2,048)."
        )
        reader.reject(head, reader.find_column(HANDLE), message, handle)
        return None
    status, tags = _status(head, reader), reader.tags(head, TAGS, head[TAGS].split(","))
    return {
        "name": reader.text(head, TITLE),
        **reader.slug_member(handle),
        "external_reference": handle,
        "description": reader.html(head, reader.find_column(BODY)),
        "status": status,
        "attributes": _attributes(head, reader),
        "tags": tags,
        "brand": reader.text(head, VENDOR) or None,
        "categories": [[reader.text(head, TYPE)]] if head[TYPE] else [],
        "variants": _variants(handle, head, variant_rows, reader),
        "media": _media(product_rows, reader),
        "source": _product_source(head, product_rows, variant_rows, status, tags, reader) or None,
    }


def _rows_of_title(product_title: str, rows: Sequence[Row], reader: RowReader) -> list[Row]:
    """Return the rows of one title; report each other product under the same handle."""
    product_rows, title = list[Row](), product_title
    for row in rows:
        title = row[TITLE] or title
        if title == product_title:
            product_rows.append(row)
        elif row[TITLE]:
            message = f"A second product has the handle of `{product_title}`."
            reader.reject_other(row, TITLE, message, fix="Give it a different handle.")
    return product_rows


def _is_variant(row: Row) -> bool:
    """Whether a row has an option value, SKU or price. Other rows only add an image."""
    return bool(row[FIRST_OPTION_VALUE] or row.first(*SKU) or row.first(*PRICE))


def _status(head: Row, reader: RowReader) -> str:
    """Return the status. An active product that is not published is imported as a draft."""
    published, column = head.first(*PUBLISHED).casefold(), reader.find_column(PUBLISHED)
    status = head[STATUS].casefold() if STATUS in head.columns else "active"
    if status not in ("active", "draft", "archived"):
        reader.repair(head, STATUS, "Not one of active, draft or archived; imported as draft.")
        status = "draft"
    if published not in ("true", "false", ""):
        reader.repair(head, column, "Neither true nor false; read as false.")
    return "draft" if status == "active" and published not in ("true", "") else status


def _attributes(head: Row, reader: RowReader) -> JsonObject:
    attributes: JsonObject = {
        member: reader.text(head, column, MAX_ATTRIBUTE_LENGTH) for column, member in ATTRIBUTES.items() if head[column]
    }
    return attributes | ({"gift_card": True} if head[GIFT].casefold() == "true" else {})


def _variants(handle: str, head: Row, rows: Sequence[Row], reader: RowReader) -> list[JsonObject]:
    names = [reader.text(head, column, MAX_OPTION_NAME_LENGTH) for column, _ in OPTIONS]
    first_lines: dict[str, int] = {}
    variants: list[JsonObject] = []
    for row in rows:
        options = _options(row, names, reader)
        if (first_line := first_lines.setdefault(repr(sorted(options.items())), row.line)) != row.line:
            reader.reject(row, FIRST_OPTION_VALUE, f"Same options as the variant in line {first_line}.")
        reader.variant_lines.append(row.line)
        variants.append(_variant(handle, row, options, reader))
    return variants


def _options(row: Row, names: Sequence[str], reader: RowReader) -> dict[str, str]:
    """Return the options of a variant; `Title / Default Title` means that it has none."""
    options = {
        name or f"Option {n}": reader.text(row, value)
        for n, (name, (_, value)) in enumerate(zip(names, OPTIONS, strict=True), 1)
        if row[value]
    }
    return {} if [*options.values()] == ["Default Title"] and names[0].casefold() in ("title", "") else options


def _variant(handle: str, row: Row, options: dict[str, str], reader: RowReader) -> JsonObject:
    price = reader.price(row, reader.find_column(PRICE))
    compare_at_price = reader.price(row, reader.find_column(COMPARE))
    if not row.first(*PRICE):
        reader.reject(row, reader.find_column(PRICE), "A variant needs a price.", fix="Write 0 if it is free.")
    policy = row.first(*POLICY).casefold()
    if policy not in ("continue", "deny", "true", "false", "yes", "no", ""):
        reader.repair(row, reader.find_column(POLICY), "Neither continue nor deny; read as deny.")
    sku, is_given_sku = reader.sku(row, reader.find_column(SKU), handle, options)
    return {
        "sku": sku,
        "price": price or {},
        "options": options,
        "compare_at_price": compare_at_price,
        "weight_grams": reader.grams(row, reader.find_column(GRAMS)),
        "barcode": reader.text(row, reader.find_column(BARCODE), MAX_BARCODE_LENGTH).lstrip("'") or None,
        "track_inventory": bool(row.first(*TRACKER)),
        "allow_backorder": policy in ("continue", "true", "yes"),
        "imported_quantity": reader.integer(row, reader.find_column(QUANTITY)),
        "source": _variant_source(row, is_given_sku, reader) or None,
    }


def _media(rows: Sequence[Row], reader: RowReader) -> list[JsonObject]:
    """Return the product's images by position, then those of its variants, without duplicates."""
    positioned: list[tuple[int, JsonObject]] = []
    for index, row in enumerate(rows):
        if url := reader.url(row, reader.find_column(IMAGE)):
            position = reader.integer(row, POSITION)
            image = {"source_url": url, "alt": reader.text(row, ALT, MAX_ALT_LENGTH)}
            positioned.append((index + 1 if position is None else position, image))
    product_images = [image for _, image in sorted(positioned, key=lambda p: p[0])]
    variant_images = [
        {"source_url": url, "alt": ""} for row in rows if (url := reader.url(row, reader.find_column(VARIANT_IMAGE)))
    ]
    return reader.images([*product_images, *variant_images], rows[0])


@lru_cache(1000)
def is_variant_column(column: str) -> bool:
    """Whether a column describes a variant, also in the first row of a product."""
    return column.startswith(VARIANT_COLUMN_PREFIXES) or "(variant.metafields" in column or column.endswith("linked to")


def _variant_source(row: Row, is_given_sku: bool, reader: RowReader) -> JsonObject:
    """Return the cells of a variant that no member represents, by their column's name."""
    cells = {
        column: cell
        for column, cell in row.cells.items()
        if column not in CONSUMED_VARIANT_COLUMNS
        and column not in CONSUMED_PRODUCT_COLUMNS
        and is_variant_column(column)
        and not _is_usual_variant_cell(column, cell)
    }
    if not is_given_sku and (replaced_sku := row.first(*SKU)):
        cells[reader.find_column(SKU)] = replaced_sku
    return reader.by_column_name(cells)


def _is_usual_variant_cell(column: str, cell: str) -> bool:
    """Whether a variant's member represents the cell, or it is the usual one."""
    return (
        cell.casefold() == USUAL_CELLS.get(column)
        or (column in TRACKER and cell == "shopify")
        or (column in POLICY and cell in ("deny", "continue"))
    )


def _is_usual_product_cell(column: str, cell: str, status: str, tags: Sequence[str]) -> bool:
    """Whether the product's status, tags or attributes represent the cell."""
    if column in PUBLISHED:
        return cell == ("true" if status == "active" else "false")
    return cell == {STATUS: status, TAGS: ", ".join(tags)}.get(column) or (column == GIFT and cell in ("true", "false"))


def _product_source(
    head: Row, rows: Sequence[Row], variant_rows: Sequence[Row], status: str, tags: Sequence[str], reader: RowReader
) -> JsonObject:
    """Return the cells that no member represents, by their column's name.

    A cell of a later row that differs from the first row is kept as `Column (row 3)`.
    """
    cells = {
        column: cell
        for column, cell in head.cells.items()
        if column not in CONSUMED_VARIANT_COLUMNS
        and column not in CONSUMED_PRODUCT_COLUMNS
        and (not is_variant_column(column) or head not in variant_rows)
        and not _is_usual_product_cell(column, cell.casefold(), status, tags)
    }
    source = reader.by_column_name(cells)
    for number, row in enumerate(rows, 1):
        for column, cell in row.cells.items():
            if (
                column in CONSUMED_VARIANT_COLUMNS
                or column in IMAGE_COLUMNS
                or cell == head[column]
                or (is_variant_column(column) and row in variant_rows)
            ):
                continue
            source[f"{reader.column_names[column]} (row {number})"] = cell
    return source


SHOPIFY = Format(
    name="shopify",
    title="Shopify's product export",
    example="Handle, Title, Body (HTML), ..., Variant Price",
    required_columns=(HANDLE, (TITLE,), PRICE),
    defaults_to_dot=True,
    is_price_column=is_price_column,
    group_row=group_row,
    parse_product=parse_product,
    member_columns={
        "name": (TITLE,),
        "slug": HANDLE,
        "external_reference": HANDLE,
        "description": BODY,
        "status": (STATUS, *PUBLISHED),
        "tags": (TAGS,),
        "media": IMAGE,
        "brand": (VENDOR,),
        "brand_id": (VENDOR,),
        "categories": (TYPE,),
        "category_id": (TYPE,),
        "category_ids": (TYPE,),
        "variants.sku": SKU,
        "variants.price": PRICE,
        "variants.compare_at_price": COMPARE,
        "variants.barcode": BARCODE,
        "variants.weight_grams": GRAMS,
        "variants.options": (FIRST_OPTION_VALUE,),
        "variants.name": (FIRST_OPTION_VALUE,),
        "variants.imported_quantity": QUANTITY,
    },
    note_columns=(column_key(NOTE_COLUMNS[0]), column_key(NOTE_COLUMNS[1])),
)
