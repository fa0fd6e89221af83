"""Reads of fulfilments, their steps, and changes of their tracking data."""

from collections.abc import Awaitable

import msgspec

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import ExpectedVersion, Service, apply_changes
from tradepost.kit.problems import Conflict, Forbidden, InvalidTransition, NotFound, OutOfStock
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import Patch

from .. import policy
from ..models import FulfilmentRow
from ..resource import fulfilments, orders
from ..schemas import Fulfilment, FulfilmentInput, FulfilmentShipInput
from .delivery import deliver_fulfilment
from .fulfilment_rows import cancel_fulfilments, emit_fulfilment
from .settlement import lock_with_order
from .shipping import check_allow_unpaid, ship_fulfilment
from .undeliverable import return_undeliverable


class Fulfilments(Service):
    """The fulfilments of orders."""

    @operation("fulfilment_list", "list", fulfilments, access=policy.anyone)
    async def list(self, list_query: ListQuery, selection: Selection[Fulfilment]) -> Page[Fulfilment]:
        """List the fulfilments of your orders, the newest first; with `orders:read`, of all."""
        return await self.page(fulfilments, selection, list_query)

    @operation("fulfilment_get", "get", fulfilments, access=policy.anyone)
    async def get(self, key: str, selection: Selection[Fulfilment]) -> Record[Fulfilment]:
        """Get a fulfilment by its id."""
        return await self.one(fulfilments, selection, key)

    @operation(
        "order_fulfilment_list",
        "list",
        fulfilments,
        access=policy.anyone,
        parent_relation=(orders, "fulfilments"),
    )
    def list_by_order(
        self, key: str, list_query: ListQuery, selection: Selection[Fulfilment]
    ) -> Awaitable[Page[Fulfilment]]:
        """List the fulfilments of an order, the newest first."""
        return self.related(orders, key, "fulfilments", list_query, selection)

    @operation("fulfilment_update", "update", fulfilments, access=policy.manage, input=FulfilmentInput)
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, selection: Selection[Fulfilment]
    ) -> Record[Fulfilment]:
        """Update the tracking data of a fulfilment. Only the given fields are changed."""
        row = await self.lock_for_update(FulfilmentRow, fulfilments, key, expected)
        new = await self.apply_patch(fulfilments, key, patch, FulfilmentInput)
        if changed := apply_changes(row, msgspec.structs.asdict(new)):
            emit_fulfilment(self.context, row, "updated", changed=changed)
        return await self.read_back(fulfilments, selection, row.id)

    @operation(
        "fulfilment_ship",
        "command",
        fulfilments,
        access=policy.manage,
        input=FulfilmentShipInput,
        problems=(NotFound, Forbidden, InvalidTransition, OutOfStock),
    )
    async def ship(self, key: str, input: FulfilmentShipInput, selection: Selection[Fulfilment]) -> Record[Fulfilment]:
        """Record that a fulfilment has left the shop. Its units leave the stock.

        The customer gets an e-mail with the tracking data. Payments must cover the order, unless
        `allow_unpaid` is set.
        """
        check_allow_unpaid(self.context, allow_unpaid=input.allow_unpaid)
        order, row = await lock_with_order(self, FulfilmentRow, fulfilments, key)
        tracking = msgspec.structs.asdict(input)
        allow_unpaid: bool = tracking.pop("allow_unpaid")
        apply_changes(row, {name: value for name, value in tracking.items() if value is not None})
        await ship_fulfilment(self.context, order, row, allow_unpaid=allow_unpaid)
        return await self.read_back(fulfilments, selection, row.id)

    @operation(
        "fulfilment_deliver", "command", fulfilments, access=policy.manage, problems=(NotFound, InvalidTransition)
    )
    async def deliver(self, key: str, selection: Selection[Fulfilment]) -> Record[Fulfilment]:
        """Record that a fulfilment was delivered.

        The order is completed when every unit was delivered or cancelled and nothing is left to
        pay.
        """
        order, row = await lock_with_order(self, FulfilmentRow, fulfilments, key)
        await deliver_fulfilment(self.context, order, row)
        return await self.read_back(fulfilments, selection, row.id)

    @operation(
        "fulfilment_cancel", "command", fulfilments, access=policy.manage, problems=(NotFound, InvalidTransition)
    )
    async def cancel(self, key: str, selection: Selection[Fulfilment]) -> Record[Fulfilment]:
        """Cancel a fulfilment that has not shipped. Its units stay reserved for the order."""
        order, row = await lock_with_order(self, FulfilmentRow, fulfilments, key)
        await cancel_fulfilments(self.context, order, row)
        return await self.read_back(fulfilments, selection, row.id)

    @operation(
        "fulfilment_undeliverable",
        "command",
        fulfilments,
        access=policy.manage,
        problems=(NotFound, Conflict, InvalidTransition),
    )
    async def return_undeliverable(self, key: str, selection: Selection[Fulfilment]) -> Record[Fulfilment]:
        """Record that a fulfilment could not be delivered and came back.

        Its units go back into the stock, as a return that is received.
        """
        order, row = await lock_with_order(self, FulfilmentRow, fulfilments, key)
        await return_undeliverable(self.context, order, row)
        return await self.read_back(fulfilments, selection, row.id)
