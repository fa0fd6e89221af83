"""Shopify's product export: its long-standing columns and those of its newer template.

One product is a row and all others with its handle: more variants, more images. Source: help.shopify.com, "Using CSV files to import and
export products".
"""

from collections.abc import Sequence
from functools import lru_cache

from tradepost.kit.text.slugs import slugify

from .csv_file import Row, column_key
from .format import Format, RowGroup, UngroupedRow
from .row_reader import JsonObject, RowReader

# Each member with its folded column in the old export and in the newer template.
HANDLE, TITLE, BODY = ("handle", "url handle"), "title", ("body (html)", "description")
TYPE, TAGS, STATUS, PUBLISHED, GIFT = "type", "tags", "status", ("published", "published on online store"), "gift card"
SKU, BARCODE, GRAMS = ("variant sku", "sku"), ("variant barcode", "barcode"), ("variant grams", "weight value (grams)")
TRACKER, QUANTITY = ("variant inventory tracker", "inventory tracker"), ("variant inventory qty", "inventory quantity")
POLICY = ("variant inventory policy", "continue selling when out of stock")
PRICE, COMPARE = ("variant price", "price"), ("variant compare at price", "compare-at price")
IMAGE, POSITION, ALT = ("image src", "product image url"), "image position", "image alt text"
VARIANT_IMAGE = ("variant image", "variant image url")
ATTRIBUTES = {"vendor": "vendor", "seo title": "seo_title", "seo description": "seo_description"}
OPTIONS = tuple([(f"option{n} name", f"option{n} value") for n in (1, 2, 3)])
MOST_VARIANTS = 100
# Metafields: Shopify keeps them, and its own export has them under these names.
NOTE_COLUMNS = ("Tradepost (product.metafields.tradepost.product)", "Tradepost (variant.metafields.tradepost.variant)")

# Columns whose whole meaning has a home in the model; of the others `source` keeps what stands there.
CONSUMED_PRODUCT_COLUMNS = frozenset(
    [*HANDLE, TITLE, *BODY, TYPE, *ATTRIBUTES, *IMAGE, POSITION, ALT, *[name for name, _ in OPTIONS]]
)
CONSUMED_VARIANT_COLUMNS = frozenset(
    [*SKU, *BARCODE, *GRAMS, *QUANTITY, *PRICE, *COMPARE, *[value for _, value in OPTIONS]]
)
OF_IMAGE = frozenset([*IMAGE, POSITION, ALT])
# What these columns say of nearly every variant, and what our export writes into them: Shopify takes nothing for "no".
USUAL = {"variant fulfillment service": "manual", "variant requires shipping": "true", "variant taxable": "true"}
# Columns that speak of a variant, also in the first row.
OF_VARIANT = ("variant ", "cost per item", "price /", "compare at price /", "compare-at price /", "charge tax", "tax code", "weight unit", "fulfillment",
              "requires shipping", "inventory", "continue selling", "unit price")  # fmt: skip


def group_row(row: Row) -> RowGroup | UngroupedRow:
    """A row belongs to its handle; without one a new product's title stands for it."""
    handle = row.first(*HANDLE) or (slugify(row[TITLE], "") if row[TITLE] else "")
    return (
        RowGroup(key=handle.casefold())
        if handle
        else UngroupedRow(
            next(h for h in HANDLE if h in row.columns), "a row needs a handle: it says which product it is of."
        )
    )


def is_price_column(column: str) -> bool:
    """Prices, also those per market."""
    return column in (*PRICE, *COMPARE, "cost per item") or column.startswith(
        ("price /", "compare at price /", "compare-at price /")
    )


