"""The component schemas: inputs as they are, outputs with their relations and links, and the envelopes around them."""

from typing import Any

from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.registry import Registry
from tradepost.kit.resource.resource import ACTIONS, EmbeddedValue, Relation, Resource, Result
from tradepost.kit.schema.struct_fields import Member, members
from tradepost.kit.schema.validation import merge_patch_type

from ..links import Links
from .common_schemas import CURSOR, FAULT_MEMBERS, HREF, JSON_PATCH, METHODS, PROBLEM_MEMBERS
from .schema import DATE_TIME, Schema, array_schema, component_schemas, nullable, object_schema, ref

COUNT: Schema = {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**53 - 1}


def components(registry: Registry, links: Links, version: int) -> dict[str, Schema]:
    """All schemas of a version, by name."""
    operations = registry.operations.values()
    inputs = list(dict.fromkeys(shape for o in operations for shape in _inputs(o)))
    answered: list[Result[Any]] = [*registry.resources.values(), *registry.results.values()]
    made = component_schemas([*inputs, *(of.shape for of in answered)])
    for shape in inputs:
        _complete(made[shape.__name__]["properties"], shape)
        if shown := getattr(shape, "EXAMPLES", None):
            made[shape.__name__]["examples"] = shown
    for of in answered:
        held = made.pop(of.shape.__name__)
        made[of.name] = output(of, held)
    for of in registry.resources.values():
        made[f"{of.name}Links"] = object_schema(
            _links(of, links),
            doc="Where this one's own page and its relations are, and the changes open on it to you now.",
        )
        made |= {f"{r.target.name}List": _list(r.target) for r in of.relations.values() if r.paged}
    for of in {o.result.name: o.resource for o in operations if o.kind == "list"}.values():
        made |= _pages(of, version)
    for of in {o.result.name: o.resource for o in operations if o.kind == "batch"}.values():
        made |= _batch(of)
    return dict(sorted((made | _common()).items()))


def _inputs(operation: Operation[Any, ..., Any]) -> list[Any]:
    """The shapes of what may be sent to an operation, with those of the items in them."""
    if operation.input is None:
        return []
    shape = merge_patch_type(operation.input) if operation.kind == "update" else operation.input
    items = [m.item.shape for m in members(shape).values() if m.item is not None and m.item.shape is not None]
    laters = [m.shape for item in items for m in members(item).values() if m.deferred and m.shape is not None]
    return [shape, *items, *laters]


def _complete(properties: dict[str, Schema], shape: Any) -> None:
    """Shows a member that is read only where it is used by its shape, and says of each what the shape says last."""
    for name, member in members(shape).items():
        if member.deferred and member.shape is not None:
            properties[name] = ref(member.shape.__name__)
        if member.doc:
            properties[name]["description"] = member.doc


def output(of: Result[Any], held: Schema) -> Schema:
    """A result as it is answered: no member is required, because `fields` may leave any out."""
    properties = {
        name: _said(of, name, own, held["properties"].get(name)) for name, own in of.members.items() if name != ACTIONS
    }
    if ACTIONS in of.members:
        properties["links"] = ref(f"{of.name}Links")
    properties |= {name: _relation(relation) for name, relation in of.relations.items()}
    said = "without it all but the relations do" if of.relations else "without it all do"
    return object_schema(
        properties, doc=f"{held.get('description', of.name)} `fields` says which members come; {said}."
    )


def _said(of: Result[Any], name: str, own: Member | EmbeddedValue, held: Any) -> Schema:
    made = held
    if isinstance(own, Member) and own.kind == "moment":
        made = ({"description": own.doc} if own.doc else {}) | (nullable(DATE_TIME) if own.null else DATE_TIME)
    access = of.access(name).permission
    if not access:
        return made
    return (
        {"description": _needs(made.get("description", ""), access)}
        | {k: v for k, v in made.items() if k != "description"}
        | {"x-permission": access}
    )


def _needs(doc: str, permission: str | None) -> str:
    needs = f"Only for callers with the permission `{permission}`."
    return doc if not permission or f"`{permission}`" in doc else f"{doc} {needs}".strip()


