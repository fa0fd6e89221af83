"""A lane takes only paths that Litestar would have routed to the same function."""

from typing import Any

import pytest
from litestar import Litestar, Request, get, patch
from litestar.types import ASGIApp

from tests.doors.http.porch import OneLane
from tradepost.doors.http.allowed_methods import AllowedMethods, methods_by_path
from tradepost.doors.http.fast_path import fast_path_tables, fast_routes_of
from tradepost.doors.http.response import Response
from tradepost.doors.http.trusted_proxies import is_from_loopback


def test_lanes_are_read_from_the_routes_that_carry_one() -> None:
    lane = OneLane()

    async def endpoint(request: Request[Any, Any, Any]) -> ASGIApp:
        return Response(200)

    app = Litestar(
        [
            get(path, opt={"lane": lane})(endpoint)
            for path in ("/products", "/products/{key:str}", "/products/{key:str}/media")
        ]
        + [patch("/products/{key:str}", opt={"lane": lane})(endpoint), get("/other")(endpoint)],
        openapi_config=None,
        logging_config=None,
    )
    assert set(fast_routes_of(app.routes)) == {
        ("GET", "/products"),
        ("GET", "/products/{key:str}"),
        ("PATCH", "/products/{key:str}"),
    }
    assert methods_by_path(app.routes)["/products/{key:str}"] == {"GET", "PATCH", "OPTIONS"}


def test_a_literal_path_is_never_a_parameters_value() -> None:
    table = fast_path_tables({("GET", "/products/{key:str}"): OneLane()}, {"/products/export", "/carts"})["GET"]
    assert table.reserved == {"/products/export"}
    assert table.by_prefix["/products/"][1:] == ("key", "/products/{key:str}")


@pytest.mark.parametrize("template", ["/a/{b}/c", "/a/{b}/{c}", "/a/x{b}"])
def test_a_lane_with_a_parameter_elsewhere_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="one parameter"):
        fast_path_tables({("GET", template): OneLane()}, ())


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
def test_options_finds_the_route_that_litestar_would(path: str, allow: str | None) -> None:
    paths = AllowedMethods(
        {
            "/products/{key:str}": ["DELETE"],
            "/products": ["GET", "POST"],
            "/products/export": ["GET"],
            "/docs/{file:path}": ["GET"],
        }
    )
    answer = paths.options_response(path)
    assert (answer and dict(answer.headers)[b"allow"].decode()) == allow


@pytest.mark.parametrize(
    ("address", "headers", "here"),
    [
        ("127.0.0.1", [], True),
        ("::1", [], True),
        ("203.0.113.9", [], False),
        ("127.0.0.1", [(b"x-forwarded-for", b"127.0.0.1")], False),
        ("127.0.0.1", [(b"forwarded", b"for=127.0.0.1")], False),
        ("", [], False),
    ],
)
def test_what_a_proxy_passed_on_is_not_from_this_machine(
    address: str, headers: list[tuple[bytes, bytes]], here: bool
) -> None:
    assert is_from_loopback({"client": (address, 1), "headers": headers}) is here
    assert not is_from_loopback({"client": None, "headers": headers})
