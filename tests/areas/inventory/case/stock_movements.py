"""Stock movements of a variant."""

from tests.areas.inventory.case.stock_levels import is_visible, receive
from tests.parity.access.table import STAFF_ONLY, Place
from tests.parity.case import CaseContext, EntityCase, Fault, OracleCase, ReadCase, Sample, WriteCase

PATH = "/variants/{0}/stock/movements"


async def sample(context: CaseContext) -> Sample:
    """Take the movements of a sample variant."""
    variant = context.samples["Variant"].keys[0]
    movements = (await context.read(f"/variants/{variant}/stock/movements"))["data"]
    return Sample(
        keys=[movement["id"] for movement in movements],
        filter_values={"kind": ["receive", "adjust", "ship"]},
        shown={"stock_movement_list": Place(variant, movements[0]["id"])},
    )


async def many_rows(context: CaseContext) -> str:
    """Receive units of a variant 60 times."""
    rows = [(await receive(context, context.keys["Variant"], 1))["id"] for _ in range(60)]
    return rows[0]


STOCK_MOVEMENT = EntityCase(
    name="StockMovement",
    plural="stock_movements",
    sample=sample,
    many_rows=many_rows,
    answer="kind,on_hand_delta,reserved_delta,reason,location{code}",
    oracle=OracleCase(
        visible=is_visible,
        tables=("product", "variant"),
        parents={"stock_movement_list": lambda view, row, key: row["variant_id"] == key},
    ),
    bad_values={
        "kind": ["receive", "adjust", "transfer"],
        "quantity": [0, -1, 5, 10**9 + 1],
        "location_id": [None, "x"],
        "to_location_id": [None, "x"],
        "reason": [None, "", "x" * 201],
    },
    reads=(
        ReadCase("stock_movement_list", STAFF_ONLY, {"id,kind,on_hand_delta": 2, "id,location{code}": 2}, path=PATH),
    ),
    writes=(
        WriteCase(
            "stock_move",
            STAFF_ONLY,
            bodies=(
                {"kind": "receive", "quantity": 12, "reason": "Delivery"},
                {"kind": "adjust", "quantity": 3},
            ),
            faults=(
                Fault({"kind": "receive", "quantity": 0}, ("/quantity",)),
                Fault({"kind": "receive", "quantity": -1}, ("/quantity",)),
                Fault({"kind": "adjust", "quantity": -1}, ("/quantity",)),
                Fault({"kind": "transfer", "quantity": 1}, ("/to_location_id",)),
            ),
            path=PATH,
        ),
    ),
)
