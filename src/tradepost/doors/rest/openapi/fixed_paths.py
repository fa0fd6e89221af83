"""Paths that belong to no operation: the entry point, trusted documents and health checks."""

from typing import Any

from tradepost.kit import problems as kinds
from tradepost.kit.auth.access import ANYONE

from .headers import header_refs
from .operations import security
from .parameters import parameter, parameter_ref
from .responses import COMMON_PROBLEMS, FIELDS_PROBLEMS, problem_response, problem_response_refs
from .schema import Schema, array_schema, object_schema, ref

HEALTH: Schema = {"type": "string", "enum": ["ok", "unavailable"]}
PROBLEMS = tuple(kind for kind in COMMON_PROBLEMS if kind is not kinds.Unavailable)

NUMBER: Schema = {"type": "integer", "format": "int32", "minimum": 0, "maximum": 2**31 - 1}
ERROR: Schema = {
    "type": "object",
    "properties": {
        "message": {"type": "string", "maxLength": 20_000},
        "path": {
            "type": "array",
            "maxItems": 100,
            "items": {"anyOf": [{"type": "string", "maxLength": 200}, NUMBER]},
        },
        "locations": {
            "type": "array",
            "maxItems": 100,
            "items": {"type": "object", "additionalProperties": NUMBER},
        },
        "extensions": {
            "type": "object",
            "additionalProperties": True,
            "description": "The problem, without its title.",
        },
    },
    "required": ["message"],
}
DOCUMENT_NAME: Schema = {"type": "string", "pattern": "^[_A-Za-z][_0-9A-Za-z]*$", "maxLength": 200}
VARIABLES: Schema = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 20_000}}
DOCUMENT_DESCRIPTION = (
    "Run a GraphQL query that the operator of this server has registered. Each of its variables is a query parameter "
    "of the same name: strings, ids, numbers, booleans and enum values as they are, lists and input objects as JSON. "
    "The response, its ETag, its price and its caching are those of the same document at `GET /graphql`, also with "
    "`Accept: application/graphql-response+json`."
)

TAG = {"name": "Service", "description": "The entry point, trusted documents and health checks."}


def schemas(collections: dict[str, str]) -> dict[str, Schema]:
    """Return the schemas of these responses."""
    links = object_schema(
        {name: ref("Link") for name in ("self", *collections)}, required=["self"], doc="Links to the collections."
    )
    check: Schema = {
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["ok", "degraded", "failed"]},
            "ms": {
                "type": "number",
                "minimum": 0,
                "maximum": 60_000,
                "description": "The duration of the check in milliseconds.",
            },
            "fault": {"type": "string", "maxLength": 100},
        },
        "required": ["status", "ms"],
    }
    checks: Schema = {
        "type": "object",
        "maxProperties": 20,
        "additionalProperties": check,
        "description": "The results of the checks, for operators only.",
    }
    return {
        "Entry": object_schema({"links": links}, required=["links"], doc="The entry point of an API version."),
        "GraphQLAnswer": {
            "type": "object",
            "description": "A GraphQL response. `data` is null if all of it failed; `errors` lists what failed.",
            "properties": {
                "data": {"anyOf": [{"type": "object", "additionalProperties": True}, {"type": "null"}]},
                "errors": array_schema(ERROR),
            },
            "required": ["data"],
        },
        "Health": object_schema(
            {"status": HEALTH, "checks": checks}, required=["status"], doc="The health of the service."
        ),
    }


def examples(collections: dict[str, str], prefix: str) -> dict[str, Any]:
    """Return an example of each response, and one of a failed health check."""
    links = {name: {"href": href} for name, href in {"self": prefix, **collections}.items()}
    response = {"data": {"products": {"nodes": [{"name": "Oak Chair", "slug": "oak-chair"}]}}}
    return {
        "Entry": {"value": {"links": links}},
        "GraphQLAnswer": {"value": response},
        "Health": {"value": {"status": "ok"}},
        "Unhealthy": {"value": {"status": "unavailable"}},
    }


