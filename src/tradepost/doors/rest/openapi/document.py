"""The whole OpenAPI document."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from tradepost.kit.auth.credential_headers import CART_TOKEN
from tradepost.kit.auth.oauth_errors import OAUTH_ERRORS
from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.registry import Registry

from ...http.problem_reference import describe_problem
from ..api import RestDoor
from ..token_endpoint import TokenRoute
from ..webhook_route import WebhookRoute
from . import fixed_paths, token_endpoint
from .components import components
from .examples import Examples
from .headers import header_components
from .operations import CART_TOKEN_SCHEME, controller_tag, operation_object
from .parameters import common_parameters
from .resource_parameters import resource_parameters, result_parameters
from .responses import group_by_status, operation_problems, problem_response, response_name
from .unused import without_unused
from .webhooks import add_webhook

DESCRIPTION = """A headless commerce backend. `/graphql` has the same operations; you can explore it at `/docs/graphql`.

- **Fields**: `fields` chooses the members of a response and its relations, also after a write. By default, all members
  are returned, and only those relations whose description says so.
- **Formats**: JSON, or MessagePack with `Accept: application/msgpack` (also `application/x-msgpack` and
  `application/vnd.msgpack`). Request bodies can have either format, without `Content-Encoding`, and up to 1 MiB.
- **Methods**: every path that supports GET also supports HEAD, and every path supports OPTIONS. Other methods return
  405 `method_not_allowed` with `Allow`.
- **Pagination**: lists are paged by cursor. Follow `links.next` or the `Link` header.
- **Conditional requests**: send an ETag in `If-None-Match` to get 304 if nothing has changed, or in `If-Match` to get
  412 if the resource has changed in the meantime.
- **Idempotency**: writes with the same `Idempotency-Key` take effect once. The outcome is kept for 24 hours and shared
  by REST and GraphQL. It is a success, or a 404, 409 or 412 of a business rule. A replay returns the resource as it was
  then, with its ETag at that time, but with its current relations. The version in `If-Match` is part of the input: it
  is compared when the write runs, and not again by a replay.
- **Errors**: every error is `application/problem+json` (RFC 9457). Its `code` is stable, and its `type` is the path of
  a page that explains it.
- **Rate limit**: every request costs points: a read by the number of results that it can return, a write 10.
  `X-Request-Cost` is the cost of the request, `RateLimit` what is left of the budget. If it is used up, requests return
  429 `quota_exceeded`, with the time to wait in `Retry-After` and `retry_after`. REST and GraphQL share one budget. A
  request may cost at most 1000 points. `GET rate-limit` returns the budget for free; `POST price` returns the price of
  a request without running it. Requests with an API key that has a limit of its own are charged to that limit and to
  the owner's budget; `RateLimit` describes the one with fewer points left.
  Operations that check a password or token, such as `login`, always cost 20 points. Those that fail are also limited
  (by default to 10 a minute per account and client address, 30 a minute per client address, and 200 an hour per
  account): 429 `quota_exceeded` with `login-account`, `login-address` or `login-account-hour` in `violated-policies`.
  At most 5 password reset e-mails an hour are sent to one address (`emails`), and at most
  20 requests an hour with an unknown or expired `X-Cart-Token` are answered to one client address (`cart-token`).
{authentication}- **Values**: times are in UTC (RFC 3339, six decimals), money is in minor units, text is UTF-8 in NFC.
"""

SCHEMES = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key: `tp_<id>_<secret>`."},
    CART_TOKEN_SCHEME: {
        "type": "apiKey",
        "in": "header",
        "name": CART_TOKEN,
        "description": "The token of a guest's cart (`tpc_...`), which opens the cart and the order placed from it, or "
        "of a link to an order (`tpo_...`). It can be sent with any request, also together with another credential.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT, or tp_<id>_<secret>",
        "description": "An access token (a JWT) or an API key in `Authorization: Bearer`. Other schemes return 401.",
    },
}


class AuthenticationDocs(msgspec.Struct, frozen=True):
    """The areas' documentation of authentication.

    scopes: a description of every permission.    guide: how to authenticate, as a Markdown list.
    """

    scopes: Mapping[str, str] = {}
    guide: str = ""


def openapi_document(
    registry: Registry, door: RestDoor, routes: Sequence[Any], version: int, authentication: AuthenticationDocs
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of a version. It is the same in every process."""
    paths, tags = operation_paths(door, routes, version)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Tradepost",
            "version": str(version),
            "summary": "A headless commerce backend with two APIs, REST and GraphQL.",
            "description": DESCRIPTION.replace("{authentication}", authentication.guide),
            "contact": {"name": "The operator of this server"},
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This server: production, or a local one.", "x-internal": False}],
        "security": [],
        "tags": [fixed_paths.TAG, *tags],
        "paths": fixed_paths.paths(f"/v{version}") | paths,
        "components": component_objects(registry, door, routes, version, authentication),
    }
    return without_unused(document)


