"""Reads and changes of stock locations."""

from sqlalchemy import delete, select

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.row_writes import change_row, create_row, delete_row
from tradepost.kit.operations.service import ExpectedVersion, Service, column_values
from tradepost.kit.problems import AlreadyExists, HasHistory
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import Patch

from .. import policy
from ..models import StockLevelRow, StockLocationRow, StockMovementRow
from ..resource import stock_locations
from ..schemas import StockLocation, StockLocationInput


class StockLocations(Service):
    """Reads and changes stock locations."""

    @operation("stock_location_list", "list", stock_locations, access=policy.read)
    async def list(self, list_query: ListQuery, selection: Selection[StockLocation]) -> Page[StockLocation]:
        """List stock locations, sorted by priority."""
        return await self.page(stock_locations, selection, list_query)

    @operation("stock_location_get", "get", stock_locations, access=policy.read)
    async def get(self, key: str, selection: Selection[StockLocation]) -> Record[StockLocation]:
        """Get a stock location by its id."""
        return await self.one(stock_locations, selection, key)

    @operation(
        "stock_location_create",
        "create",
        stock_locations,
        access=policy.write,
        input=StockLocationInput,
        problems=(AlreadyExists,),
    )
    async def create(self, new: StockLocationInput, selection: Selection[StockLocation]) -> Record[StockLocation]:
        """Create a stock location."""
        id = await create_row(self, stock_locations, column_values(stock_locations, new))
        return await self.read_back(stock_locations, selection, id)

    @operation(
        "stock_location_replace",
        "replace",
        stock_locations,
        access=policy.write,
        input=StockLocationInput,
        problems=(AlreadyExists,),
    )
    async def replace(
        self, key: str, new: StockLocationInput, expected: ExpectedVersion, selection: Selection[StockLocation]
    ) -> Record[StockLocation]:
        """Replace a stock location. Omitted fields get their defaults."""
        row = await self.lock_for_update(StockLocationRow, stock_locations, key, expected)
        await change_row(self, stock_locations, row, column_values(stock_locations, new))
        return await self.read_back(stock_locations, selection, row.id)

    @operation(
        "stock_location_update",
        "update",
        stock_locations,
        access=policy.write,
        input=StockLocationInput,
        problems=(AlreadyExists,),
    )
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, selection: Selection[StockLocation]
    ) -> Record[StockLocation]:
        """Update a stock location. Only the given fields are changed."""
        row = await self.lock_for_update(StockLocationRow, stock_locations, key, expected)
        new = await self.apply_patch(stock_locations, key, patch, StockLocationInput)
        await change_row(self, stock_locations, row, column_values(stock_locations, new))
        return await self.read_back(stock_locations, selection, row.id)

    @operation("stock_location_delete", "delete", stock_locations, access=policy.write, problems=(HasHistory,))
    async def delete(
        self, key: str, expected: ExpectedVersion, selection: Selection[StockLocation]
    ) -> Record[StockLocation]:
        """Delete a stock location that never had stock."""
        row = await self.lock_for_update(StockLocationRow, stock_locations, key, expected)
        movement = select(StockMovementRow.id).where(StockMovementRow.location_id == row.id).limit(1)
        if await self.session.scalar(movement) is not None:
            raise HasHistory(f"The stock location `{row.code}` has stock movements. Set `active` to false instead.")
        # Empty ones, made for a change that was then refused.
        await self.session.execute(delete(StockLevelRow).where(StockLevelRow.location_id == row.id))
        return await delete_row(self, stock_locations, row, selection)
