"""Lines of orders: hidden with their order."""

from tests.parity.access.table import Place
from tests.parity.case import CaseContext, EntityCase, OracleCase, ReadCase, Sample

from .orders import ORDERS, is_visible


async def sample(context: CaseContext) -> Sample:
    """Take the lines of the sample orders."""
    rows = context.samples["Order"].rows
    ids = {
        name: [line["id"] for line in (await context.read(f"/orders/{rows[name]}", fields="lines{id}"))["lines"]]
        for name in ("shown", "hidden")
    }
    return Sample(
        keys=[*ids["shown"], *ids["hidden"]],
        shown={"order_line_list": Place(rows["shown"], ids["shown"][0])},
        hidden={"order_line_list": Place(rows["hidden"], ids["hidden"][0])},
    )


async def many_rows(context: CaseContext) -> str:
    """Return a line of the order with many lines."""
    order = await context.read(f"/orders/{context.keys['Order']}", fields="lines{id}")
    return order["lines"][0]["id"]


ORDER_LINE = EntityCase(
    name="OrderLine",
    plural="order_lines",
    sample=sample,
    many_rows=many_rows,
    oracle=OracleCase(
        visible=lambda view, row: is_visible(view, view.row("order", row["order_id"])),
        order=("position",),
        parents={"order_line_list": lambda view, row, key: row["order_id"] == key},
    ),
    reads=(ReadCase("order_line_list", ORDERS, {"sku,total": 2}),),
)
