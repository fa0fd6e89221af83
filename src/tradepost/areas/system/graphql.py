"""The GraphQL API of the system area."""

from uuid import UUID

from tradepost.doors.graphql import GraphQLRequest, query
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
async def audit(request: GraphQLRequest) -> Page[AuditEntry]:
    return await Audit(request.context).list(request.list_query, request.selection)


@query(Audit.get)
async def audit_entry(request: GraphQLRequest, id: UUID) -> Record[AuditEntry]:
    return await Audit(request.context).get(str(id), request.selection)


@query(Budget.rate_limit)
async def rate_limit(request: GraphQLRequest) -> Record[RateLimit]:
    return await Budget(request.context).rate_limit(request.selection)


@query(Budget.price)
async def price(
    request: GraphQLRequest,
    document: Document | None = None,
    variables: Variables | None = None,
    operation_name: OperationName | None = None,
    url: Url | None = None,
    method: Method | None = None,
    body: BatchBody | None = None,
) -> Record[PriceQuote]:
    input = request.body(
        PriceInput,
        document=document,
        variables=variables,
        operation_name=operation_name,
        url=url,
        method=method,
        body=body,
    )
    return await Budget(request.context).price(input, request.selection)
