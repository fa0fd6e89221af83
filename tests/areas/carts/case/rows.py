"""Rows of carts for the general tests."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tests.factories import variant_input
from tests.parity.case import CaseContext
from tradepost.areas.carts.models import CartLineRow, CartRow
from tradepost.kit.auth.cart_token import GuestTokens
from tradepost.kit.clock import now
from tradepost.kit.ids import new_id

ADDRESS = {"name": "Kim Larsen", "lines": ["Vestergade 12"], "city": "Aarhus", "country": "DK", "postcode": "8000"}


async def insert_cart(context: CaseContext, variants: Sequence[str] = (), **columns: Any) -> str:
    """Insert a cart of the owner with a line for each of the variants, and return its id."""
    values = {
        "customer_id": context.owner.id,
        "currency": "EUR",
        "expires_at": now() + timedelta(days=30),
        "note": "",
        "attributes": {},
        "capped": [],
    } | columns
    cart = CartRow(id=new_id(CartRow.__number__), **values)
    async with context.app.state.database.transaction() as session:
        session.add(cart)
        await session.flush()
        session.add_all([line_of(cart.id, variant) for variant in variants])
    return cart.id


def line_of(cart_id: str, variant_id: str, **columns: Any) -> CartLineRow:
    """Return a line of a cart."""
    values = {
        "quantity": 2,
        "added_price_amount": 1000,
        "added_price_currency": "EUR",
        "product_name": "Lamp",
        "variant_name": "",
        "sku": "LAMP",
    } | columns
    return CartLineRow(cart_id=cart_id, variant_id=variant_id, **values)


async def guest_cart(context: CaseContext, **columns: Any) -> str:
    """Insert the guest's cart that `context.cart_token` opens, and return its id.

    Its line is of a variant that was deleted.
    """
    token_hash = context.app.state.dependencies.require(GuestTokens).token_hash(context.cart_token)
    return await insert_cart(context, [new_id(3)], customer_id=None, token_hash=token_hash, **columns)


async def open_cart(context: CaseContext) -> str:
    """Insert an open cart of the owner or of the guest, and return its id."""
    insert = guest_cart if context.for_guest else insert_cart
    return await insert(context, email=f"{context.mark}@shop.example", note=context.mark)


async def new_variant(context: CaseContext) -> str:
    """Create a variant that is sold, and return its id."""
    body = {
        "name": f"Cart {context.mark}",
        "slug": f"cart-{context.mark}",
        "status": "active",
        "variants": [variant_input(1200, sku=f"CART-{context.mark}", track_inventory=False)],
    }
    return (await context.create("/products", body, fields="variants{id}"))["variants"][0]["id"]


async def cart_and_variant(context: CaseContext) -> tuple[str, str]:
    """Insert an open cart, and return its id and that of a variant."""
    return await open_cart(context), await new_variant(context)


async def cart_and_line(context: CaseContext) -> tuple[str, str]:
    """Insert an open cart with a line, and return its id and that of the variant."""
    cart, variant = await cart_and_variant(context)
    async with context.app.state.database.transaction() as session:
        session.add(line_of(cart, variant))
    return cart, variant
