"""Examples for the component schemas: those of the shapes, or the simplest valid values."""

from collections.abc import Iterable, Mapping
from typing import Any

from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.registry import Registry
from tradepost.kit.problems import Validation
from tradepost.kit.resource.resource import Resource, Result
from tradepost.kit.schema.merge_patch_type import merge_patch_type

from ...http.problem_reference import describe_problem
from ..links import Links
from .schema import SCHEMA_PREFIX, Schema

ID = "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e{:02x}"
DATE_TIME = "2026-03-14T09:26:53.589793Z"
CURSOR = "5dUqz0sXbLm4kbsyMDI2LTAzLTE0VDA5OjI2OjUzLjU4OTc5M1o"
REQUEST_ID = "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e10"
MAX_PATCH_MEMBERS = 2


class Examples:
    """Creates the examples of one version. The same schemas always give the same examples."""

    def __init__(self, registry: Registry, links: Links, schemas: Mapping[str, Schema]) -> None:
        self.registry, self.links, self.schemas = registry, links, schemas

    def for_operations(self, operations: Iterable[Operation[Any, ..., Any]]) -> dict[str, Any]:
        """Return the examples of the bodies and results of operations, by schema name."""
        examples: dict[str, Any] = {}
        for operation in operations:
            result = operation.result
            examples[result.name] = self.result(result)
            if operation.input is not None and operation.kind == "update":
                name = merge_patch_type(operation.input).__name__
                examples[name] = self.merge_patch(name, operation.resource)
            elif operation.input is not None:
                name = operation.input.__name__
                examples[name] = self.input(name, result)
            if operation.kind == "list":
                examples.setdefault(f"{result.name}Page", self.page(operation))
                if f"{result.name}NumberedPage" in self.schemas:
                    examples.setdefault(f"{result.name}NumberedPage", self.numbered_page(operation))
            elif operation.kind == "batch":
                examples[f"{result.name}Outcomes"] = self.batch_outcomes(operation.resource)
        return {"JsonPatch": self.schemas["JsonPatch"]["examples"][0]} | dict(sorted(examples.items()))

    def result(self, result: Result[Any]) -> dict[str, Any]:
        """Return the default representation of a result for callers without a credential."""
        members = {
            name: schema
            for name, schema in self.schemas[result.name]["properties"].items()
            if name == "links" or self._is_default(result, name)
        }
        return {name: self._member(result, name, schema) for name, schema in members.items()}

    def _is_default(self, result: Result[Any], name: str) -> bool:
        """Return whether callers without a credential get a member if they select no fields."""
        relation = result.relations.get(name)
        is_default = relation is None or relation.default
        return is_default and result.is_readable(name, frozenset())

    def _member(self, result: Result[Any], name: str, schema: Schema) -> Any:
        """Return an example of a member, or of a relation with one row."""
        if name == "links" and isinstance(result, Resource):
            return self.row_links(result)
        relation = result.relations.get(name)
        return [self.result(relation.target)] if relation is not None else self.value(schema, name, result)

    def input(self, name: str, result: Result[Any]) -> dict[str, Any]:
        """Return a body: the shape's own example, or one of all members.

        Members that default to null are left out unless they have an example.
        """
        schema = self.schemas[name]
        if "examples" in schema:
            return schema["examples"][0]
        members = {
            n: member
            for n, member in schema["properties"].items()
            if member.get("default", "") is not None or _has_example(member)
        }
        return {n: self.value(member, n, result) for n, member in members.items()}

    def merge_patch(self, name: str, resource: Resource[Any]) -> dict[str, Any]:
        """Return a merge patch of the first members that have examples."""
        members = {
            n: schema
            for n, schema in self.schemas[name]["properties"].items()
            if n not in resource.key_columns and _has_example(schema)
        }
        return {n: self.value(members[n], n, resource) for n in list(members)[:MAX_PATCH_MEMBERS]}

    def page(self, operation: Operation[Any, ..., Any]) -> dict[str, Any]:
        """Return a page by cursor."""
        path, data = self._list_path(operation), [self.result(operation.result)]
        links = {"self": f"{path}?limit=1", "next": f"{path}?limit=1&cursor={CURSOR}", "first": f"{path}?limit=1"}
        return {"data": data, "next_cursor": CURSOR, "has_more": True, "links": links}

    def numbered_page(self, operation: Operation[Any, ..., Any]) -> dict[str, Any]:
        """Return a page by number."""
        path, data = self._list_path(operation), [self.result(operation.result)]
        links = {
            "self": f"{path}?page=3&page_size=1",
            "prev": f"{path}?page=2&page_size=1",
            "first": f"{path}?page=1&page_size=1",
        }
        return {"data": data, "total": 3, "page": 3, "page_size": 1, "total_pages": 3, "links": links}

    def _list_path(self, operation: Operation[Any, ..., Any]) -> str:
        parent = operation.parent_relation[0] if operation.parent_relation else None
        return self.links.href(operation, ID.format(parent.type_number) if parent is not None else "")

    def batch_outcomes(self, resource: Resource[Any]) -> dict[str, Any]:
        """Return the outcomes of a batch: a success, an error, and an item that changed nothing."""
        error = {n: v for n, v in describe_problem(Validation).example.items() if n not in ("instance", "request_id")}
        return {
            "results": [
                {"status": 201, "data": self.result(resource)},
                {"status": 422, "error": error},
                {"status": 200, "data": self.result(resource), "changed": False},
            ]
        }

    def value(self, schema: Schema, name: str, result: Result[Any]) -> Any:
        """Return a valid value of a schema. `name` is the member's, `result` what it belongs to."""
        if "examples" in schema:
            return schema["examples"][0]
        if "$ref" in schema:
            return self.component(schema["$ref"].removeprefix(SCHEMA_PREFIX), name, result)
        if "anyOf" in schema:
            return self.value(schema["anyOf"][0], name, result)
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "object":
                return {n: self.value(s, n, result) for n, s in schema.get("properties", {}).items()}
            case "array":
                return [self.value(schema["items"], name, result)]
            case "string":
                return self.string(schema, name, result)
            case "integer" | "number":
                return schema.get("default", max(schema.get("minimum", 1), 1))
            case "boolean":
                return schema.get("default", True)
            case _:
                return None

    def component(self, name: str, member: str, result: Result[Any]) -> Any:
        """Return an example of a component schema."""
        schema = self.schemas[name]
        if "enum" in schema or "examples" in schema:
            return self.value(schema, member, result)
        # The members of an input belong to the resource whose name the input's name starts with.
        return self.input(name, next((r for n, r in self.registry.resources.items() if name.startswith(n)), result))

    def string(self, schema: Schema, name: str, result: Result[Any]) -> str:
        """Return a string of the schema's format."""
        match schema.get("format"):
            case "uuid":
                return self.id(name, result)
            case "date-time":
                return DATE_TIME
            case _:
                return str(schema.get("default") or name.replace("_", " "))

    def id(self, name: str, result: Result[Any]) -> str:
        """Return an id of the resource that a member is named after, as `category_id` is."""
        resources: dict[str, Result[Any]] = {r.operation_prefix: r for r in self.registry.resources.values()}
        owner = resources.get(name.removesuffix("s").removesuffix("_id"), result)
        return ID.format(owner.type_number if isinstance(owner, Resource) else 0)

    def row_links(self, resource: Resource[Any]) -> dict[str, Any]:
        """Return the links of a row for callers without a credential."""
        id = ID.format(resource.type_number)
        hrefs = {"self": self.links.location(resource, id)}
        hrefs |= {name: self.links.href(e.operation, id) for name, e in self.links.nested_lists(resource)}
        hrefs |= {
            name: self.links.location(relation.target, ID.format(relation.target.type_number))
            for name, relation in resource.relations.items()
            if not relation.is_to_many
        }
        return {name: {"href": href} for name, href in hrefs.items() if href}


def _has_example(schema: Schema) -> bool:
    """Return whether a schema, or one of its alternatives, has an example."""
    return "examples" in schema or any(_has_example(part) for part in schema.get("anyOf", ()))
