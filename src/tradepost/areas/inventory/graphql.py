"""GraphQL queries and mutations of inventory."""

from uuid import UUID

from tradepost.doors.graphql import GraphQLRequest, mutation, query
from tradepost.kit.query.records import Batch, Page, Record
from tradepost.kit.schema.patch import JsonPatch, MergePatch

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


@query(StockLocations.list)
async def stock_locations(request: GraphQLRequest) -> Page[StockLocation]:
    return await StockLocations(request.context).list(request.list_query, request.selection)


@query(StockLocations.get)
async def stock_location(request: GraphQLRequest, id: UUID) -> Record[StockLocation]:
    return await StockLocations(request.context).get(str(id), request.selection)


@mutation(StockLocations.create)
async def stock_location_create(request: GraphQLRequest, input: StockLocationInput) -> Record[StockLocation]:
    return await StockLocations(request.context).create(input, request.selection)


@mutation(StockLocations.replace)
async def stock_location_replace(
    request: GraphQLRequest, id: UUID, input: StockLocationInput, expected_version: int | None = None
) -> Record[StockLocation]:
    return await StockLocations(request.context).replace(str(id), input, expected_version, request.selection)


@mutation(StockLocations.update)
async def stock_location_update(
    request: GraphQLRequest,
    id: UUID,
    patch: MergePatch | None = None,
    json_patch: JsonPatch | None = None,
    expected_version: int | None = None,
) -> Record[StockLocation]:
    return await StockLocations(request.context).update(
        str(id), request.patch(patch, json_patch), expected_version, request.selection
    )


@mutation(StockLocations.delete)
async def stock_location_delete(
    request: GraphQLRequest, id: UUID, expected_version: int | None = None
) -> Record[StockLocation]:
    return await StockLocations(request.context).delete(str(id), expected_version, request.selection)


@query(StockLevels.list)
async def stock_levels(request: GraphQLRequest) -> Page[StockLevel]:
    return await StockLevels(request.context).list(request.list_query, request.selection)


@query(StockLevels.summary)
async def variant_stock(request: GraphQLRequest, variant_id: UUID) -> Record[StockSummary]:
    return await StockLevels(request.context).summary(str(variant_id), request.selection)


@query(StockMovements.list)
async def variant_stock_movements(request: GraphQLRequest, variant_id: UUID) -> Page[StockMovement]:
    return await StockMovements(request.context).list(str(variant_id), request.list_query, request.selection)


@mutation(StockMovements.move)
async def stock_move(request: GraphQLRequest, variant_id: UUID, input: StockMove) -> Record[StockMovement]:
    return await StockMovements(request.context).move(str(variant_id), input, request.selection)


@mutation(StockCounts.count)
async def stock_count(request: GraphQLRequest, input: StockCount, atomic: bool = False) -> Batch[StockLevel]:
    return await StockCounts(request.context).count(input, atomic, request.selection)
