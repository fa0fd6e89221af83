"""Parameters: those of the path, what a query may say of fields, pages, order and filters, and the headers."""

from typing import Any

from msgspec.inspect import type_info

from tradepost.kit.operations.operation import Operation
from tradepost.kit.resource.filters import Filter
from tradepost.kit.resource.list_query import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from tradepost.kit.resource.resource import Resource, Result
from tradepost.kit.schema.struct_fields import Member, member

from ..fields_parameter import MAX_FIELDS_LENGTH
from .common_schemas import CURSOR as CURSOR_SCHEMA
from .examples import CURSOR, DATE_TIME, ID, REQUEST_ID, Examples
from .schema import Schema, inline_schema

type Parameter = dict[str, Any]

ROWS: Schema = {"type": "integer", "format": "int32", "minimum": 1, "maximum": MAX_PAGE_SIZE}
NUMBER: Schema = {"type": "integer", "format": "int32", "minimum": 1, "maximum": 2**31 - 1}
TAG: Schema = {"type": "string", "pattern": r'^(\*|(W/)?"[^"]*"(\s*,\s*(W/)?"[^"]*")*)$', "maxLength": 1000}
KEY: Schema = {"type": "string", "pattern": r'^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$', "maxLength": 512}
MARK = {k: v for k, v in CURSOR_SCHEMA.items() if k != "description"}


def parameter(name: str, where: str, schema: Schema, doc: str, example: Any, **more: Any) -> Parameter:
    """A Parameter Object."""
    return {"name": name, "in": where, "description": doc, "schema": schema, "example": example, **more}


def parameter_ref(name: str) -> dict[str, str]:
    """A parameter by its name among the components."""
    return {"$ref": f"#/components/parameters/{name}"}


def common_parameters(version: int) -> dict[str, Parameter]:
    """Those that belong to no resource."""
    known = parameter(
        "If-None-Match",
        "header",
        TAG,
        "The ETag of what you have: 304 where it is the same still.",
        '"3.8f2d1c0b9a7e6f54"',
    )
    expected = parameter(
        "If-Match",
        "header",
        TAG,
        "The ETag of what you read, in any representation: 412 where it has changed since.",
        '"3.8f2d1c0b9a7e6f54"',
    )
    letters: Schema = {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$", "maxLength": 128}
    spoken: Schema = {"type": "string", "enum": [str(version)]}
    made = {
        "Limit": parameter("limit", "query", ROWS | {"default": DEFAULT_PAGE_SIZE}, "How many at most.", 20),
        "Cursor": parameter(
            "cursor", "query", MARK, "The page behind this row: the `next_cursor` of the page before.", CURSOR
        ),
        "Before": parameter(
            "before",
            "query",
            MARK,
            "The page that ends before this row; `links.prev` uses it. With `cursor`: what is between the two.",
            CURSOR,
        ),
        "Include": parameter(
            "include",
            "query",
            {"type": "string", "enum": ["total"]},
            "`total`: how many there are in all pages; counted, so ask only where you show it.",
            "total",
        ),
        "Atomic": parameter(
            "atomic",
            "query",
            {"type": "boolean", "default": False},
            "All or nothing: the first fault undoes all, and is the answer.",
            True,
        ),
        "If-None-Match": known,
        "If-Match": expected,
        "Idempotency-Key": parameter(
            "Idempotency-Key",
            "header",
            KEY,
            "A name of your own for this one change, such as a UUID, bare or in double quotes. Of all requests with it, through either door, one has its "
            "effect; the others get its outcome for 24 hours, with `Idempotent-Replayed: true`. 409 while it runs, 422 on another input.",
            "8e03978e-40d5-43dd-bc93-6894a57f9324",
        ),
        "X-Request-ID": parameter(
            "X-Request-ID",
            "header",
            letters,
            "Your name for this request; echoed, and in every line of our log. Made where it is left out.",
            REQUEST_ID,
        ),
        "X-API-Version": parameter(
            "X-API-Version",
            "header",
            spoken,
            "The version without the path's prefix; with the prefix it may only repeat it.",
            str(version),
        ),
    }
    if version == 1:
        made["Page"] = parameter(
            "page",
            "query",
            NUMBER,
            "The page's number. Use `cursor`: page numbers are gone in version 2.",
            1,
            deprecated=True,
        )
        made["PageSize"] = parameter(
            "page_size",
            "query",
            ROWS,
            "How many on a numbered page. Use `limit`: page numbers are gone in version 2.",
            20,
            deprecated=True,
        )
    return made


def resource_parameters(of: Resource[Any], examples: Examples) -> dict[str, Parameter]:
    """Those that all operations on a resource share: its key, its fields and its filters."""
    made = {
        f"{of.name}.key": key(of, examples),
        **result_parameters(
            of, " Relations take `first`, `filter`, `sort`, those that page also `after`, `last`, `before`, `total`."
        ),
    }
    for name, known in of.filters.items():
        made[f"{of.name}.{name}"] = filter_parameter(of, name, known, examples)
    return made


def result_parameters(of: Result[Any], more: str = "") -> dict[str, Parameter]:
    """Which of its members to answer with."""
    text: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_FIELDS_LENGTH}
    asked = f"Which fields to answer with: the inside of a GraphQL selection set, in snake_case.{more}"
    return {f"{of.name}.fields": parameter("fields", "query", text, asked, fields_example(of))}


