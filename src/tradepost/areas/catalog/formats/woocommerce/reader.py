"""WooCommerce's rows: which product a row belongs to, and the product of its rows."""

import re
from collections.abc import Sequence

from tradepost.kit.text.slugs import slug_of

from ..csv_file import Row
from ..format import Format, Misplaced, Place
from ..row_reader import Plain, Reading
from . import columns as col
from .attributes import Given, attributes_of, plain_of, told_by_product
from .cells import PRODUCT_TYPES, broken, listed, named, tidy, type_of
from .prices import has_price, priced
from .source import of_product
from .variants import OFF, ON, parent_of, simple, variations

BY_ID = re.compile(r"id:\s*(\d+)", re.IGNORECASE)
ABOVE = re.compile(r"\s*>\s*")


def place(row: Row) -> Place | Misplaced:
    """A variation belongs to the product with the SKU or ID in `Parent`; every other row is a product."""
    row = tidy(row)
    if not type_of(row).endswith("variation"):
        names = [f"{column}:{row[column].casefold()}" for column in (col.ID, col.SKU) if row[column]]
        return Place(key=f"row:{row.line}", names=tuple(names))
    if not row[col.PARENT]:
        return Misplaced(col.PARENT, "a variation needs the SKU of its product here, or its ID as `id:44`.")
    found = BY_ID.fullmatch(row[col.PARENT])
    return Place(parent=f"id:{found[1]}" if found else f"sku:{row[col.PARENT].casefold()}")


def product(rows: Sequence[Row], reading: Reading) -> Plain | None:
    """The product of a row, and of the variations that name it."""
    rows = [tidy(r) for r in rows]
    head = next(r for r in rows if not type_of(r).endswith("variation"))
    reading.line = head.line
    children = [r for r in rows if r is not head]
    name = reading.text(head, col.NAME, given=named(head[col.NAME]))
    reference = reading.text(head, col.ID) or reading.text(head, col.SKU) or slug_of(name, name)
    if not _is_possible(head, children, reference, reading):
        return None
    made: Plain = {
        "name": name,
        "external_reference": reference,
        "description": reading.html(head, col.DESCRIPTION, broken(head[col.DESCRIPTION])),
    }
    made |= {
        "status": _status(head, reading),
        "tags": reading.slugs(head, col.TAGS, _names(head, col.TAGS)),
        "categories": _categories(head, reading),
    }
    own = attributes_of(head, reading)
    variants = _variants(head, children, own, reading)
    others, told = _others(head, reading)
    options = list(dict.fromkeys(o for v in variants for o in v["options"]))
    made |= {
        "attributes": plain_of(own, options, others),
        "variants": variants,
        "media": _media([head, *children], reading),
    }
    told |= told_by_product(own, options) | _told(head, made)
    of_both = len(variants) == 1 and not children
    made["source"] = of_product(head, told, reading, whole=not of_both)
    # What stood in a cell that was cut is kept where its row is.
    reading.lost.clear()
    return made


def _is_possible(head: Row, children: Sequence[Row], reference: str, reading: Reading) -> bool:
    """Whether the rows can be a product here, and one that the file has not told already; what stands against it is told."""
    kind = type_of(head)
    if kind not in PRODUCT_TYPES:
        reading.refuse(
            head, col.TYPE, f"is a type of product that we do not know; known are {', '.join(PRODUCT_TYPES)}."
        )
    if not head[col.NAME]:
        reading.refuse(head, col.NAME, "a product needs a name.")
    for row in children:
        if type_of(row) != "variation":
            reading.refuse(row, col.TYPE, "is a type of variation that we do not know; known is variation.")
        elif kind in ("grouped", "external"):
            reading.refuse(row, col.PARENT, f"is a product of type {kind}, which has no variations.")
    if not reading.refused and not reading.spool.claim_reference(reference):
        column = next((c for c in (col.ID, col.SKU) if head[c]), col.NAME)
        reading.refuse(
            head, column, f"another product in this file has this {reading.names[column]}; the first is kept."
        )
    return not reading.refused


