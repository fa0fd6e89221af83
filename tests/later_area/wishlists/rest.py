"""REST routes of wishlists."""

from litestar import Controller

from tradepost.areas.catalog.schemas import Variant
from tradepost.doors.rest import RestRequest, delete, get, patch, post, put
from tradepost.kit.query.records import Page, Record

from .schemas import NewWishInput, Wish, WishInput, Wishlist, WishlistInput, WishlistSummary
from .service import Wishlists


class WishlistController(Controller):
    """Wishlists."""

    path, tags = "/wishlists", ["Wishlists"]

    @get("/", Wishlists.list)
    async def wishlists(self, request: RestRequest) -> Page[Wishlist]:
        return await Wishlists(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", Wishlists.get)
    async def wishlist(self, request: RestRequest, key: str) -> Record[Wishlist]:
        return await Wishlists(request.context).get(key, request.selection)

    @post("/", Wishlists.create)
    async def wishlist_create(self, request: RestRequest) -> Record[Wishlist]:
        return await Wishlists(request.context).create(await request.body(WishlistInput), request.selection)

    @patch("/{key:str}", Wishlists.update)
    async def wishlist_update(self, request: RestRequest, key: str) -> Record[Wishlist]:
        return await Wishlists(request.context).update(
            key, await request.patch(), request.expected_version, request.selection
        )

    @get("/{key:str}/summary", Wishlists.summary)
    async def wishlist_summary(self, request: RestRequest, key: str) -> Record[WishlistSummary]:
        return await Wishlists(request.context).summary(key, request.selection)

    @post("/{key:str}/claim", Wishlists.claim)
    async def wishlist_claim(self, request: RestRequest, key: str) -> Record[Wishlist]:
        return await Wishlists(request.context).claim(key, request.selection)

    @post("/{key:str}/reopening", Wishlists.reopen)
    async def wishlist_reopen(self, request: RestRequest, key: str) -> Record[Wishlist]:
        return await Wishlists(request.context).reopen(key, request.selection)

    @get("/{key:str}/wishes", Wishlists.list_wishes)
    async def wishlist_wishes(self, request: RestRequest, key: str) -> Page[Wish]:
        return await Wishlists(request.context).list_wishes(key, request.list_query, request.selection)

    @post("/{key:str}/wishes", Wishlists.create_wish)
    async def wish_create(self, request: RestRequest, key: str) -> Record[Wish]:
        return await Wishlists(request.context).create_wish(key, await request.body(NewWishInput), request.selection)

    @put("/{key:str}/wishes/{variant_id:str}", Wishlists.set_wish)
    async def wish_set(self, request: RestRequest, key: str, variant_id: str) -> Record[Wishlist]:
        return await Wishlists(request.context).set_wish(
            key, variant_id, await request.body(WishInput), request.selection
        )

    @delete("/{key:str}/wishes/{variant_id:str}", Wishlists.remove_wish)
    async def wish_remove(self, request: RestRequest, key: str, variant_id: str) -> Record[Wishlist]:
        return await Wishlists(request.context).remove_wish(key, variant_id, request.selection)


class WishedVariantController(Controller):
    """Wishes for variants."""

    path, tags = "/variants", ["Wishlists"]

    @delete("/{key:str}/wishes", Wishlists.unwish)
    async def variant_unwish(self, request: RestRequest, key: str) -> Record[Variant]:
        return await Wishlists(request.context).unwish(key, request.selection)
