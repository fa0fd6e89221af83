"""System operations over GraphQL."""

from uuid import UUID

from tradepost.doors.graphql import Ask, query
from tradepost.kit.query.records import Page, Record

from .schemas import (
    AuditEntry,
    BatchBody,
    Document,
    Method,
    OperationName,
    PriceInput,
    PriceQuote,
    RateLimit,
    Url,
    Variables,
)
from .service import Audit, Budget


@query(Audit.list)
async def audit(ask: Ask) -> Page[AuditEntry]:
    return await Audit(ask.context).list(ask.window, ask.want)


@query(Audit.get)
async def audit_entry(ask: Ask, id: UUID) -> Record[AuditEntry]:
    return await Audit(ask.context).get(str(id), ask.want)


@query(Budget.rate_limit)
async def rate_limit(ask: Ask) -> Record[RateLimit]:
    return await Budget(ask.context).rate_limit(ask.want)


@query(Budget.price)
async def price(
    ask: Ask, document: Document | None = None, variables: Variables | None = None, operation_name: OperationName | None = None,
    url: Url | None = None, method: Method | None = None, body: BatchBody | None = None,
) -> Record[PriceQuote]:  # fmt: skip
    given = ask.body(
        PriceInput,
        document=document,
        variables=variables,
        operation_name=operation_name,
        url=url,
        method=method,
        body=body,
    )
    return await Budget(ask.context).price(given, ask.want)
