"""The schema is derived from the registry, sorted, and follows the Relay specifications."""

import re
from typing import Any

import msgspec
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    assert_valid_schema,
    build_schema,
    is_non_null_type,
    lexicographic_sort_schema,
    print_schema,
)

from tests.doors.graphql.graphql_app import graphql_door, schema
from tradepost.app import load_modules
from tradepost.doors.graphql.documents.requests import RequestParameters
from tradepost.doors.graphql.problems import RequestError
from tradepost.doors.graphql_names import camel
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.operations.registry import Registry
from tradepost.kit.writes.call_context import CallContext

REGISTRY = Registry.collect(load_modules("resource", "service"))


def fields(name: str) -> dict[str, str]:
    """Return the names of the fields of a type, and their types."""
    type = schema().type_map[name]
    assert isinstance(type, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType)
    return {n: str(f.type) for n, f in type.fields.items()}


def arguments(name: str) -> dict[str, str]:
    """Return the names of the arguments of a root field, and their types."""
    for root in (schema().query_type, schema().mutation_type):
        if root is not None and name in root.fields:
            return {n: str(a.type) for n, a in root.fields[name].args.items()}
    raise AssertionError(f"there is no field {name}")


def field_type(name: str) -> str:
    """Return the type of a root field."""
    mutation, query = schema().mutation_type, schema().query_type
    assert mutation is not None
    assert query is not None
    return str((mutation if name in mutation.fields else query).fields[name].type)


def test_the_sdl_is_valid_sorted_and_stable() -> None:
    text = graphql_door().sdl()
    built = build_schema(text)
    assert_valid_schema(built)
    # graphql-core does not print the directives of fields.
    assert print_schema(lexicographic_sort_schema(built)) + "\n" == re.sub(
        r' @needs\(permission: "[a-z:]+"\)', "", text
    )
    assert graphql_door().sdl() == text


def test_every_operation_is_a_root_field_and_every_root_field_an_operation() -> None:
    declared = {root.operation.name for root in graphql_door().executor.fields.values()}
    roots = [schema().query_type, schema().mutation_type]
    names = {n for root in roots if root is not None for n in root.fields} - {"node", "nodes"}
    assert names == set(graphql_door().executor.fields)
    assert declared == {name for name, operation in REGISTRY.operations.items() if operation.is_exposed_at("graphql")}


def test_an_object_type_has_the_members_of_its_schema_class() -> None:
    product = fields("Product")
    assert product["id"] == "ID!"
    assert product["categoryId"] == "ID"
    assert product["createdAt"] == "DateTime!"
    assert product["status"] == "ProductStatus!"
    assert product["tags"] == "[String!]!"
    assert product["attributes"] == "JSON!"
    assert product["priceFrom"] == "Money"
    assert product["ratingAverage"] == "Float"
    assert product["availableActions"] == "[String!]!"
    assert product["version"] == "Int!"
    assert fields("Money") == {"amount": "BigInt!", "currency": "String!"}


def test_relations_are_lists_connections_or_single_objects() -> None:
    assert fields("Product")["variants"] == "[Variant!]!"
    assert fields("Product")["category"] == "Category"
    assert fields("Category")["products"] == "ProductConnection!"
    assert fields("Category")["parent"] == "Category"


def test_enums_and_objects_have_descriptions() -> None:
    status = schema().type_map["ProductStatus"]
    assert isinstance(status, GraphQLEnumType)
    assert list(status.values) == ["ACTIVE", "ARCHIVED", "DRAFT"]
    assert status.description
    product = schema().type_map["Product"]
    assert product.description
    assert isinstance(product, GraphQLObjectType)
    assert product.fields["priceFrom"].description == "The price of the cheapest variant."


def test_only_members_without_a_default_are_required_in_inputs() -> None:
    required = {n for n, t in fields("ProductCreateInput").items() if t.endswith("!")}
    assert required == {"name"}
    assert fields("ProductCreateInput")["variants"] == "[VariantInput!]"
    assert not [t for t in fields("ProductPatch").values() if t.endswith("!")]
    assert fields("JsonPatchOperation") == {"op": "String!", "path": "String!", "from": "String", "value": "JSON"}
    assert fields("ProductBatchItemInput")["patch"] == "ProductPatch"


