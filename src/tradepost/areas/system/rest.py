"""The REST API of the system area."""

from litestar import Controller

from tradepost.doors.rest import RestRequest, get, post
from tradepost.kit.query.records import Page, Record

from .schemas import AuditEntry, PriceInput, PriceQuote, RateLimit
from .service import Audit, Budget


class AuditController(Controller):
    """The audit log: who changed what."""

    path, tags = "/audit", ["Audit"]

    @get("/", Audit.list)
    async def audit(self, request: RestRequest) -> Page[AuditEntry]:
        return await Audit(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", Audit.get)
    async def audit_entry(self, request: RestRequest, key: str) -> Record[AuditEntry]:
        return await Audit(request.context).get(key, request.selection)


class BudgetController(Controller):
    """Your rate limit, and the price of requests."""

    path, tags = "/", ["Rate limit"]

    @get("/rate-limit", Budget.rate_limit)
    async def rate_limit(self, request: RestRequest) -> Record[RateLimit]:
        return await Budget(request.context).rate_limit(request.selection)

    @post("/price", Budget.price)
    async def price(self, request: RestRequest) -> Record[PriceQuote]:
        return await Budget(request.context).price(await request.body(PriceInput), request.selection)
