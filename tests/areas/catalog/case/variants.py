"""Variants: hidden with their product."""

from tests.areas.catalog.case.product_rows import products_hidden_first
from tests.areas.catalog.case.product_rows import row as product_row
from tests.areas.catalog.case.products import is_visible as is_product_visible
from tests.areas.catalog.case.values import ATTRIBUTES, BAD_PRICES, POSITIONS, PRICE, SOURCES
from tests.factories import Json, variant_input
from tests.parity.access.table import DRAFTS_HIDDEN, EDITORS, FOR_EDITORS, FOR_STOCKKEEPERS, Place
from tests.parity.case import CaseContext, EntityCase, Fault, OracleCase, ReadCase, Sample, WriteCase

WITHOUT_SKU = Fault({"sku": "", "price": PRICE}, ("/sku",))


async def sample(context: CaseContext) -> Sample:
    """Take the variants of the sample products."""
    variants = [v for product in await products_hidden_first(context) for v in product["variants"]][:9]
    shown, hidden = [_places(context.samples["Product"].rows[name]) for name in ("shown", "hidden")]
    return Sample(
        keys=[v["id"] for v in variants],
        filter_values={"sku": [v["sku"] for v in variants], "barcode": [v["barcode"] or "none" for v in variants]},
        shown=shown,
        hidden=hidden,
    )


def _places(product: Json) -> dict[str, Place]:
    variant = product["variants"][0]
    return {
        "variant_list": Place(seeks=variant["id"], filter=("sku", variant["sku"])),
        "variant_get": Place(variant["id"], variant["id"]),
        "product_variants": Place(product["id"], variant["id"]),
    }


async def row(context: CaseContext) -> str:
    """Create a product, and return the first of its variants."""
    product = await context.read(f"/products/{await product_row(context)}", fields="variants{id}")
    return product["variants"][0]["id"]


async def many_rows(context: CaseContext) -> str:
    """Create 60 variants of one product."""
    path = f"/products/{context.keys['Product']}/variants"
    rows = [(await context.create(path, variant_input(), fields="id"))["id"] for _ in range(60)]
    return rows[0]


VARIANT = EntityCase(
    name="Variant",
    plural="variants",
    sample=sample,
    row=row,
    many_rows=many_rows,
    answer="sku,name,price,options,position,version,source,attributes,product{name,price_from,version}",
    replayed="id,options,price,compare_at_price{currency},c:compare_at_price,product{slug,links},links,"
    "barcode,attributes",
    members={
        "source": FOR_EDITORS,
        "low_stock_threshold": FOR_EDITORS,
        "imported_quantity": FOR_STOCKKEEPERS,
    },
    oracle=OracleCase(
        visible=lambda view, row: is_product_visible(view, view.row("product", row["product_id"])),
        orders={"product_variants": ("position",)},
        columns={"price": "price_amount"},
        parents={"product_variants": lambda view, row, key: row["product_id"] == key},
    ),
    bad_values={
        "sku": ["", "x" * 101, "a\tb"],
        "price": [*BAD_PRICES, PRICE],
        "options": [{"": "x"}, {"a": ""}, {str(i): "x" for i in range(11)}],
        "compare_at_price": [{"amount": -1, "currency": "EUR"}, {"amount": 1, "currency": "USD"}, None],
        "weight_grams": [-1, 2**31 - 1, None],
        "barcode": ["x" * 61, "\u0000"],
        "tax_class": ["A b", "", "reduced"],
        "low_stock_threshold": [-1, 10**9 + 1, 0, None],
        "requires_shipping": [None, True, False],
        "withdrawal_excluded": [None, True, False],
        "attributes": ATTRIBUTES,
        "source": SOURCES,
        "position": POSITIONS,
    },
    reads=(
        ReadCase("variant_list", DRAFTS_HIDDEN, {"id,product{name}": 1}),
        ReadCase("product_variants", DRAFTS_HIDDEN, {"id,product{name}": 2}),
        ReadCase("variant_get", DRAFTS_HIDDEN, {"sku,product{name}": 1}),
    ),
    writes=(
        WriteCase(
            "variant_create",
            EDITORS,
            bodies=(lambda c: variant_input(77, sku=f"v-{c.mark}", options={"a_b": "c"}, source={"x_y": None}),),
            faults=(WITHOUT_SKU,),
        ),
        WriteCase(
            "variant_replace",
            EDITORS,
            bodies=(
                lambda c: {"sku": f"w-{c.mark}", "price": {"amount": 2, "currency": "EUR"}, "options": {"size": "S"}},
            ),
            faults=(WITHOUT_SKU,),
        ),
        WriteCase(
            "variant_update",
            EDITORS,
            bodies=({"price": {"amount": 1}, "weight_grams": 5},),
            json_patches=(
                [
                    {"op": "replace", "path": "/price/amount", "value": 3},
                    {"op": "copy", "from": "/sku", "path": "/barcode"},
                ],
            ),
            faults=(Fault({"price": {"amount": -1}}, ("/price/amount",)),),
        ),
        WriteCase("variant_delete", EDITORS),
    ),
)
