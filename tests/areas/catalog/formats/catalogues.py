"""Strategies for catalogs: product records with awkward texts and unique names."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from tradepost.areas.catalog.formats.records import ProductRecord
from tradepost.areas.catalog.schemas import MAX_PRICE
from tradepost.kit.schema.preparation import STRIPPED
from tradepost.kit.schema.validation import validate

type Json = dict[str, Any]

AWKWARD = [
    ",", ";", '"', "'", "=", "+", "-", "@", "\\,", "\\n", "\\", ">", " > ", "&", "&amp;", "&gt;", "<b>", "</b>",
    "<script>x</script>", "|", ":", "/", "#", "ß", "é", "漢字", "🪑", "\u00a0", "\u2028", "\u200b", " ", "  ", "a", "b",
    "Oak", "1.299", "1,5", "true", "{", "[]", "null", "id:1", "'=", "sep=", "%",
]  # fmt: skip
# The shop strips text, and no code has a line separator or an invisible character in it.
CODE_CHARACTERS = [text for text in AWKWARD if text not in ("\u2028", "\u200b")]
LINE = (
    (
        st.lists(st.sampled_from(CODE_CHARACTERS), min_size=1, max_size=5).map("".join)
        | st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=12)
    )
    .map(lambda text: text.strip(STRIPPED))
    .filter(bool)
)
LINES = st.lists(st.sampled_from([*AWKWARD, "\n", "\r\n", "\r", "\t"]), max_size=8).map("".join)
SLUG = st.from_regex(r"[a-z0-9]{1,6}(-[a-z0-9]{1,6}){0,2}", fullmatch=True).filter(
    lambda s: s not in ("batch", "import", "export")
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | LINES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LINE, inner, max_size=3),
    max_leaves=6,
)
ATTRIBUTES = st.dictionaries(
    LINE | st.sampled_from(
        [
            "vendor", "seo_title", "gift_card", "brand", "short_description", "grouped_products", "external_url",
            "size", "Size",
        ],
    ),
    JSON | LINE | st.lists(LINE, max_size=3), max_size=3,
)  # fmt: skip
COLUMNS = st.sampled_from([
    "Tags", "Status", "Published", "Type", "Variant SKU", "Variant Taxable", "Cost per item", "Variant Image",
    "Variant Inventory Policy", "Gift Card", "ID", "Google Shopping / Gender", "Price / International",
    "Fabric (product.metafields.custom.fabric)", "SKU", "Parent", "Position", "Visibility in catalog", "Sale price",
    "Date sale price ends", "Attribute 1 visible", "Attribute 1 value(s)", "Meta: _colour", "Stock", "Name", "name",
    "product", "Handle", "Tags (row 2)", "In stock?", "Weight (lbs)", "tax status",
    "Tradepost (product.metafields.tradepost.product)", "Meta: tradepost_variant",
])  # fmt: skip
WORDS = st.sampled_from(
    [
        "Beads, Gold Ring",
        "true",
        "FALSE",
        "0",
        "1",
        "parent",
        "2020-01-01",
        "9.00",
        "9,00",
        "active",
        "simple, virtual",
        "https://i.example/x",
    ]
)
SOURCE = st.none() | st.dictionaries(COLUMNS | LINE, WORDS | LINE | JSON, max_size=4)
REFERENCE = st.none() | LINE | SLUG | st.integers(1, 40).map(str)
PATHS = st.lists(
    st.lists(st.sampled_from(["A", "A > B", "B", "C, D", "&gt;", "E  E", "F\\"]) | LINE, min_size=1, max_size=3),
    max_size=3,
    unique_by=repr,
)
# An empty first path means that there is no main category.
CATEGORIES = PATHS | PATHS.filter(len).map(lambda paths: [[], *paths])
URL = st.sampled_from(
    ["https://i.example/1.jpg", "http://i.example/a,b.png?x=1", "https://i.example/%20;2", "https://i.example/ü"]
)
MEDIA = st.lists(st.fixed_dictionaries({"source_url": URL, "alt": st.just("") | LINE}), max_size=4)
AMOUNT = st.integers(0, MAX_PRICE) | st.integers(0, 20_000)


def is_valid_option_name(option: str) -> bool:
    """Return whether an option name has at most 60 characters. Five awkward texts can be longer."""
    return len(option) <= 60


@st.composite
def variant(draw: st.DrawFn, currency: str) -> Json:
    """Generate a variant without its SKU and options."""
    price = draw(AMOUNT)
    compare = draw(st.none() | st.integers(price, price + 5000).map(lambda a: min(a, MAX_PRICE)) | AMOUNT)
    return {
        "sku": "", "price": {"amount": price, "currency": currency},
        "compare_at_price": None if compare is None else {"amount": compare, "currency": currency},
        "weight_grams": draw(st.none() | st.integers(0, 100_000_000)),
        "barcode": draw(st.none() | st.just("") | LINE.filter(lambda t: len(t) <= 60)),
        "attributes": draw(st.just({}) | ATTRIBUTES),
        "tax_class": draw(st.sampled_from(["standard", "reduced", "parent", "a_b-1"])),
        "track_inventory": draw(st.booleans()), "allow_backorder": draw(st.booleans()),
        "low_stock_threshold": draw(st.none() | st.integers(0, 10**9)), "requires_shipping": draw(st.booleans()),
        "withdrawal_excluded": draw(st.booleans()),
        "external_reference": draw(REFERENCE), "source": draw(SOURCE),
        "imported_quantity": draw(st.none() | st.integers(-(2**31), 2**31 - 1)),
    }  # fmt: skip


@st.composite
def variants(draw: st.DrawFn, currency: str) -> list[Json]:
    """Generate the variants of a product, with different options."""
    names = draw(
        st.lists(
            LINE.filter(is_valid_option_name) | st.sampled_from(["Size", "size", "Title", "Colour"]),
            max_size=5,
            unique=True,
        )
    )
    values = st.just("") | LINE | st.sampled_from(["M", "L", "Default Title", "a, b"])
    chosen = [
        dict(zip(names, draw(st.tuples(*[values for _ in names])), strict=True)) for _ in range(draw(st.integers(0, 4)))
    ]
    options = {repr(sorted(o.items())): o for o in ({n: v for n, v in c.items() if v} for c in chosen)}
    result = [draw(variant(currency)) | {"options": o} for o in options.values()]
    for index, each in enumerate(result):
        each["name"] = draw(st.sampled_from([" / ".join(each["options"].values()), ""]) | LINE)
        each["position"] = draw(st.sampled_from([index, index, index * 10]))
    return result


@st.composite
def product(draw: st.DrawFn, currency: str) -> Json:
    """Generate a product without the SKUs of its variants."""
    return {
        "name": draw(LINE), "slug": draw(SLUG), "external_reference": draw(REFERENCE),
        "status": draw(st.sampled_from(["draft", "active", "archived"])), "description": draw(LINES),
        "categories": draw(CATEGORIES), "tags": draw(st.lists(SLUG, max_size=3, unique=True)),
        "brand": draw(st.none() | LINE | st.sampled_from(["A, B", "A > B"])),
        "attributes": draw(ATTRIBUTES), "source": draw(SOURCE), "media": draw(MEDIA),
        "variants": draw(variants(currency)),
    }  # fmt: skip


@st.composite
def catalog(draw: st.DrawFn, currency: str) -> list[Json]:
    """Generate product records as an export writes them, with all members."""
    products = [draw(product(currency)) for _ in range(draw(st.integers(0, 4)))]
    _make_unique(draw, products)
    return [normal(p) for p in products]


def _make_unique(draw: st.DrawFn, products: list[Json]) -> None:
    """Make slugs and references unique, and generate unique SKUs."""
    slugs, references, skus = set[str](), set[str](), set[str]()
    for product in products:
        product["slug"] = _unused(product["slug"], slugs)
        if product["external_reference"] is not None:
            product["external_reference"] = _unused(product["external_reference"], references)
        for variant in product["variants"]:
            variant["sku"] = _unused(
                draw(LINE | SLUG | st.sampled_from(["1", "A  B", "A B", "A-B", "a b", "'", product["slug"]])), skus
            )


def _unused(text: str, taken: set[str]) -> str:
    text = str(normal_text(text))
    while text in taken:
        text += "2"
    taken.add(text)
    return text


def normal_text(text: str) -> str:
    """Return a text as the shop stores it."""
    return validate(str, text)


def normal(product: Json) -> Json:
    """Validate a record and return it as the shop stores it, with texts in NFC."""
    return msgspec.to_builtins(validate(ProductRecord, product))
