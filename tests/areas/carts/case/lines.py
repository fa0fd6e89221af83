"""Lines of carts: hidden with their cart. No operation reads one by itself."""

from tests.parity.case import CaseContext, EntityCase, OracleCase, Sample

from .carts import is_visible


async def sample(context: CaseContext) -> Sample:
    """Take the lines of the sample carts."""
    cart = await context.read(f"/carts/{context.samples['Cart'].rows['shown']}", fields="lines{id}")
    return Sample(keys=[line["id"] for line in cart["lines"]], shown={})


async def many_rows(context: CaseContext) -> str:
    """Return a line of the cart with many lines."""
    cart = await context.read(f"/carts/{context.keys['Cart']}", fields="lines{id}")
    return cart["lines"][0]["id"]


CART_LINE = EntityCase(
    name="CartLine",
    plural="cart_lines",
    sample=sample,
    many_rows=many_rows,
    oracle=OracleCase(
        visible=lambda view, row: is_visible(view, view.row("cart", row["cart_id"])), order=("created_at",)
    ),
)
