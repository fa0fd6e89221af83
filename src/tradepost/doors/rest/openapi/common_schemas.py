"""Schemas that belong to no resource: paths, cursors, problems and JSON Patch."""

from .schema import Schema, array_schema, ref

HREF: Schema = {
    "type": "string",
    "format": "uri-reference",
    "maxLength": 2000,
    "pattern": "^/",
    "description": "A path, without scheme and host.",
}
CURSOR: Schema = {
    "type": "string",
    "pattern": "^[A-Za-z0-9_-]+$",
    "maxLength": 1000,
    "description": "An opaque position in this list.",
}
METHODS: Schema = {"type": "string", "enum": ["DELETE", "PATCH", "POST", "PUT"]}

CODE: Schema = {
    "type": "string",
    "pattern": "^[a-z0-9_]+$",
    "maxLength": 100,
    "description": "The stable code of the problem. All codes are listed at `/problems`.",
}
POINTER: Schema = {
    "type": "string",
    "format": "json-pointer",
    "maxLength": 1000,
    "pattern": "^(/.*)?$",
    "description": "A JSON Pointer (RFC 6901).",
}
FAULT_MEMBERS: dict[str, Schema] = {
    "code": CODE,
    "detail": {"type": "string", "maxLength": 20_000, "description": "The fault, and the allowed values."},
    "pointer": POINTER | {"description": "The location in the request body, as a JSON Pointer (RFC 6901)."},
    "parameter": {"type": "string", "maxLength": 100, "description": "The name of the invalid parameter."},
}
PROBLEM_MEMBERS: dict[str, Schema] = {
    "type": {
        "type": "string",
        "format": "uri-reference",
        "maxLength": 200,
        "description": "The path of a page that explains the cause and the solution.",
    },
    "title": {"type": "string", "maxLength": 200, "description": "A short name for this kind of problem."},
    "status": {"type": "integer", "format": "int32", "minimum": 400, "maximum": 599},
    "code": CODE,
    "detail": {"type": "string", "maxLength": 20_000, "description": "The fault, and the allowed values."},
    "instance": {
        "type": "string",
        "format": "uri-reference",
        "maxLength": 20_000,
        "description": "The path of the request.",
    },
    "request_id": {
        "type": "string",
        "pattern": "^[A-Za-z0-9._:-]*$",
        "maxLength": 128,
        "description": "The id of the request in the server's log.",
    },
    "errors": array_schema(ref("Fault")) | {"description": "All faults, at most 100."},
    "field": {
        "type": "string",
        "maxLength": 100,
        "description": "With `already_exists`: the member whose value is already in use.",
    },
    "version": {
        "type": "integer",
        "format": "int64",
        "minimum": 1,
        "maximum": 2**53 - 1,
        "description": "With `precondition_failed`: the current version.",
    },
    "limit": {
        "type": "integer",
        "format": "int64",
        "minimum": 0,
        "maximum": 2**53 - 1,
        "description": "With `content_too_large`, `too_expensive` and `too_many_open_orders`: the maximum allowed.",
    },
    "points": {
        "type": "integer",
        "format": "int64",
        "minimum": 0,
        "maximum": 2**53 - 1,
        "description": "With `too_expensive`: the price of the request.",
    },
    "retry_after": {
        "type": "integer",
        "format": "int32",
        "minimum": 1,
        "maximum": 86_400,
        "description": "The number of seconds to wait before trying again, as in `Retry-After`.",
    },
    "violated-policies": {
        "type": "array",
        "maxItems": 10,
        "items": {"type": "string", "maxLength": 100},
        "description": "With `quota_exceeded`: the policies of `RateLimit-Policy` that the request exceeds.",
    },
}


def _patch_operation(ops: list[str], doc: str, **more: Schema) -> Schema:
    properties: Schema = {"op": {"type": "string", "enum": ops}, "path": POINTER, **more}
    return {"type": "object", "description": doc, "properties": properties, "required": list(properties)}


ANY_VALUE: Schema = {"description": "Any JSON value."}
JSON_PATCH: Schema = {
    "description": (
        "A JSON Patch (RFC 6902). Its operations are applied in order, all or none. "
        "The document is the default representation of the resource without `links`."
    ),
    "type": "array",
    "maxItems": 100,
    "items": {
        "oneOf": [
            _patch_operation(
                ["add", "replace", "test"],
                "Set a value, or test it: a `test` of a different value fails with 409.",
                value=ANY_VALUE,
            ),
            _patch_operation(["copy", "move"], "Copy or move a value to another location.", **{"from": POINTER}),
            _patch_operation(["remove"], "Remove a value. The member gets its default."),
        ]
    },
    "examples": [
        [
            {"op": "test", "path": "/version", "value": 3},
            {"op": "replace", "path": "/description", "value": "Solid oak, oiled by hand."},
        ]
    ],
}
