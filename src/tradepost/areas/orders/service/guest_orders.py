"""Attaches the orders of a guest to the account whose e-mail address they were placed with."""

from collections.abc import Sequence

from sqlalchemy import select, update

from tradepost.areas.accounts.resource import users
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent, on_event

from ..models import OrderRow
from .timeline import emit


@on_event("user.email_verified")
async def attach_guest_orders(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Attach the orders of guests to the user who has proved to own their e-mail address.

    It takes one statement. Without this proof an equal address attaches nothing. The addresses of
    the orders are not added to the address book.
    """
    session, user = context.session, users.table
    for user_id in sorted({event.subject for event in events}):
        email = select(user.c.email).where(user.c.id == user_id).scalar_subquery()
        guests = select(OrderRow.id).where(OrderRow.email == email, OrderRow.customer_id.is_(None))
        statement = (
            update(OrderRow)
            .where(OrderRow.id.in_(guests.order_by(OrderRow.id).with_for_update()))
            .values(customer_id=user_id, version=OrderRow.version + 1, updated_at=context.clock())
            .returning(OrderRow)
        )
        attached = await session.scalars(statement, execution_options={"synchronize_session": False})
        for order in sorted(attached, key=lambda order: order.id):
            emit(context, order, "updated", changed=["customer_id"])