def _variants(head: Row, children: Sequence[Row], own: dict[str, Given], reading: Reading) -> list[Plain]:
    """What can be bought of a product. Made SKUs begin with its SKU, else with its name and ID, so that two of one name are apart."""
    kind, word = type_of(head), head[col.SKU] or f"{head[col.NAME]} {head[col.ID]}".strip()
    if kind in ("grouped", "external"):
        return []
    if kind == "simple" and not children:
        if has_price(head):
            return [simple(head, word, reading)]
        reading.mend(head, col.REGULAR, "has no price; it comes without a variant.")
        return []
    if kind == "simple":
        reading.mend(head, col.TYPE, "has variations; taken as variable.")
    made = variations(children, parent_of(head, own, word, reading), reading)
    if not made and not reading.refused:
        reading.mend(head, col.TYPE, "has no variation that can be bought; it comes without variants.")
    return made


def _status(head: Row, reading: Reading) -> str:
    """Active is what is published and can be found."""
    published = head[col.PUBLISHED].casefold()
    if published not in ON and published not in OFF and published != "-1":
        reading.mend(head, col.PUBLISHED, "is none of 1, 0 and -1; taken as draft.")
    if published in ON and head[col.VISIBILITY].casefold() == "hidden":
        reading.mend(
            head, col.VISIBILITY, "is for those who know its address, which there is not here; taken as draft."
        )
        return "draft"
    return "active" if published in ON else "draft"


def _names(row: Row, column: str) -> list[str]:
    return [named(value) for value in listed(row[column])]


def _categories(head: Row, reading: Reading) -> list[list[str]]:
    """The paths of its categories, the main one first. A `>` inside of a name is written `&gt;`."""
    found: dict[tuple[str, ...], None] = {}
    for path in listed(head[col.CATEGORIES]):
        steps = [reading.text(head, col.CATEGORIES, given=named(step)) for step in ABOVE.split(path) if step]
        found |= {tuple(steps): None} if steps else {}
    return [list(path) for path in found]


def _others(head: Row, reading: Reading) -> tuple[Plain, set[str]]:
    """The attributes that we name: what WooCommerce has a column for and the model has none; and the columns that they tell."""
    found: Plain = (
        {"short_description": reading.html(head, col.SHORT, broken(head[col.SHORT]))} if head[col.SHORT] else {}
    )
    told = {col.SHORT}
    if brands := _names(head, col.BRANDS):
        found["brand"] = brands[0] if len(brands) == 1 else brands
        told.add(col.BRANDS)
    if type_of(head) == "grouped":
        found["grouped_products"] = listed(head[col.GROUPED])
        told.add(col.GROUPED)
    if type_of(head) == "external":
        cost = priced(head, reading)
        price = {
            "external_url": reading.url(head, col.URL),
            "button_text": reading.text(head, col.BUTTON),
            "price": cost.price,
        }
        found |= {member: value for member, value in price.items() if value}
        told |= {col.URL, col.BUTTON} if found.get("external_url") else {col.BUTTON}
        # There is no room for two prices: the one that is compared with stays as it stood.
        told |= {col.SALE} if cost.compare else {col.REGULAR, col.SALE}.difference(cost.untold)
    return found, told


def _media(rows: Sequence[Row], reading: Reading) -> list[Plain]:
    """The images of the product, and those of its variations behind them."""
    found = [url for row in rows for given in listed(row[col.IMAGES]) if (url := reading.url(row, col.IMAGES, given))]
    return reading.images([{"source_url": url, "alt": ""} for url in found], rows[0])


def _told(head: Row, made: Plain) -> set[str]:
    """The columns of a product's row that its members tell whole."""
    published, media = head[col.PUBLISHED].casefold(), {m["source_url"] for m in made["media"]}
    same = (
        (col.NAME, named(head[col.NAME]) == made["name"]),
        (col.SKU, head[col.SKU] == made["external_reference"]),
        (col.PUBLISHED, published in (ON if made["status"] == "active" else ("-1", "false"))),
        (col.TAGS, listed(head[col.TAGS]) == made["tags"]),
        (col.IMAGES, media.issuperset(listed(head[col.IMAGES]))),
        (col.TYPE, head[col.TYPE].casefold() == _shown_type(made)),
    )
    return {col.ID, col.DESCRIPTION, col.CATEGORIES, *[column for column, is_told in same if is_told]}


def _shown_type(made: Plain) -> str:
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
    needs=((col.TYPE,), (col.NAME,), (col.PUBLISHED,), (col.REGULAR,)),
    prices=lambda column: column in (col.REGULAR, col.SALE),
    place=place,
    product=product,
    members=MEMBERS,
    orphan="names a product that is not in this file.",
    notes=("meta: tradepost_product", "meta: tradepost_variant"),
)