def _relation(relation: Relation) -> Schema:
    doc = _needs(
        relation.doc or f"{relation.name.replace('_', ' ').capitalize()} of this one.", relation.access.permission
    )
    target = relation.target.name
    said: Schema = {"description": f"{doc} Comes where `fields` asks for it."}
    if relation.access.permission:
        said["x-permission"] = relation.access.permission
    if not relation.is_to_many:
        return said | nullable(ref(target))
    return said | (ref(f"{target}List") if relation.paged else array_schema(ref(target)))


def _links(of: Resource[Any], links: Links) -> dict[str, Schema]:
    """The names that a row's links can have."""
    named = ["self"] if links.location(of, "") else []
    named += [
        r.operation.parent_relation[1]
        for r in links.endpoints.values()
        if r.operation.kind == "list" and r.operation.parent_relation and r.operation.parent_relation[0] is of
    ]
    named += [name for name, r in of.relations.items() if not r.is_to_many and links.location(r.target, "")]
    changes = [name.removeprefix(f"{of.operation_prefix}_") for name in of.actions if name in links.endpoints]
    return {name: ref("Link") for name in named} | {name: ref("Action") for name in changes}


def _list(of: Resource[Any]) -> Schema:
    parts = {
        "data": array_schema(ref(of.name)),
        "next_cursor": nullable(CURSOR),
        "has_more": {"type": "boolean"},
        "total": COUNT,
    }
    return object_schema(
        parts,
        required=["data", "next_cursor", "has_more"],
        doc="A stretch of a relation. `total` comes where the relation's `total: true` asks for it.",
    )


def _pages(of: Resource[Any], version: int) -> dict[str, Schema]:
    data, around = array_schema(ref(of.name)), {"links": ref("PageLinks")}
    parts = {"data": data, "next_cursor": nullable(CURSOR), "has_more": {"type": "boolean"}, "total": COUNT, **around}
    doc = "A page of a list. `total` comes where `include=total` asks for it."
    made = {f"{of.name}Page": object_schema(parts, required=["data", "next_cursor", "has_more", "links"], doc=doc)}
    if version == 1:
        size = {"type": "integer", "format": "int32", "minimum": 1, "maximum": 100}
        numbered = {
            "data": data,
            "total": COUNT,
            "page": COUNT | {"minimum": 1},
            "page_size": size,
            "total_pages": COUNT,
            **around,
        }
        made[f"{of.name}NumberedPage"] = object_schema(
            numbered, required=list(numbered), doc="A page of a list by its number; gone in version 2."
        ) | {"deprecated": True}
    return made


def _batch(of: Resource[Any]) -> dict[str, Schema]:
    outcome = {
        "status": {
            "type": "integer",
            "format": "int32",
            "minimum": 200,
            "maximum": 599,
            "description": "What the item alone would have been answered with.",
        },
        "data": ref(of.name),
        "error": ref("Problem"),
        "changed": {"type": "boolean", "description": "False where the item left everything as it was; else left out."},
    }
    doc = "The outcome of one item: `data` where it was done (not for `delete`), `error` where it was not."
    return {
        f"{of.name}Outcome": object_schema(outcome, required=["status"], doc=doc),
        f"{of.name}Outcomes": object_schema(
            {"results": array_schema(ref(f"{of.name}Outcome"))},
            required=["results"],
            doc="The outcomes, in the order of the items.",
        ),
    }


def _common() -> dict[str, Schema]:
    """What belongs to no resource."""
    pages = object_schema(
        {name: HREF for name in ("self", "next", "prev", "first")},
        required=["self"],
        doc="This page, its neighbours where it has them, and the first.",
    )
    return {
        "Link": object_schema({"href": HREF}, required=["href"], doc="Where it is."),
        "Action": object_schema(
            {"href": HREF, "method": METHODS},
            required=["href", "method"],
            doc="A change that is open to you now: where it is, and its method.",
        ),
        "PageLinks": pages,
        "Problem": object_schema(
            PROBLEM_MEMBERS,
            required=["type", "title", "status", "code", "detail"],
            doc="What went wrong, and what to do (RFC 9457).",
        ),
        "Fault": object_schema(FAULT_MEMBERS, required=["code", "detail"], doc="One thing that is wrong."),
        "JsonPatch": JSON_PATCH,
    }
