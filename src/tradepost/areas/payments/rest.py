"""REST routes of payments."""

from litestar import Controller

from tradepost.doors.rest import RestRequest, get, post
from tradepost.kit.query.records import Page, Record

from .schemas import Payment, PaymentCaptureInput, PaymentInput
from .service import PaymentCreation, Payments


class PaymentController(Controller):
    """Payments of orders."""

    path, tags = "/payments", ["Payments"]

    @get("/", Payments.list)
    async def payments(self, request: RestRequest) -> Page[Payment]:
        return await Payments(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", Payments.get)
    async def payment(self, request: RestRequest, key: str) -> Record[Payment]:
        return await Payments(request.context).get(key, request.selection)

    @post("/{key:str}/capture", Payments.capture)
    async def payment_capture(self, request: RestRequest, key: str) -> Record[Payment]:
        return await Payments(request.context).capture(key, await request.body(PaymentCaptureInput), request.selection)


class OrderPaymentController(Controller):
    """The payments of an order."""

    path, tags = "/orders", ["Payments"]

    @get("/{key:str}/payments", Payments.of_order)
    async def order_payments(self, request: RestRequest, key: str) -> Page[Payment]:
        return await Payments(request.context).of_order(key, request.list_query, request.selection)

    @post("/{key:str}/payments", PaymentCreation.create)
    async def payment_create(self, request: RestRequest, key: str) -> Record[Payment]:
        return await PaymentCreation(request.context).create(key, await request.body(PaymentInput), request.selection)
