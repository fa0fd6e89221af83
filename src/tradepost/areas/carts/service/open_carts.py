"""Open carts: locked for a change, kept from expiring by it, and completed by an order."""

from datetime import timedelta
from typing import Any

from sqlalchemy import case, exists, select, update

from tradepost.kit.operations.service import ExpectedVersion, Service, check_version
from tradepost.kit.problems import Forbidden, InvalidTransition
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import CartLineRow, CartRow
from ..resource import carts
from .settings import CartSettings

EMPTY_CART_LIFETIME = timedelta(days=1)


async def lock_open_cart(context: CallContext, key: str, expected: ExpectedVersion = None) -> CartRow:
    """Lock an open cart that the caller may change, and return its row.

    Raise NotFound, Forbidden, PreconditionFailed if its version is not an expected one, or
    InvalidTransition if it is no longer open.
    """
    service = Service(context)
    _, id = carts.parse_key(key)
    query = (
        select(CartRow, case((policy.writable_carts(service.viewer), 1), else_=0))
        .where(CartRow.id == id, carts.visible(service.viewer))
        .with_for_update(of=CartRow)
    )
    options = {"populate_existing": True}
    first = (await service.session.execute(query, service.viewer_values, execution_options=options)).first()
    if first is None:
        raise carts.not_found(key)
    row: CartRow = first[0]
    if not first[1]:
        is_own = row.customer_id == context.caller.id
        raise Forbidden(f"The permission `{policy.WRITE_OWN if is_own else policy.WRITE_ALL}` is required.")
    check_version(row.version, expected)
    check_open(context, row)
    return row


def check_open(context: CallContext, row: CartRow) -> None:
    """Raise InvalidTransition if a cart is not open; it names the order of a completed cart."""
    if row.status == "completed":
        raise InvalidTransition("An order was placed from this cart. Create a new cart.", order_id=row.order_id)
    status = "expired" if is_overdue(context, row) else row.status
    if status != "open":
        raise InvalidTransition(f"This cart can no longer be changed: its status is `{status}`. Create a new cart.")


def is_overdue(context: CallContext, row: CartRow) -> bool:
    """Whether a cart has expired, but `expire_carts` has not set its status yet."""
    return row.status == "open" and row.expires_at <= context.clock()


async def extend(service: Service, row: CartRow) -> None:
    """Set the expiry of a locked cart that was changed."""
    with service.session.no_autoflush:  # the cart is written once, so that its version grows by one
        has_lines = bool(await service.session.scalar(select(exists().where(CartLineRow.cart_id == row.id))))
    row.expires_at = service.context.clock() + lifetime(service.context, has_lines=has_lines)


def lifetime(context: CallContext, *, has_lines: bool) -> timedelta:
    """Return the time that a cart is kept after its last change: a day if it is empty."""
    days = context.dependencies.require(CartSettings).days
    return timedelta(days=days) if has_lines else EMPTY_CART_LIFETIME


async def complete_cart(context: CallContext, cart_id: str, order_id: str) -> None:
    """Complete a cart that this write has locked: an order was placed from it."""
    now = context.clock()
    completed = (
        update(CartRow)
        .where(CartRow.id == cart_id, CartRow.status == "open")
        .values(status="completed", order_id=order_id, completed_at=now, updated_at=now, version=CartRow.version + 1)
        .execution_options(synchronize_session=False)
    )
    result: Any = await context.session.execute(completed)
    assert result.rowcount == 1, "the cart was not locked by `lock_open_cart`"
