"""The whole document."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from tradepost.kit.auth.oauth_errors import OAUTH_ERRORS
from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.registry import Registry

from ...http.problem_reference import describe_problem
from ..api import RestDoor
from ..token_endpoint import TokenRoute
from . import fixed_paths as around
from . import token_endpoint as oauth
from .components import components
from .examples import Examples
from .operations import controller_tag, operation_object
from .parameters import common_parameters, resource_parameters, result_parameters
from .responses import group_by_status, header_components, operation_problems, problem_response, response_name

ABOUT = """A headless shop. The same operations stand behind `/graphql`; `/docs/graphql` explores them.

- **Fields**: `fields` chooses what is answered, also of relations, and after writes. Without it all members but the relations come.
- **Formats**: JSON, or MessagePack with `Accept: application/msgpack` (also `application/x-msgpack`, `application/vnd.msgpack`).
  Bodies in either, unencoded, at most 1 MiB.
- **Methods**: HEAD is answered wherever GET is, OPTIONS everywhere; another method is 405 `method_not_allowed` with `Allow`.
- **Lists**: by cursor; `links.next`, and the `Link` header, lead on.
- **Conditions**: `If-None-Match` with an ETag gives 304, `If-Match` refuses a change where somebody else was first.
- **Once**: a write with an `Idempotency-Key` has its effect once, however often it is sent; the outcome is kept for 24 hours, for both doors.
  An outcome is a success, or a 404, 409 or 412 of the rules. A replay is the object as it was then, with the ETag that it had; relations are as they are now.
  The version in `If-Match` is part of the input: it was compared when the write ran, and a replay does not compare it again.
- **Problems**: every refusal is `application/problem+json` (RFC 9457); its `code` is stable, its `type` a page that explains it.
- **Budget**: every request costs points, a read by the rows that it can answer with, a write 10. `X-Request-Cost` tells what it was, `RateLimit` what
  is left; an empty budget is 429 `quota_exceeded`, and `Retry-After` and `retry_after` say when to come back. Both doors drain the same budget. No request
  may cost more than 1000. `GET rate-limit` tells the budget for nothing; `POST price` tells what a request would cost, without running it. A key with a
  limit of its own drains that and its owner's; `RateLimit` tells of the one with less in it.
  Attempts at credentials cost 20 whatever comes of them, and are counted besides, on each account and from each address (by default 10 and 30 a minute):
  429 `quota_exceeded` with `login-account` or `login-address` in `violated-policies`.
{signing_in}- **Time** is UTC (RFC 3339, six decimals); **money** is in minor units; text is UTF-8 in NFC.
"""

SCHEMES = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key: `tp_<id>_<secret>`."},
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT, or tp_<id>_<secret>",
        "description": "An access token (a JWT), or an API key, in `Authorization: Bearer`; any other scheme is 401.",
    },
}


class AuthenticationDocs(msgspec.Struct, frozen=True):
    """What the rooms say of who may: every permission in a sentence, and how to sign in, in lines of Markdown."""

    scopes: Mapping[str, str] = {}
    guide: str = ""


def openapi_document(
    registry: Registry, door: RestDoor, routes: Sequence[Any], version: int, signing: AuthenticationDocs
) -> dict[str, Any]:
    """OpenAPI 3.1 of a version: the same text for the same shop."""
    links, prefix = door.links[version], f"/v{version}"
    collections = links.collections()
    tokens = token_operations(routes)
    plain = components(registry, links, version)
    schemas = dict(sorted((plain | oauth.schemas(tokens.values(), plain) | around.schemas(collections)).items()))
    results = [of for of in registry.results.values() if all(o.result is not of for o in tokens.values())]
    examples = Examples(registry, links, schemas)
    made, tags = paths(door, routes, version)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tradepost", "version": str(version), "summary": "A shop with two front doors, REST and GraphQL.",
            "description": ABOUT.replace("{signing_in}", signing.guide),
            "contact": {"name": "Whoever runs this shop"}, "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The shop that served this document: production, or yours.", "x-internal": False}],
        "security": [],
        "tags": [around.TAG, *tags],
        "paths": around.paths(prefix) | made,
        "components": {
            "securitySchemes": SCHEMES | oauth.security_schemes([prefix + path for path in tokens], signing.scopes),
            "schemas": schemas,
            "parameters": common_parameters(version) | {n: p for of in results for n, p in result_parameters(of).items()}
            | {n: p for of in registry.resources.values() for n, p in resource_parameters(of, examples).items()},
            "headers": header_components(version),
            "responses": responses(door),
            "examples": shown(examples, door, version) | around.examples(collections, prefix) | (oauth.examples() if tokens else {}),
        },
    }  # fmt: skip


def paths(door: RestDoor, routes: Sequence[Any], version: int) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The operations by path and method, in the order of the registry; and their tags."""
    made: dict[str, Any] = {}
    tags: dict[str, str] = {}
    places = {
        h.operation_id: (r.path, h)
        for r in routes
        for h, _ in getattr(r, "route_handler_map", {}).values()
        if isinstance(h, HTTPRouteHandler)
    }
    for name, route in door.links[version].endpoints.items():
        path, handler = places[name]
        tag, doc = controller_tag(handler)
        tags.setdefault(tag, doc)
        has_document = door.has_graphql_document(route.operation)
        if isinstance(handler, TokenRoute):
            said = oauth.operation_object(route.operation, tag)
        else:
            said = operation_object(
                route, tag, version, require_if_match=door.require_if_match, has_document=has_document
            )
        made.setdefault(f"/v{version}{path.replace(':str}', '}')}", {})[route.method.lower()] = said
    return made, [{"name": tag, "description": doc} for tag, doc in tags.items()]


def token_operations(routes: Sequence[Any]) -> dict[str, Operation[Any, ..., Any]]:
    """The token endpoints by their paths."""
    found = [(r.path, h) for r in routes for h, _ in getattr(r, "route_handler_map", {}).values()]
    return {path: handler.operation for path, handler in found if isinstance(handler, TokenRoute)}


def refusing(door: RestDoor, version: int) -> list[Operation[Any, ..., Any]]:
    """The operations that refuse by problems of their own."""
    return [
        r.operation
        for r in door.links[version].endpoints.values()
        if not set(OAUTH_ERRORS).intersection(r.operation.problems)
    ]


def responses(door: RestDoor) -> dict[str, Any]:
    """The answers of all operations that refuse, by name."""
    groups = [
        several
        for o in refusing(door, 1)
        for several in group_by_status(operation_problems(o, door.require_if_match)).values()
    ]
    return {name: problem_response(several) for name, several in sorted({response_name(s): s for s in groups}.items())}


def shown(examples: Examples, door: RestDoor, version: int) -> dict[str, Any]:
    """The examples that responses and bodies refer to: shapes, and every kind of problem."""
    operations = [r.operation for r in door.links[version].endpoints.values()]
    values = {name: {"value": value} for name, value in examples.for_operations(operations).items()}
    used = sorted(
        {kind for o in refusing(door, version) for kind in operation_problems(o, door.require_if_match)},
        key=lambda kind: (kind.status, kind.__name__),
    )
    return values | {kind.__name__: {"summary": kind.title, "value": describe_problem(kind).example} for kind in used}
