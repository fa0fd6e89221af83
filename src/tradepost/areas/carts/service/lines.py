"""The lines of carts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select

from tradepost.areas.catalog.resource import variants
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import ExpectedVersion, Service, apply_changes
from tradepost.kit.problems import Fault, Forbidden, InvalidTransition, NotFound, Validation
from tradepost.kit.query.records import Record
from tradepost.kit.quoting import quote
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.validation import validation_problem
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import MAX_LINES, CartLineRow
from ..resource import carts
from ..schemas import Cart, CartLineInput, CartLineQuantity
from .open_carts import extend, lock_open_cart
from .settings import CartSettings
from .sold_variants import SoldVariant, find_sold


class CartLines(Service):
    """Changes the lines of carts. The answers are the carts."""

    @operation(
        "cart_line_set",
        "command",
        carts,
        access=policy.anyone,
        input=CartLineQuantity,
        path_ids={"variant_id": variants},
        problems=(Forbidden, InvalidTransition),
    )
    async def set(
        self,
        key: str,
        variant_id: str,
        new: CartLineQuantity,
        expected: ExpectedVersion,
        selection: Selection[Cart],
    ) -> Record[Cart]:
        """Set the quantity of a variant in an open cart.

        A new line is added at the end. A cart has at most 100 lines. The expected version is that
        of the cart.
        """
        cart = await lock_open_cart(self.context, key, expected)
        if faults := quantity_faults(self.context, new.quantity, "/quantity"):
            raise validation_problem(faults)
        variant = (await find_sold(self, [variant_id])).get(variant_id)
        if variant is None:
            raise variants.not_found(variant_id)
        if await self._set(cart.id, variant, new.quantity):
            cart.capped = []
            await extend(self, cart)
        return await self.read_back(carts, selection, cart.id)

    @operation(
        "cart_line_remove",
        "command",
        carts,
        access=policy.anyone,
        path_ids={"variant_id": variants},
        problems=(Forbidden, InvalidTransition),
    )
    async def remove(
        self, key: str, variant_id: str, expected: ExpectedVersion, selection: Selection[Cart]
    ) -> Record[Cart]:
        """Remove a variant from an open cart. The expected version is that of the cart."""
        cart = await lock_open_cart(self.context, key, expected)
        line = CartLineRow.cart_id == cart.id, CartLineRow.variant_id == variant_id
        result: Any = await self.session.execute(delete(CartLineRow).where(*line))
        if result.rowcount == 0:
            raise NotFound(f"The cart has no line with the variant {quote(variant_id)}.")
        cart.capped = []
        await extend(self, cart)
        return await self.read_back(carts, selection, cart.id)

    async def _set(self, cart_id: str, variant: SoldVariant, quantity: int) -> bool:
        """Change or add the line of a variant; return whether anything changed."""
        line = await self.session.scalar(
            select(CartLineRow).where(CartLineRow.cart_id == cart_id, CartLineRow.variant_id == variant.id)
        )
        if line is not None:
            return bool(apply_changes(line, {"quantity": quantity, **variant.line_values()}))
        count = await self.session.scalar(select(func.count()).where(CartLineRow.cart_id == cart_id)) or 0
        if count >= MAX_LINES:
            detail = f"A cart has at most {MAX_LINES} lines. Remove one first."
            raise Validation.at_pointer("", detail, "too_many")
        await self.insert(CartLineRow, variant.new_line(cart_id, quantity))
        return True


def quantity_faults(context: CallContext, quantity: int, pointer: str) -> list[Fault]:
    """Return the fault of a quantity above the setting CART_LINE_MAX, or an empty list."""
    maximum = context.dependencies.require(CartSettings).max_quantity
    if quantity <= maximum:
        return []
    detail = f"`{quantity}` is greater than the maximum of {maximum}."
    return [Fault(code="out_of_range", detail=detail, pointer=pointer)]


async def line_rows(service: Service, lines: Sequence[CartLineInput]) -> list[dict[str, Any]]:
    """Return the columns of a new cart's lines, or raise Validation with all their faults."""
    ids = [str(line.variant_id) for line in lines]
    sold = await find_sold(service, sorted(set(ids)))
    faults = list[Fault]()
    for index, (line, id) in enumerate(zip(lines, ids, strict=True)):
        pointer = f"/lines/{index}/variant_id"
        faults += quantity_faults(service.context, line.quantity, f"/lines/{index}/quantity")
        if id not in sold:
            faults.append(Fault(code="not_found", detail=f"There is no variant {quote(id)}.", pointer=pointer))
        if id in ids[:index]:
            detail = f"The variant is in `/lines/{ids.index(id)}` already. Add up the quantities in one line."
            faults.append(Fault(code="duplicate", detail=detail, pointer=pointer))
    if faults:
        raise validation_problem(faults)
    return [sold[id].new_line("", line.quantity) for line, id in zip(lines, ids, strict=True)]
