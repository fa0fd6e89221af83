"""Shopify's product export, with its long-standing columns or those of its newer template.

A product is all rows with its handle: the first row, further variants, further images.
Source: help.shopify.com, "Using CSV files to import and export products".
"""

from collections.abc import Sequence

from tradepost.kit.text.slugs import slugify

from .csv_file import Row, column_key
from .format import Format, RowGroup, UngroupedRow
from .identifiers import slug_member
from .row_reader import JsonObject, RowReader
from .shopify_columns import (
    ALT,
    ATTRIBUTES,
    BARCODE,
    BODY,
    COMPARE,
    FIRST_OPTION_VALUE,
    GIFT,
    GRAMS,
    HANDLE,
    IMAGE,
    MAX_ALT_LENGTH,
    MAX_ATTRIBUTE_LENGTH,
    MAX_BARCODE_LENGTH,
    MAX_OPTION_NAME_LENGTH,
    MAX_VARIANTS,
    NOTE_COLUMNS,
    OPTION_VALUES,
    OPTIONS,
    POLICY,
    POSITION,
    PRICE,
    PUBLISHED,
    QUANTITY,
    SHIPPING,
    SKU,
    STATUS,
    TAGS,
    TITLE,
    TRACKER,
    TYPE,
    VARIANT_IMAGE,
    VENDOR,
)
from .shopify_source import product_source, variant_source


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
    reader.product_line = head.line
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
        **slug_member(handle),
        "external_reference": handle,
        "description": reader.html(head, reader.find_column(BODY)),
        "status": status,
        "attributes": _attributes(head, reader),
        "tags": tags,
        "brand": reader.text(head, VENDOR) or None,
        "categories": [[reader.text(head, TYPE)]] if head[TYPE] else [],
        "variants": _variants(handle, head, variant_rows, reader),
        "media": _media(product_rows, reader),
        "source": product_source(head, product_rows, variant_rows, status, tags, reader) or None,
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
    """Return the status. An active product that is not published is imported as a draft.

    If `Status` is blank, or is missing and `Published` is blank, a product that exists keeps its
    status.
    """
    published, column = head.first(*PUBLISHED).casefold(), reader.find_column(PUBLISHED)
    status = head[STATUS].casefold() if STATUS in head.columns else "active"
    if not (head[STATUS] if STATUS in head.columns else published):
        reader.keep(head, STATUS, *PUBLISHED)
    if status not in ("active", "draft", "archived"):
        reader.repair(head, STATUS, "Not one of active, draft or archived; a new product is a draft.")
        status = "draft"
    if published not in ("true", "false", ""):
        reader.repair(head, column, "Neither true nor false; read as false.")
    return "draft" if status == "active" and published not in ("true", "") else status


def _attributes(head: Row, reader: RowReader) -> JsonObject:
    keys = ATTRIBUTES | {GIFT: "gift_card"}
    reader.attribute_keys = {member for column, member in keys.items() if column in reader.column_names}
    attributes: JsonObject = {
        member: reader.text(head, column, MAX_ATTRIBUTE_LENGTH) for column, member in ATTRIBUTES.items() if head[column]
    }
    return attributes | ({"gift_card": True} if head[GIFT].casefold() == "true" else {})


def _variants(handle: str, head: Row, rows: Sequence[Row], reader: RowReader) -> list[JsonObject]:
    names = [reader.text(head, column, MAX_OPTION_NAME_LENGTH) for column, _ in OPTIONS]
    has_names = any(column in reader.column_names for column, _ in OPTIONS)
    first_lines: dict[str, int] = {}
    variants: list[JsonObject] = []
    for row in rows:
        options = _options(row, names, reader)
        if not has_names:
            reader.keep(row, *OPTION_VALUES)
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
        "requires_shipping": _requires_shipping(row, reader),
        "imported_quantity": reader.integer(row, reader.find_column(QUANTITY)),
        "source": variant_source(row, is_given_sku, reader) or None,
    }


def _requires_shipping(row: Row, reader: RowReader) -> bool:
    """Return whether a variant is shipped. As in Shopify, a blank cell means that it is not."""
    column = reader.find_column(SHIPPING)
    text = row[column].casefold()
    if text not in ("true", "false", "yes", "no", ""):
        reader.repair(row, column, "Neither true nor false; read as true.")
        reader.keep(row, column)
    return column not in reader.column_names or text not in ("false", "no", "")


def _media(rows: Sequence[Row], reader: RowReader) -> list[JsonObject]:
    """Return the product's images by position, then those of its variants, without duplicates."""
    positioned: list[tuple[int, JsonObject]] = []
    for index, row in enumerate(rows):
        if url := reader.url(row, reader.find_column(IMAGE)):
            position = reader.integer(row, POSITION)
            image = {"source_url": url}
            if ALT in reader.column_names:
                image["alt"] = reader.text(row, ALT, MAX_ALT_LENGTH)
            positioned.append((index + 1 if position is None else position, image))
    product_images = [image for _, image in sorted(positioned, key=lambda p: p[0])]
    variant_images = [
        {"source_url": url} for row in rows if (url := reader.url(row, reader.find_column(VARIANT_IMAGE)))
    ]
    return reader.images([*product_images, *variant_images], rows[0])


SHOPIFY = Format(
    name="shopify",
    title="Shopify's product export",
    example="Handle, Title, Body (HTML), ..., Variant Price",
    required_columns=(HANDLE, (TITLE,), PRICE),
    has_all_decimals=True,
    is_price_column=is_price_column,
    is_number_column=lambda column: column in (*GRAMS, *QUANTITY),
    group_row=group_row,
    parse_product=parse_product,
    member_columns={
        "name": (TITLE,),
        "slug": HANDLE,
        "external_reference": HANDLE,
        "description": BODY,
        "status": (STATUS, *PUBLISHED),
        "tags": (TAGS,),
        "attributes": (*ATTRIBUTES, GIFT),
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
        "variants.options": OPTION_VALUES,
        "variants.name": OPTION_VALUES,
        "variants.track_inventory": TRACKER,
        "variants.allow_backorder": POLICY,
        "variants.requires_shipping": SHIPPING,
        "variants.imported_quantity": QUANTITY,
    },
    # The handle identifies a product, and its type is only one of its categories.
    new_members=frozenset({"slug", "external_reference", "categories", "category_ids"}),
    has_main_category_only=True,
    note_columns=(column_key(NOTE_COLUMNS[0]), column_key(NOTE_COLUMNS[1])),
)
