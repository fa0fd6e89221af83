"""GraphQL queries and mutations of payments."""

from uuid import UUID

from tradepost.doors.graphql import GraphQLRequest, mutation, query
from tradepost.kit.query.records import Page, Record

from .schemas import Payment, PaymentCaptureInput, PaymentInput, Refund, RefundInput
from .service import Captures, Completion, PaymentCreation, Payments, RefundCreation, Refunds


@query(Payments.list)
async def payments(request: GraphQLRequest) -> Page[Payment]:
    return await Payments(request.context).list(request.list_query, request.selection)


@query(Payments.get)
async def payment(request: GraphQLRequest, id: UUID) -> Record[Payment]:
    return await Payments(request.context).get(str(id), request.selection)


@mutation(Completion.complete)
async def payment_complete(request: GraphQLRequest, id: UUID) -> Record[Payment]:
    return await Completion(request.context).complete(str(id), request.selection)


@mutation(Captures.capture)
async def payment_capture(request: GraphQLRequest, id: UUID, input: PaymentCaptureInput) -> Record[Payment]:
    return await Captures(request.context).capture(str(id), input, request.selection)


@mutation(Captures.void)
async def payment_void(request: GraphQLRequest, id: UUID) -> Record[Payment]:
    return await Captures(request.context).void(str(id), request.selection)


@query(Payments.of_order)
async def order_payments(request: GraphQLRequest, order_id: UUID) -> Page[Payment]:
    return await Payments(request.context).of_order(str(order_id), request.list_query, request.selection)


@mutation(PaymentCreation.create)
async def payment_create(request: GraphQLRequest, order_id: UUID, input: PaymentInput) -> Record[Payment]:
    return await PaymentCreation(request.context).create(str(order_id), input, request.selection)


@query(Refunds.list)
async def refunds(request: GraphQLRequest) -> Page[Refund]:
    return await Refunds(request.context).list(request.list_query, request.selection)


@query(Refunds.get)
async def refund(request: GraphQLRequest, id: UUID) -> Record[Refund]:
    return await Refunds(request.context).get(str(id), request.selection)


@mutation(Refunds.complete)
async def refund_complete(request: GraphQLRequest, id: UUID) -> Record[Refund]:
    return await Refunds(request.context).complete(str(id), request.selection)


@query(Refunds.list_by_payment)
async def payment_refunds(request: GraphQLRequest, payment_id: UUID) -> Page[Refund]:
    return await Refunds(request.context).list_by_payment(str(payment_id), request.list_query, request.selection)


@mutation(RefundCreation.create)
async def refund_create(request: GraphQLRequest, payment_id: UUID, input: RefundInput) -> Record[Refund]:
    return await RefundCreation(request.context).create(str(payment_id), input, request.selection)
