"""Reads of stock levels, and of the stock of one variant."""

from sqlalchemy import bindparam, select

from tradepost.areas.catalog.resource import variants
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Field, FieldSet, Selection

from .. import policy
from ..models import StockLevelRow, StockLocationRow
from ..resource import stock_levels, stock_summaries
from ..schemas import StockAtLocation, StockLevel, StockSummary

ID_FIELD = FieldSet((Field("id"),))
LEVELS_OF_VARIANT = (
    select(
        StockLevelRow.location_id,
        StockLocationRow.code,
        StockLevelRow.on_hand,
        StockLevelRow.reserved,
        StockLocationRow.active,
    )
    .join(StockLocationRow, StockLocationRow.id == StockLevelRow.location_id)
    .where(StockLevelRow.variant_id == bindparam("variant", None))
    .order_by(StockLocationRow.priority, StockLocationRow.id)
)


class StockLevels(Service):
    """Reads stock."""

    @operation("stock_level_list", "list", stock_levels, access=policy.read)
    async def list(self, list_query: ListQuery, selection: Selection[StockLevel]) -> Page[StockLevel]:
        """List stock levels, newest first."""
        return await self.page(stock_levels, selection, list_query)

    @operation("variant_stock", "get", stock_summaries, access=policy.read, path_resource=variants)
    async def summary(self, key: str, selection: Selection[StockSummary]) -> Record[StockSummary]:
        """Get the stock of a variant, in total and at each location."""
        variant = await self.one(variants, Selection(ID_FIELD), key)
        rows = await self.context.fetch_all(LEVELS_OF_VARIANT, {"variant": variant.id})
        active = [row for row in rows if row[4]]
        on_hand, reserved = sum([row[2] for row in active]), sum([row[3] for row in active])
        summary = StockSummary(
            on_hand=on_hand,
            reserved=reserved,
            available=on_hand - reserved,
            locations=[StockAtLocation(*row[:4]) for row in rows],
        )
        return self.respond(stock_summaries, summary, selection)
