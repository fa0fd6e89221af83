"""Responses: what comes of an operation, with its headers, and every problem that it can be answered with."""

from collections.abc import Iterable
from typing import Any

from tradepost.kit import problems as kinds
from tradepost.kit.operations.operation import Operation
from tradepost.kit.problems import Problem

from ...http.problem_reference import describe_problem
from ...http.request_body import ACCEPT_PATCH
from ..deprecations import PAGE_NUMBERS
from .examples import CURSOR, REQUEST_ID
from .schema import Schema, ref

type Response = dict[str, Any]

COMMON_PROBLEMS: tuple[type[Problem], ...] = (
    kinds.InvalidParameter,
    kinds.Unauthenticated,
    kinds.NotAcceptable,
    kinds.QuotaExceeded,
    kinds.Internal,
    kinds.Unavailable,
)
WITH_BODY: tuple[type[Problem], ...] = (
    kinds.MalformedBody,
    kinds.ContentTooLarge,
    kinds.UnsupportedMediaType,
    kinds.Validation,
)
FIELDS_PROBLEMS: tuple[type[Problem], ...] = (kinds.TooDeep, kinds.TooManyAliases, kinds.TooExpensive)
WITH_PATCH: tuple[type[Problem], ...] = (kinds.PatchTestFailed, kinds.PatchTargetMissing)
PROBLEM_JSON = "application/problem+json"


def header(doc: str, example: str, **more: Any) -> dict[str, Any]:
    """A Header Object."""
    return {
        "description": doc,
        "schema": {"type": "string", "pattern": "^[ -~]*$", "maxLength": 20_000, **more},
        "example": example,
    }


HEADERS: dict[str, dict[str, Any]] = {
    "Accept": header("The media types that are read here.", "application/json, application/msgpack"),
    "Accept-Patch": header("The patches that are read here (RFC 5789).", ACCEPT_PATCH),
    "Cache-Control": header(
        "Who may keep the answer, and for how long.", "public, max-age=60, stale-while-revalidate=300"
    ),
    "Deprecation": header(
        "Since when page numbers are deprecated (RFC 9745); only with `page` or `page_size`.",
        dict(PAGE_NUMBERS.headers())[b"deprecation"].decode(),
    ),
    "ETag": header(
        "The tag of these very bytes; one object's begins with its version. For `If-None-Match` and `If-Match`.",
        '"3.8f2d1c0b9a7e6f54"',
        pattern='^"[^"]+"$',
    ),
    "RateLimit": header(
        "What is left of the budget, and in how many seconds it is whole again.",
        '"points";r=573;t=3',
        pattern='^"(points|key)";r=[0-9]+;t=[0-9]+$',
    ),
    "RateLimit-Policy": header(
        "The budget: the points that a minute brings. A key with a limit of its own has `key` besides, and drains both.",
        '"points";q=600;w=60;tradepost-unit="points"',
    ),
    "X-RateLimit-Limit": header("The points of the budget.", "600", pattern="^[0-9]+$"),
    "X-RateLimit-Remaining": header("The points that are left.", "573", pattern="^[0-9]+$"),
    "X-RateLimit-Reset": header(
        "When the budget is whole again, in seconds since 1970.", "1795255200", pattern="^[0-9]+$"
    ),
    "X-Request-Cost": header("The points that this request has cost.", "3", pattern="^[0-9]+$"),
    "Idempotent-Replayed": header(
        "That this is the outcome of an earlier request with the same `Idempotency-Key`.", "true", pattern="^true$"
    ),
    "Link": header(
        "The neighbours of this page (RFC 8288).",
        f'</v1/products?cursor={CURSOR}>; rel="next", </v1/products>; rel="first"',
    ),
    "Location": header(
        "Where the new one is.", "/v1/products/0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e02", format="uri-reference"
    ),
    "Pragma": header("The same for caches of HTTP/1.0 (RFC 6749, 5.1).", "no-cache"),
    "Retry-After": header("In how many seconds to try again.", "1", pattern="^[0-9]+$"),
    "Sunset": header(
        "Until when page numbers work (RFC 8594); only with `page` or `page_size`.",
        dict(PAGE_NUMBERS.headers())[b"sunset"].decode(),
    ),
    "Vary": header(
        "What of the request the answer depends on.", "Accept, Accept-Encoding, Authorization, X-API-Key, X-Cart-Token"
    ),
    "WWW-Authenticate": header("How to say who you are (RFC 9110, 11.6.1).", 'Bearer realm="tradepost"'),
    "X-Request-ID": header("The name of this request, yours or one made.", REQUEST_ID),
}


BUDGET = (
    "RateLimit",
    "RateLimit-Policy",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Cost",
)
"""How the caller's budget stands, in every answer."""

AGAIN = ("Idempotent-Replayed",)
PASSING = ("Deprecation", "Sunset")
"""Only version 1 has something deprecated."""


def header_components(version: int) -> dict[str, dict[str, Any]]:
    """The headers of a version's answers."""
    return {name: said for name, said in HEADERS.items() if version == 1 or name not in PASSING}


