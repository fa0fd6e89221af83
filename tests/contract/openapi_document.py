"""Read an OpenAPI document: its operations, parameters, references and schemas."""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs

METHODS = ("get", "post", "put", "patch", "delete")

type Json = dict[str, Any]


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Yield path, method and Operation Object of each operation."""
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def resolve_reference(document: Json, part: Json) -> Json:
    """Return the part, or the target of its reference."""
    if "$ref" not in part:
        return part
    for name in part["$ref"].removeprefix("#/").split("/"):
        document = document[name]
    return document


def parameters(document: Json, operation: Json) -> list[Json]:
    """Return the Parameter Objects of an operation."""
    return [resolve_reference(document, p) for p in operation.get("parameters", ())]


def references(part: Any) -> Iterator[str]:
    """Yield every `$ref` in a part."""
    if isinstance(part, Mapping):
        for name, value in part.items():
            if name == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def validator(document: Json, schema: Json) -> Any:
    """Return a validator for a schema of the document."""
    components = {"schemas": dict(referenced_schemas(document, schema))}
    root = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": components, **schema}
    return jsonschema_rs.validator_for(root, validate_formats=True)


def referenced_schemas(document: Json, schema: Json) -> Iterator[tuple[str, Json]]:
    """Yield name and schema of each reference in a schema, and of each in those: most have few."""
    seen, waiting = set[str](), [*references(schema)]
    while waiting:
        if (reference := waiting.pop()) not in seen:
            seen.add(reference)
            target = resolve_reference(document, {"$ref": reference})
            yield reference.removeprefix("#/components/schemas/"), target
            waiting += references(target)


def closed(document: Json) -> Json:
    """Return the document with schemas that allow only the members that they name."""
    components = document["components"]
    schemas = {name: _closed(component) for name, component in components["schemas"].items()}
    return {**document, "components": {**components, "schemas": schemas}}


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: _closed(part) for name, part in schema.items()}
    is_object = parts.get("type") == "object" and "properties" in parts
    return {"additionalProperties": False, **parts} if is_object else parts
