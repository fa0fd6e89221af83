"""Reads of stock levels, and of the stock of one variant."""

from functools import cache

from sqlalchemy import Select, select

from tradepost.areas.catalog.resource import variants
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.query.records import Page, Record
from tradepost.kit.query.relation_query import id_in
from tradepost.kit.query.statement import compile_statement
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Field, FieldSet, Selection

from .. import policy
from ..models import StockLevelRow, StockLocationRow
from ..resource import stock_levels, stock_summaries
from ..schemas import StockAtLocation, StockLevel, StockSummary

ID_FIELD = FieldSet((Field("id"),))


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
        database, reader = self.context.database, self.context.reader
        query = _levels_of_variant(reader.dialect.name)
        statement = database.statements.get_or_create(query, lambda: compile_statement(query, reader.dialect, True))
        rows = await reader.fetch_all(statement, statement.bind({"parents": reader.ids_argument([variant.id])}))
        active = [row for row in rows if row[4]]
        on_hand, reserved = sum([row[2] for row in active]), sum([row[3] for row in active])
        summary = StockSummary(
            on_hand=on_hand,
            reserved=reserved,
            available=on_hand - reserved,
            locations=[StockAtLocation(*row[:4]) for row in rows],
        )
        return self.respond(stock_summaries, summary, selection)


@cache
def _levels_of_variant(dialect: str) -> Select[str, str, int, int, bool]:
    """Return the query: location, code, units on hand and reserved, and whether it is active."""
    return (
        select(
            StockLevelRow.location_id,
            StockLocationRow.code,
            StockLevelRow.on_hand,
            StockLevelRow.reserved,
            StockLocationRow.active,
        )
        .join(StockLocationRow, StockLocationRow.id == StockLevelRow.location_id)
        .where(id_in(StockLevelRow.variant_id.expression, dialect))
        .order_by(StockLocationRow.priority, StockLocationRow.id)
    )
