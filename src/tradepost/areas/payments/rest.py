"""REST routes of payments."""

from litestar import Controller

from tradepost.doors.rest import RestRequest, get, post, post_webhook
from tradepost.kit.query.records import Page, Record

from .schemas import Payment, PaymentCaptureInput, PaymentInput, ProviderEventReceipt, Refund, RefundInput
from .service import (
    MAX_EVENT_BYTES,
    Captures,
    Completion,
    PaymentCreation,
    Payments,
    ProviderEvents,
    RefundCreation,
    Refunds,
)


class PaymentController(Controller):
    """Payments of orders."""

    path, tags = "/payments", ["Payments"]

    @get("/", Payments.list)
    async def payments(self, request: RestRequest) -> Page[Payment]:
        return await Payments(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", Payments.get)
    async def payment(self, request: RestRequest, key: str) -> Record[Payment]:
        return await Payments(request.context).get(key, request.selection)

    @post("/{key:str}/completion", Completion.complete)
    async def payment_complete(self, request: RestRequest, key: str) -> Record[Payment]:
        return await Completion(request.context).complete(key, request.selection)

    @post("/{key:str}/capture", Captures.capture)
    async def payment_capture(self, request: RestRequest, key: str) -> Record[Payment]:
        return await Captures(request.context).capture(key, await request.body(PaymentCaptureInput), request.selection)

    @post("/{key:str}/void", Captures.void)
    async def payment_void(self, request: RestRequest, key: str) -> Record[Payment]:
        return await Captures(request.context).void(key, request.selection)


class OrderPaymentController(Controller):
    """The payments of an order."""

    path, tags = "/orders", ["Payments"]

    @get("/{key:str}/payments", Payments.of_order)
    async def order_payments(self, request: RestRequest, key: str) -> Page[Payment]:
        return await Payments(request.context).of_order(key, request.list_query, request.selection)

    @post("/{key:str}/payments", PaymentCreation.create)
    async def payment_create(self, request: RestRequest, key: str) -> Record[Payment]:
        return await PaymentCreation(request.context).create(key, await request.body(PaymentInput), request.selection)


class RefundController(Controller):
    """Refunds of payments."""

    path, tags = "/refunds", ["Payments"]

    @get("/", Refunds.list)
    async def refunds(self, request: RestRequest) -> Page[Refund]:
        return await Refunds(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", Refunds.get)
    async def refund(self, request: RestRequest, key: str) -> Record[Refund]:
        return await Refunds(request.context).get(key, request.selection)

    @post("/{key:str}/completion", Refunds.complete)
    async def refund_complete(self, request: RestRequest, key: str) -> Record[Refund]:
        return await Refunds(request.context).complete(key, request.selection)


class PaymentRefundController(Controller):
    """The refunds of a payment."""

    path, tags = "/payments", ["Payments"]

    @get("/{key:str}/refunds", Refunds.list_by_payment)
    async def payment_refunds(self, request: RestRequest, key: str) -> Page[Refund]:
        return await Refunds(request.context).list_by_payment(key, request.list_query, request.selection)

    @post("/{key:str}/refunds", RefundCreation.create)
    async def refund_create(self, request: RestRequest, key: str) -> Record[Refund]:
        return await RefundCreation(request.context).create(key, await request.body(RefundInput), request.selection)


class ProviderController(Controller):
    """Webhooks of payment providers."""

    path, tags = "/providers", ["Payments"]

    @post_webhook(
        "/{provider:str}/events",
        ProviderEvents.receive,
        parameter=("provider", "stripe"),
        signature_header="Stripe-Signature",
    )
    async def provider_event(self, request: RestRequest, provider: str) -> Record[ProviderEventReceipt]:
        body = await request.raw_body(MAX_EVENT_BYTES)
        events = ProviderEvents(request.context)
        return await events.receive(provider, body, request.header_texts, request.selection)
