"""System operations over REST."""

from litestar import Controller

from tradepost.doors.rest import Ask, route
from tradepost.kit.query.records import Page, Record

from .schemas import AuditEntry, PriceInput, PriceQuote, RateLimit
from .service import Audit, Budget


class AuditController(Controller):
    """Who changed what."""

    path, tags = "/audit", ["Audit"]

    @route("/", Audit.list)
    async def audit(self, ask: Ask) -> Page[AuditEntry]:
        return await Audit(ask.context).list(ask.window, ask.want)

    @route("/{key:str}", Audit.get)
    async def audit_entry(self, ask: Ask, key: str) -> Record[AuditEntry]:
        return await Audit(ask.context).get(key, ask.want)


class BudgetController(Controller):
    """What your requests cost, and what is left."""

    path, tags = "/", ["Budget"]

    @route("/rate-limit", Budget.rate_limit)
    async def rate_limit(self, ask: Ask) -> Record[RateLimit]:
        return await Budget(ask.context).rate_limit(ask.want)

    @route("/price", Budget.price)
    async def price(self, ask: Ask) -> Record[PriceQuote]:
        return await Budget(ask.context).price(await ask.body(PriceInput), ask.want)
