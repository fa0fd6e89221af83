"""GraphQL queries and mutations of carts."""

from uuid import UUID

from tradepost.doors.graphql import GraphQLRequest, mutation, query
from tradepost.kit.query.records import Page, Record
from tradepost.kit.schema.patch import JsonPatch, MergePatch

from .schemas import Cart, CartCreate, CartLineQuantity, CartQuote
from .service import CartClaims, CartLines, CartQuotes, Carts


@query(Carts.list)
async def carts(request: GraphQLRequest) -> Page[Cart]:
    return await Carts(request.context).list(request.list_query, request.selection)


@query(Carts.get)
async def cart(request: GraphQLRequest, id: UUID) -> Record[Cart]:
    return await Carts(request.context).get(str(id), request.selection)


@query(CartQuotes.get)
async def cart_quote(request: GraphQLRequest, cart_id: UUID) -> Record[CartQuote]:
    return await CartQuotes(request.context).get(str(cart_id), request.selection)


@mutation(Carts.create)
async def cart_create(request: GraphQLRequest, input: CartCreate) -> Record[Cart]:
    return await Carts(request.context).create(input, request.selection)


@mutation(Carts.update)
async def cart_update(
    request: GraphQLRequest,
    id: UUID,
    patch: MergePatch | None = None,
    json_patch: JsonPatch | None = None,
    expected_version: int | None = None,
) -> Record[Cart]:
    return await Carts(request.context).update(
        str(id), request.patch(patch, json_patch), expected_version, request.selection
    )


@mutation(CartLines.set)
async def cart_line_set(
    request: GraphQLRequest,
    cart_id: UUID,
    variant_id: UUID,
    input: CartLineQuantity,
    expected_version: int | None = None,
) -> Record[Cart]:
    return await CartLines(request.context).set(
        str(cart_id), str(variant_id), input, expected_version, request.selection
    )


@mutation(CartLines.remove)
async def cart_line_remove(
    request: GraphQLRequest, cart_id: UUID, variant_id: UUID, expected_version: int | None = None
) -> Record[Cart]:
    return await CartLines(request.context).remove(str(cart_id), str(variant_id), expected_version, request.selection)


@mutation(CartClaims.claim)
async def cart_claim(request: GraphQLRequest, id: UUID) -> Record[Cart]:
    return await CartClaims(request.context).claim(str(id), request.selection)
