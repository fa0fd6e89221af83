"""Places orders: one transaction that prices the cart, keeps a snapshot and reserves the stock."""

from datetime import datetime
from typing import Any

from tradepost.areas.accounts.service import queue_email
from tradepost.areas.carts.service import QuotedCart, complete_cart, lock_open_cart, quote_cart
from tradepost.areas.inventory.service import ReservationLine, reserve
from tradepost.areas.pricing.service import mark_pricing_used
from tradepost.kit.clock import to_rfc3339
from tradepost.kit.ids import new_id
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import (
    Fault,
    Forbidden,
    InvalidTransition,
    NotFound,
    OutOfStock,
    TooManyOpenOrders,
    TotalChanged,
)
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.money import Money, format_money
from tradepost.kit.schema.validation import validation_problem
from tradepost.kit.writes import bulk

from .. import policy
from ..models import OrderEventRow, OrderLineRow, OrderRow, OrderSearchRow
from ..resource import orders
from ..schemas import Order, OrderPlaceInput
from .numbers import next_number
from .open_orders import check_open_orders, client_hash
from .search_index import search_row
from .settings import OrderSettings
from .settlement import derive, settle_free_order
from .snapshot import line_values, order_values
from .timeline import TimelineEntry, emit, entry_rows

OUT_OF_STOCK = "out_of_stock"


class Placement(Service):
    """Places orders."""

    @operation(
        "order_place",
        "create",
        orders,
        access=policy.anyone,
        input=OrderPlaceInput,
        problems=(Forbidden, NotFound, InvalidTransition, OutOfStock, TotalChanged, TooManyOpenOrders),
        requires_idempotency_key=True,
    )
    async def place(self, new: OrderPlaceInput, selection: Selection[Order]) -> Record[Order]:
        """Place an order from an open cart, and reserve its stock.

        `expected_total` is the total that the customer agreed to. If the total differs, the
        response is 409 `total_changed` with the new quote, and nothing is reserved.
        """
        cart_id = str(new.cart_id)
        await lock_open_cart(self.context, cart_id)
        quoted = await quote_cart(self.context, cart_id)
        self._check_quote(quoted, new.expected_total)
        values, client = order_values(quoted), client_hash(self.context)
        await check_open_orders(self.context, values["customer_id"], values["email"], client)
        order = OrderRow(
            id=new_id(OrderRow.__number__),
            number=await next_number(self.context),
            client_hash=client,
            placed_at=self.context.clock(),
            **values,
        )
        order.expires_at = order.placed_at + self.context.dependencies.require(OrderSettings).payment_period
        lines = line_values(order, quoted)
        await self._write(order, lines)
        await complete_cart(self.context, cart_id, order.id)
        await mark_pricing_used(self.context, quoted.new_shipping_methods, quoted.new_tax_rates)
        # Last, because most other orders wait for the rows of stock.
        await reserve(self.context, order.id, _reservations(lines))
        if order.status == "confirmed":
            await settle_free_order(self.context, order.id)
        return await Service(self.context.with_access(order_id=order.id)).read_back(orders, selection, order.id)

    def _check_quote(self, quoted: QuotedCart, expected: Money) -> None:
        """Raise what prevents the order: problems of the cart, or another total.

        Missing stock is found when it is reserved: then it is certain.
        """
        problems = [problem for problem in quoted.quote.problems if problem.code != OUT_OF_STOCK]
        if problems:
            raise validation_problem([Fault(code=p.code, detail=p.detail, pointer=p.pointer) for p in problems])
        total = quoted.quote.grand_total
        if total != expected:
            now, before = (format_money(money.amount, money.currency) for money in (total, expected))
            detail = f"The total is {now}, but {before} was expected."
            raise TotalChanged(detail, quote=quoted.quote)

    async def _write(self, order: OrderRow, lines: list[dict[str, Any]]) -> None:
        """Insert the order with its lines. One that costs nothing is confirmed at once."""
        emit(self.context, order, "placed")
        changes = derive(order)
        for name in changes:
            emit(self.context, order, name)
        entries = [(order, TimelineEntry(name)) for name in ("placed", *changes)]
        await bulk.insert_into_tables(
            self.session,
            self.context.clock(),
            (OrderRow, [_columns(order)]),
            (OrderLineRow, lines),
            (OrderEventRow, entry_rows(self.context, *entries)),
            (OrderSearchRow, [search_row(order, lines)]),
        )
        queue_email(self.context, "order_placed", order.id)


def _columns(order: OrderRow) -> dict[str, Any]:
    """Return the columns of a new order that have no default."""
    values = {name: value for name, value in vars(order).items() if name in OrderRow.__table__.c}
    return {name: to_rfc3339(value) if isinstance(value, datetime) else value for name, value in values.items()}


def _reservations(lines: list[dict[str, Any]]) -> list[ReservationLine]:
    return [ReservationLine(line["id"], line["variant_id"], line["quantity"]) for line in lines]
