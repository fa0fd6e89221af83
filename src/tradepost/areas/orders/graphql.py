"""GraphQL queries and mutations of orders."""

from uuid import UUID

from tradepost.areas.accounts.schemas import Acknowledgement
from tradepost.doors.graphql import GraphQLRequest, mutation, query
from tradepost.kit.query.records import Page, Record
from tradepost.kit.schema.patch import JsonPatch, MergePatch

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


@query(Orders.list)
async def orders(request: GraphQLRequest) -> Page[Order]:
    return await Orders(request.context).list(request.list_query, request.selection)


@query(Orders.get)
async def order(request: GraphQLRequest, id: UUID | None = None, number: str | None = None) -> Record[Order]:
    return await Orders(request.context).get(request.exactly_one(id=id, number=number), request.selection)


@query(Orders.lines)
async def order_lines(request: GraphQLRequest, order_id: UUID) -> Page[OrderLine]:
    return await Orders(request.context).lines(str(order_id), request.list_query, request.selection)


@query(Orders.events)
async def order_events(request: GraphQLRequest, order_id: UUID) -> Page[OrderEvent]:
    return await Orders(request.context).events(str(order_id), request.list_query, request.selection)


@mutation(Placement.place)
async def order_place(request: GraphQLRequest, input: OrderPlaceInput) -> Record[Order]:
    return await Placement(request.context).place(input, request.selection)


@mutation(Cancellations.cancel)
async def order_cancel(request: GraphQLRequest, id: UUID, input: OrderCancelInput) -> Record[Order]:
    return await Cancellations(request.context).cancel(str(id), input, request.selection)


@mutation(Orders.add_note)
async def order_note_add(request: GraphQLRequest, order_id: UUID, input: OrderNoteInput) -> Record[Order]:
    return await Orders(request.context).add_note(str(order_id), input, request.selection)


@mutation(Orders.send_link)
async def order_access(request: GraphQLRequest, input: OrderAccessInput) -> Record[Acknowledgement]:
    return await Orders(request.context).send_link(input, request.selection)


@query(Orders.list_by_user)
async def user_orders(request: GraphQLRequest, user_id: UUID) -> Page[Order]:
    return await Orders(request.context).list_by_user(str(user_id), request.list_query, request.selection)


@query(Fulfilments.list)
async def fulfilments(request: GraphQLRequest) -> Page[Fulfilment]:
    return await Fulfilments(request.context).list(request.list_query, request.selection)


@query(Fulfilments.get)
async def fulfilment(request: GraphQLRequest, id: UUID) -> Record[Fulfilment]:
    return await Fulfilments(request.context).get(str(id), request.selection)


@mutation(Fulfilments.update)
async def fulfilment_update(
    request: GraphQLRequest,
    id: UUID,
    patch: MergePatch | None = None,
    json_patch: JsonPatch | None = None,
    expected_version: int | None = None,
) -> Record[Fulfilment]:
    return await Fulfilments(request.context).update(
        str(id), request.patch(patch, json_patch), expected_version, request.selection
    )


@mutation(Fulfilments.ship)
async def fulfilment_ship(request: GraphQLRequest, id: UUID, input: FulfilmentShipInput) -> Record[Fulfilment]:
    return await Fulfilments(request.context).ship(str(id), input, request.selection)


@mutation(Fulfilments.deliver)
async def fulfilment_deliver(request: GraphQLRequest, id: UUID) -> Record[Fulfilment]:
    return await Fulfilments(request.context).deliver(str(id), request.selection)


@mutation(Fulfilments.cancel)
async def fulfilment_cancel(request: GraphQLRequest, id: UUID) -> Record[Fulfilment]:
    return await Fulfilments(request.context).cancel(str(id), request.selection)


@mutation(Fulfilments.return_undeliverable)
async def fulfilment_undeliverable(request: GraphQLRequest, id: UUID) -> Record[Fulfilment]:
    return await Fulfilments(request.context).return_undeliverable(str(id), request.selection)


@query(Fulfilments.list_by_order)
async def order_fulfilments(request: GraphQLRequest, order_id: UUID) -> Page[Fulfilment]:
    return await Fulfilments(request.context).list_by_order(str(order_id), request.list_query, request.selection)


@mutation(FulfilmentCreation.create)
async def fulfilment_create(
    request: GraphQLRequest, order_id: UUID, input: FulfilmentCreateInput
) -> Record[Fulfilment]:
    return await FulfilmentCreation(request.context).create(str(order_id), input, request.selection)


@query(Returns.list)
async def returns(request: GraphQLRequest) -> Page[Return]:
    return await Returns(request.context).list(request.list_query, request.selection)


@query(Returns.get)
async def return_(request: GraphQLRequest, id: UUID) -> Record[Return]:
    return await Returns(request.context).get(str(id), request.selection)


@mutation(Returns.receive)
async def return_receive(request: GraphQLRequest, id: UUID, input: ReturnReceiveInput) -> Record[Return]:
    return await Returns(request.context).receive(str(id), input, request.selection)


@mutation(Returns.reject)
async def return_reject(request: GraphQLRequest, id: UUID, input: ReturnRejectInput) -> Record[Return]:
    return await Returns(request.context).reject(str(id), input, request.selection)


@mutation(Returns.cancel)
async def return_cancel(request: GraphQLRequest, id: UUID) -> Record[Return]:
    return await Returns(request.context).cancel(str(id), request.selection)


@query(Returns.list_by_order)
async def order_returns(request: GraphQLRequest, order_id: UUID) -> Page[Return]:
    return await Returns(request.context).list_by_order(str(order_id), request.list_query, request.selection)


@mutation(ReturnCreation.create)
async def order_return(request: GraphQLRequest, order_id: UUID, input: ReturnCreateInput) -> Record[Return]:
    return await ReturnCreation(request.context).create(str(order_id), input, request.selection)
