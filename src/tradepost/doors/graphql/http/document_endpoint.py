"""`GET /v1/documents/{name}`: a registered document as an address of its own. Its variables are the parameters of the query string.

What is answered, its ETag, who may keep it and what it costs are those of the same document by `GET /graphql`; only faults of the request itself, from a name
that is not registered to an empty budget, are problem documents with their status, as everywhere below `/v1`.
"""

from typing import Any

from litestar import Request as LitestarRequest
from litestar import route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from tradepost.kit.problems import NotAcceptable, NotFound
from tradepost.kit.writes.call_context import CallContext

from ...http.asgi import Receive, Scope, request_headers
from ...http.negotiation import best_offer
from ...http.response import Response
from ..documents.requests import RequestParameters
from ..problems import RequestError
from .document_parameters import QueryParameter, parse_variables, query_parameters, refusal_problem
from .endpoint import OFFERED_TYPES, GraphQLDoor

MOST_NAMED = 100


class DocumentEndpoint:
    """The registered documents of a door, each by its name."""

    def __init__(self, door: GraphQLDoor) -> None:
        self.door, self.known = door, door.executor.trusted_documents.by_name
        self.parameters: dict[str, dict[str, QueryParameter]] = {
            name: query_parameters(operation)
            for name, document in self.known.items()
            if (operation := document.single_operation) is not None
        }

    def route(self) -> HTTPRouteHandler:
        """The address as an ordinary route of Litestar; also a lane of the porch."""

        @route(
            "/documents/{name:str}", http_method=["GET"], status_code=200, include_in_schema=False, opt={"lane": self}
        )
        async def call(request: LitestarRequest[Any, Any, Any]) -> ASGIApp:
            return await self.respond(request.scope, request.receive, dict(request.path_params))

        return call

    async def respond(self, scope: Scope, receive: Receive, given: dict[str, str], /) -> Response:
        """The answer to a request; also the porch's fast lane comes in here."""
        scope["context"] = context = scope["context"].at_door("graphql")
        name = given["name"]
        media = best_offer(request_headers(scope).get(b"accept"), OFFERED_TYPES)
        if media is None:
            raise NotAcceptable("Available here: application/json, application/graphql-response+json.")
        document = self.known.get(name)
        if document is None:
            raise self.unknown(name, context)
        variables = parse_variables(scope["query_string"], self.parameters[name])
        try:
            ready = await self.door.prepare_and_charge(RequestParameters(variables=variables), context, scope, document)
        except RequestError as refused:
            raise refusal_problem(refused) from None
        return await self.door.respond_to_get(ready, media, scope, context)

    def unknown(self, name: str, context: CallContext) -> NotFound:
        """The problem of a name that is not registered. Which ones are is told to those who may see the schema."""
        said = f"There is no registered document `{name[:100]}`"
        names = list(self.known)[:MOST_NAMED] if self.door.executor.may_introspect(context) else []
        return NotFound(f"{said}; registered: {', '.join([f'`{n}`' for n in names])}." if names else f"{said}.")
