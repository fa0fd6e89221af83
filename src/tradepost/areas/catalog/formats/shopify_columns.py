"""The columns of Shopify's product export."""

from functools import lru_cache

# Columns by their key; tuples hold the spelling in the old export and in the newer template.
HANDLE, TITLE, BODY = ("handle", "url handle"), "title", ("body (html)", "description")
VENDOR, TYPE, TAGS, STATUS, GIFT = "vendor", "type", "tags", "status", "gift card"
PUBLISHED = ("published", "published on online store")
SKU, BARCODE, GRAMS = ("variant sku", "sku"), ("variant barcode", "barcode"), ("variant grams", "weight value (grams)")
TRACKER, QUANTITY = ("variant inventory tracker", "inventory tracker"), ("variant inventory qty", "inventory quantity")
POLICY = ("variant inventory policy", "continue selling when out of stock")
SHIPPING = ("variant requires shipping", "requires shipping")
PRICE, COMPARE = ("variant price", "price"), ("variant compare at price", "compare-at price")
IMAGE, POSITION, ALT = ("image src", "product image url"), "image position", "image alt text"
VARIANT_IMAGE = ("variant image", "variant image url")
ATTRIBUTES = {"seo title": "seo_title", "seo description": "seo_description"}
OPTIONS = tuple([(f"option{n} name", f"option{n} value") for n in (1, 2, 3)])
OPTION_VALUES = tuple([value for _, value in OPTIONS])
FIRST_OPTION_VALUE = OPTION_VALUES[0]
MAX_VARIANTS, MAX_ATTRIBUTE_LENGTH, MAX_OPTION_NAME_LENGTH = 100, 5000, 60
MAX_BARCODE_LENGTH, MAX_ALT_LENGTH = 60, 512
# Columns of metafields: Shopify keeps them, and exports them under these names.
NOTE_COLUMNS = ("Tradepost (product.metafields.tradepost.product)", "Tradepost (variant.metafields.tradepost.variant)")

# Columns fully represented by members of the record. The cells of all others go to `source`.
CONSUMED_PRODUCT_COLUMNS = frozenset(
    [*HANDLE, TITLE, *BODY, VENDOR, TYPE, *ATTRIBUTES, *IMAGE, POSITION, ALT, *[name for name, _ in OPTIONS]]
)
CONSUMED_VARIANT_COLUMNS = frozenset([*SKU, *BARCODE, *GRAMS, *QUANTITY, *PRICE, *COMPARE, *OPTION_VALUES])
IMAGE_COLUMNS = frozenset([*IMAGE, POSITION, ALT])
# The usual cells, not kept in `source`. Exports write them, because a blank cell means "no" here.
USUAL_CELLS = {"variant fulfillment service": "manual", "variant taxable": "true"}
# Columns of a variant, also in the first row of a product.
VARIANT_COLUMN_PREFIXES = (
    "variant ", "cost per item", "price /", "compare at price /", "compare-at price /", "charge tax", "tax code",
    "weight unit", "fulfillment", "requires shipping", "inventory", "continue selling", "unit price",
)  # fmt: skip


@lru_cache(1000)
def is_variant_column(column: str) -> bool:
    """Whether a column describes a variant, also in the first row of a product."""
    return column.startswith(VARIANT_COLUMN_PREFIXES) or "(variant.metafields" in column or column.endswith("linked to")
