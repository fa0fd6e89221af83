"""The rules of the office: its books are read here and written by whoever changes something."""

from datetime import UTC, datetime

from msgspec import UNSET

from tradepost.kit.auth.access import ANYONE
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.quotes import DocumentQuotes, Quote, RequestQuotes
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Validation
from tradepost.kit.query.records import Page, Record
from tradepost.kit.rate_limit.buckets import MINUTE
from tradepost.kit.rate_limit.meter import Meter
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection

from . import policy
from .resource import audit, price_quotes, rate_limits
from .schemas import AuditEntry, HttpMethod, PriceInput, PriceQuote, QuotedOperation, RateLimit


class Audit(Service):
    """The audit as one caller reads it."""

    @operation("audit_list", "list", audit, access=policy.audit)
    async def list(self, window: ListQuery, want: Selection[AuditEntry]) -> Page[AuditEntry]:
        """Who changed what, through which door, the newest first."""
        return await self.page(audit, want, window)

    @operation("audit_get", "get", audit, access=policy.audit)
    async def get(self, key: str, want: Selection[AuditEntry]) -> Record[AuditEntry]:
        """One entry of the audit by its id."""
        return await self.one(audit, want, key)


class Budget(Service):
    """The points of one caller: what there is, and what a request would take of it."""

    @operation("rate_limit", "get", rate_limits, access=ANYONE, points=0)
    async def rate_limit(self, want: Selection[RateLimit]) -> Record[RateLimit]:
        """What is left of your budget, and when it is full again; asking costs nothing, and is answered also where nothing is left.

        A caller with a credential has one budget, whichever door, token or key it comes by; others have that of their address.
        """
        meter = self.context.meter
        remaining = left(meter)
        # The second in which the bucket is full, as `X-RateLimit-Reset` has it.
        full = datetime.fromtimestamp(int(self.context.clock().timestamp()) + 1 + meter.seconds_until_full, UTC)
        state = RateLimit(meter.size, meter.size - remaining, remaining, full, int(MINUTE), meter.max_points)
        return self.respond(rate_limits, state, want)

    @operation("price", "query", price_quotes, access=ANYONE, input=PriceInput)
    async def price(self, given: PriceInput, want: Selection[PriceQuote]) -> Record[PriceQuote]:
        """What a GraphQL document or a REST request would cost; nothing of it is run.

        The quote itself costs 1 point, and 10 more where the document or the `fields` of the URL have not been seen before: the request that
        follows then finds them compiled. A request that would be refused is 422 here, with what it would be refused for; one over a ceiling
        (`too_deep`, `too_many_aliases`, ...) is refused with that code, but for the ceiling on points: such a quote says `allowed: false`.
        """
        quote, meter = await self._quote(given), self.context.meter
        lines = [QuotedOperation(line.operation, line.points, line.rows) for line in quote.lines]
        allowed = quote.points <= meter.max_points
        return self.respond(
            price_quotes,
            PriceQuote(quote.points, meter.max_points, allowed, allowed and quote.points <= left(meter), lines),
            want,
        )

    async def _quote(self, given: PriceInput) -> Quote:
        """The quote of the one thing that was given, with nothing beside it that belongs to the other."""
        if (given.document is UNSET) is (given.url is UNSET):
            raise Validation.at_pointer("/document", "Give exactly one of `document` and `url`.", "one_of")
        for name in ("method", "body") if given.url is UNSET else ("variables", "operation_name"):
            if getattr(given, name) is not UNSET:
                raise Validation.at_pointer(
                    f"/{name}", f"`{name}` goes with `{'url' if given.url is UNSET else 'document'}`.", "not_allowed"
                )
        if given.document is not UNSET:
            return await self.require(DocumentQuotes).quote_document(
                self.context, given.document, given.variables or None, given.operation_name or None
            )
        assert given.url is not UNSET
        method = HttpMethod.GET if given.method is UNSET else given.method
        return await self.require(RequestQuotes).quote_request(self.context, method.value, given.url, given.body)


def left(meter: Meter) -> int:
    """The whole points that are left in a caller's bucket."""
    return max(int(meter.guaranteed_remaining), 0)
