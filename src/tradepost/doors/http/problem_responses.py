"""Problems as HTTP responses (RFC 9457), and Litestar's exceptions as problems."""

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
from .cache_policy import NO_STORE
from .idempotency_header import REPLAYED_HEADER
from .response import Response

MEDIA_TYPE = b"application/problem+json"

LOG = logging.getLogger("tradepost.http")

PROBLEM_BY_STATUS: Mapping[int, type[Problem]] = {
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
    """Return the response for a problem. It is never cached, because it names the request."""
    context = scope.get("context")
    if context is not None and context.hides_schema:
        problem.hide_schema()
    document = problem.to_dict()
    document["instance"] = scope.get("original_path") or scope["path"]
    document["request_id"] = scope.get("request_id", "")
    headers = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in problem.headers().items()]
    replayed = [REPLAYED_HEADER] if context is not None and context.idempotency.is_replay else []
    return Response(problem.status, _encode(document), MEDIA_TYPE, [*headers, NO_STORE, *replayed])


def _internal_error(error: Exception, scope: Scope) -> Response:
    """Log an unexpected exception with the request's id, and return a 500 without details."""
    LOG.error(
        "unexpected error, request %s, %s %s",
        scope.get("request_id", "-"),
        scope["method"],
        scope.get("original_path", ""),
        exc_info=error,
    )
    return problem_response(Internal(), scope)


def _problem_from_litestar(exception: HTTPException) -> Problem | None:
    """Return the problem for an exception of Litestar, or None if it is an internal error."""
    if exception.status_code == 405:
        return MethodNotAllowed(allow_header((exception.headers or {}).get("allow", "")))
    if isinstance(exception.__cause__, SerializationException):
        return MalformedBody()
    kind = PROBLEM_BY_STATUS.get(exception.status_code)
    return None if kind is None else kind("" if kind is NotFound else exception.detail)


def error_response(error: Exception, scope: Scope) -> Response:
    """Return the response for an exception that was raised before the response started."""
    if isinstance(error, HTTPException):
        problem = _problem_from_litestar(error)
    else:
        problem = error if isinstance(error, Problem) else None
    return _internal_error(error, scope) if problem is None else problem_response(problem, scope)


def allow_header(methods: str) -> str:
    """Return an `Allow` header: these methods, HEAD if GET is among them, and OPTIONS."""
    names = {name.strip() for name in methods.split(",") if name.strip()} | {"OPTIONS"}
    return ", ".join(sorted(names | {"HEAD"} if "GET" in names else names))


def _handle(request: Any, error: Exception) -> Any:
    return error_response(error, request.scope)


EXCEPTION_HANDLERS: Mapping[Any, Any] = {HTTPException: _handle, Exception: _handle}
"""Litestar's `exception_handlers`: all exceptions of its router and of handlers become problems."""
