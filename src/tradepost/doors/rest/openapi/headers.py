"""Header Objects of responses."""

from typing import Any

from ...http.request_body import ACCEPT_PATCH
from ...http.response import VARY_FIELDS
from ..deprecations import PAGE_NUMBERS
from .examples import CURSOR, REQUEST_ID

BUDGET = (
    "RateLimit",
    "RateLimit-Policy",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Cost",
)
"""The headers of the caller's budget, in every response."""
REPLAYED = ("Idempotent-Replayed",)
DEPRECATION = ("Deprecation", "Sunset")
"""The headers of deprecated features, which only version 1 has."""


def header(doc: str, example: str, **more: Any) -> dict[str, Any]:
    """Return a Header Object."""
    return {
        "description": doc,
        "schema": {"type": "string", "pattern": "^[ -~]*$", "maxLength": 20_000, **more},
        "example": example,
    }


HEADERS: dict[str, dict[str, Any]] = {
    "Accept": header("The supported media types of the body.", "application/json, application/msgpack"),
    "Accept-Patch": header("The supported patch formats (RFC 5789).", ACCEPT_PATCH),
    "Cache-Control": header(
        "Whether shared caches may store the response, and for how long.",
        "public, max-age=60, stale-while-revalidate=300",
    ),
    "Deprecation": header(
        "When page numbers were deprecated (RFC 9745). Only with `page` or `page_size`.",
        dict(PAGE_NUMBERS.headers())[b"deprecation"].decode(),
    ),
    "ETag": header(
        "The entity tag of the response, for `If-None-Match` and `If-Match`. That of a single resource starts with "
        "its version.",
        '"3.8f2d1c0b9a7e6f54"',
        pattern='^"[^"]+"$',
    ),
    "RateLimit": header(
        "The points left in the budget, and the seconds until it is full.",
        '"points";r=573;t=3',
        pattern='^"(points|key)";r=[0-9]+;t=[0-9]+$',
    ),
    "RateLimit-Policy": header(
        "The budget in points per minute. An API key with a limit of its own also has the policy `key`, and its "
        "requests are charged to both.",
        '"points";q=600;w=60;tradepost-unit="points"',
    ),
    "X-RateLimit-Limit": header("The size of the budget in points.", "600", pattern="^[0-9]+$"),
    "X-RateLimit-Remaining": header("The points left in the budget.", "573", pattern="^[0-9]+$"),
    "X-RateLimit-Reset": header("When the budget is full, as a Unix timestamp.", "1795255200", pattern="^[0-9]+$"),
    "X-Request-Cost": header("The points that this request cost.", "3", pattern="^[0-9]+$"),
    "Idempotent-Replayed": header(
        "Present if this is the outcome of an earlier request with the same `Idempotency-Key`.",
        "true",
        pattern="^true$",
    ),
    "Link": header(
        "Links to the next, previous and first page (RFC 8288).",
        f'</v1/products?cursor={CURSOR}>; rel="next", </v1/products>; rel="first"',
    ),
    "Location": header(
        "The path of the new resource.", "/v1/products/0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e02", format="uri-reference"
    ),
    "Pragma": header("Prevents caching by HTTP/1.0 caches (RFC 6749, 5.1).", "no-cache"),
    "Retry-After": header("The number of seconds to wait before trying again.", "1", pattern="^[0-9]+$"),
    "Sunset": header(
        "When page numbers stop working (RFC 8594). Only with `page` or `page_size`.",
        dict(PAGE_NUMBERS.headers())[b"sunset"].decode(),
    ),
    "Vary": header(
        "The request headers that the response depends on.",
        VARY_FIELDS.decode(),
    ),
    "WWW-Authenticate": header("How to authenticate (RFC 9110, 11.6.1).", 'Bearer realm="tradepost"'),
    "X-Request-ID": header("The id of this request: yours or a generated one.", REQUEST_ID),
}


def header_components(version: int) -> dict[str, dict[str, Any]]:
    """Return the Header Objects of a version's responses, by name."""
    return {name: value for name, value in HEADERS.items() if version == 1 or name not in DEPRECATION}


def header_refs(*names: str) -> dict[str, Any]:
    """Return references to these headers and to those of every response."""
    return {
        name: {"$ref": f"#/components/headers/{name}"}
        for name in (*names, "Cache-Control", *BUDGET, "Vary", "X-Request-ID")
    }
