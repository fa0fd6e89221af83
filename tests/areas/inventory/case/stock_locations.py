"""Stock locations: only who may read stock sees them."""

from tests.factories import Json, unique
from tests.parity.access.table import STAFF_ONLY, Place
from tests.parity.case import CaseContext, EntityCase, Fault, OracleCase, OracleView, ReadCase, Sample, WriteCase
from tests.parity.harness import UNKNOWN_ID

WITHOUT_NAME = Fault({"code": "hamburg", "name": ""}, ("/name",))


def location(code: str, **members: object) -> Json:
    """Return the input of a location. The stock of others is taken first."""
    return {"code": code, "name": f"Warehouse {code}", "priority": 100, **members}


def may_read(view: OracleView) -> bool:
    """Whether the viewer sees stock at all."""
    return "stock:read" in view.permissions


async def sample(context: CaseContext) -> Sample:
    """Create an active location and an inactive one."""
    codes = unique("hamburg"), unique("closed")
    active = await context.create("/stock-locations", location(codes[0]))
    closed = await context.create("/stock-locations", location(codes[1], active=False, priority=7))
    return Sample(
        keys=[active["id"], closed["id"], UNKNOWN_ID],
        filter_values={"code": [*codes, "none"], "active": [True, False]},
        shown={
            "stock_location_list": Place(seeks=active["id"], filter=("code", codes[0])),
            "stock_location_get": Place(active["id"], active["id"]),
        },
        rows={"active": active, "closed": closed},
    )


async def row(context: CaseContext) -> str:
    """Create a location."""
    return (await context.create("/stock-locations", location(f"row-{context.mark}")))["id"]


STOCK_LOCATION = EntityCase(
    name="StockLocation",
    plural="stock_locations",
    sample=sample,
    row=row,
    answer="code,name,priority,active,version",
    oracle=OracleCase(visible=lambda view, row: may_read(view), order=("priority",)),
    bad_values={
        "code": ["main", "Main", "", "x" * 101],
        "name": ["", "x" * 201, "ok"],
        "priority": [0, -1, 2_000_000],
        "active": [True, None],
    },
    reads=(
        ReadCase("stock_location_list", STAFF_ONLY, {"id,code": 1}),
        ReadCase("stock_location_get", STAFF_ONLY, {"code,name,active,version": 1}),
    ),
    writes=(
        WriteCase(
            "stock_location_create",
            STAFF_ONLY,
            bodies=(
                lambda c: location(f"new-{c.mark}"),
                lambda c: location(f"new-{c.mark}", priority=7, active=False),
            ),
            faults=(WITHOUT_NAME, Fault(location("hamburg", priority=-1), ("/priority",))),
        ),
        WriteCase(
            "stock_location_replace",
            STAFF_ONLY,
            bodies=(lambda c: location(f"other-{c.mark}", active=False),),
            faults=(WITHOUT_NAME,),
        ),
        WriteCase(
            "stock_location_update",
            STAFF_ONLY,
            bodies=({"priority": 8, "active": False},),
            json_patches=([{"op": "replace", "path": "/name", "value": "Shop"}],),
            faults=(Fault({"code": "A b"}, ("/code",)),),
        ),
        WriteCase("stock_location_delete", STAFF_ONLY),
    ),
)
