"""Creates fulfilments."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from tradepost.areas.inventory.service import pack
from tradepost.kit.ids import new_id
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Conflict, Forbidden, InvalidTransition, OutOfStock
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes import bulk

from .. import policy
from ..models import MAX_FULFILMENTS, FulfilmentLineRow, FulfilmentRow, OrderRow
from ..resource import fulfilments, orders
from ..schemas import Fulfilment, FulfilmentCreateInput
from .fulfilment_rows import emit_fulfilment
from .line_units import LineUnits, load_lines, load_packed_units, requested_units, unit_list
from .shipping import check_allow_unpaid, ship_fulfilment
from .timeline import TimelineEntry, add_entries


class FulfilmentCreation(Service):
    """Creates fulfilments."""

    @operation(
        "fulfilment_create",
        "create",
        fulfilments,
        access=policy.manage,
        input=FulfilmentCreateInput,
        parent_relation=(orders, "fulfilments"),
        problems=(Conflict, Forbidden, InvalidTransition, OutOfStock),
        requires_idempotency_key=True,
    )
    async def create(
        self, key: str, new: FulfilmentCreateInput, selection: Selection[Fulfilment]
    ) -> Record[Fulfilment]:
        """Fulfil units of a confirmed order that have neither shipped nor been cancelled.

        A fulfilment is `pending` while it is packed; with `shipped` it leaves the shop at once. By
        default it is shipped from the location where the units are reserved. Another location
        takes the reservations over, if it has the units.
        """
        check_allow_unpaid(self.context, allow_unpaid=new.allow_unpaid)
        order = await self.lock_for_update(OrderRow, orders, key)
        await self._check_count(order)
        packed = await load_packed_units(self.context, order.id)
        lines = await load_lines(self.context, order.id, packed)
        units = requested_units(new.lines, lines, "fulfilled")
        row = FulfilmentRow(
            id=new_id(FulfilmentRow.__number__),
            order_id=order.id,
            status="pending",
            carrier=new.carrier,
            tracking_number=new.tracking_number,
            tracking_url=new.tracking_url,
        )
        row.location_id = await pack(self.context, order.id, units, packed, new.location_id, row.id)
        await self._insert(order, row, lines, units)
        if new.shipped:
            await ship_fulfilment(self.context, order, row, allow_unpaid=new.allow_unpaid)
        return await self.read_back(fulfilments, selection, row.id)

    async def _check_count(self, order: OrderRow) -> None:
        """Raise Conflict if the order has the most fulfilments that one can have."""
        query = select(func.count()).where(FulfilmentRow.order_id == order.id)
        if (await self.session.scalar(query) or 0) >= MAX_FULFILMENTS:
            raise Conflict(f"An order has at most {MAX_FULFILMENTS} fulfilments.")

    async def _insert(
        self, order: OrderRow, row: FulfilmentRow, lines: Sequence[LineUnits], units: Mapping[str, int]
    ) -> None:
        """Insert the fulfilment with its lines."""
        self.session.add(row)
        await self.session.flush()
        rows = [
            {
                "id": new_id(FulfilmentLineRow.__number__),
                "fulfilment_id": row.id,
                "order_line_id": line.id,
                "position": line.position,
                "quantity": units[line.id],
            }
            for line in lines
            if line.id in units
        ]
        await bulk.insert_rows(self.session, FulfilmentLineRow, rows, self.context.clock())
        emit_fulfilment(self.context, row, "created")
        entry = TimelineEntry("fulfilment_created", fulfilment_id=row.id, lines=unit_list(units))
        await add_entries(self.context, (order, entry))
