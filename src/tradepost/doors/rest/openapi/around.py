"""What stands around the operations: the entry of the version, and the two health checks."""

from typing import Any

from tradepost.kit import problems as kinds
from tradepost.kit.access import ANYONE

from .answers import ALWAYS, headers, refusal, refusals
from .operations import security
from .parameters import placed
from .schema import Schema, object_of, ref

HEALTH: Schema = {"type": "string", "enum": ["ok", "unavailable"]}
PROBLEMS = tuple(kind for kind in ALWAYS if kind is not kinds.Unavailable)

TAG = {"name": "House", "description": "Where to begin, and whether all is well."}


def schemas(collections: dict[str, str]) -> dict[str, Schema]:
    """The shapes of these answers."""
    links = object_of({name: ref("Link") for name in ("self", *collections)}, required=["self"], doc="The collections.")
    checked: Schema = {
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["ok", "degraded", "failed"]},
            "ms": {"type": "number", "minimum": 0, "maximum": 60_000, "description": "How long it took."},
            "fault": {"type": "string", "maxLength": 100},
        },
        "required": ["status", "ms"],
    }
    checks: Schema = {"type": "object", "maxProperties": 20, "additionalProperties": checked, "description": "The single checks; for operators only."}
    return {
        "Entry": object_of({"links": links}, required=["links"], doc="Where to go from here."),
        "Health": object_of({"status": HEALTH, "checks": checks}, required=["status"], doc="Whether all is well."),
    }


def examples(collections: dict[str, str], prefix: str) -> dict[str, Any]:
    """One of each, and of the one that bears bad news."""
    links = {name: {"href": href} for name, href in {"self": prefix, **collections}.items()}
    return {"Entry": {"value": {"links": links}}, "Health": {"value": {"status": "ok"}}, "Unhealthy": {"value": {"status": "unavailable"}}}


def paths(prefix: str) -> dict[str, Any]:
    """The paths, by their place."""
    entry = _read("entry", "The collections of this version", "Where to begin: the collections of this version, each with its path.", "Entry", ("ETag",))
    unchanged = {"304": {"description": "You have it already.", "headers": headers("ETag")}}
    entry["responses"] = dict(sorted((entry["responses"] | unchanged).items()))
    entry["parameters"].insert(0, placed("If-None-Match"))
    live = _read("health_live", "Whether the process answers", "For whoever restarts us: the process answers. It looks at nothing else.", "Health", ())
    ready = _read("health_ready", "Whether the shop can serve", "For whoever sends us traffic: all that the shop stands on answers too.", "Health", ())
    bad = {"Unhealthy": {"$ref": "#/components/examples/Unhealthy"}}
    content = {"application/json": {"schema": ref("Health"), "examples": bad}} | refusal([kinds.Unavailable])["content"]
    ready["responses"]["503"] = {
        "description": "Not ready; try again after the seconds in `Retry-After`.",
        "headers": headers("Retry-After"),
        "content": content,
    }
    return {prefix: {"get": entry}, "/health/live": {"get": live}, "/health/ready": {"get": ready}}


def _read(name: str, summary: str, doc: str, schema: str, named: tuple[str, ...]) -> dict[str, Any]:
    shown = {schema: {"$ref": f"#/components/examples/{schema}"}}
    found = [kind for kind in PROBLEMS if schema == "Entry" or kind not in (kinds.NotAcceptable, kinds.QuotaExceeded)]
    found += [kinds.Unavailable] if schema == "Entry" else []
    answer = {"description": doc, "headers": headers(*named), "content": {"application/json": {"schema": ref(schema), "examples": shown}}}
    return {
        "operationId": name, "tags": [TAG["name"]], "summary": summary, "description": doc,
        "parameters": [placed("X-Request-ID"), placed("X-API-Version")],
        "responses": {"200": answer} | refusals(found), "security": security(ANYONE),
    }  # fmt: skip