def parse_product(rows: Sequence[Row], reading: RowReader) -> JsonObject | None:
    """The product of the first title under a handle; the rows of another title are another product, and refused."""
    head = next((r for r in rows if r[TITLE]), None)
    if head is None:
        reading.reject(rows[0], reading.find_column(HANDLE), "has no row with a Title; its first row needs one.")
        return None
    own, title = list[Row](), head[TITLE]
    for row in rows:
        title = row[TITLE] or title
        if title == head[TITLE]:
            own.append(row)
        elif row[TITLE]:
            reading.reject_other(
                row, TITLE, f"is another product under a handle that `{head[TITLE]}` has; give it a handle of its own."
            )
    handle = head.first(*HANDLE) or slugify(head[TITLE], "")
    variants = [r for r in own if _is_variant(r)]
    if len(variants) > MOST_VARIANTS:
        said = f"has {len(variants)} variants; Shopify allows 2,048 variants a product, we {MOST_VARIANTS}."
        reading.reject(head, reading.find_column(HANDLE), said, handle)
        return None
    status, tags = _status(head, reading), reading.tags(head, TAGS, head[TAGS].split(","))
    return {
        "name": reading.text(head, TITLE),
        **reading.slug_member(handle),
        "external_reference": handle,
        "description": reading.html(head, reading.find_column(BODY)),
        "status": status,
        "attributes": _attributes(head, reading),
        "tags": tags,
        "categories": [[reading.text(head, TYPE)]] if head[TYPE] else [],
        "variants": _variants(handle, head, variants, reading),
        "media": _media(own, reading),
        "source": _product_source(head, own, variants, status, tags, reading) or None,
    }


def _is_variant(row: Row) -> bool:
    """An option value, a SKU or a price makes a row a variant; else it only brings an image."""
    return bool(row[OPTIONS[0][1]] or row.first(*SKU) or row.first(*PRICE))


def _status(head: Row, reading: RowReader) -> str:
    """Hidden is what nobody said should be seen."""
    published, column = head.first(*PUBLISHED).casefold(), reading.find_column(PUBLISHED)
    status = head[STATUS].casefold() if STATUS in head.columns else "active"
    if status not in ("active", "draft", "archived"):
        reading.repair(head, STATUS, "is none of active, draft, archived; taken as draft.")
        status = "draft"
    if published not in ("true", "false", ""):
        reading.repair(head, column, "is neither true nor false; taken as false.")
    return "draft" if status == "active" and published not in ("true", "") else status


def _attributes(head: Row, reading: RowReader) -> JsonObject:
    found: JsonObject = {
        member: reading.text(head, column, 5000) for column, member in ATTRIBUTES.items() if head[column]
    }
    return found | ({"gift_card": True} if head[GIFT].casefold() == "true" else {})


def _variants(handle: str, head: Row, rows: Sequence[Row], reading: RowReader) -> list[JsonObject]:
    names = [reading.text(head, name, 60) for name, _ in OPTIONS]
    seen: dict[str, int] = {}
    made: list[JsonObject] = []
    for row in rows:
        options = _options(row, names, reading)
        if (first := seen.setdefault(repr(sorted(options.items())), row.line)) != row.line:
            reading.reject(row, OPTIONS[0][1], f"has the same options as the variant in line {first}.")
        reading.variant_lines.append(row.line)
        made.append(_variant(handle, row, options, reading))
    return made


def _options(row: Row, names: Sequence[str], reading: RowReader) -> dict[str, str]:
    """The options of a variant; `Title / Default Title` means that there are none."""
    found = {
        name or f"Option {n}": reading.text(row, value)
        for n, (name, (_, value)) in enumerate(zip(names, OPTIONS, strict=True), 1)
        if row[value]
    }
    return {} if [*found.values()] == ["Default Title"] and names[0].casefold() in ("title", "") else found


def _variant(handle: str, row: Row, options: dict[str, str], reading: RowReader) -> JsonObject:
    price, compare = reading.price(row, reading.find_column(PRICE)), reading.price(row, reading.find_column(COMPARE))
    if not row.first(*PRICE):
        reading.reject(row, reading.find_column(PRICE), "a variant needs a price; write 0 if it costs nothing.")
    tracker, policy = row.first(*TRACKER), row.first(*POLICY).casefold()
    if policy not in ("continue", "deny", "true", "false", "yes", "no", ""):
        reading.repair(row, reading.find_column(POLICY), "is neither continue nor deny; taken as deny.")
    sku, own = reading.sku(row, reading.find_column(SKU), handle, options)
    return {
        "sku": sku, "price": price or {}, "options": options,
        "compare_at_price": compare,
        "weight_grams": reading.grams(row, reading.find_column(GRAMS)),
        "barcode": reading.text(row, reading.find_column(BARCODE), 60).lstrip("'") or None,
        "track_inventory": bool(tracker), "allow_backorder": policy in ("continue", "true", "yes"),
        "imported_quantity": reading.integer(row, reading.find_column(QUANTITY)),
        "source": _variant_source(row, own, reading) or None,
    }  # fmt: skip


