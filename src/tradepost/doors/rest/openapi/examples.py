"""Examples made from the schemas: the shapes' own where they have some, else the plainest value that is valid. Always the same ones."""

from collections.abc import Iterable, Mapping
from typing import Any

from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.registry import Registry
from tradepost.kit.problems import Validation
from tradepost.kit.resource.resource import Resource, Result
from tradepost.kit.schema.validation import merge_patch_type

from ...http.problem_reference import describe_problem
from ..links import Links
from .schema import SCHEMA_PREFIX, Schema

ID = "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e{:02x}"
DATE_TIME = "2026-03-14T09:26:53.589793Z"
CURSOR = "5dUqz0sXbLm4kbsyMDI2LTAzLTE0VDA5OjI2OjUzLjU4OTc5M1o"
REQUEST_ID = "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e10"
MOST_CHANGED = 2


class Examples:
    """Makes examples for the component schemas of one version."""

    def __init__(self, registry: Registry, links: Links, schemas: Mapping[str, Schema]) -> None:
        self.registry, self.links, self.schemas = registry, links, schemas

    def for_operations(self, operations: Iterable[Operation[Any, ..., Any]]) -> dict[str, Any]:
        """What bodies and answers refer to, by name."""
        made: dict[str, Any] = {}
        for operation in operations:
            of = operation.result
            made[of.name] = self.resource(of)
            if operation.input is not None:
                patched = operation.kind == "update"
                name = (merge_patch_type(operation.input) if patched else operation.input).__name__
                made[name] = self.patch(name, operation.resource) if patched else self.input(name, of)
            if operation.kind == "list":
                made.setdefault(f"{of.name}Page", self.page(operation, numbered=False))
                if f"{of.name}NumberedPage" in self.schemas:
                    made.setdefault(f"{of.name}NumberedPage", self.page(operation, numbered=True))
            elif operation.kind == "batch":
                made[f"{of.name}Outcomes"] = self.outcomes(operation.resource)
        return {"JsonPatch": self.schemas["JsonPatch"]["examples"][0]} | dict(sorted(made.items()))

    def resource(self, of: Result[Any]) -> dict[str, Any]:
        """Its default representation, as a visitor gets it: all but the relations."""
        shown = {
            n: s
            for n, s in self.schemas[of.name]["properties"].items()
            if n not in of.relations and (n == "links" or of.is_readable(n, frozenset()))
        }
        return {
            n: self.hrefs(of) if n == "links" and isinstance(of, Resource) else self.value(s, n, of)
            for n, s in shown.items()
        }

    def input(self, name: str, of: Result[Any]) -> dict[str, Any]:
        """A whole body: the shape's own example, where not all of its members go together. What would be null where it is left out is left out, unless
        it has an example of its own."""
        schema = self.schemas[name]
        if "examples" in schema:
            return schema["examples"][0]
        said = {n: s for n, s in schema["properties"].items() if s.get("default", "") is not None or _speaks(s)}
        return {n: self.value(s, n, of) for n, s in said.items()}

    def patch(self, name: str, of: Resource[Any]) -> dict[str, Any]:
        """A merge patch of some members that have examples."""
        said = {n: s for n, s in self.schemas[name]["properties"].items() if n not in of.key_columns and _speaks(s)}
        return {n: self.value(said[n], n, of) for n in list(said)[:MOST_CHANGED]}

    def page(self, operation: Operation[Any, ..., Any], *, numbered: bool) -> dict[str, Any]:
        """A page of a list."""
        path = self.links.href(
            operation, ID.format(operation.parent_relation[0].type_number) if operation.parent_relation else ""
        )
        data = [self.resource(operation.result)]
        if not numbered:
            links = {"self": f"{path}?limit=1", "next": f"{path}?limit=1&cursor={CURSOR}", "first": f"{path}?limit=1"}
            return {"data": data, "next_cursor": CURSOR, "has_more": True, "links": links}
        links = {
            "self": f"{path}?page=3&page_size=1",
            "prev": f"{path}?page=2&page_size=1",
            "first": f"{path}?page=1&page_size=1",
        }
        return {"data": data, "total": 3, "page": 3, "page_size": 1, "total_pages": 3, "links": links}

    def outcomes(self, of: Resource[Any]) -> dict[str, Any]:
        """A batch in which one item was done, one refused, and one changed nothing."""
        error = {n: v for n, v in describe_problem(Validation).example.items() if n not in ("instance", "request_id")}
        return {
            "results": [
                {"status": 201, "data": self.resource(of)},
                {"status": 422, "error": error},
                {"status": 200, "data": self.resource(of), "changed": False},
            ]
        }

    def value(self, schema: Schema, name: str, resource: Result[Any]) -> Any:
        """A value that is valid against the schema; `name` is that of the member, `resource` what it is a member of."""
        if "examples" in schema:
            return schema["examples"][0]
        if "$ref" in schema:
            return self.component(schema["$ref"].removeprefix(SCHEMA_PREFIX), name, resource)
        if "anyOf" in schema:
            return self.value(schema["anyOf"][0], name, resource)
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "object":
                return {n: self.value(s, n, resource) for n, s in schema.get("properties", {}).items()}
            case "array":
                return [self.value(schema["items"], name, resource)]
            case "string":
                return self.text(schema, name, resource)
            case "integer" | "number":
                return schema.get("default", max(schema.get("minimum", 1), 1))
            case "boolean":
                return schema.get("default", True)
            case _:
                return None

    def component(self, name: str, member: str, resource: Result[Any]) -> Any:
        """An example of a component schema."""
        schema = self.schemas[name]
        if "enum" in schema or "examples" in schema:
            return self.value(schema, member, resource)
        # Members of an input are those of the resource that its name begins with.
        return self.input(name, next((r for n, r in self.registry.resources.items() if name.startswith(n)), resource))

    def text(self, schema: Schema, name: str, resource: Result[Any]) -> str:
        """A text that fits the schema's format."""
        match schema.get("format"):
            case "uuid":
                return self.id(name, resource)
            case "date-time":
                return DATE_TIME
            case _:
                return str(schema.get("default") or name.replace("_", " "))

    def id(self, name: str, resource: Result[Any]) -> str:
        """An id of the kind that a member's name tells: `category_id` is a category's."""
        kinds: dict[str, Result[Any]] = {of.operation_prefix: of for of in self.registry.resources.values()}
        kind = kinds.get(name.removesuffix("s").removesuffix("_id"), resource)
        return ID.format(kind.type_number if isinstance(kind, Resource) else 0)

    def hrefs(self, of: Resource[Any]) -> dict[str, Any]:
        """The links of a row, as a visitor gets them."""
        id = ID.format(of.type_number)
        made = {"self": self.links.location(of, id)}
        below = [
            r.operation
            for r in self.links.endpoints.values()
            if r.operation.kind == "list" and r.operation.parent_relation and r.operation.parent_relation[0] is of
        ]
        made |= {o.parent_relation[1]: self.links.href(o, id) for o in below if o.parent_relation}
        made |= {
            name: self.links.location(r.target, ID.format(r.target.type_number))
            for name, r in of.relations.items()
            if not r.is_to_many
        }
        return {name: {"href": href} for name, href in made.items() if href}


def _speaks(schema: Schema) -> bool:
    """Whether the schema itself, or one of its alternatives, has an example."""
    return "examples" in schema or any(_speaks(part) for part in schema.get("anyOf", ()))