def component_objects(
    registry: Registry, door: RestDoor, routes: Sequence[Any], version: int, authentication: AuthenticationDocs
) -> dict[str, Any]:
    """Return the Components Object."""
    links, prefix = door.links[version], f"/v{version}"
    collections, tokens = links.collections(), token_operations(routes)
    generated = components(registry, links, version)
    token_schemas = token_endpoint.schemas(tokens.values(), generated)
    schemas = dict(sorted((generated | token_schemas | fixed_paths.schemas(collections)).items()))
    examples = Examples(registry, links, schemas)
    parameters = common_parameters(version)
    for result in registry.results.values():
        if all(operation.result is not result for operation in tokens.values()):
            parameters |= result_parameters(result)
    for resource in registry.resources.values():
        parameters |= resource_parameters(resource, examples)
    return {
        "securitySchemes": SCHEMES
        | token_endpoint.security_schemes([prefix + path for path in tokens], authentication.scopes),
        "schemas": schemas,
        "parameters": parameters,
        "headers": header_components(version),
        "responses": problem_responses(door),
        "examples": example_objects(examples, door, version)
        | fixed_paths.examples(collections, prefix)
        | (token_endpoint.examples() if tokens else {}),
    }


def operation_paths(door: RestDoor, routes: Sequence[Any], version: int) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return the operations by path and method, in the registry's order, and their tags."""
    paths: dict[str, Any] = {}
    tags: dict[str, str] = {}
    handlers = {handler.operation_id: (path, handler) for path, handler in http_handlers(routes)}
    for name, endpoint in door.links[version].endpoints.items():
        path, handler = handlers[name]
        tag, description = controller_tag(handler)
        tags.setdefault(tag, description)
        if isinstance(handler, TokenRoute):
            operation = token_endpoint.operation_object(endpoint.operation, tag)
        else:
            operation = operation_object(
                endpoint,
                tag,
                version,
                require_if_match=door.require_if_match,
                has_document=door.has_graphql_document(endpoint.operation),
            )
        if isinstance(handler, WebhookRoute):
            operation = add_webhook(operation, handler)
        paths.setdefault(f"/v{version}{path.replace(':str}', '}')}", {})[endpoint.method.lower()] = operation
    return paths, [{"name": tag, "description": description} for tag, description in tags.items()]


def http_handlers(routes: Sequence[Any]) -> Iterator[tuple[str, HTTPRouteHandler]]:
    """Yield the path and handler of every HTTP route."""
    for route in routes:
        for handler, _ in getattr(route, "route_handler_map", {}).values():
            if isinstance(handler, HTTPRouteHandler):
                yield route.path, handler


def token_operations(routes: Sequence[Any]) -> dict[str, Operation[Any, ..., Any]]:
    """Return the operations of the token endpoints, by path."""
    return {path: handler.operation for path, handler in http_handlers(routes) if isinstance(handler, TokenRoute)}


def operations_with_problems(door: RestDoor, version: int) -> list[Operation[Any, ..., Any]]:
    """Return the operations whose errors are problems: all but the token endpoints."""
    operations = [endpoint.operation for endpoint in door.links[version].endpoints.values()]
    return [operation for operation in operations if not set(OAUTH_ERRORS).intersection(operation.problems)]


def problem_responses(door: RestDoor) -> dict[str, Any]:
    """Return the Response Objects of all problems, by component name."""
    groups = [
        group
        for operation in operations_with_problems(door, 1)
        for group in group_by_status(operation_problems(operation, door.require_if_match)).values()
    ]
    by_name = {response_name(group): group for group in groups}
    return {name: problem_response(group) for name, group in sorted(by_name.items())}


def example_objects(examples: Examples, door: RestDoor, version: int) -> dict[str, Any]:
    """Return the Example Objects of bodies, results and problems, by component name."""
    operations = [endpoint.operation for endpoint in door.links[version].endpoints.values()]
    values = {name: {"value": value} for name, value in examples.for_operations(operations).items()}
    problems = {
        kind
        for operation in operations_with_problems(door, version)
        for kind in operation_problems(operation, door.require_if_match)
    }
    for kind in sorted(problems, key=lambda kind: (kind.status, kind.__name__)):
        values[kind.__name__] = {"summary": kind.title, "value": describe_problem(kind).example}
    return values
