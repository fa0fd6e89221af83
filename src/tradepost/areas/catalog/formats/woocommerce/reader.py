"""WooCommerce's rows: which product a row belongs to, and the product of its rows."""

import re
from collections.abc import Sequence

from tradepost.kit.text.slugs import slugify

from ..csv_file import Row
from ..format import Format, RowGroup, UngroupedRow
from ..row_reader import JsonObject, RowReader
from . import columns as col
from .attributes import AttributeValues, consumed_by_product, non_option_attributes, read_attributes
from .cells import PRODUCT_TYPES, decode_entities, decode_line_breaks, product_type, split_list, without_formula_marks
from .prices import has_price, read_prices
from .source import product_source
from .variants import FALSE_VALUES, TRUE_VALUES, read_parent, read_simple_variant, read_variations

PARENT_ID_PATTERN = re.compile(r"id:\s*(\d+)", re.IGNORECASE)
ABOVE = re.compile(r"\s*>\s*")


def group_row(row: Row) -> RowGroup | UngroupedRow:
    """A variation belongs to the product with the SKU or ID in `Parent`; every other row is a product."""
    row = without_formula_marks(row)
    if not product_type(row).endswith("variation"):
        names = [f"{column}:{row[column].casefold()}" for column in (col.ID, col.SKU) if row[column]]
        return RowGroup(key=f"row:{row.line}", aliases=tuple(names))
    if not row[col.PARENT]:
        return UngroupedRow(col.PARENT, "a variation needs the SKU of its product here, or its ID as `id:44`.")
    found = PARENT_ID_PATTERN.fullmatch(row[col.PARENT])
    return RowGroup(parent=f"id:{found[1]}" if found else f"sku:{row[col.PARENT].casefold()}")


def parse_product(rows: Sequence[Row], reading: RowReader) -> JsonObject | None:
    """The product of a row, and of the variations that name it."""
    rows = [without_formula_marks(r) for r in rows]
    head = next(r for r in rows if not product_type(r).endswith("variation"))
    reading.product_line = head.line
    children = [r for r in rows if r is not head]
    name = reading.text(head, col.NAME, given=decode_entities(head[col.NAME]))
    reference = reading.text(head, col.ID) or reading.text(head, col.SKU) or slugify(name, name)
    if not _is_possible(head, children, reference, reading):
        return None
    made: JsonObject = {
        "name": name,
        "external_reference": reference,
        "description": reading.html(head, col.DESCRIPTION, decode_line_breaks(head[col.DESCRIPTION])),
    }
    made |= {
        "status": _status(head, reading),
        "tags": reading.tags(head, col.TAGS, _names(head, col.TAGS)),
        "categories": _categories(head, reading),
    }
    own = read_attributes(head, reading)
    variants = _variants(head, children, own, reading)
    others, told = _others(head, reading)
    options = list(dict.fromkeys(o for v in variants for o in v["options"]))
    made |= {
        "attributes": non_option_attributes(own, options, others),
        "variants": variants,
        "media": _media([head, *children], reading),
    }
    told |= consumed_by_product(own, options) | _told(head, made)
    of_both = len(variants) == 1 and not children
    made["source"] = product_source(head, told, reading, whole=not of_both)
    # What stood in a cell that was cut is kept where its row is.
    reading.preserved.clear()
    return made


def _is_possible(head: Row, children: Sequence[Row], reference: str, reading: RowReader) -> bool:
    """Whether the rows can be a product here, and one that the file has not told already; what stands against it is told."""
    kind = product_type(head)
    if kind not in PRODUCT_TYPES:
        reading.reject(
            head, col.TYPE, f"is a type of product that we do not know; known are {', '.join(PRODUCT_TYPES)}."
        )
    if not head[col.NAME]:
        reading.reject(head, col.NAME, "a product needs a name.")
    for row in children:
        if product_type(row) != "variation":
            reading.reject(row, col.TYPE, "is a type of variation that we do not know; known is variation.")
        elif kind in ("grouped", "external"):
            reading.reject(row, col.PARENT, f"is a product of type {kind}, which has no variations.")
    if not reading.rejected and not reading.claims.claim_reference(reference):
        column = next((c for c in (col.ID, col.SKU) if head[c]), col.NAME)
        reading.reject(
            head, column, f"another product in this file has this {reading.column_names[column]}; the first is kept."
        )
    return not reading.rejected


def _variants(
    head: Row, children: Sequence[Row], own: dict[str, AttributeValues], reading: RowReader
) -> list[JsonObject]:
    """What can be bought of a product. Made SKUs begin with its SKU, else with its name and ID, so that two of one name are apart."""
    kind, word = product_type(head), head[col.SKU] or f"{head[col.NAME]} {head[col.ID]}".strip()
    if kind in ("grouped", "external"):
        return []
    if kind == "simple" and not children:
        if has_price(head):
            return [read_simple_variant(head, word, reading)]
        reading.repair(head, col.REGULAR, "has no price; it comes without a variant.")
        return []
    if kind == "simple":
        reading.repair(head, col.TYPE, "has variations; taken as variable.")
    made = read_variations(children, read_parent(head, own, word, reading), reading)
    if not made and not reading.rejected:
        reading.repair(head, col.TYPE, "has no variation that can be bought; it comes without variants.")
    return made


