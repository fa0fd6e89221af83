"""REST routes of inventory."""

from litestar import Controller

from tradepost.doors.rest import RestRequest, delete, get, patch, post, put
from tradepost.kit.query.records import Batch, Page, Record

from .schemas import (
    StockCount,
    StockLevel,
    StockLocation,
    StockLocationInput,
    StockMove,
    StockMovement,
    StockSummary,
)
from .service import StockCounts, StockLevels, StockLocations, StockMovements


class StockLocationController(Controller):
    """Stock locations."""

    path, tags = "/stock-locations", ["Stock"]

    @get("/", StockLocations.list)
    async def stock_locations(self, request: RestRequest) -> Page[StockLocation]:
        return await StockLocations(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", StockLocations.get)
    async def stock_location(self, request: RestRequest, key: str) -> Record[StockLocation]:
        return await StockLocations(request.context).get(key, request.selection)

    @post("/", StockLocations.create)
    async def stock_location_create(self, request: RestRequest) -> Record[StockLocation]:
        return await StockLocations(request.context).create(await request.body(StockLocationInput), request.selection)

    @put("/{key:str}", StockLocations.replace)
    async def stock_location_replace(self, request: RestRequest, key: str) -> Record[StockLocation]:
        return await StockLocations(request.context).replace(
            key, await request.body(StockLocationInput), request.expected_version, request.selection
        )

    @patch("/{key:str}", StockLocations.update)
    async def stock_location_update(self, request: RestRequest, key: str) -> Record[StockLocation]:
        return await StockLocations(request.context).update(
            key, await request.patch(), request.expected_version, request.selection
        )

    @delete("/{key:str}", StockLocations.delete)
    async def stock_location_delete(self, request: RestRequest, key: str) -> Record[StockLocation]:
        return await StockLocations(request.context).delete(key, request.expected_version, request.selection)


class StockLevelController(Controller):
    """Stock levels."""

    path, tags = "/stock-levels", ["Stock"]

    @get("/", StockLevels.list)
    async def stock_levels(self, request: RestRequest) -> Page[StockLevel]:
        return await StockLevels(request.context).list(request.list_query, request.selection)


class VariantStockController(Controller):
    """The stock of one variant, and its changes."""

    path, tags = "/variants/{key:str}/stock", ["Stock"]

    @get("/", StockLevels.summary)
    async def variant_stock(self, request: RestRequest, key: str) -> Record[StockSummary]:
        return await StockLevels(request.context).summary(key, request.selection)

    @get("/movements", StockMovements.list)
    async def variant_stock_movements(self, request: RestRequest, key: str) -> Page[StockMovement]:
        return await StockMovements(request.context).list(key, request.list_query, request.selection)

    @post("/movements", StockMovements.move)
    async def stock_move(self, request: RestRequest, key: str) -> Record[StockMovement]:
        return await StockMovements(request.context).move(key, await request.body(StockMove), request.selection)


class StockCountController(Controller):
    """Stock counts."""

    path, tags = "/stock/counts", ["Stock"]

    @post("/", StockCounts.count)
    async def stock_count(self, request: RestRequest) -> Batch[StockLevel]:
        return await StockCounts(request.context).count(
            await request.body(StockCount), request.flag("atomic"), request.selection
        )
