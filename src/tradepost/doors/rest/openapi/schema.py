"""JSON Schema as OpenAPI 3.1 wants it: what msgspec makes of a shape, with the bounds that every value on the wire has."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tradepost.kit.schema.validation import END_OF_TEXT

type Schema = dict[str, Any]

SCHEMA_PREFIX = "#/components/schemas/"
SAFE = 2**53 - 1
"""The largest whole number that every JSON reader keeps (RFC 8259, 6)."""
LONGEST, MOST_ITEMS = 1000, 100
MOST_MEMBERS = 2**18  # more do not fit into a body of 1 MiB
SIZES = {"uuid": 36, "date-time": 40}
ONE_CLASS = re.compile(r"\^\[[^]]+\]\{(?:\d+,)?(\d+)\}\$")

DATE_TIME: Schema = {"type": "string", "format": "date-time", "maxLength": SIZES["date-time"]}


def ref(name: str) -> Schema:
    """A component by its name."""
    return {"$ref": SCHEMA_PREFIX + name}


def nullable(schema: Schema) -> Schema:
    """The schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def object_schema(properties: Mapping[str, Schema], *, required: Iterable[str] = (), doc: str = "") -> Schema:
    """An object that may have these members and, as versions go on, others."""
    made: Schema = {"type": "object"} | ({"description": doc} if doc else {}) | {"properties": dict(properties)}
    return made | ({"required": list(required)} if required else {})


def array_schema(items: Schema, most: int = MOST_ITEMS) -> Schema:
    """A list."""
    return {"type": "array", "items": items, "maxItems": most}


def component_schemas(shapes: Iterable[Any]) -> dict[str, Schema]:
    """The component schemas of shapes, and of all that they hold, by name."""
    _, made = msgspec.json.schema_components(shapes, ref_template=SCHEMA_PREFIX + "{name}")
    return {name: bounded(schema) for name, schema in made.items()}


def inline_schema(type: Any) -> Schema:
    """The schema of a single value, with nothing to refer to."""
    (made,), held = msgspec.json.schema_components([type], ref_template=SCHEMA_PREFIX + "{name}")
    return bounded(held[made["$ref"].removeprefix(SCHEMA_PREFIX)] if "$ref" in made else made)


def bounded(schema: Any) -> Any:
    """The schema with what is true of every value here and msgspec does not say: how long a UUID is, how large a number may be."""
    if isinstance(schema, list):
        return [bounded(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made: Schema = {
        k: v if k in ("default", "enum", "examples", "required") else bounded(v)
        for k, v in schema.items()
        if k != "title" or isinstance(v, dict)
    }
    if "enum" in made and "type" not in made:
        made["type"] = "string"
    if "pattern" in made:
        # In the documents `$` is that of ECMA-262, which knows no line break before the end.
        made["pattern"] = made["pattern"].replace(END_OF_TEXT, "$")
    kind = made.get("type")
    if kind == "string" and "enum" not in made and "maxLength" not in made:
        made["maxLength"] = SIZES.get(made.get("format", "")) or _longest(made.get("pattern", ""))
    elif kind == "integer":
        made = {"minimum": -SAFE, "maximum": SAFE} | made
        made.setdefault("format", "int32" if made["minimum"] >= -(2**31) and made["maximum"] < 2**31 else "int64")
    elif kind == "array":
        made.setdefault("maxItems", MOST_ITEMS)
    elif kind == "object" and made.get("additionalProperties") is not False and "properties" not in made:
        made.setdefault("maxProperties", MOST_MEMBERS)
    return made


def _longest(pattern: str) -> int:
    """How long a text with this pattern can be, where it says so."""
    found = ONE_CLASS.fullmatch(pattern)
    return int(found[1]) if found else LONGEST
