"""Rows of orders for the general tests."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from tests.areas.carts.case.rows import guest_cart, insert_cart
from tests.factories import unique, variant_input
from tests.parity.access.table import Place
from tests.parity.case import CaseContext, Sample
from tests.parity.harness import UNKNOWN_ID, Json
from tradepost.areas.orders.models import OrderEventRow, OrderLineRow, OrderRow, OrderSearchRow
from tradepost.kit.auth.cart_token import GuestTokens
from tradepost.kit.clock import now, to_rfc3339
from tradepost.kit.ids import new_id
from tradepost.kit.text.words import normalize

AMOUNTS: dict[str, Any] = {
    **{f"{name}_amount": 2000 for name in ("subtotal", "grand_total")},
    **{f"{name}_amount": 0 for name in ("discount_total", "shipping_total")},
    "tax_total_amount": 319,
}
ADDRESS_COLUMNS = {
    "shipping_address_name": "Kim Larsen",
    "shipping_address_company": "",
    "shipping_address_lines": ["Vestergade 12"],
    "shipping_address_city": "Aarhus",
    "shipping_address_postcode": "8000",
    "shipping_address_country": "DK",
}


def sample_of_orders(context: CaseContext, name: str, shown: str, hidden: str, statuses: Sequence[str]) -> Sample:
    """Return the sample of a resource below orders: a row of each sample order.

    name: the prefix of the resource's operations.
    """
    orders, moment = context.samples["Order"].rows, to_rfc3339(now())
    places = {
        kind: {
            f"{name}_list": Place(seeks=row, filter=("order_id", orders[kind])),
            f"{name}_get": Place(row, row),
            f"order_{name}_list": Place(orders[kind], row),
        }
        for kind, row in (("shown", shown), ("hidden", hidden))
    }
    return Sample(
        keys=[shown, hidden, UNKNOWN_ID],
        filter_values={
            "order_id": [orders["shown"], orders["hidden"], UNKNOWN_ID],
            "status": statuses,
            **{f"created_at_{suffix}": [moment] for suffix in ("gte", "gt", "lte", "lt")},
        },
        rows={"shown": shown, "hidden": hidden},
        **places,
    )


async def insert_order(context: CaseContext, variants: Sequence[str] = (), **columns: Any) -> str:
    """Insert an order of the owner with a line for each of the variants, and return its id."""
    time = now()
    values = {
        "number": unique("n")[:20],
        "cart_id": new_id(30),
        "customer_id": context.owner.id,
        "email": context.owner.email,
        "locale": "en",
        "currency": "EUR",
        "prices_include_tax": True,
        "tax_lines": [
            {
                "percentage": "19",
                "taxable": {"amount": 1681, "currency": "EUR"},
                "tax": {"amount": 319, "currency": "EUR"},
            }
        ],
        "promotions": [],
        "payment_methods": [{"provider": "manual", "method": "bank_transfer", "name": "Bank transfer"}],
        "note": "",
        "attributes": {},
        "placed_at": time,
        "expires_at": time + timedelta(hours=1) if columns.get("status", "pending") == "pending" else None,
    }
    order = OrderRow(**({"id": new_id(OrderRow.__number__)} | values | AMOUNTS | ADDRESS_COLUMNS | columns))
    async with context.app.state.database.transaction() as session:
        session.add(order)
        await session.flush()
        session.add_all([_line(order.id, id, position) for position, id in enumerate(variants)])
        session.add(OrderEventRow(order_id=order.id, type="placed", actor="customer", data={}))
        session.add(OrderEventRow(order_id=order.id, type="note", actor="staff", data={"text": "Call first."}))
        words = normalize(order.number, "Kim Larsen", order.email, *["Oak lamp", "LAMP"] * bool(variants))
        session.add(OrderSearchRow(id=order.id, name=normalize(order.number, "Kim Larsen"), words=words))
    return order.id


def _line(order_id: str, variant_id: str, position: int) -> OrderLineRow:
    return OrderLineRow(
        order_id=order_id,
        position=position,
        variant_id=variant_id,
        sku="LAMP",
        product_name="Oak lamp",
        variant_name="",
        options={"size": "M"},
        requires_shipping=True,
        quantity=2,
        currency="EUR",
        unit_price_amount=1000,
        discount_amount=0,
        tax_amount=319,
        tax_percentage=190_000,
        total_amount=2000,
    )


async def open_order(context: CaseContext, **columns: Any) -> str:
    """Insert an order of the owner or of the guest, with a line, and return its id.

    By default it is pending.
    """
    columns |= {"number": f"n{context.mark}"[:20], "email": f"{context.mark}@shop.example"}
    if context.for_guest:
        columns |= {"customer_id": None, "cart_id": await guest_cart(context)}
    return await insert_order(context, [await new_variant(context)], **columns)


async def set_shipped(session: AsyncSession, order_id: str | None, units: int) -> None:
    """Record that units of each line of an order have shipped."""
    status = "fulfilled" if units == 2 else "partially_fulfilled"
    await session.execute(update(OrderLineRow).where(OrderLineRow.order_id == order_id).values(shipped=units))
    await session.execute(update(OrderRow).where(OrderRow.id == order_id).values(fulfilment_status=status))


async def line_of(context: CaseContext) -> str:
    """Return the id of the line of the order that was inserted with this context."""
    order = await context.read(f"/orders/n{context.mark}"[:28], fields="lines{id}")
    return order["lines"][0]["id"]


async def new_variant(context: CaseContext) -> str:
    """Create a variant that is sold and needs no delivery, and return its id."""
    members = {"sku": f"ORDER-{context.mark}", "track_inventory": False, "requires_shipping": False}
    body = {
        "name": f"Order {context.mark}",
        "slug": f"order-{context.mark}",
        "status": "active",
        "variants": [variant_input(1200, **members)],
    }
    return (await context.create("/products", body, fields="variants{id}"))["variants"][0]["id"]


async def ready_cart(context: CaseContext) -> Json:
    """Insert a cart that can be ordered, of the owner or of the guest, and return the input."""
    columns: dict[str, Any] = {"email": f"{context.mark}@shop.example"}
    if context.for_guest:
        token_hash = context.app.state.dependencies.require(GuestTokens).token_hash
        columns |= {"customer_id": None, "token_hash": token_hash(context.cart_token)}
    cart = await insert_cart(context, [await new_variant(context)], **columns)
    return {"cart_id": cart, "expected_total": {"amount": 2400, "currency": "EUR"}}