def header_refs(*names: str) -> dict[str, Any]:
    """These headers, and those of every answer."""
    return {
        name: {"$ref": f"#/components/headers/{name}"}
        for name in (*names, "Cache-Control", *BUDGET, "Vary", "X-Request-ID")
    }


def operation_problems(operation: Operation[Any, ..., Any], require_if_match: bool) -> list[type[Problem]]:
    """All that can be answered: what the operation declares, and what the door adds."""
    found = [*COMMON_PROBLEMS, *operation.problems]
    if operation.status == 204:
        found.remove(kinds.NotAcceptable)
    else:
        found += FIELDS_PROBLEMS
    if operation.input is not None:
        found += WITH_BODY
    if operation.kind == "update":
        found += WITH_PATCH
    if require_if_match and operation.kind in ("replace", "update", "delete"):
        found.append(kinds.PreconditionRequired)
    return list(dict.fromkeys(found))


def problem_response_refs(given: Iterable[type[Problem]]) -> dict[str, Response]:
    """References to the problems by status, for an operation."""
    return {
        str(status): {"$ref": f"#/components/responses/{response_name(several)}"}
        for status, several in group_by_status(given).items()
    }


def group_by_status(given: Iterable[type[Problem]]) -> dict[int, list[type[Problem]]]:
    """The problems of each status, in the order of their names."""
    found: dict[int, list[type[Problem]]] = {}
    for kind in sorted(given, key=lambda kind: (kind.status, kind.__name__)):
        found.setdefault(kind.status, []).append(kind)
    return found


def response_name(several: Iterable[type[Problem]]) -> str:
    """`AlreadyExistsOrConflict`."""
    return "Or".join(kind.__name__ for kind in several)


def problem_response(several: list[type[Problem]]) -> Response:
    """The response of a status: its problems, each with cause, cure and an example."""
    said = "\n".join(f"- `{kind.code}`: {describe_problem(kind).cause} {kind.cure}" for kind in several)
    named = dict.fromkeys(name for kind in several for name in own_headers(kind))
    # Those that only writes are refused with, and that are kept.
    named |= dict.fromkeys(AGAIN if several[0].status in (409, 412) else ())
    shown = {kind.__name__: {"$ref": f"#/components/examples/{kind.__name__}"} for kind in several}
    return {
        "description": said,
        "headers": header_refs(*named),
        "content": {PROBLEM_JSON: {"schema": ref("Problem"), "examples": shown}},
    }


def own_headers(kind: type[Problem]) -> list[str]:
    """The headers that a kind of problem brings."""
    return ["Accept", "Accept-Patch"] if kind is kinds.UnsupportedMediaType else list(kind().headers())


def success_responses(operation: Operation[Any, ..., Any], version: int, has_document: bool) -> dict[str, Response]:
    """What comes where all goes well."""
    of, kind = operation.result, operation.kind
    again = AGAIN if operation.accepts_idempotency_key else ()
    match kind:
        case _ if operation.status == 204:
            return {
                "204": {
                    "description": "It is gone." if kind == "delete" else "It is done.",
                    "headers": header_refs(*again),
                }
            }
        case "list":
            names = [f"{of.name}Page", *([f"{of.name}NumberedPage"] if version == 1 else [])]
            named = ("ETag", "Link", *(PASSING if version == 1 else ()))
            schema: Schema = {"oneOf": [ref(n) for n in names]} if len(names) > 1 else ref(names[0])
            made = answer(
                "A page of the list." + (" The numbered one only with `page` or `page_size`." if version == 1 else ""),
                schema,
                names,
                named,
            )
        case "batch":
            made = answer(
                "The outcomes, in the order of the items.", ref(f"{of.name}Outcomes"), [f"{of.name}Outcomes"], AGAIN
            )
        case "create":
            return {"201": answer("It is made; this is it.", ref(of.name), [of.name], ("ETag", "Location", *again))}
        case _:
            said = {
                "get": "This is it.",
                "query": "This is it.",
                "command": "It is done; this is what came of it.",
            }.get(kind, "It is changed; this is it.")
            if operation.status == 202:
                said = "It will be done."
            made = answer(said, ref(of.name), [of.name], ("ETag", *again))
    if operation.is_write or kind == "query":
        return {str(operation.status): made}
    if has_document:
        made["content"]["application/graphql"] = {
            "schema": {"type": "string", "maxLength": 20_000, "description": "The GraphQL document that asks the same."}
        }
    return {
        "200": made,
        "304": {"description": "You have it already: `If-None-Match` names these bytes.", "headers": made["headers"]},
    }


def answer(doc: str, schema: Schema, examples: Iterable[str], named: Iterable[str]) -> Response:
    """A success in JSON and in MessagePack."""
    shown = {name: {"$ref": f"#/components/examples/{name}"} for name in examples}
    content = {"application/json": {"schema": schema, "examples": shown}, "application/msgpack": {"schema": schema}}
    return {"description": doc, "headers": header_refs(*named), "content": content}
