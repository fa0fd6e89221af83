"""A porch in front of a tiny app, and the client that calls it in the test's own loop."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
from litestar import Litestar, Request, get, patch, post
from litestar.types import ASGIApp

from tradepost.doors.http.allowed_methods import methods_by_path
from tradepost.doors.http.conditional import entity_tag
from tradepost.doors.http.fast_path import FastRoutes
from tradepost.doors.http.pipeline import Pipeline, PipelineSettings
from tradepost.doors.http.problem_responses import EXCEPTION_HANDLERS
from tradepost.doors.http.request_body import read_value
from tradepost.doors.http.response import Response
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.problems import Unauthenticated

BODY = b'{"data":[' + b",".join(b'{"name":"Chair","price":%d}' % price for price in range(200)) + b"]}"


async def identify(headers: list[tuple[bytes, bytes]]) -> Caller:
    """Everybody is anonymous; a bad key is refused."""
    if (b"x-api-key", b"bad") in headers:
        raise Unauthenticated("The API key is not known.")
    return ANONYMOUS


@get("/products")
async def page(request: Request[Any, Any, Any]) -> ASGIApp:
    """A list of 200 products."""
    return Response(200, BODY, etag=entity_tag(BODY))


@post("/products")
async def create(request: Request[Any, Any, Any]) -> ASGIApp:
    """Answers with what it was sent."""
    value = await read_value(request.scope, request.receive)
    return Response(201, repr(value).encode())


@get("/products/{key:str}")
async def one(request: Request[Any, Any, Any]) -> ASGIApp:
    """One product by Litestar's routing."""
    return Response(200, b'{"key":"%s"}' % request.path_params["key"].encode(), etag=b'"3.abc"')


@patch("/products/{key:str}")
async def change(request: Request[Any, Any, Any]) -> ASGIApp:
    """Changes nothing."""
    return Response(200, b"{}")


@get("/products/export")
async def export(request: Request[Any, Any, Any]) -> ASGIApp:
    """A literal path beside a parameter."""
    return Response(200, b'"export"')


@get("/boom")
async def boom(request: Request[Any, Any, Any]) -> ASGIApp:
    """A fault of ours."""
    raise KeyError("a secret of the inside")


@get("/slow")
async def slow(request: Request[Any, Any, Any]) -> ASGIApp:
    """Takes a while."""
    await asyncio.sleep(0.5)
    return Response(200, b"{}")


@get("/plain")
async def plain() -> str:
    """An answer that Litestar makes."""
    return "hello"


@get("/where")
async def where(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """What the porch has put into the scope."""
    scope: Any = request.scope
    kept = {name: scope[name] for name in ("version", "prefix", "called", "request_id", "path", "scheme")}
    return kept | {
        "client": scope["client"][0],
        "caller": scope["context"].caller.id,
        "raw_path": scope["raw_path"].decode(),
    }


class OneLane:
    """A lane that says which key it was given."""

    async def respond(self, scope: Any, receive: Any, given: dict[str, str], /) -> Response:
        """Its key, marked as the lane's work."""
        return Response(200, b'{"lane":"%s"}' % given["key"].encode())


def porch(lanes: FastRoutes | None = None, log: Any = None, **settings: Any) -> Pipeline:
    """A porch with these settings before the tiny app."""
    app = Litestar(
        [page, create, one, change, export, boom, slow, plain, where],
        exception_handlers=dict(EXCEPTION_HANDLERS),
        openapi_config=None,
        logging_config=None,
    )
    return Pipeline(
        app,
        identify=identify,
        database=None,
        settings=PipelineSettings(**settings),
        fast_routes=lanes,
        methods=methods_by_path(app.routes),
        access_log=log,
    )


def client(
    pipeline: Pipeline | None = None, *, address: str = "203.0.113.9", base: str = "http://shop.test", **settings: Any
) -> httpx.AsyncClient:
    """A client that sends no Accept-Encoding of its own and calls from this address."""
    transport = httpx.ASGITransport(app=pipeline or porch(**settings), client=(address, 4711))
    return httpx.AsyncClient(transport=transport, base_url=base, headers={"accept-encoding": "identity"})


async def sent(
    answer: Response, method: str = "GET", prefix: str = "/v1", **headers: str
) -> tuple[int, Mapping[bytes, bytes], bytes]:
    """What an Answer sends: status, headers, body."""
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "method": method,
        "prefix": prefix,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    await answer(scope, send, send)  # pyright: ignore[reportArgumentType]  # an Answer receives nothing
    start, body = messages
    return start["status"], dict(start["headers"]), body["body"]
