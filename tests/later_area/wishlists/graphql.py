"""GraphQL queries and mutations of wishlists."""

from uuid import UUID

from tradepost.areas.catalog.schemas import Variant
from tradepost.doors.graphql import GraphQLRequest, mutation, query
from tradepost.kit.query.records import Page, Record
from tradepost.kit.schema.patch import JsonPatch, MergePatch

from .schemas import NewWishInput, Wish, WishInput, Wishlist, WishlistInput, WishlistSummary
from .service import Wishlists


@query(Wishlists.list)
async def wishlists(request: GraphQLRequest) -> Page[Wishlist]:
    return await Wishlists(request.context).list(request.list_query, request.selection)


@query(Wishlists.get)
async def wishlist(request: GraphQLRequest, id: UUID | None = None, number: str | None = None) -> Record[Wishlist]:
    return await Wishlists(request.context).get(request.exactly_one(id=id, number=number), request.selection)


@mutation(Wishlists.create)
async def wishlist_create(request: GraphQLRequest, input: WishlistInput) -> Record[Wishlist]:
    return await Wishlists(request.context).create(input, request.selection)


@mutation(Wishlists.update)
async def wishlist_update(
    request: GraphQLRequest,
    id: UUID,
    patch: MergePatch | None = None,
    json_patch: JsonPatch | None = None,
    expected_version: int | None = None,
) -> Record[Wishlist]:
    return await Wishlists(request.context).update(
        str(id), request.patch(patch, json_patch), expected_version, request.selection
    )


@query(Wishlists.summary)
async def wishlist_summary(request: GraphQLRequest, wishlist_id: UUID) -> Record[WishlistSummary]:
    return await Wishlists(request.context).summary(str(wishlist_id), request.selection)


@mutation(Wishlists.claim)
async def wishlist_claim(request: GraphQLRequest, id: UUID) -> Record[Wishlist]:
    return await Wishlists(request.context).claim(str(id), request.selection)


@mutation(Wishlists.reopen)
async def wishlist_reopen(request: GraphQLRequest, id: UUID) -> Record[Wishlist]:
    return await Wishlists(request.context).reopen(str(id), request.selection)


@mutation(Wishlists.unwish)
async def variant_unwish(request: GraphQLRequest, id: UUID) -> Record[Variant]:
    return await Wishlists(request.context).unwish(str(id), request.selection)


@query(Wishlists.list_wishes)
async def wishlist_wishes(request: GraphQLRequest, wishlist_id: UUID) -> Page[Wish]:
    return await Wishlists(request.context).list_wishes(str(wishlist_id), request.list_query, request.selection)


@mutation(Wishlists.create_wish)
async def wish_create(request: GraphQLRequest, wishlist_id: UUID, input: NewWishInput) -> Record[Wish]:
    return await Wishlists(request.context).create_wish(str(wishlist_id), input, request.selection)


@mutation(Wishlists.set_wish)
async def wish_set(request: GraphQLRequest, wishlist_id: UUID, variant_id: UUID, input: WishInput) -> Record[Wishlist]:
    return await Wishlists(request.context).set_wish(str(wishlist_id), str(variant_id), input, request.selection)


@mutation(Wishlists.remove_wish)
async def wish_remove(request: GraphQLRequest, wishlist_id: UUID, variant_id: UUID) -> Record[Wishlist]:
    return await Wishlists(request.context).remove_wish(str(wishlist_id), str(variant_id), request.selection)
