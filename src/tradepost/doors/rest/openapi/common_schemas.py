"""Schemas that belong to no shape: hrefs, cursors, problems, JSON Patch."""

from .schema import Schema, array_schema, ref

HREF: Schema = {
    "type": "string",
    "format": "uri-reference",
    "maxLength": 2000,
    "pattern": "^/",
    "description": "A path, never with a host.",
}
CURSOR: Schema = {
    "type": "string",
    "pattern": "^[A-Za-z0-9_-]+$",
    "maxLength": 1000,
    "description": "A mark of a row in this list; opaque.",
}
METHODS: Schema = {"type": "string", "enum": ["DELETE", "PATCH", "POST", "PUT"]}

CODE: Schema = {
    "type": "string",
    "pattern": "^[a-z0-9_]+$",
    "maxLength": 100,
    "description": "Stable for ever; `/problems` lists all.",
}
POINTER: Schema = {
    "type": "string",
    "format": "json-pointer",
    "maxLength": 1000,
    "pattern": "^(/.*)?$",
    "description": "A JSON pointer (RFC 6901).",
}
FAULT_MEMBERS: dict[str, Schema] = {
    "code": CODE,
    "detail": {"type": "string", "maxLength": 20_000, "description": "What is wrong, and what is allowed."},
    "pointer": POINTER | {"description": "Where in the body."},
    "parameter": {"type": "string", "maxLength": 100, "description": "Which parameter."},
}
PROBLEM_MEMBERS: dict[str, Schema] = {
    "type": {
        "type": "string",
        "format": "uri-reference",
        "maxLength": 200,
        "description": "A page that explains the cause and the cure.",
    },
    "title": {"type": "string", "maxLength": 200, "description": "The kind of problem in words."},
    "status": {"type": "integer", "format": "int32", "minimum": 400, "maximum": 599},
    "code": CODE,
    "detail": {"type": "string", "maxLength": 20_000, "description": "What was given and what is allowed."},
    "instance": {
        "type": "string",
        "format": "uri-reference",
        "maxLength": 20_000,
        "description": "The path as it was called.",
    },
    "request_id": {
        "type": "string",
        "pattern": "^[A-Za-z0-9._:-]*$",
        "maxLength": 128,
        "description": "What our log has it under.",
    },
    "errors": array_schema(ref("Fault")) | {"description": "All faults, at most 100."},
    "field": {
        "type": "string",
        "maxLength": 100,
        "description": "With `already_exists`: the member whose value another row has.",
    },
    "version": {
        "type": "integer",
        "format": "int64",
        "minimum": 1,
        "maximum": 2**53 - 1,
        "description": "With `precondition_failed`: the present version.",
    },
    "limit": {
        "type": "integer",
        "format": "int64",
        "minimum": 0,
        "maximum": 2**53 - 1,
        "description": "With `content_too_large` and `too_expensive`: the most allowed.",
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
        "description": "In how many seconds to try again, as `Retry-After` says.",
    },
    "violated-policies": {
        "type": "array",
        "maxItems": 10,
        "items": {"type": "string", "maxLength": 100},
        "description": "With `quota_exceeded`: the policies of `RateLimit-Policy` that the request is over.",
    },
}


def _step(ops: list[str], doc: str, **more: Schema) -> Schema:
    said: Schema = {"op": {"type": "string", "enum": ops}, "path": POINTER, **more}
    return {"type": "object", "description": doc, "properties": said, "required": list(said)}


ANY_VALUE: Schema = {"description": "Any JSON value."}
JSON_PATCH: Schema = {
    "description": "A JSON Patch (RFC 6902): its operations in order, all or none. The document is the item's default representation without `links`.",
    "type": "array",
    "maxItems": 100,
    "items": {
        "oneOf": [
            _step(
                ["add", "replace", "test"],
                "Sets a member, or refuses the patch (409) where it has another value.",
                value=ANY_VALUE,
            ),
            _step(["copy", "move"], "Takes a member's value to another place.", **{"from": POINTER}),
            _step(["remove"], "Removes a member: it gets its default."),
        ]
    },
    "examples": [
        [
            {"op": "test", "path": "/version", "value": 3},
            {"op": "replace", "path": "/description", "value": "Solid oak, oiled by hand."},
        ]
    ],
}