def paths(prefix: str) -> dict[str, Any]:
    """Return the Path Items, by path."""
    return {
        prefix: {"get": _entry()},
        f"{prefix}/documents/{{name}}": {"get": _document()},
        "/health/live": {
            "get": _read(
                "health_live",
                "Check liveness",
                "Return 200 while the process is running. Nothing else is checked.",
                "Health",
                (),
            )
        },
        "/health/ready": {"get": _ready()},
    }


def _entry() -> dict[str, Any]:
    doc = "List the collections of this version, each with its path."
    entry = _read("entry", "Get the entry point", doc, "Entry", ("ETag",))
    unchanged = {"304": {"description": "Not modified.", "headers": header_refs("ETag")}}
    entry["responses"] = dict(sorted((entry["responses"] | unchanged).items()))
    entry["parameters"].insert(0, parameter_ref("If-None-Match"))
    return entry


def _ready() -> dict[str, Any]:
    doc = "Return 200 while the service can handle requests: its database and other dependencies respond."
    ready = _read("health_ready", "Check readiness", doc, "Health", ())
    unhealthy = {"Unhealthy": {"$ref": "#/components/examples/Unhealthy"}}
    content = {"application/json": {"schema": ref("Health"), "examples": unhealthy}}
    ready["responses"]["503"] = {
        "description": "Not ready. Try again after the seconds in `Retry-After`.",
        "headers": header_refs("Retry-After"),
        "content": content | problem_response([kinds.Unavailable])["content"],
    }
    return ready


def _read(operation_id: str, summary: str, doc: str, schema: str, headers: tuple[str, ...]) -> dict[str, Any]:
    problems = list(PROBLEMS)
    if schema == "Entry":
        problems.append(kinds.Unavailable)
    else:
        problems = [kind for kind in problems if kind not in (kinds.NotAcceptable, kinds.QuotaExceeded)]
    examples = {schema: {"$ref": f"#/components/examples/{schema}"}}
    success = {
        "description": doc,
        "headers": header_refs(*headers),
        "content": {"application/json": {"schema": ref(schema), "examples": examples}},
    }
    return {
        "operationId": operation_id,
        "tags": [TAG["name"]],
        "summary": summary,
        "description": doc,
        "parameters": [parameter_ref("X-Request-ID"), parameter_ref("X-API-Version")],
        "responses": {"200": success} | problem_response_refs(problems),
        "security": security(ANYONE),
    }


def _document() -> dict[str, Any]:
    """Return the Operation Object of `GET documents/{name}`, which serves all trusted documents."""
    name = parameter(
        "name",
        "path",
        DOCUMENT_NAME,
        "The name of the document's operation.",
        "ProductCard",
        required=True,
    )
    variables = parameter(
        "variables",
        "query",
        VARIABLES,
        "One parameter for each variable that the document declares.",
        {"slug": "oak-chair"},
        style="form",
        explode=True,
    )
    examples = {"GraphQLAnswer": {"$ref": "#/components/examples/GraphQLAnswer"}}
    content = {
        media_type: {"schema": ref("GraphQLAnswer"), "examples": examples}
        for media_type in ("application/json", "application/graphql-response+json")
    }
    headers = header_refs("ETag", "Retry-After", "WWW-Authenticate")
    unchanged = "Not modified: `If-None-Match` has the current ETag."
    return {
        "operationId": "document",
        "tags": [TAG["name"]],
        "summary": "Run a trusted GraphQL document",
        "description": DOCUMENT_DESCRIPTION,
        "parameters": [
            name,
            variables,
            *(parameter_ref(header) for header in ("If-None-Match", "X-Request-ID", "X-API-Version")),
        ],
        "responses": {
            "200": {"description": "The response of the document.", "headers": headers, "content": content},
            "304": {"description": unchanged, "headers": headers},
        }
        | problem_response_refs([*COMMON_PROBLEMS, kinds.NotFound, *FIELDS_PROBLEMS]),
        "security": security(ANYONE),
    }
