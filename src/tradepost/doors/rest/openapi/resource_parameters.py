"""Parameter Objects of one resource: its key, `fields`, filters and sort order."""

from typing import Any

from msgspec.inspect import type_info

from tradepost.kit.resource.filters import Filter
from tradepost.kit.resource.resource import Resource, Result
from tradepost.kit.schema.struct_fields import Member, member

from ..fields_parameter import MAX_FIELDS_LENGTH
from .examples import DATE_TIME, ID, Examples
from .parameters import Parameter, parameter
from .schema import Schema, inline_schema


def resource_parameters(resource: Resource[Any], examples: Examples) -> dict[str, Parameter]:
    """Return the parameters that the operations on a resource share, by component name."""
    relation_arguments = (
        " To-many relations take the arguments `first`, `filter` and `sort`; paged ones also `after`, `last`, "
        "`before` and `total`."
    )
    parameters = {
        f"{resource.name}.key": key_parameter(resource, examples),
        **result_parameters(resource, relation_arguments),
    }
    for name, filter in resource.filters.items():
        parameters[f"{resource.name}.{name}"] = filter_parameter(resource, name, filter, examples)
    return parameters


def result_parameters(result: Result[Any], more: str = "") -> dict[str, Parameter]:
    """Return the `fields` parameter of a result, by component name. `more` is added to its text."""
    schema: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_FIELDS_LENGTH}
    doc = f"The fields to return: the inside of a GraphQL selection set, in snake_case.{more}"
    return {f"{result.name}.fields": parameter("fields", "query", schema, doc, fields_example(result))}


def key_parameter(resource: Resource[Any], examples: Examples) -> Parameter:
    """Return the path parameter that names a row: its id or another unique column."""
    if len(resource.key_columns) == 1:
        return id_parameter("key", resource)
    other_key = resource.key_columns[-1]
    schema: Schema = {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[A-Za-z0-9-]+$"}
    doc = f"The id or {other_key} of the {resource.label}."
    return parameter("key", "path", schema, doc, member_example(resource, other_key, examples), required=True)


def id_parameter(name: str, resource: Resource[Any]) -> Parameter:
    """Return a path parameter that is the id of a row."""
    schema: Schema = {"type": "string", "format": "uuid", "maxLength": 36}
    doc = f"The id of the {resource.label}."
    return parameter(name, "path", schema, doc, ID.format(resource.type_number), required=True)


def fields_example(result: Result[Any]) -> str:
    """Return a few members and, if there is one, a bounded relation with a few of its members."""
    names = [n for n, m in result.members.items() if isinstance(m, Member) and n in ("id", "slug", "sku", "name")]
    fields = ",".join(names or list(result.members)[:2])
    relation = next((r for r in result.relations.values() if r.is_to_many and not r.paged), None)
    if relation is None:
        return fields
    members = relation.target.members.items()
    nested = [n for n, m in members if isinstance(m, Member) and n in ("sku", "slug", "name")]
    return fields + (f",{relation.name}(first: 3){{{','.join(nested)}}}" if nested else "")


def member_example(resource: Resource[Any], name: str, examples: Examples) -> Any:
    """Return the example of a resource's member."""
    return examples.value(examples.schemas[resource.name]["properties"][name], name, resource)


def filter_parameter(resource: Resource[Any], name: str, filter: Filter, examples: Examples) -> Parameter:
    """Return the parameter of a filter."""
    schema = inline_schema(filter.type)
    schema.pop("description", None)
    if member(name, type_info(filter.type)).kind == "moment":
        schema["format"] = "date-time"
    doc = filter.doc or f"Return only results with this `{name}`."
    if filter.access.permission:
        doc += f" Requires the permission `{filter.access.permission}`."
    return parameter(name, "query", schema, doc, filter_example(resource, name, schema, examples))


def filter_example(resource: Resource[Any], name: str, schema: Schema, examples: Examples) -> Any:
    """Return an example of a filter's value.

    A filter named like a member has the member's example; one named like a relation, a slug.
    """
    if "examples" in schema:
        return schema["examples"][0]
    if schema.get("format") == "date-time":
        return DATE_TIME
    if "enum" in schema or schema["type"] != "string" or schema.get("format") == "uuid":
        return examples.value(schema, name, resource)
    if name in resource.members:
        return member_example(resource, name, examples)
    if f"{name}s" in resource.members:
        return member_example(resource, f"{name}s", examples)[0]
    if name in resource.relations:
        target = resource.relations[name].target
        return member_example(target, target.key_columns[-1], examples)
    return "oak chair"


def sort_parameter(resource: Resource[Any], default: tuple[str, ...]) -> Parameter:
    """Return the `sort` parameter of a list with this default order."""
    names = "|".join(resource.sorts)
    schema: Schema = {
        "type": "string",
        "pattern": f"^-?({names})(,-?({names}))*$",
        "maxLength": 200,
        "default": ",".join(default),
    }
    keys = ", ".join(f"`{name}`" for name in resource.sorts)
    doc = f"The sort order: one or more of {keys}, separated by commas. `-` before a name sorts in descending order."
    for name, sort in resource.sorts.items():
        if sort.required_filter:
            doc += f" `{name}` requires `{sort.required_filter}`, and is the default with it."
    return parameter("sort", "query", schema, doc, ",".join(default))
