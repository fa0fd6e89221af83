"""Stock levels: of visible variants, for who may read stock."""

from tests.areas.catalog.case.products import is_visible as is_product_visible
from tests.areas.inventory.case.stock_locations import may_read
from tests.factories import Json, unique
from tests.parity.access.table import STAFF_ONLY, Place
from tests.parity.case import (
    CaseContext,
    EntityCase,
    Fault,
    OracleCase,
    OracleView,
    ReadCase,
    ResultCase,
    Sample,
    TableRow,
    WriteCase,
)
from tests.parity.harness import UNKNOWN_ID


async def receive(context: CaseContext, variant_id: str, quantity: int, **members: object) -> Json:
    """Receive units of a variant, and return the movement."""
    answer = await context.staff.rest(
        "POST",
        f"/variants/{variant_id}/stock/movements",
        json={"kind": "receive", "quantity": quantity, **members},
        headers={"Idempotency-Key": unique("key")},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def is_visible(view: OracleView, row: TableRow) -> bool:
    """Whether the viewer may read stock, and sees the variant."""
    product = view.row("product", view.row("variant", row["variant_id"])["product_id"])
    return may_read(view) and is_product_visible(view, product)


async def sample(context: CaseContext) -> Sample:
    """Receive units of the sample variants, of some of them at two locations."""
    variants = context.samples["Variant"].keys[:4]
    locations = context.samples["StockLocation"].rows
    for number, variant in enumerate(variants):
        await receive(context, variant, 3 * number + 1)
        await receive(context, variant, 4, location_id=locations["active" if number % 2 else "closed"]["id"])
    levels = (await context.read("/stock-levels", variant_id=variants[0]))["data"]
    return Sample(
        keys=[level["id"] for level in levels],
        filter_values={
            "variant_id": [*variants, UNKNOWN_ID],
            "location_id": [level["location_id"] for level in levels],
            "available_lt": [0, 2, 5, 1000],
        },
        shown={
            "stock_level_list": Place(seeks=levels[0]["id"], filter=("variant_id", variants[0])),
            "variant_stock": Place(variants[0], variants[0]),
        },
    )


async def many_rows(context: CaseContext) -> str:
    """Receive units of all variants of a product."""
    product = context.keys["Product"]
    variants = (await context.read(f"/products/{product}", fields="variants{id}"))["variants"]
    for variant in variants:
        await receive(context, variant["id"], 1)
    return (await context.read("/stock-levels", limit="1", fields="id"))["data"][0]["id"]


async def _counted(context: CaseContext) -> list[Json]:
    """Create two variants."""
    product = await context.create(
        "/products",
        {
            "name": f"Counted {context.mark}",
            "variants": [
                {"sku": f"{letter}-{context.mark}", "price": {"amount": 1, "currency": "EUR"}, "options": {"o": letter}}
                for letter in "ab"
            ],
        },
        fields="variants{id}",
    )
    return product["variants"]


async def _count(context: CaseContext) -> Json:
    """Return the count of a new variant."""
    await _counted(context)
    return {"counts": [{"sku": f"a-{context.mark}", "on_hand": 7, "expected_on_hand": 0}]}


async def _counts(context: CaseContext) -> Json:
    """Return counts of a new variant, of an unknown one, and of others that are refused."""
    first, _ = await _counted(context)
    return {
        "counts": [
            {"variant_id": first["id"], "on_hand": 7},
            {"sku": f"b-{context.mark}", "on_hand": 2, "expected_on_hand": 1},
            {"sku": f"b-{context.mark}", "on_hand": 0},
            {"variant_id": UNKNOWN_ID, "on_hand": 1},
            {"sku": f"b-{context.mark}", "on_hand": 1, "location_id": UNKNOWN_ID},
            {"on_hand": 1},
        ]
    }


STOCK_LEVEL = EntityCase(
    name="StockLevel",
    plural="stock_levels",
    sample=sample,
    many_rows=many_rows,
    answer="on_hand,reserved,available,version,variant{sku},location{code}",
    oracle=OracleCase(
        visible=is_visible,
        filters={"available_lt": lambda view, row, value: row["on_hand"] - row["reserved"] < value},
        tables=("product", "variant"),
    ),
    reads=(ReadCase("stock_level_list", STAFF_ONLY, {"id,available": 1, "on_hand,variant{sku},location{code}": 1}),),
    writes=(
        WriteCase(
            "stock_count",
            STAFF_ONLY,
            bodies=(_count, _counts),
            batch_statuses=([200], [200, 409, 422, 404, 422, 422]),
            faults=(
                Fault({"counts": []}, ("/counts",)),
                Fault({"counts": [{"sku": "a", "on_hand": 10**9 + 1}]}, ("/counts/0/on_hand",)),
                Fault({"counts": [{"sku": "a", "on_hand": -1}]}, ("/counts/0/on_hand",)),
            ),
            path="/stock/counts",
        ),
    ),
)

VARIANT_STOCK = ResultCase(
    name="VariantStock",
    answer="on_hand",
    reads=(ReadCase("variant_stock", STAFF_ONLY, {"on_hand,locations{code,reserved}": 2}, path="/variants/{0}/stock"),),
)
