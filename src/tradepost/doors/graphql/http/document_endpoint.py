"""`GET /v1/documents/{name}`: a trusted document with an address of its own.

Its variables are query parameters. Response, ETag, cacheability and price are those of the same
document at `GET /graphql`. Errors of the request itself, such as an unknown name or an exceeded
budget, are problem documents with their own status, as everywhere under `/v1`.
"""

from typing import Any

from litestar import Request as LitestarRequest
from litestar import route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from tradepost.kit.problems import NotAcceptable, NotFound
from tradepost.kit.quoting import quote
from tradepost.kit.writes.call_context import CallContext

from ...http.asgi import Receive, Scope, request_headers
from ...http.negotiation import best_offer
from ...http.response import Response
from ..documents.requests import RequestParameters
from ..problems import RequestError
from .document_parameters import QueryParameter, parse_variables, query_parameters, refusal_problem
from .endpoint import OFFERED_TYPES, GraphQLDoor

MAX_NAMES_IN_ERROR = 100


class DocumentEndpoint:
    """The trusted documents of a GraphQLDoor, by name."""

    def __init__(self, door: GraphQLDoor) -> None:
        self.door, self.documents = door, door.executor.trusted_documents.by_name
        self.parameters: dict[str, dict[str, QueryParameter]] = {
            name: query_parameters(operation)
            for name, document in self.documents.items()
            if (operation := document.single_operation) is not None
        }

    def route(self) -> HTTPRouteHandler:
        """Return the Litestar route, which is a fast route too."""

        @route(
            "/documents/{name:str}",
            http_method=["GET"],
            status_code=200,
            include_in_schema=False,
            opt={"fast_route": self},
        )
        async def document(request: LitestarRequest[Any, Any, Any]) -> ASGIApp:
            return await self.respond(request.scope, request.receive, dict(request.path_params))

        return document

    async def respond(self, scope: Scope, receive: Receive, path_params: dict[str, str], /) -> Response:
        """Return the response to a request. Also called by the fast path."""
        scope["context"] = context = scope["context"].at_door("graphql")
        name = path_params["name"]
        media_type = best_offer(request_headers(scope).get(b"accept"), OFFERED_TYPES)
        if media_type is None:
            raise NotAcceptable("Available here: application/json, application/graphql-response+json.")
        document = self.documents.get(name)
        if document is None:
            raise self._not_found(name, context)
        variables = parse_variables(scope["query_string"], self.parameters[name])
        try:
            prepared = await self.door.prepare_and_charge(
                RequestParameters(variables=variables), context, scope, document
            )
        except RequestError as error:
            raise refusal_problem(error) from None
        scope["graphql"] = prepared
        return await self.door.respond_to_get(prepared, media_type, scope, context)

    def _not_found(self, name: str, context: CallContext) -> NotFound:
        """Return the problem of an unknown name, with all names if the caller may introspect."""
        detail = f"There is no trusted document {quote(name)}"
        names = list(self.documents)[:MAX_NAMES_IN_ERROR] if self.door.executor.may_introspect(context) else []
        return NotFound(f"{detail}; there are: {', '.join([f'`{n}`' for n in names])}." if names else f"{detail}.")
