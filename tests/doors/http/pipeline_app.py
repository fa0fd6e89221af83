"""A pipeline in front of a small app, and a client that calls it in the test's event loop."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
from litestar import Litestar, Request, get, patch, post
from litestar.types import ASGIApp

from tests.app_client import AppClient
from tradepost.doors.http.allowed_methods import methods_by_path
from tradepost.doors.http.cart_identity import CartIdentity
from tradepost.doors.http.conditional import entity_tag
from tradepost.doors.http.fast_path import FastRoutes
from tradepost.doors.http.pipeline import Pipeline, PipelineSettings
from tradepost.doors.http.problem_responses import EXCEPTION_HANDLERS
from tradepost.doors.http.request_body import read_value
from tradepost.doors.http.response import Response
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.problems import Unauthenticated
from tradepost.kit.rate_limit.meter import RateLimits

BODY = b'{"data":[' + b",".join(b'{"name":"Chair","price":%d}' % price for price in range(200)) + b"]}"


async def identify(headers: list[tuple[bytes, bytes]]) -> Caller:
    """Return the user of the API key `ann`; refuse the key `bad`; else return ANONYMOUS."""
    if (b"x-api-key", b"bad") in headers:
        raise Unauthenticated("The API key is not known.")
    return Caller(id="ann", role="customer") if (b"x-api-key", b"ann") in headers else ANONYMOUS


@get("/products")
async def page(request: Request[Any, Any, Any]) -> ASGIApp:
    """Return a list of 200 products."""
    return Response(200, BODY, etag=entity_tag(BODY))


@post("/products")
async def create(request: Request[Any, Any, Any]) -> ASGIApp:
    """Return the value of the body."""
    value = await read_value(request.scope, request.receive)
    return Response(201, repr(value).encode())


@get("/products/{key:str}")
async def one(request: Request[Any, Any, Any]) -> ASGIApp:
    """Return a product, by Litestar's routing."""
    return Response(200, b'{"key":"%s"}' % request.path_params["key"].encode(), etag=b'"3.abc"')


@patch("/products/{key:str}")
async def change(request: Request[Any, Any, Any]) -> ASGIApp:
    """Change nothing."""
    return Response(200, b"{}")


@get("/products/export")
async def export(request: Request[Any, Any, Any]) -> ASGIApp:
    """A literal path that a parameter would match too."""
    return Response(200, b'"export"')


@get("/boom")
async def boom(request: Request[Any, Any, Any]) -> ASGIApp:
    """Raise an unexpected error."""
    raise KeyError("an internal secret")


@get("/slow")
async def slow(request: Request[Any, Any, Any]) -> ASGIApp:
    """Respond after half a second."""
    await asyncio.sleep(0.5)
    return Response(200, b"{}")


@get("/plain")
async def plain() -> str:
    """A response that Litestar encodes."""
    return "hello"


@get("/where")
async def where(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Return what the pipeline has put into the scope."""
    scope: Any = request.scope
    names = ("version", "prefix", "original_path", "request_id", "path", "scheme")
    return {name: scope[name] for name in names} | {
        "client": scope["client"][0],
        "caller": scope["context"].caller.id,
        "cart": scope["context"].caller.cart_id,
        "order": scope["context"].caller.order_id,
        "token_hash": scope["context"].caller.token_hash,
        "raw_path": scope["raw_path"].decode(),
    }


class SingleFastRoute:
    """A fast route with a path parameter."""

    async def respond(self, scope: Any, receive: Any, parameters: dict[str, str], /) -> Response:
        """Return the key, so that a test can tell this response from Litestar's."""
        return Response(200, b'{"fast":"%s"}' % parameters["key"].encode())


def make_pipeline(
    fast_routes: FastRoutes | None = None,
    log: Any = None,
    limits: RateLimits | None = None,
    cart_identity: CartIdentity | None = None,
    **settings: Any,
) -> Pipeline:
    """Return a pipeline with these settings in front of the small app."""
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
        fast_routes=fast_routes,
        methods=methods_by_path(app.routes),
        access_log=log,
        limits=limits,
        cart_identity=cart_identity,
    )


def client(
    pipeline: Pipeline | None = None, *, address: str = "203.0.113.9", base: str = "http://shop.test", **settings: Any
) -> httpx.AsyncClient:
    """Return a client that calls from this address and accepts no compression by default."""
    app, headers = pipeline or make_pipeline(**settings), {"accept-encoding": "identity"}
    return AppClient(app, base_url=base, headers=headers, address=(address, 4711))


async def send_raw(
    response: Response, method: str = "GET", prefix: str = "/v1", **headers: str
) -> tuple[int, Mapping[bytes, bytes], bytes]:
    """Return what a Response sends: status, headers and body."""
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "method": method,
        "prefix": prefix,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    await response(scope, send, send)  # pyright: ignore[reportArgumentType]  # a Response receives nothing
    start, body = messages
    return start["status"], dict(start["headers"]), body["body"]
