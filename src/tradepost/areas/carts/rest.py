"""REST routes of carts."""

from litestar import Controller

from tradepost.doors.rest import RestRequest, delete, get, patch, post, put
from tradepost.kit.query.records import Page, Record

from .schemas import Cart, CartCreate, CartLineQuantity, CartQuote
from .service import CartClaims, CartLines, CartQuotes, Carts


class CartController(Controller):
    """Carts."""

    path, tags = "/carts", ["Carts"]

    @get("/", Carts.list)
    async def carts(self, request: RestRequest) -> Page[Cart]:
        return await Carts(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", Carts.get)
    async def cart(self, request: RestRequest, key: str) -> Record[Cart]:
        return await Carts(request.context).get(key, request.selection)

    @get("/{key:str}/quote", CartQuotes.get)
    async def cart_quote(self, request: RestRequest, key: str) -> Record[CartQuote]:
        return await CartQuotes(request.context).get(key, request.selection)

    @post("/", Carts.create)
    async def cart_create(self, request: RestRequest) -> Record[Cart]:
        return await Carts(request.context).create(await request.body(CartCreate), request.selection)

    @patch("/{key:str}", Carts.update)
    async def cart_update(self, request: RestRequest, key: str) -> Record[Cart]:
        return await Carts(request.context).update(
            key, await request.patch(), request.expected_version, request.selection
        )

    @put("/{key:str}/lines/{variant_id:str}", CartLines.set)
    async def cart_line_set(self, request: RestRequest, key: str, variant_id: str) -> Record[Cart]:
        return await CartLines(request.context).set(
            key, variant_id, await request.body(CartLineQuantity), request.expected_version, request.selection
        )

    @delete("/{key:str}/lines/{variant_id:str}", CartLines.remove)
    async def cart_line_remove(self, request: RestRequest, key: str, variant_id: str) -> Record[Cart]:
        return await CartLines(request.context).remove(key, variant_id, request.expected_version, request.selection)

    @post("/{key:str}/claim", CartClaims.claim)
    async def cart_claim(self, request: RestRequest, key: str) -> Record[Cart]:
        return await CartClaims(request.context).claim(key, request.selection)
