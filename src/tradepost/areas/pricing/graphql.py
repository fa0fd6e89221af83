"""GraphQL queries and mutations of pricing."""

from uuid import UUID

from tradepost.doors.graphql import GraphQLRequest, mutation, query
from tradepost.kit.query.records import Page, Record
from tradepost.kit.schema.patch import JsonPatch, MergePatch

from .schemas import ShippingMethod, ShippingMethodInput, TaxRate, TaxRateInput
from .service import ShippingMethods, TaxRates


@query(TaxRates.list)
async def tax_rates(request: GraphQLRequest) -> Page[TaxRate]:
    return await TaxRates(request.context).list(request.list_query, request.selection)


@query(TaxRates.get)
async def tax_rate(request: GraphQLRequest, id: UUID) -> Record[TaxRate]:
    return await TaxRates(request.context).get(str(id), request.selection)


@mutation(TaxRates.create)
async def tax_rate_create(request: GraphQLRequest, input: TaxRateInput) -> Record[TaxRate]:
    return await TaxRates(request.context).create(input, request.selection)


@mutation(TaxRates.replace)
async def tax_rate_replace(
    request: GraphQLRequest, id: UUID, input: TaxRateInput, expected_version: int | None = None
) -> Record[TaxRate]:
    return await TaxRates(request.context).replace(str(id), input, expected_version, request.selection)


@mutation(TaxRates.update)
async def tax_rate_update(
    request: GraphQLRequest,
    id: UUID,
    patch: MergePatch | None = None,
    json_patch: JsonPatch | None = None,
    expected_version: int | None = None,
) -> Record[TaxRate]:
    return await TaxRates(request.context).update(
        str(id), request.patch(patch, json_patch), expected_version, request.selection
    )


@mutation(TaxRates.delete)
async def tax_rate_delete(request: GraphQLRequest, id: UUID, expected_version: int | None = None) -> Record[TaxRate]:
    return await TaxRates(request.context).delete(str(id), expected_version, request.selection)


@query(ShippingMethods.list)
async def shipping_methods(request: GraphQLRequest) -> Page[ShippingMethod]:
    return await ShippingMethods(request.context).list(request.list_query, request.selection)


@query(ShippingMethods.get)
async def shipping_method(request: GraphQLRequest, id: UUID) -> Record[ShippingMethod]:
    return await ShippingMethods(request.context).get(str(id), request.selection)


@mutation(ShippingMethods.create)
async def shipping_method_create(request: GraphQLRequest, input: ShippingMethodInput) -> Record[ShippingMethod]:
    return await ShippingMethods(request.context).create(input, request.selection)


@mutation(ShippingMethods.replace)
async def shipping_method_replace(
    request: GraphQLRequest, id: UUID, input: ShippingMethodInput, expected_version: int | None = None
) -> Record[ShippingMethod]:
    return await ShippingMethods(request.context).replace(str(id), input, expected_version, request.selection)


@mutation(ShippingMethods.update)
async def shipping_method_update(
    request: GraphQLRequest,
    id: UUID,
    patch: MergePatch | None = None,
    json_patch: JsonPatch | None = None,
    expected_version: int | None = None,
) -> Record[ShippingMethod]:
    return await ShippingMethods(request.context).update(
        str(id), request.patch(patch, json_patch), expected_version, request.selection
    )


@mutation(ShippingMethods.delete)
async def shipping_method_delete(
    request: GraphQLRequest, id: UUID, expected_version: int | None = None
) -> Record[ShippingMethod]:
    return await ShippingMethods(request.context).delete(str(id), expected_version, request.selection)
