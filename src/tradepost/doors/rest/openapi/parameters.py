"""Parameter Objects that are shared by all resources."""

from typing import Any

from tradepost.kit.resource.list_query import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

from .common_schemas import CURSOR as CURSOR_SCHEMA
from .examples import CURSOR, REQUEST_ID
from .schema import Schema

type Parameter = dict[str, Any]

PAGE_SIZE: Schema = {"type": "integer", "format": "int32", "minimum": 1, "maximum": MAX_PAGE_SIZE}
PAGE_NUMBER: Schema = {"type": "integer", "format": "int32", "minimum": 1, "maximum": 2**31 - 1}
ENTITY_TAGS: Schema = {"type": "string", "pattern": r'^(\*|(W/)?"[^"]*"(\s*,\s*(W/)?"[^"]*")*)$', "maxLength": 1000}
IDEMPOTENCY_KEY: Schema = {
    "type": "string",
    "pattern": r'^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$',
    "maxLength": 512,
}
CURSOR_PARAMETER = {name: value for name, value in CURSOR_SCHEMA.items() if name != "description"}
EXAMPLE_TAG = '"3.8f2d1c0b9a7e6f54"'


def parameter(name: str, location: str, schema: Schema, doc: str, example: Any, **more: Any) -> Parameter:
    """Return a Parameter Object. `location` is `path`, `query` or `header`."""
    return {"name": name, "in": location, "description": doc, "schema": schema, "example": example, **more}


def parameter_ref(name: str) -> dict[str, str]:
    """Return a reference to a component parameter."""
    return {"$ref": f"#/components/parameters/{name}"}


def common_parameters(version: int) -> dict[str, Parameter]:
    """Return the parameters that belong to no resource, by component name."""
    deprecated = _page_number_parameters() if version == 1 else {}
    return _page_parameters() | _write_and_header_parameters(version) | deprecated


def _page_parameters() -> dict[str, Parameter]:
    return {
        "Limit": parameter(
            "limit", "query", PAGE_SIZE | {"default": DEFAULT_PAGE_SIZE}, "The maximum number of results per page.", 20
        ),
        "Cursor": parameter(
            "cursor",
            "query",
            CURSOR_PARAMETER,
            "Return the page after this cursor: the `next_cursor` of the previous page.",
            CURSOR,
        ),
        "Before": parameter(
            "before",
            "query",
            CURSOR_PARAMETER,
            "Return the page that ends before this cursor, as `links.prev` does. With `cursor`, return the results "
            "between the two.",
            CURSOR,
        ),
        "Include": parameter(
            "include",
            "query",
            {"type": "string", "enum": ["total"]},
            "`total` returns the number of results on all pages. They are counted on every request, so use it "
            "only if you show the number.",
            "total",
        ),
    }


def _page_number_parameters() -> dict[str, Parameter]:
    return {
        "Page": parameter(
            "page",
            "query",
            PAGE_NUMBER,
            "The number of the page. Use `cursor` instead: version 2 has no page numbers.",
            1,
            deprecated=True,
        ),
        "PageSize": parameter(
            "page_size",
            "query",
            PAGE_SIZE,
            "The maximum number of results on a numbered page. Use `limit` instead: version 2 has no page numbers.",
            20,
            deprecated=True,
        ),
    }


def _write_and_header_parameters(version: int) -> dict[str, Parameter]:
    return {
        "Atomic": parameter(
            "atomic",
            "query",
            {"type": "boolean", "default": False},
            "Apply all items or none. The first error undoes the batch and is returned as the response.",
            True,
        ),
        "If-None-Match": parameter(
            "If-None-Match",
            "header",
            ENTITY_TAGS,
            "The ETag of the response that you have. Returns 304 if it is still current.",
            EXAMPLE_TAG,
        ),
        "If-Match": parameter(
            "If-Match",
            "header",
            ENTITY_TAGS,
            "The ETag of the resource as you read it, in any representation. Returns 412 if it has changed since.",
            EXAMPLE_TAG,
        ),
        "Idempotency-Key": parameter(
            "Idempotency-Key",
            "header",
            IDEMPOTENCY_KEY,
            "A unique key for this change, such as a UUID, bare or in double quotes. The change is made once, however "
            "many requests have the key, through REST or GraphQL. For 24 hours, the others return its outcome with "
            "`Idempotent-Replayed: true`. Returns 409 while the first request is running, 422 if the input differs.",
            "8e03978e-40d5-43dd-bc93-6894a57f9324",
        ),
        "X-Request-ID": parameter(
            "X-Request-ID",
            "header",
            {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$", "maxLength": 128},
            "Your id for this request. It is returned in the response and written to the server's log. If omitted, "
            "an id is generated.",
            REQUEST_ID,
        ),
        "X-API-Version": parameter(
            "X-API-Version",
            "header",
            {"type": "string", "enum": [str(version)]},
            "The API version, if the path has no version prefix. If it has one, the two must agree.",
            str(version),
        ),
    }
