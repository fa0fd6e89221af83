"""Claims: a guest who signs in takes the cart along."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, select

from tradepost.areas.accounts.schemas import PostalAddress
from tradepost.kit.ids import new_id
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Forbidden, InvalidTransition, NotFound
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..models import MAX_LINES, CartLineRow, CartRow
from ..resource import carts
from ..schemas import Cart
from .capped_lines import CappedLine
from .carts import account_email, is_user
from .open_carts import check_open, is_overdue, lifetime
from .settings import CartSettings

LINE_COLUMNS = ("added_price_amount", "added_price_currency", "product_name", "variant_name", "sku", "image_url")


class CartClaims(Service):
    """Claims guests' carts."""

    @operation(
        "cart_claim",
        "command",
        carts,
        access=policy.claim,
        problems=(NotFound, InvalidTransition),
    )
    async def claim(self, key: str, selection: Selection[Cart]) -> Record[Cart]:
        """Move the lines of a guest's cart into your open cart, which is returned.

        Call it after a log-in, with the token of the guest's cart in `X-Cart-Token`; the token is
        void afterwards. Your cart is created if you have no open one. Quantities are added up, to
        at most CART_LINE_MAX and 100 lines; the `notices` of the quote name the reduced lines. Your
        addresses and shipping method are kept; missing ones are copied from the guest's cart. The
        e-mail address is that of your cart or else of your account, never the guest's.
        """
        if not is_user(self.context):
            raise Forbidden("This credential does not belong to a user. Log in as a user.")
        guest, cart = await self._lock_both(key)
        if cart is None:
            cart = self._new_cart(guest)
        if cart.email is None:
            # Not the guest's: e-mails about the order contain a link that opens it.
            cart.email = await account_email(self, self.context.caller.id or "")
        self.session.add(cart)
        _fill_gaps(cart, guest)
        guest.status, guest.token_hash = "merged", None
        await self._merge_lines(guest, cart)
        return await Service(self.context.with_access(cart_id=cart.id)).read_back(carts, selection, cart.id)

    async def _lock_both(self, key: str) -> tuple[CartRow, CartRow | None]:
        """Lock the guest's cart and the caller's open one, in the order of their ids."""
        _, id = carts.parse_key(key)
        user_id = self.context.caller.id
        is_own_open = (CartRow.customer_id == user_id) & (CartRow.status == "open")
        own_id = await self.session.scalar(select(CartRow.id).where(is_own_open))
        ids = [id] if own_id is None else [id, own_id]
        query = select(CartRow).where(CartRow.id.in_(ids)).order_by(CartRow.id).with_for_update()
        options = {"populate_existing": True}
        rows = {row.id: row for row in await self.session.scalars(query, execution_options=options)}
        guest, cart = rows.get(id), rows.get(own_id or "")
        if guest is None or not await self._is_visible(guest):
            raise carts.not_found(key)
        if guest.customer_id is not None:
            raise InvalidTransition("This cart belongs to a user already. Only guests' carts can be claimed.")
        check_open(self.context, guest)
        if self.context.caller.cart_id != guest.id:
            raise Forbidden("Send the token of the guest's cart in `X-Cart-Token`.")
        if cart is not None and is_overdue(self.context, cart):
            cart.status = "expired"
            await self.session.flush()  # before the new cart, because a user has one open cart
        return guest, cart if cart is not None and cart.status == "open" else None

    async def _is_visible(self, row: CartRow) -> bool:
        query = select(CartRow.id).where(CartRow.id == row.id, carts.visible(self.viewer))
        return await self.session.scalar(query, self.viewer_values) is not None

    def _new_cart(self, guest: CartRow) -> CartRow:
        """Return a new cart of the caller.

        If another call adds one at the same time, the claim is repeated and finds it.
        """
        self.context.work.generated_fields.add("customer_id")
        return CartRow(
            id=new_id(CartRow.__number__),
            customer_id=self.context.caller.id,
            currency=guest.currency,
            locale=guest.locale,
            note="",
            attributes={},
        )

    async def _merge_lines(self, guest: CartRow, cart: CartRow) -> None:
        """Move the guest's lines into the caller's cart, up to its limits."""
        query = select(CartLineRow).where(CartLineRow.cart_id.in_([guest.id, cart.id]))
        with self.session.no_autoflush:
            lines = (await self.session.scalars(query.order_by(CartLineRow.created_at, CartLineRow.id))).all()
        kept = {line.variant_id: line for line in lines if line.cart_id == cart.id}
        added, capped = self._add_up(kept, [line for line in lines if line.cart_id == guest.id])
        cart.capped = [msgspec.to_builtins(line) for line in capped]
        cart.expires_at = self.context.clock() + lifetime(self.context, has_lines=bool(kept or added))
        await self.session.flush()
        await self.insert(CartLineRow, *[{"cart_id": cart.id, **values} for values in added])
        await self.session.execute(delete(CartLineRow).where(CartLineRow.cart_id == guest.id))

    def _add_up(
        self, kept: dict[str, CartLineRow], moved: Sequence[CartLineRow]
    ) -> tuple[list[dict[str, Any]], list[CappedLine]]:
        """Change quantities; return the columns of new lines, and the lines that were reduced."""
        maximum = self.context.dependencies.require(CartSettings).max_quantity
        added, capped = list[dict[str, Any]](), list[CappedLine]()
        for line in moved:
            own_line = kept.get(line.variant_id)
            requested = line.quantity + (own_line.quantity if own_line is not None else 0)
            quantity = min(requested, maximum)
            if own_line is not None:
                # CART_LINE_MAX may have been larger when the line was set.
                quantity = own_line.quantity = max(quantity, own_line.quantity)
            elif len(kept) + len(added) < MAX_LINES:
                added.append(
                    {"variant_id": line.variant_id, "quantity": quantity} | {n: getattr(line, n) for n in LINE_COLUMNS}
                )
            else:
                quantity = 0
            if quantity < requested:
                capped.append(CappedLine(line.variant_id, line.sku, requested, quantity))
        return added, capped


def _fill_gaps(cart: CartRow, guest: CartRow) -> None:
    """Copy to the caller's cart the members that only the guest's cart has.

    A cart with a shipping address and no billing address has one address for both.
    """
    if cart.shipping_method_id is None:
        cart.shipping_method_id = guest.shipping_method_id
    for name in ("note", "attributes"):
        if not getattr(cart, name):
            setattr(cart, name, getattr(guest, name))
    has_no_address = cart.shipping_address_name is None and cart.billing_address_name is None
    if cart.shipping_address_name is None:
        _copy_address(cart, guest, "shipping_address")
    if has_no_address:
        _copy_address(cart, guest, "billing_address")


def _copy_address(cart: CartRow, guest: CartRow, name: str) -> None:
    for part in PostalAddress.__struct_fields__:
        setattr(cart, f"{name}_{part}", getattr(guest, f"{name}_{part}"))
