"""REST routes of orders."""

from litestar import Controller

from tradepost.areas.accounts.schemas import Acknowledgement
from tradepost.doors.rest import RestRequest, get, patch, post
from tradepost.kit.query.records import Page, Record

from .schemas import (
    Fulfilment,
    FulfilmentCreateInput,
    FulfilmentShipInput,
    Order,
    OrderAccessInput,
    OrderCancelInput,
    OrderEvent,
    OrderLine,
    OrderNoteInput,
    OrderPlaceInput,
    Return,
    ReturnCreateInput,
    ReturnReceiveInput,
    ReturnRejectInput,
)
from .service import Cancellations, FulfilmentCreation, Fulfilments, Orders, Placement, ReturnCreation, Returns


class OrderController(Controller):
    """Orders, placed from carts."""

    path, tags = "/orders", ["Orders"]

    @get("/", Orders.list)
    async def orders(self, request: RestRequest) -> Page[Order]:
        return await Orders(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", Orders.get)
    async def order(self, request: RestRequest, key: str) -> Record[Order]:
        return await Orders(request.context).get(key, request.selection)

    @get("/{key:str}/lines", Orders.lines)
    async def order_lines(self, request: RestRequest, key: str) -> Page[OrderLine]:
        return await Orders(request.context).lines(key, request.list_query, request.selection)

    @get("/{key:str}/events", Orders.events)
    async def order_events(self, request: RestRequest, key: str) -> Page[OrderEvent]:
        return await Orders(request.context).events(key, request.list_query, request.selection)

    @post("/", Placement.place)
    async def order_place(self, request: RestRequest) -> Record[Order]:
        return await Placement(request.context).place(await request.body(OrderPlaceInput), request.selection)

    @post("/{key:str}/cancellation", Cancellations.cancel)
    async def order_cancel(self, request: RestRequest, key: str) -> Record[Order]:
        return await Cancellations(request.context).cancel(key, await request.body(OrderCancelInput), request.selection)

    @post("/{key:str}/notes", Orders.add_note)
    async def order_note_add(self, request: RestRequest, key: str) -> Record[Order]:
        return await Orders(request.context).add_note(key, await request.body(OrderNoteInput), request.selection)

    @post("/access", Orders.send_link)
    async def order_access(self, request: RestRequest) -> Record[Acknowledgement]:
        return await Orders(request.context).send_link(await request.body(OrderAccessInput), request.selection)


class UserOrderController(Controller):
    """The orders of a user."""

    path, tags = "/users", ["Orders"]

    @get("/{key:str}/orders", Orders.list_by_user)
    async def user_orders(self, request: RestRequest, key: str) -> Page[Order]:
        return await Orders(request.context).list_by_user(key, request.list_query, request.selection)


class FulfilmentController(Controller):
    """Fulfilments of orders."""

    path, tags = "/fulfilments", ["Fulfilments"]

    @get("/", Fulfilments.list)
    async def fulfilments(self, request: RestRequest) -> Page[Fulfilment]:
        return await Fulfilments(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", Fulfilments.get)
    async def fulfilment(self, request: RestRequest, key: str) -> Record[Fulfilment]:
        return await Fulfilments(request.context).get(key, request.selection)

    @patch("/{key:str}", Fulfilments.update)
    async def fulfilment_update(self, request: RestRequest, key: str) -> Record[Fulfilment]:
        return await Fulfilments(request.context).update(
            key, await request.patch(), request.expected_version, request.selection
        )

    @post("/{key:str}/shipment", Fulfilments.ship)
    async def fulfilment_ship(self, request: RestRequest, key: str) -> Record[Fulfilment]:
        return await Fulfilments(request.context).ship(key, await request.body(FulfilmentShipInput), request.selection)

    @post("/{key:str}/delivery", Fulfilments.deliver)
    async def fulfilment_deliver(self, request: RestRequest, key: str) -> Record[Fulfilment]:
        return await Fulfilments(request.context).deliver(key, request.selection)

    @post("/{key:str}/cancellation", Fulfilments.cancel)
    async def fulfilment_cancel(self, request: RestRequest, key: str) -> Record[Fulfilment]:
        return await Fulfilments(request.context).cancel(key, request.selection)

    @post("/{key:str}/undeliverable", Fulfilments.return_undeliverable)
    async def fulfilment_undeliverable(self, request: RestRequest, key: str) -> Record[Fulfilment]:
        return await Fulfilments(request.context).return_undeliverable(key, request.selection)


class OrderFulfilmentController(Controller):
    """The fulfilments of an order."""

    path, tags = "/orders", ["Fulfilments"]

    @get("/{key:str}/fulfilments", Fulfilments.list_by_order)
    async def order_fulfilments(self, request: RestRequest, key: str) -> Page[Fulfilment]:
        return await Fulfilments(request.context).list_by_order(key, request.list_query, request.selection)

    @post("/{key:str}/fulfilments", FulfilmentCreation.create)
    async def fulfilment_create(self, request: RestRequest, key: str) -> Record[Fulfilment]:
        return await FulfilmentCreation(request.context).create(
            key, await request.body(FulfilmentCreateInput), request.selection
        )


class ReturnController(Controller):
    """Returns of orders."""

    path, tags = "/returns", ["Returns"]

    @get("/", Returns.list)
    async def returns(self, request: RestRequest) -> Page[Return]:
        return await Returns(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", Returns.get)
    async def return_(self, request: RestRequest, key: str) -> Record[Return]:
        return await Returns(request.context).get(key, request.selection)

    @post("/{key:str}/receipt", Returns.receive)
    async def return_receive(self, request: RestRequest, key: str) -> Record[Return]:
        return await Returns(request.context).receive(key, await request.body(ReturnReceiveInput), request.selection)

    @post("/{key:str}/rejection", Returns.reject)
    async def return_reject(self, request: RestRequest, key: str) -> Record[Return]:
        return await Returns(request.context).reject(key, await request.body(ReturnRejectInput), request.selection)

    @post("/{key:str}/cancellation", Returns.cancel)
    async def return_cancel(self, request: RestRequest, key: str) -> Record[Return]:
        return await Returns(request.context).cancel(key, request.selection)


class OrderReturnController(Controller):
    """The returns of an order."""

    path, tags = "/orders", ["Returns"]

    @get("/{key:str}/returns", Returns.list_by_order)
    async def order_returns(self, request: RestRequest, key: str) -> Page[Return]:
        return await Returns(request.context).list_by_order(key, request.list_query, request.selection)

    @post("/{key:str}/returns", ReturnCreation.create)
    async def order_return(self, request: RestRequest, key: str) -> Record[Return]:
        return await ReturnCreation(request.context).create(
            key, await request.body(ReturnCreateInput), request.selection
        )