def key(of: Resource[Any], examples: Examples) -> Parameter:
    """The path's name of one row."""
    if len(of.key_columns) == 1:
        return parameter(
            "key",
            "path",
            {"type": "string", "format": "uuid", "maxLength": 36},
            f"The id of the {of.label}.",
            ID.format(of.type_number),
            required=True,
        )
    other = of.key_columns[-1]
    schema: Schema = {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[A-Za-z0-9-]+$"}
    return parameter(
        "key",
        "path",
        schema,
        f"The id or the {other} of the {of.label}.",
        member_example(of, other, examples),
        required=True,
    )


def fields_example(of: Result[Any]) -> str:
    """Some members, and a bounded relation with some of its own."""
    named = [n for n, m in of.members.items() if isinstance(m, Member) and n in ("id", "slug", "sku", "name")]
    below = next((r for r in of.relations.values() if r.is_to_many and not r.paged), None)
    inner = (
        [n for n, m in below.target.members.items() if isinstance(m, Member) and n in ("sku", "slug", "name")]
        if below
        else []
    )
    named = named or list(of.members)[:2]
    return ",".join(named) + (f",{below.name}(first: 3){{{','.join(inner)}}}" if below and inner else "")


def member_example(of: Resource[Any], name: str, examples: Examples) -> Any:
    """The example of a member in the resource's own schema."""
    return examples.value(examples.schemas[of.name]["properties"][name], name, of)


def filter_parameter(of: Resource[Any], name: str, known: Filter, examples: Examples) -> Parameter:
    """One filter, with a value that could be meant."""
    schema = inline_schema(known.type)
    schema.pop("description", None)
    if member(name, type_info(known.type)).kind == "moment":
        schema["format"] = "date-time"
    doc = known.doc or f"Only those with this `{name}`."
    if known.access.permission:
        doc += f" Needs `{known.access.permission}`."
    return parameter(name, "query", schema, doc, filter_example(of, name, schema, examples))


def filter_example(of: Resource[Any], name: str, schema: Schema, examples: Examples) -> Any:
    """A member's own example where the filter is named like it, a slug where it is named like a relation."""
    if "examples" in schema:
        return schema["examples"][0]
    if schema.get("format") == "date-time":
        return DATE_TIME
    if "enum" in schema or schema["type"] != "string" or schema.get("format") == "uuid":
        return examples.value(schema, name, of)
    if name in of.members:
        return member_example(of, name, examples)
    if f"{name}s" in of.members:
        return member_example(of, f"{name}s", examples)[0]
    if name in of.relations:
        return member_example(of.relations[name].target, of.relations[name].target.key_columns[-1], examples)
    return "oak chair"


def sort_parameter(of: Resource[Any], default: tuple[str, ...]) -> Parameter:
    """The order of a list."""
    names = "|".join(of.sorts)
    schema: Schema = {
        "type": "string",
        "pattern": f"^-?({names})(,-?({names}))*$",
        "maxLength": 200,
        "default": ",".join(default),
    }
    needs = "".join(
        [
            f" `{n}` only with `{s.required_filter}`, and then the default."
            for n, s in of.sorts.items()
            if s.required_filter
        ]
    )
    allowed = ", ".join(f"`{n}`" for n in of.sorts)
    return parameter(
        "sort",
        "query",
        schema,
        f"The order, by one or several of {allowed}; `-` before a name sorts descending.{needs}",
        ",".join(default),
    )


def operation_parameters(operation: Operation[Any, ..., Any], templated: bool, version: int) -> list[Parameter]:
    """All parameters of an operation."""
    of, kind = operation.result, operation.kind
    made: list[Parameter] = [parameter_ref(f"{operation.path_resource.name}.key")] if templated else []
    if operation.status != 204:
        made.append(parameter_ref(f"{of.name}.fields"))
    if kind == "list":
        of = operation.resource
        order = (
            operation.parent_relation[0].relations[operation.parent_relation[1]].order
            if operation.parent_relation
            else of.order
        )
        made += [
            parameter_ref(n)
            for n in ("Limit", "Cursor", "Before", "Include", *(("Page", "PageSize") if version == 1 else ()))
        ]
        made += ([sort_parameter(of, order)] if of.sorts else []) + [
            parameter_ref(f"{of.name}.{name}") for name in of.filters
        ]
    if kind == "batch":
        made.append(parameter_ref("Atomic"))
    if kind in ("get", "list"):
        made.append(parameter_ref("If-None-Match"))
    if kind in ("replace", "update", "delete"):
        made.append(parameter_ref("If-Match"))
    if operation.accepts_idempotency_key:
        made.append(parameter_ref("Idempotency-Key"))
    return [*made, parameter_ref("X-Request-ID"), parameter_ref("X-API-Version")]