def test_root_fields_have_the_expected_arguments() -> None:
    page_arguments = {
        "first": "Int",
        "after": "String",
        "last": "Int",
        "before": "String",
        "filter": "ProductFilter",
        "sort": "[ProductSort!]",
    }
    assert arguments("products") == page_arguments
    assert arguments("categoryProducts") == {"categoryId": "ID!", **page_arguments}
    assert arguments("product") == {"id": "ID", "slug": "String"}
    assert arguments("productUpdate") == {
        "id": "ID!",
        "patch": "ProductPatch",
        "jsonPatch": "[JsonPatchOperation!]",
        "expectedVersion": "Int",
    }
    assert arguments("productBatch") == {"input": "ProductBatchInput!", "atomic": "Boolean"}


def test_only_top_level_lists_are_non_null() -> None:
    assert field_type("products") == "ProductConnection!"
    assert field_type("productVariants") == "VariantConnection"
    assert field_type("product") == "Product"
    mutation = schema().mutation_type
    assert mutation is not None
    assert not [n for n, f in mutation.fields.items() if is_non_null_type(f.type)]


def test_every_filter_and_sort_key_of_a_resource_is_in_the_schema() -> None:
    for resource in REGISTRY.resources.values():
        if resource.filters:
            assert len(fields(f"{resource.name}Filter")) == len(resource.filters)
        kind = schema().type_map[f"{resource.name}Sort"]
        assert isinstance(kind, GraphQLEnumType)
        assert len(kind.values) == 2 * len(resource.sorts)
    assert fields("ProductFilter")["priceGte"] == "BigInt"
    assert fields("ProductFilter")["status"] == "ProductStatus"


@pytest.mark.parametrize("resource", REGISTRY.node_resources, ids=lambda r: r.name)
def test_every_resource_with_an_id_implements_node(resource: Any) -> None:
    kind = schema().type_map[resource.name]
    assert isinstance(kind, GraphQLObjectType)
    assert [i.name for i in kind.interfaces] == ["Node"]


def test_node_and_nodes_have_the_types_that_relay_specifies() -> None:
    node = schema().type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    assert fields("Node") == {"id": "ID!"}
    assert (field_type("node"), arguments("node")) == ("Node", {"id": "ID!"})
    assert (field_type("nodes"), arguments("nodes")) == ("[Node]!", {"ids": "[ID!]!"})


@pytest.mark.parametrize("name", [n for n in schema().type_map if n.endswith("Connection")])
def test_connections_have_the_fields_that_relay_specifies(name: str) -> None:
    node = name.removesuffix("Connection")
    assert fields(name) == {
        "edges": f"[{node}Edge!]!",
        "nodes": f"[{node}!]!",
        "pageInfo": "PageInfo!",
        "totalCount": "Int!",
    }
    assert fields(f"{node}Edge") == {"node": f"{node}!", "cursor": "String!"}


def test_page_info_has_the_fields_that_relay_specifies() -> None:
    assert fields("PageInfo") == {
        "hasNextPage": "Boolean!",
        "hasPreviousPage": "Boolean!",
        "startCursor": "String",
        "endCursor": "String",
    }


def test_every_restricted_field_names_the_permission_that_it_needs() -> None:
    built, shown = build_schema(graphql_door().sdl()), dict[str, str]()
    for type in built.type_map.values():
        if isinstance(type, GraphQLObjectType):
            for name, field in type.fields.items():
                for directive in (field.ast_node and field.ast_node.directives) or ():
                    if directive.name.value == "needs":
                        shown[f"{type.name}.{name}"] = directive.arguments[0].value.value
    needed = dict[str, str | None]()
    for root in graphql_door().executor.fields.values():
        needed[f"{'Mutation' if root.operation.is_write else 'Query'}.{root.name}"] = root.operation.access.permission
    for resource in REGISTRY.resources.values():
        names = (*resource.members, *resource.relations)
        needed |= {f"{resource.name}.{camel(n)}": resource.access(n).permission for n in names}
    assert shown == {field: permission for field, permission in needed.items() if permission}
    assert {"Mutation.productCreate", "Query.audit", "Product.source", "Variant.importedQuantity"} <= set(shown)


async def test_introspection_lists_the_needs_directive_and_a_document_cannot_use_it() -> None:
    context = CallContext(ANONYMOUS, None)  # type: ignore[arg-type]
    executor = graphql_door().executor
    text = "{ __schema { directives { name locations args { name } } } }"
    body = await executor.execute(executor.prepare(RequestParameters(text), context), context) + b"}"
    directives = msgspec.json.decode(body)["data"]["__schema"]["directives"]
    assert {"name": "needs", "locations": ["FIELD_DEFINITION"], "args": [{"name": "permission"}]} in directives
    with pytest.raises(RequestError, match="needs"):
        executor.prepare(RequestParameters('{ products { nodes { id @needs(permission: "x") } } }'), context)
