"""A fast route serves only paths that Litestar would route to the same function."""

from typing import Any

import pytest
from litestar import Controller, Litestar, Request, get, patch
from litestar.types import ASGIApp

from tests.doors.http.pipeline_app import SingleFastRoute
from tradepost.doors.http.allowed_methods import AllowedMethods, methods_by_path
from tradepost.doors.http.fast_path import fast_path_tables, fast_routes_of
from tradepost.doors.http.response import Response
from tradepost.doors.http.trusted_proxies import is_from_loopback


def test_fast_routes_are_read_from_the_options_of_the_routes() -> None:
    fast_route = SingleFastRoute()

    async def endpoint(request: Request[Any, Any, Any]) -> ASGIApp:
        return Response(200)

    app = Litestar(
        [
            get(path, opt={"fast_route": fast_route})(endpoint)
            for path in ("/products", "/products/{key:str}", "/products/{key:str}/media")
        ]
        + [patch("/products/{key:str}", opt={"fast_route": fast_route})(endpoint), get("/other")(endpoint)],
        openapi_config=None,
        logging_config=None,
    )
    assert set(fast_routes_of(app.routes)) == {
        ("GET", "/products"),
        ("GET", "/products/{key:str}"),
        ("PATCH", "/products/{key:str}"),
    }
    assert methods_by_path(app.routes)["/products/{key:str}"] == {"GET", "PATCH", "OPTIONS"}


async def hook(*_: Any) -> None:
    """A guard, or another hook of Litestar."""


@pytest.mark.parametrize("name", ["guards", "middleware", "before_request", "after_request", "after_response"])
@pytest.mark.parametrize("layer", ["handler", "controller", "app"])
def test_a_fast_route_with_hooks_that_it_would_skip_is_refused_at_start(name: str, layer: str) -> None:
    options: Any = {name: {"guards": [hook], "middleware": [lambda app: app]}.get(name, hook)}

    class Products(Controller):
        path = "/products"

        @get("/", opt={"fast_route": SingleFastRoute()}, **(options if layer == "handler" else {}))
        async def products(self, request: Request[Any, Any, Any]) -> ASGIApp:
            return Response(200)

    if layer == "controller":
        for option, value in options.items():
            setattr(Products, option, value)
    on_app = options if layer == "app" else {}
    app = Litestar([Products], openapi_config=None, logging_config=None, **on_app)
    with pytest.raises(ValueError, match=f"/products is a fast route, which would skip its {name}"):
        fast_routes_of(app.routes)


def test_a_guard_that_the_fast_route_checks_itself_is_no_obstacle() -> None:
    @get("/products", guards=[hook], opt={"fast_route": SingleFastRoute(), "enforced_guards": [hook]})
    async def products(request: Request[Any, Any, Any]) -> ASGIApp:
        return Response(200)

    app = Litestar([products], openapi_config=None, logging_config=None)
    assert set(fast_routes_of(app.routes)) == {("GET", "/products")}


def test_a_literal_path_is_never_the_value_of_a_parameter() -> None:
    table = fast_path_tables({("GET", "/products/{key:str}"): SingleFastRoute()}, {"/products/export", "/carts"})["GET"]
    assert table.reserved == {"/products/export"}
    assert table.by_prefix["/products/"][1:] == ("key", "/products/{key:str}")


@pytest.mark.parametrize("template", ["/a/{b}/c", "/a/{b}/{c}", "/a/x{b}"])
def test_a_fast_route_whose_parameter_is_not_last_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="one parameter"):
        fast_path_tables({("GET", template): SingleFastRoute()}, ())


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/products", "GET, HEAD, OPTIONS, POST"),
        ("/products/", "GET, HEAD, OPTIONS, POST"),
        ("/products/chair", "DELETE, OPTIONS"),
        ("/products/export", "GET, HEAD, OPTIONS"),
        ("/docs/a/b/c.js", "GET, HEAD, OPTIONS"),
        ("/docs", None),
        ("/nowhere", None),
        ("/", None),
    ],
)
def test_options_finds_the_same_route_as_litestar(path: str, allow: str | None) -> None:
    paths = AllowedMethods(
        {
            "/products/{key:str}": ["DELETE"],
            "/products": ["GET", "POST"],
            "/products/export": ["GET"],
            "/docs/{file:path}": ["GET"],
        }
    )
    response = paths.options_response(path)
    assert (response and dict(response.headers)[b"allow"].decode()) == allow


@pytest.mark.parametrize(
    ("address", "headers", "from_loopback"),
    [
        ("127.0.0.1", [], True),
        ("::1", [], True),
        ("203.0.113.9", [], False),
        ("127.0.0.1", [(b"x-forwarded-for", b"127.0.0.1")], False),
        ("127.0.0.1", [(b"forwarded", b"for=127.0.0.1")], False),
        ("", [], False),
    ],
)
def test_a_forwarded_request_is_not_from_loopback(
    address: str, headers: list[tuple[bytes, bytes]], from_loopback: bool
) -> None:
    assert is_from_loopback({"client": (address, 1), "headers": headers}) is from_loopback
    assert not is_from_loopback({"client": None, "headers": headers})