def _status(head: Row, reading: RowReader) -> str:
    """Active is what is published and can be found."""
    published = head[col.PUBLISHED].casefold()
    if published not in TRUE_VALUES and published not in FALSE_VALUES and published != "-1":
        reading.repair(head, col.PUBLISHED, "is none of 1, 0 and -1; taken as draft.")
    if published in TRUE_VALUES and head[col.VISIBILITY].casefold() == "hidden":
        reading.repair(
            head, col.VISIBILITY, "is for those who know its address, which there is not here; taken as draft."
        )
        return "draft"
    return "active" if published in TRUE_VALUES else "draft"


def _names(row: Row, column: str) -> list[str]:
    return [decode_entities(value) for value in split_list(row[column])]


def _categories(head: Row, reading: RowReader) -> list[list[str]]:
    """The paths of its categories, the main one first. A `>` inside of a name is written `&gt;`."""
    found: dict[tuple[str, ...], None] = {}
    for path in split_list(head[col.CATEGORIES]):
        steps = [reading.text(head, col.CATEGORIES, given=decode_entities(step)) for step in ABOVE.split(path) if step]
        found |= {tuple(steps): None} if steps else {}
    return [list(path) for path in found]


def _others(head: Row, reading: RowReader) -> tuple[JsonObject, set[str]]:
    """The attributes that we name: what WooCommerce has a column for and the model has none; and the columns that they tell."""
    found: JsonObject = (
        {"short_description": reading.html(head, col.SHORT, decode_line_breaks(head[col.SHORT]))}
        if head[col.SHORT]
        else {}
    )
    told = {col.SHORT}
    if brands := _names(head, col.BRANDS):
        found["brand"] = brands[0] if len(brands) == 1 else brands
        told.add(col.BRANDS)
    if product_type(head) == "grouped":
        found["grouped_products"] = split_list(head[col.GROUPED])
        told.add(col.GROUPED)
    if product_type(head) == "external":
        cost = read_prices(head, reading)
        price = {
            "external_url": reading.url(head, col.URL),
            "button_text": reading.text(head, col.BUTTON),
            "price": cost.price,
        }
        found |= {member: value for member, value in price.items() if value}
        told |= {col.URL, col.BUTTON} if found.get("external_url") else {col.BUTTON}
        # There is no room for two prices: the one that is compared with stays as it stood.
        told |= {col.SALE} if cost.compare_at_price else {col.REGULAR, col.SALE}.difference(cost.unconsumed)
    return found, told


def _media(rows: Sequence[Row], reading: RowReader) -> list[JsonObject]:
    """The images of the product, and those of its variations behind them."""
    found = [
        url for row in rows for given in split_list(row[col.IMAGES]) if (url := reading.url(row, col.IMAGES, given))
    ]
    return reading.images([{"source_url": url, "alt": ""} for url in found], rows[0])


def _told(head: Row, made: JsonObject) -> set[str]:
    """The columns of a product's row that its members tell whole."""
    published, media = head[col.PUBLISHED].casefold(), {m["source_url"] for m in made["media"]}
    same = (
        (col.NAME, decode_entities(head[col.NAME]) == made["name"]),
        (col.SKU, head[col.SKU] == made["external_reference"]),
        (col.PUBLISHED, published in (TRUE_VALUES if made["status"] == "active" else ("-1", "false"))),
        (col.TAGS, split_list(head[col.TAGS]) == made["tags"]),
        (col.IMAGES, media.issuperset(split_list(head[col.IMAGES]))),
        (col.TYPE, head[col.TYPE].casefold() == _shown_type(made)),
    )
    return {col.ID, col.DESCRIPTION, col.CATEGORIES, *[column for column, is_told in same if is_told]}


def _shown_type(made: JsonObject) -> str:
    """The type that a product shows without its being said."""
    if shown := next(
        (
            t
            for t, member in (("grouped", "grouped_products"), ("external", "external_url"))
            if member in made["attributes"]
        ),
        None,
    ):
        return shown
    options = [v["options"] for v in made["variants"]]
    return "" if not options else "simple" if options == [{}] else "variable"


MEMBERS = {
    "name": (col.NAME,), "external_reference": (col.ID, col.SKU), "description": (col.DESCRIPTION,), "status": (col.PUBLISHED,),
    "tags": (col.TAGS,), "media": (col.IMAGES,), "attributes": (col.SHORT,),
    "categories": (col.CATEGORIES,), "category_id": (col.CATEGORIES,), "category_ids": (col.CATEGORIES,),
    "variants.sku": (col.SKU,), "variants.price": (col.REGULAR,), "variants.compare_at_price": (col.REGULAR,), "variants.barcode": (col.GTIN,),
    "variants.options": ("attribute 1 value(s)",), "variants.name": (col.NAME,), "variants.imported_quantity": (col.STOCK,),
    "variants.tax_class": (col.TAX,), "variants.external_reference": (col.ID,),
}  # fmt: skip

WOOCOMMERCE = Format(
    name="woocommerce",
    title="WooCommerce's product export",
    example="Type, SKU, Name, Published, ..., Regular price (WooCommerce writes its header in the shop's language; set it to English for the export)",
    required_columns=((col.TYPE,), (col.NAME,), (col.PUBLISHED,), (col.REGULAR,)),
    is_price_column=lambda column: column in (col.REGULAR, col.SALE),
    group_row=group_row,
    parse_product=parse_product,
    member_columns=MEMBERS,
    orphan_message="names a product that is not in this file.",
    note_columns=("meta: tradepost_product", "meta: tradepost_variant"),
)
