"""Component schemas: inputs, results with their relations and links, and envelopes."""

from typing import Any

from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.registry import Registry
from tradepost.kit.resource.resource import ACTIONS, EmbeddedValue, Relation, Resource, Result
from tradepost.kit.schema.merge_patch_type import merge_patch_type
from tradepost.kit.schema.preparation import null_is_default
from tradepost.kit.schema.struct_fields import Member, members

from ..links import Links
from .common_schemas import CURSOR, FAULT_MEMBERS, HREF, JSON_PATCH, METHODS, PROBLEM_MEMBERS
from .problem_members import add_problem_members
from .schema import (
    DATE_TIME,
    Schema,
    array_schema,
    component_schemas,
    nullable,
    nullable_member,
    object_schema,
    ref,
    type_schema,
)

ONLY_SELECTED = "Returned only if selected with `fields`."
COUNT: Schema = {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**53 - 1}


def components(registry: Registry, links: Links, version: int) -> dict[str, Schema]:
    """Return all schemas of a version, by name."""
    operations = registry.operations.values()
    inputs = list(dict.fromkeys(shape for operation in operations for shape in _input_shapes(operation)))
    results: list[Result[Any]] = [*registry.resources.values(), *registry.results.values()]
    schemas = component_schemas([*inputs, *(result.shape for result in results)])
    for shape in inputs:
        _complete_input(schemas[shape.__name__]["properties"], shape)
        if examples := getattr(shape, "EXAMPLES", None):
            schemas[shape.__name__]["examples"] = examples
    for result in results:
        shape_schema = schemas.pop(result.shape.__name__)
        for name, added_type in result.added_types.items():
            shape_schema["properties"][name], more = type_schema(added_type)
            schemas |= more
        schemas[result.name] = _result_schema(result, shape_schema)
    for resource in registry.resources.values():
        schemas[f"{resource.name}Links"] = object_schema(
            _link_schemas(resource, links),
            doc="Links to this resource, to its relations and to the changes that you can make now.",
        )
        schemas |= {f"{r.target.name}List": _relation_page(r.target) for r in resource.relations.values() if r.paged}
    for resource in {o.result.name: o.resource for o in operations if o.kind == "list"}.values():
        schemas |= _pages(resource, version)
    for resource in {o.result.name: o.resource for o in operations if o.kind == "batch"}.values():
        schemas |= _batch_outcomes(resource)
    schemas |= _common_schemas()
    add_problem_members(schemas)
    return dict(sorted(schemas.items()))


def _input_shapes(operation: Operation[Any, ..., Any]) -> list[Any]:
    """Return the shape of an operation's body, and those of the items in it."""
    if operation.input is None:
        return []
    shape = merge_patch_type(operation.input) if operation.kind == "update" else operation.input
    items = [m.item.shape for m in members(shape).values() if m.item is not None and m.item.shape is not None]
    deferred = [m.shape for item in items for m in members(item).values() if m.deferred and m.shape is not None]
    return [shape, *items, *deferred]


def _complete_input(properties: dict[str, Schema], shape: Any) -> None:
    """Add what msgspec leaves out: shapes of deferred members, descriptions, null as default."""
    for name, member in members(shape).items():
        if member.deferred and member.shape is not None:
            properties[name] = ref(member.shape.__name__)
        if member.doc:
            properties[name]["description"] = member.doc
    for name in null_is_default(shape):
        properties[name] = nullable_member(properties[name])


def _result_schema(result: Result[Any], shape_schema: Schema) -> Schema:
    """Return the schema of a result. No member is required: `fields` can leave out any of them."""
    properties = {
        name: _member_schema(result, name, member, shape_schema["properties"].get(name))
        for name, member in result.members.items()
        if name != ACTIONS
    }
    if ACTIONS in result.members:
        properties["links"] = ref(f"{result.name}Links")
    properties |= {name: _relation_schema(result, relation) for name, relation in result.relations.items()}
    default = _default_text(result)
    doc = shape_schema.get("description", result.name)
    return object_schema(properties, doc=f"{doc} `fields` chooses the members that are returned; by default {default}.")


def _default_text(result: Result[Any]) -> str:
    """Return which members are returned by default, as the end of a sentence."""
    if not result.relations:
        return "all of them"
    default = [f"`{name}`" for name, relation in result.relations.items() if relation.default]
    return f"all of them and, of the relations, {' and '.join(default)}" if default else "all of them except relations"


def _member_schema(result: Result[Any], name: str, member: Member | EmbeddedValue, schema: Any) -> Schema:
    if isinstance(member, Member) and member.kind == "moment":
        schema = ({"description": member.doc} if member.doc else {}) | (
            nullable(DATE_TIME) if member.null else DATE_TIME
        )
    permission = result.access(name).permission
    if not permission:
        return schema
    return (
        {"description": _with_permission(schema.get("description", ""), permission)}
        | {k: v for k, v in schema.items() if k != "description"}
        | {"x-permission": permission}
    )


