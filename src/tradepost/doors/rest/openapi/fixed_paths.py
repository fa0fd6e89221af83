"""What stands around the operations: the entry of the version, the registered documents, and the two health checks."""

from typing import Any

from tradepost.kit import problems as kinds
from tradepost.kit.auth.access import ANYONE

from .operations import security
from .parameters import parameter, parameter_ref
from .responses import COMMON_PROBLEMS, FIELDS_PROBLEMS, header_refs, problem_response, problem_response_refs
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
NAME: Schema = {"type": "string", "pattern": "^[_A-Za-z][_0-9A-Za-z]*$", "maxLength": 200}
VARIABLES: Schema = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 20_000}}
DOCUMENT = (
    "Runs a GraphQL query that whoever runs the shop has registered. Each of its variables is a parameter of the query string by its own name: texts, ids, "
    "numbers, `true` and `false` and the names of enums as they are, lists and input objects as JSON. The answer, its ETag, its price and who may keep it are "
    "those of the same document by `GET /graphql`, under `Accept: application/graphql-response+json` as well."
)

TAG = {"name": "House", "description": "Where to begin, and whether all is well."}


def schemas(collections: dict[str, str]) -> dict[str, Schema]:
    """The shapes of these answers."""
    links = object_schema(
        {name: ref("Link") for name in ("self", *collections)}, required=["self"], doc="The collections."
    )
    checked: Schema = {
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["ok", "degraded", "failed"]},
            "ms": {"type": "number", "minimum": 0, "maximum": 60_000, "description": "How long it took."},
            "fault": {"type": "string", "maxLength": 100},
        },
        "required": ["status", "ms"],
    }
    checks: Schema = {
        "type": "object",
        "maxProperties": 20,
        "additionalProperties": checked,
        "description": "The single checks; for operators only.",
    }
    return {
        "Entry": object_schema({"links": links}, required=["links"], doc="Where to go from here."),
        "GraphQLAnswer": {
            "type": "object",
            "description": "As GraphQL answers: `data` by the document, `null` where all of it failed; `errors` where something did.",
            "properties": {
                "data": {"anyOf": [{"type": "object", "additionalProperties": True}, {"type": "null"}]},
                "errors": array_schema(ERROR),
            },
            "required": ["data"],
        },
        "Health": object_schema({"status": HEALTH, "checks": checks}, required=["status"], doc="Whether all is well."),
    }


def examples(collections: dict[str, str], prefix: str) -> dict[str, Any]:
    """One of each, and of the one that bears bad news."""
    links = {name: {"href": href} for name, href in {"self": prefix, **collections}.items()}
    answer = {"data": {"products": {"nodes": [{"name": "Oak Chair", "slug": "oak-chair"}]}}}
    return {
        "Entry": {"value": {"links": links}},
        "GraphQLAnswer": {"value": answer},
        "Health": {"value": {"status": "ok"}},
        "Unhealthy": {"value": {"status": "unavailable"}},
    }


def paths(prefix: str) -> dict[str, Any]:
    """The paths, by their place."""
    entry = _read(
        "entry",
        "The collections of this version",
        "Where to begin: the collections of this version, each with its path.",
        "Entry",
        ("ETag",),
    )
    unchanged = {"304": {"description": "You have it already.", "headers": header_refs("ETag")}}
    entry["responses"] = dict(sorted((entry["responses"] | unchanged).items()))
    entry["parameters"].insert(0, parameter_ref("If-None-Match"))
    live = _read(
        "health_live",
        "Whether the process answers",
        "For whoever restarts us: the process answers. It looks at nothing else.",
        "Health",
        (),
    )
    ready = _read(
        "health_ready",
        "Whether the shop can serve",
        "For whoever sends us traffic: all that the shop stands on answers too.",
        "Health",
        (),
    )
    bad = {"Unhealthy": {"$ref": "#/components/examples/Unhealthy"}}
    content = {"application/json": {"schema": ref("Health"), "examples": bad}} | problem_response([kinds.Unavailable])[
        "content"
    ]
    ready["responses"]["503"] = {
        "description": "Not ready; try again after the seconds in `Retry-After`.",
        "headers": header_refs("Retry-After"),
        "content": content,
    }
    return {
        prefix: {"get": entry},
        f"{prefix}/documents/{{name}}": {"get": _document()},
        "/health/live": {"get": live},
        "/health/ready": {"get": ready},
    }


def _read(name: str, summary: str, doc: str, schema: str, named: tuple[str, ...]) -> dict[str, Any]:
    shown = {schema: {"$ref": f"#/components/examples/{schema}"}}
    found = [kind for kind in PROBLEMS if schema == "Entry" or kind not in (kinds.NotAcceptable, kinds.QuotaExceeded)]
    found += [kinds.Unavailable] if schema == "Entry" else []
    answer = {
        "description": doc,
        "headers": header_refs(*named),
        "content": {"application/json": {"schema": ref(schema), "examples": shown}},
    }
    return {
        "operationId": name, "tags": [TAG["name"]], "summary": summary, "description": doc,
        "parameters": [parameter_ref("X-Request-ID"), parameter_ref("X-API-Version")],
        "responses": {"200": answer} | problem_response_refs(found), "security": security(ANYONE),
    }  # fmt: skip


def _document() -> dict[str, Any]:
    """`GET documents/{name}`: the names differ from shop to shop."""
    shown = {"GraphQLAnswer": {"$ref": "#/components/examples/GraphQLAnswer"}}
    content = {
        media: {"schema": ref("GraphQLAnswer"), "examples": shown}
        for media in ("application/json", "application/graphql-response+json")
    }
    named = header_refs("ETag", "Retry-After")
    variables = parameter(
        "variables",
        "query",
        VARIABLES,
        "One parameter for each variable that the document declares.",
        {"slug": "oak-chair"},
        style="form",
    )
    return {
        "operationId": "document", "tags": [TAG["name"]], "summary": "A registered GraphQL document", "description": DOCUMENT,
        "parameters": [
            parameter("name", "path", NAME, "The name of the document, which is that of its operation.", "ProductCard", required=True),
            variables | {"explode": True}, parameter_ref("If-None-Match"), parameter_ref("X-Request-ID"), parameter_ref("X-API-Version"),
        ],
        "responses": {
            "200": {"description": "What the document asks for.", "headers": named, "content": content},
            "304": {"description": "You have it already: `If-None-Match` names these bytes.", "headers": named},
        } | problem_response_refs([*COMMON_PROBLEMS, kinds.NotFound, *FIELDS_PROBLEMS]),
        "security": security(ANYONE),
    }  # fmt: skip
