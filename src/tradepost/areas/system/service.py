"""The services of the system area: the audit log, the rate limit and price quotes."""

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
from tradepost.kit.writes.call_context import CallContext

from . import policy
from .resource import audit, price_quotes, rate_limits
from .schemas import AuditEntry, HttpMethod, PriceInput, PriceQuote, QuotedOperation, RateLimit


class Audit(Service):
    """The audit log."""

    @operation("audit_list", "list", audit, access=policy.audit)
    async def list(self, list_query: ListQuery, selection: Selection[AuditEntry]) -> Page[AuditEntry]:
        """List audit entries. The newest come first."""
        return await self.page(audit, selection, list_query)

    @operation("audit_get", "get", audit, access=policy.audit)
    async def get(self, key: str, selection: Selection[AuditEntry]) -> Record[AuditEntry]:
        """Get an audit entry by ID."""
        return await self.one(audit, selection, key)


class Budget(Service):
    """The rate limit of the caller, and what requests cost."""

    def __init__(self, context: CallContext) -> None:
        super().__init__(context)
        self.document_quotes = context.dependencies.require(DocumentQuotes)
        self.request_quotes = context.dependencies.require(RequestQuotes)

    @operation("rate_limit", "get", rate_limits, access=ANYONE, points=0)
    async def rate_limit(self, selection: Selection[RateLimit]) -> Record[RateLimit]:
        """Get your rate limit. This costs nothing and works even if no points are left.

        A user has one bucket for both APIs and for all tokens and API keys. Callers without a
        credential share the bucket of their address.
        """
        meter = self.context.meter
        remaining = _remaining_points(meter)
        # The second in which the bucket is full, as in `X-RateLimit-Reset`.
        reset_at = datetime.fromtimestamp(int(self.context.clock().timestamp()) + 1 + meter.seconds_until_full, UTC)
        state = RateLimit(meter.size, meter.size - remaining, remaining, reset_at, int(MINUTE), meter.max_points)
        return self.respond(rate_limits, state, selection)

    @operation("price", "query", price_quotes, access=ANYONE, input=PriceInput)
    async def price(self, input: PriceInput, selection: Selection[PriceQuote]) -> Record[PriceQuote]:
        """Quote the price of a GraphQL document or a REST request. The request is not run.

        The quote costs 1 point, and 10 more if the document or the `fields` of the URL are new: the
        request itself then finds them compiled. If the request would be rejected, the quote is 422
        with the same faults. A request over a limit (`too_deep`, `too_many_aliases`, ...) is
        rejected with that code, except for the limit on points: such a quote has `allowed: false`.
        """
        quote, meter = await self._quote(input), self.context.meter
        operations = [QuotedOperation(line.operation, line.points, line.rows) for line in quote.lines]
        allowed = quote.points <= meter.max_points
        affordable = allowed and quote.points <= _remaining_points(meter)
        return self.respond(
            price_quotes, PriceQuote(quote.points, meter.max_points, allowed, affordable, operations), selection
        )

    async def _quote(self, input: PriceInput) -> Quote:
        """Return the quote of the document or the URL, or raise Validation.

        Members that belong to the other one are faults.
        """
        if (input.document is UNSET) is (input.url is UNSET):
            raise Validation.at_pointer("/document", "Send either `document` or `url`.", "one_of")
        for name in ("method", "body") if input.url is UNSET else ("variables", "operation_name"):
            if getattr(input, name) is not UNSET:
                other = "url" if input.url is UNSET else "document"
                raise Validation.at_pointer(f"/{name}", f"`{name}` can only be sent with `{other}`.", "not_allowed")
        if input.document is not UNSET:
            return await self.document_quotes.quote_document(
                self.context, input.document, input.variables or None, input.operation_name or None
            )
        assert input.url is not UNSET
        method = HttpMethod.GET if input.method is UNSET else input.method
        return await self.request_quotes.quote_request(self.context, method.value, input.url, input.body)


def _remaining_points(meter: Meter) -> int:
    """Return the whole points that are left in a caller's bucket."""
    return max(int(meter.guaranteed_remaining), 0)