def _with_permission(doc: str, permission: str | None) -> str:
    """Return a description that names the required permission."""
    if not permission or f"`{permission}`" in doc:
        return doc
    return f"{doc} Requires the permission `{permission}`.".strip()


def _relation_schema(result: Result[Any], relation: Relation) -> Schema:
    name, permission = relation.name.replace("_", " "), relation.access.permission
    doc = _with_permission(relation.doc or f"The {name} of the {result.label}.", permission)
    target = relation.target.name
    schema: Schema = {"description": f"{doc} {'Returned by default.' if relation.default else ONLY_SELECTED}"}
    if permission:
        schema["x-permission"] = permission
    if not relation.is_to_many:
        return schema | nullable(ref(target))
    return schema | (ref(f"{target}List") if relation.paged else array_schema(ref(target)))


def _link_schemas(resource: Resource[Any], links: Links) -> dict[str, Schema]:
    """Return the schemas of all links that a row can have, by name."""
    names = ["self"] if links.location(resource, "") else []
    names += [name for name, _ in links.nested_lists(resource)]
    names += [name for name, r in resource.relations.items() if not r.is_to_many and links.location(r.target, "")]
    prefix = f"{resource.operation_prefix}_"
    actions = [name.removeprefix(prefix) for name in resource.actions if links.is_linked(name)]
    return {name: ref("Link") for name in names} | {name: ref("Action") for name in actions}


def _relation_page(resource: Resource[Any]) -> Schema:
    properties = {
        "data": array_schema(ref(resource.name)),
        "next_cursor": nullable(CURSOR),
        "has_more": {"type": "boolean"},
        "total": COUNT,
    }
    return object_schema(
        properties,
        required=["data", "next_cursor", "has_more"],
        doc="A page of a relation. `total` is returned if the relation has the argument `total: true`.",
    )


def _pages(resource: Resource[Any], version: int) -> dict[str, Schema]:
    data, links = array_schema(ref(resource.name)), {"links": ref("PageLinks")}
    page = {"data": data, "next_cursor": nullable(CURSOR), "has_more": {"type": "boolean"}, "total": COUNT, **links}
    schemas = {
        f"{resource.name}Page": object_schema(
            page,
            required=["data", "next_cursor", "has_more", "links"],
            doc="A page of a list. `total` is returned with `include=total`.",
        )
    }
    if version == 1:
        numbered_page = {
            "data": data,
            "total": COUNT,
            "page": COUNT | {"minimum": 1},
            "page_size": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 100},
            "total_pages": COUNT,
            **links,
        }
        schemas[f"{resource.name}NumberedPage"] = object_schema(
            numbered_page,
            required=list(numbered_page),
            doc="A page of a list, by its number. Not available in version 2.",
        ) | {"deprecated": True}
    return schemas


def _batch_outcomes(resource: Resource[Any]) -> dict[str, Schema]:
    outcome = {
        "status": {
            "type": "integer",
            "format": "int32",
            "minimum": 200,
            "maximum": 599,
            "description": "The HTTP status that the item would have as a request of its own.",
        },
        "data": ref(resource.name),
        "error": ref("Problem"),
        "changed": {"type": "boolean", "description": "False if the item changed nothing; otherwise omitted."},
    }
    return {
        f"{resource.name}Outcome": object_schema(
            outcome,
            required=["status"],
            doc="The outcome of one item: `data` if it succeeded (not for `delete`), `error` if it failed.",
        ),
        f"{resource.name}Outcomes": object_schema(
            {"results": array_schema(ref(f"{resource.name}Outcome"))},
            required=["results"],
            doc="The outcomes, in the order of the items.",
        ),
    }


def _common_schemas() -> dict[str, Schema]:
    """Return the schemas that belong to no resource."""
    return {
        "Link": object_schema({"href": HREF}, required=["href"], doc="A link."),
        "Action": object_schema(
            {"href": HREF, "method": METHODS},
            required=["href", "method"],
            doc="A change that you can make now: its path and HTTP method.",
        ),
        "PageLinks": object_schema(
            {name: HREF for name in ("self", "next", "prev", "first")},
            required=["self"],
            doc="Links to this page and to the next, previous and first page, if they exist.",
        ),
        "Problem": object_schema(
            PROBLEM_MEMBERS,
            required=["type", "title", "status", "code", "detail"],
            doc="An error, and how to correct it (RFC 9457).",
        ),
        "Fault": object_schema(FAULT_MEMBERS, required=["code", "detail"], doc="One error in the request."),
        "JsonPatch": JSON_PATCH,
    }