def _media(rows: Sequence[Row], reading: RowReader) -> list[JsonObject]:
    """The images in the order of their positions, those of variants behind them; each address once."""
    placed: list[tuple[int, JsonObject]] = []
    for n, row in enumerate(rows):
        if url := reading.url(row, reading.find_column(IMAGE)):
            at = reading.integer(row, POSITION)
            placed.append((n + 1 if at is None else at, {"source_url": url, "alt": reading.text(row, ALT, 512)}))
    own = [image for _, image in sorted(placed, key=lambda p: p[0])]
    others = [
        {"source_url": url, "alt": ""} for row in rows if (url := reading.url(row, reading.find_column(VARIANT_IMAGE)))
    ]
    return reading.images([*own, *others], rows[0])


@lru_cache(1000)
def is_variant_column(column: str) -> bool:
    """Whether a column speaks of a variant, also in the first row."""
    return column.startswith(OF_VARIANT) or "(variant.metafields" in column or column.endswith("linked to")


def _variant_source(row: Row, own_sku: bool, reading: RowReader) -> JsonObject:
    """What a variant's row says beyond the model, by the columns' own names."""
    kept = {
        c: cell
        for c, cell in row.cells.items()
        if c not in CONSUMED_VARIANT_COLUMNS
        and c not in CONSUMED_PRODUCT_COLUMNS
        and is_variant_column(c)
        and not _plain(c, cell)
    }
    if not own_sku and (given := row.first(*SKU)):
        kept[reading.find_column(SKU)] = given
    return reading.by_column_name(kept)


def _plain(column: str, cell: str) -> bool:
    """Whether a cell says no more than the member that it became, or than what is usual."""
    return (
        cell.casefold() == USUAL.get(column)
        or (column in TRACKER and cell == "shopify")
        or (column in POLICY and cell in ("deny", "continue"))
    )


def _implied(column: str, cell: str, status: str, tags: Sequence[str]) -> bool:
    """Whether a cell of the first row says no more than the members that it became."""
    if column in PUBLISHED:
        return cell == ("true" if status == "active" else "false")
    return cell == {STATUS: status, TAGS: ", ".join(tags)}.get(column) or (column == GIFT and cell in ("true", "false"))


def _product_source(
    head: Row, rows: Sequence[Row], variants: Sequence[Row], status: str, tags: Sequence[str], reading: RowReader
) -> JsonObject:
    """What the first row says of the product beyond the model, and what other rows say differently."""
    kept = {
        c: cell
        for c, cell in head.cells.items()
        if c not in CONSUMED_VARIANT_COLUMNS
        and c not in CONSUMED_PRODUCT_COLUMNS
        and (not is_variant_column(c) or head not in variants)
    }
    found = reading.by_column_name(
        {c: cell for c, cell in kept.items() if not _implied(c, cell.casefold(), status, tags)}
    )
    for n, row in enumerate(rows, 1):
        for column, cell in row.cells.items():
            if (
                column in CONSUMED_VARIANT_COLUMNS
                or column in OF_IMAGE
                or cell == head[column]
                or (is_variant_column(column) and row in variants)
            ):
                continue
            found[f"{reading.column_names[column]} (row {n})"] = cell
    return found


MEMBERS = {
    "name": (TITLE,), "slug": HANDLE, "external_reference": HANDLE, "description": BODY, "status": (STATUS, *PUBLISHED), "tags": (TAGS,), "media": IMAGE,
    "categories": (TYPE,), "category_id": (TYPE,), "category_ids": (TYPE,),
    "variants.sku": SKU, "variants.price": PRICE, "variants.compare_at_price": COMPARE, "variants.barcode": BARCODE, "variants.weight_grams": GRAMS,
    "variants.options": (OPTIONS[0][1],), "variants.name": (OPTIONS[0][1],), "variants.imported_quantity": QUANTITY,
}  # fmt: skip

SHOPIFY = Format(
    name="shopify", title="Shopify's product export", example="Handle, Title, Body (HTML), ..., Variant Price",
    required_columns=(HANDLE, (TITLE,), PRICE), defaults_to_dot=True, is_price_column=is_price_column, group_row=group_row, parse_product=parse_product, member_columns=MEMBERS,
    note_columns=(column_key(NOTE_COLUMNS[0]), column_key(NOTE_COLUMNS[1])),
)  # fmt: skip
