"""Timelines of orders: hidden with their order; notes are hidden from customers."""

from tests.parity.access.table import Place
from tests.parity.case import CaseContext, EntityCase, OracleCase, OracleView, ReadCase, Sample, TableRow

from .orders import ORDERS
from .orders import is_visible as is_order_visible


async def sample(context: CaseContext) -> Sample:
    """Take the timelines of the sample orders."""
    rows = context.samples["Order"].rows
    ids = {
        name: [e["id"] for e in (await context.read(f"/orders/{rows[name]}/events", fields="id"))["data"]]
        for name in ("shown", "hidden")
    }
    return Sample(
        keys=ids["shown"],
        filter_values={"type": ["placed", "note", "x"]},
        shown={"order_event_list": Place(rows["shown"], ids["shown"][0])},
        hidden={"order_event_list": Place(rows["hidden"], ids["hidden"][0])},
    )


def is_visible(view: OracleView, row: TableRow) -> bool:
    """Whether a caller sees an entry."""
    is_shown = "orders:read" in view.permissions or row["type"] != "note"
    return is_shown and is_order_visible(view, view.row("order", row["order_id"]))


async def many_rows(context: CaseContext) -> str:
    """Return an entry of an order."""
    page = await context.read(f"/orders/{context.keys['Order']}/events", fields="id")
    return page["data"][0]["id"]


ORDER_EVENT = EntityCase(
    name="OrderEvent",
    plural="order_events",
    sample=sample,
    many_rows=many_rows,
    oracle=OracleCase(
        visible=is_visible,
        order=("created_at",),
        parents={"order_event_list": lambda view, row, key: row["order_id"] == key},
    ),
    reads=(ReadCase("order_event_list", ORDERS, {"type,data": 2}),),
)
