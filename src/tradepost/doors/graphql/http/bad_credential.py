"""The response to a GraphQL request with a bad credential, which is refused before it is parsed."""

from tradepost.kit.problems import Problem

from ...http.asgi import Scope, request_headers
from ...http.cache_policy import NO_STORE
from ...http.negotiation import best_offer
from ...http.response import Response
from ..problems import format_error
from .endpoint import CONTENT_TYPES, JSON, OFFERED_TYPES, encode


def bad_credential_response(problem: Problem, scope: Scope) -> Response:
    """Return the problem as a GraphQL error. It keeps its status in both media types."""
    media_type = best_offer(request_headers(scope).get(b"accept"), OFFERED_TYPES) or JSON
    body = encode({"errors": [format_error(problem, scope["request_id"])]})
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers().items()]
    return Response(problem.status, body, CONTENT_TYPES[media_type], (*headers, NO_STORE))
