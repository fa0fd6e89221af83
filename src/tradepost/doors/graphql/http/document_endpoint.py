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

from ...http.asgi import Receive, Scope, fields
from ...http.negotiation import accepted
from ...http.response import Answer
from ..documents.requests import Request
from ..problems import Refused
from .document_parameters import Parameter, parameters_of, problem_of, variables_of
from .endpoint import OFFERS, GraphQLDoor

MOST_NAMED = 100


class DocumentCalls:
    """The registered documents of a door, each by its name."""

    def __init__(self, door: GraphQLDoor) -> None:
        self.door, self.known = door, door.executor.registered.by_name
        self.parameters: dict[str, dict[str, Parameter]] = {
            name: parameters_of(operation)
            for name, document in self.known.items()
            if (operation := document.only) is not None
        }

    def route(self) -> HTTPRouteHandler:
        """The address as an ordinary route of Litestar; also a lane of the porch."""

        @route(
            "/documents/{name:str}", http_method=["GET"], status_code=200, include_in_schema=False, opt={"lane": self}
        )
        async def call(request: LitestarRequest[Any, Any, Any]) -> ASGIApp:
            return await self.answer(request.scope, request.receive, dict(request.path_params))

        return call

    async def answer(self, scope: Scope, receive: Receive, given: dict[str, str], /) -> Answer:
        """The answer to a request; also the porch's fast lane comes in here."""
        scope["context"] = context = scope["context"].at_door("graphql")
        name = given["name"]
        media = accepted(fields(scope).get(b"accept"), OFFERS)
        if media is None:
            raise NotAcceptable("Available here: application/json, application/graphql-response+json.")
        document = self.known.get(name)
        if document is None:
            raise self.unknown(name, context)
        variables = variables_of(scope["query_string"], self.parameters[name])
        try:
            ready = await self.door.compiled(Request(variables=variables), context, scope, document)
        except Refused as refused:
            raise problem_of(refused) from None
        return await self.door.shown(ready, media, scope, context)

    def unknown(self, name: str, context: CallContext) -> NotFound:
        """The problem of a name that is not registered. Which ones are is told to those who may see the schema."""
        said = f"There is no registered document `{name[:100]}`"
        names = list(self.known)[:MOST_NAMED] if self.door.executor.shows(context) else []
        return NotFound(f"{said}; registered: {', '.join([f'`{n}`' for n in names])}." if names else f"{said}.")
