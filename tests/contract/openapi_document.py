"""Reading an OpenAPI document: its operations, what a reference stands for, and validators of what it promises."""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs

METHODS = ("get", "post", "put", "patch", "delete")

type Json = dict[str, Any]


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Path, method and Operation Object of each."""
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def resolved(document: Json, part: Json) -> Json:
    """The part itself, or what its reference stands for."""
    if "$ref" not in part:
        return part
    for name in part["$ref"].removeprefix("#/").split("/"):
        document = document[name]
    return document


def parameters(document: Json, operation: Json) -> list[Json]:
    """The Parameter Objects of an operation."""
    return [resolved(document, p) for p in operation.get("parameters", ())]


def references(part: Any) -> Iterator[str]:
    """Every `$ref` below a part."""
    if isinstance(part, Mapping):
        for name, value in part.items():
            if name == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def validator(document: Json, schema: Json, *, closed: bool = False) -> Any:
    """Validates values against a schema of the document; `closed` also refuses members that no schema names."""
    components = document["components"]
    if closed:
        components = {**components, "schemas": {name: _closed(held) for name, held in components["schemas"].items()}}
    root = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": components, **schema}
    return jsonschema_rs.validator_for(root, validate_formats=True)


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _closed(part) for name, part in schema.items()}
    return {"additionalProperties": False, **made} if made.get("type") == "object" and "properties" in made else made
