"""JSON Schemas for OpenAPI 3.1: those of msgspec, with bounds for every value."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tradepost.kit.schema.validation import END_OF_TEXT

type Schema = dict[str, Any]

SCHEMA_PREFIX = "#/components/schemas/"
MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, 6)."""
MAX_LENGTH, MAX_ITEMS = 1000, 100
MAX_PROPERTIES = 2**18  # more do not fit into a body of 1 MiB
LENGTHS_BY_FORMAT = {"uuid": 36, "date-time": 40}
CHARACTER_CLASS_PATTERN = re.compile(r"\^\[[^]]+\]\{(?:\d+,)?(\d+)\}\$")
"""A pattern of one repeated character class, such as `^[a-z]{1,30}$`. The group is its length."""

DATE_TIME: Schema = {"type": "string", "format": "date-time", "maxLength": LENGTHS_BY_FORMAT["date-time"]}


def ref(name: str) -> Schema:
    """Return a reference to a component schema."""
    return {"$ref": SCHEMA_PREFIX + name}


def nullable(schema: Schema) -> Schema:
    """Return a schema that also allows null."""
    return {"anyOf": [schema, {"type": "null"}]}


def nullable_member(schema: Schema) -> Schema:
    """Return a member's schema that also allows null; its annotations stay at the top."""
    annotations = {k: v for k, v in schema.items() if k in ("description", "default", "examples")}
    return annotations | nullable({k: v for k, v in schema.items() if k not in annotations})


def object_schema(properties: Mapping[str, Schema], *, required: Iterable[str] = (), doc: str = "") -> Schema:
    """Return the schema of an object. It is open: later versions may add properties."""
    schema: Schema = {"type": "object"} | ({"description": doc} if doc else {}) | {"properties": dict(properties)}
    return schema | ({"required": list(required)} if required else {})


def array_schema(items: Schema, max_items: int = MAX_ITEMS) -> Schema:
    """Return the schema of an array."""
    return {"type": "array", "items": items, "maxItems": max_items}


def component_schemas(shapes: Iterable[Any]) -> dict[str, Schema]:
    """Return the schemas of shapes and of all shapes nested in them, by name."""
    _, schemas = msgspec.json.schema_components(shapes, ref_template=SCHEMA_PREFIX + "{name}")
    return {name: add_bounds(schema) for name, schema in schemas.items()}


def type_schema(type: Any) -> tuple[Schema, dict[str, Schema]]:
    """Return the schema of a type, and those of the Structs and enums in it by name."""
    (schema,), components = msgspec.json.schema_components([type], ref_template=SCHEMA_PREFIX + "{name}")
    return add_bounds(schema), {name: add_bounds(component) for name, component in components.items()}


def inline_schema(type: Any) -> Schema:
    """Return the schema of a single value, without references."""
    (schema,), components = msgspec.json.schema_components([type], ref_template=SCHEMA_PREFIX + "{name}")
    return add_bounds(components[schema["$ref"].removeprefix(SCHEMA_PREFIX)] if "$ref" in schema else schema)


def add_bounds(schema: Any) -> Any:
    """Return a schema with the bounds that msgspec omits: lengths, sizes and ranges of numbers."""
    if isinstance(schema, list):
        return [add_bounds(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    bounded: Schema = {
        k: v if k in ("default", "enum", "examples", "required") else add_bounds(v)
        for k, v in schema.items()
        if k != "title" or isinstance(v, dict)
    }
    if "enum" in bounded and "type" not in bounded:
        bounded["type"] = "string"
    if "pattern" in bounded:
        # JSON Schema uses ECMA-262's `$`, which does not match before a final line break.
        bounded["pattern"] = bounded["pattern"].replace(END_OF_TEXT, "$")
    schema_type = bounded.get("type")
    if schema_type == "string" and "enum" not in bounded and "maxLength" not in bounded:
        format_length = LENGTHS_BY_FORMAT.get(bounded.get("format", ""))
        bounded["maxLength"] = format_length or _pattern_length(bounded.get("pattern", ""))
    elif schema_type == "integer":
        bounded = {"minimum": -MAX_SAFE_INTEGER, "maximum": MAX_SAFE_INTEGER} | bounded
        is_int32 = bounded["minimum"] >= -(2**31) and bounded["maximum"] < 2**31
        bounded.setdefault("format", "int32" if is_int32 else "int64")
    elif schema_type == "array":
        bounded.setdefault("maxItems", MAX_ITEMS)
    elif schema_type == "object" and bounded.get("additionalProperties") is not False and "properties" not in bounded:
        bounded.setdefault("maxProperties", MAX_PROPERTIES)
    return bounded


def _pattern_length(pattern: str) -> int:
    """Return the maximum length of strings with this pattern, or MAX_LENGTH if it has no bound."""
    match = CHARACTER_CLASS_PATTERN.fullmatch(pattern)
    return int(match[1]) if match else MAX_LENGTH
