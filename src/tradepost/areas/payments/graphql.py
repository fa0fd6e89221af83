"""GraphQL queries and mutations of payments."""

from uuid import UUID

from tradepost.doors.graphql import GraphQLRequest, mutation, query
from tradepost.kit.query.records import Page, Record

from .schemas import Payment, PaymentCaptureInput, PaymentInput
from .service import PaymentCreation, Payments


@query(Payments.list)
async def payments(request: GraphQLRequest) -> Page[Payment]:
    return await Payments(request.context).list(request.list_query, request.selection)


@query(Payments.get)
async def payment(request: GraphQLRequest, id: UUID) -> Record[Payment]:
    return await Payments(request.context).get(str(id), request.selection)


@mutation(Payments.capture)
async def payment_capture(request: GraphQLRequest, id: UUID, input: PaymentCaptureInput) -> Record[Payment]:
    return await Payments(request.context).capture(str(id), input, request.selection)


@query(Payments.of_order)
async def order_payments(request: GraphQLRequest, order_id: UUID) -> Page[Payment]:
    return await Payments(request.context).of_order(str(order_id), request.list_query, request.selection)


@mutation(PaymentCreation.create)
async def payment_create(request: GraphQLRequest, order_id: UUID, input: PaymentInput) -> Record[Payment]:
    return await PaymentCreation(request.context).create(str(order_id), input, request.selection)
