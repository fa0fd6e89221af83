"""Reads of orders, their lines and their timelines; notes and links by e-mail."""

from collections.abc import Awaitable

from tradepost.areas.accounts.resource import acknowledgements, users
from tradepost.areas.accounts.schemas import Acknowledgement
from tradepost.areas.accounts.service import ACCEPTED, limit_emails, normalize_email, queue_email
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import NotFound, QuotaExceeded
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..models import OrderRow
from ..resource import order_events, order_lines, orders
from ..schemas import Order, OrderAccessInput, OrderEvent, OrderLine, OrderNoteInput
from .timeline import TimelineEntry, add_entries, emit

ORDER_ACCESS = "order-access"
"""The kind of e-mails whose number per address and hour is limited."""


class Orders(Service):
    """Orders, as customers and staff see them."""

    @operation("order_list", "list", orders, access=policy.anyone)
    async def list(self, list_query: ListQuery, selection: Selection[Order]) -> Page[Order]:
        """List your orders, the newest first; with `orders:read`, those of all customers."""
        return await self.page(orders, selection, list_query)

    @operation("order_get", "get", orders, access=policy.anyone)
    async def get(self, key: str, selection: Selection[Order]) -> Record[Order]:
        """Get an order by its id or number."""
        return await self.one(orders, selection, key)

    @operation("order_line_list", "list", order_lines, access=policy.anyone, parent_relation=(orders, "lines"))
    def lines(self, key: str, list_query: ListQuery, selection: Selection[OrderLine]) -> Awaitable[Page[OrderLine]]:
        """List the lines of an order, in the order of the cart."""
        return self.related(orders, key, "lines", list_query, selection)

    @operation("order_event_list", "list", order_events, access=policy.anyone, parent_relation=(orders, "events"))
    def events(self, key: str, list_query: ListQuery, selection: Selection[OrderEvent]) -> Awaitable[Page[OrderEvent]]:
        """List the timeline of an order, the oldest entry first. Notes need `orders:read`."""
        return self.related(orders, key, "events", list_query, selection)

    @operation("user_order_list", "list", orders, access=policy.read_own_account, parent_relation=(users, "orders"))
    def list_by_user(self, key: str, list_query: ListQuery, selection: Selection[Order]) -> Awaitable[Page[Order]]:
        """List the orders of a user, the newest first."""
        return self.related(users, key, "orders", list_query, selection)

    @operation("order_note_add", "command", orders, access=policy.manage, input=OrderNoteInput, problems=(NotFound,))
    async def add_note(self, key: str, input: OrderNoteInput, selection: Selection[Order]) -> Record[Order]:
        """Add a note to the timeline of an order. Only staff read it."""
        order = await self.lock_for_update(OrderRow, orders, key)
        await add_entries(self.context, (order, TimelineEntry(policy.NOTE, text=input.text)))
        emit(self.context, order, "note_added")
        return await self.read_back(orders, selection, order.id)

    @operation(
        "order_access",
        "command",
        acknowledgements,
        access=policy.anyone,
        input=OrderAccessInput,
        problems=(QuotaExceeded,),
        status=202,
    )
    async def send_link(
        self, input: OrderAccessInput, selection: Selection[Acknowledgement]
    ) -> Record[Acknowledgement]:
        """Request a link to an order, which is sent to the e-mail address that it was placed with.

        The response does not reveal whether there is such an order. The link is valid for 24 hours.
        """
        email = normalize_email(input.email)
        await limit_emails(self.context, ORDER_ACCESS, email)
        email_id = queue_email(self.context, "order_access", number=input.number, email=email)
        self.context.emit("order.access_requested", email_id)
        return self.respond(acknowledgements, ACCEPTED, selection)
