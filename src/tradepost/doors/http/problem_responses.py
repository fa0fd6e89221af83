"""Problems as HTTP answers (RFC 9457), and Litestar's own errors as problems of ours."""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.exceptions import HTTPException, SerializationException

from tradepost.kit.problems import (
    ContentTooLarge,
    Forbidden,
    Internal,
    InvalidParameter,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    Problem,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)

from .asgi import Scope
from .idempotency_header import REPLAYED_HEADER
from .response import Response

MEDIA = b"application/problem+json"
NOT_KEPT = (b"cache-control", b"no-store")

LOG = logging.getLogger("tradepost.porch")

KINDS: Mapping[int, type[Problem]] = {
    400: InvalidParameter,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    413: ContentTooLarge,
    415: UnsupportedMediaType,
    503: Unavailable,
}

_encode = msgspec.json.Encoder().encode


def problem_response(problem: Problem, scope: Scope) -> Response:
    """The answer that carries a problem. Nobody keeps it: it names this one request."""
    context = scope.get("context")
    if context is not None and context.hides_schema:
        problem.hide_schema()
    document = problem.to_dict()
    document["instance"] = scope.get("called") or scope["path"]
    document["request_id"] = scope.get("request_id", "")
    headers = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in problem.headers().items()]
    again = [REPLAYED_HEADER] if context is not None and context.idempotency.is_replay else []
    return Response(problem.status, _encode(document), MEDIA, [*headers, NOT_KEPT, *again])


def unexpected(exception: Exception, scope: Scope) -> Response:
    """The answer to a fault of ours: logged once with its traceback and the request's id; nothing of its inside is shown."""
    LOG.error(
        "unexpected fault, request %s, %s %s",
        scope.get("request_id", "-"),
        scope["method"],
        scope.get("called", ""),
        exc_info=exception,
    )
    return problem_response(Internal(), scope)


def problem_of(exception: HTTPException) -> Problem | None:
    """The problem that says what an error of Litestar's own means; None where it is a fault of ours."""
    if exception.status_code == 405:
        return MethodNotAllowed(allow_header((exception.headers or {}).get("allow", "")))
    if isinstance(exception.__cause__, SerializationException):
        return MalformedBody()
    kind = KINDS.get(exception.status_code)
    return None if kind is None else kind("" if kind is NotFound else exception.detail)


def error_response(fault: Exception, scope: Scope) -> Response:
    """The answer to whatever was raised before an answer had begun."""
    problem = fault if isinstance(fault, Problem) else problem_of(fault) if isinstance(fault, HTTPException) else None
    return unexpected(fault, scope) if problem is None else problem_response(problem, scope)


def allow_header(methods: str) -> str:
    """The `Allow` of a path: what it is registered for, HEAD where GET is, and OPTIONS."""
    names = {name.strip() for name in methods.split(",") if name.strip()} | {"OPTIONS"}
    return ", ".join(sorted(names | {"HEAD"} if "GET" in names else names))


def _handle(request: Any, fault: Exception) -> Any:
    return error_response(fault, request.scope)


EXCEPTION_HANDLERS: Mapping[Any, Any] = {HTTPException: _handle, Exception: _handle}
"""What Litestar is given as `exception_handlers`: whatever its routing or a handler raises becomes a problem."""
