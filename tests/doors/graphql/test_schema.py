"""The schema: derived from the registry, sorted, and by Relay's rules."""

import re

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

from tests.doors.graphql.house import door, schema
from tradepost.app import load_modules
from tradepost.doors.graphql.execution.executor import RequestParameters
from tradepost.doors.graphql.problems import RequestError
from tradepost.doors.graphql_names import camel
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.operations.registry import Registry
from tradepost.kit.writes.call_context import CallContext

REGISTRY = Registry.collect(load_modules("resource", "service"))


def fields(name: str) -> dict[str, str]:
    """The fields of a type, and their types as written."""
    found = schema().type_map[name]
    assert isinstance(found, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType)
    return {n: str(f.type) for n, f in found.fields.items()}


def arguments(name: str) -> dict[str, str]:
    """The arguments of a root field."""
    for root in (schema().query_type, schema().mutation_type):
        if root is not None and name in root.fields:
            return {n: str(a.type) for n, a in root.fields[name].args.items()}
    raise AssertionError(f"there is no field {name}")


def answer(name: str) -> str:
    """The type of a root field."""
    root = (
        schema().mutation_type
        if schema().mutation_type and name in schema().mutation_type.fields
        else schema().query_type
    )  # type: ignore[union-attr]
    assert root is not None
    return str(root.fields[name].type)


def test_the_document_is_valid_sorted_and_stable() -> None:
    text = door().sdl()
    built = build_schema(text)
    assert_valid_schema(built)
    # graphql-core prints no directive on a field.
    assert print_schema(lexicographic_sort_schema(built)) + "\n" == re.sub(
        r' @needs\(permission: "[a-z:]+"\)', "", text
    )
    assert door().sdl() == text


def test_every_operation_is_a_field_and_every_field_an_operation() -> None:
    declared = {root.operation.name for root in door().executor.fields.values()}
    roots = [schema().query_type, schema().mutation_type]
    names = {n for root in roots if root is not None for n in root.fields} - {"node", "nodes"}
    assert names == set(door().executor.fields)
    assert declared <= set(REGISTRY.operations)


def test_an_object_has_the_members_of_its_shape() -> None:
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


def test_enums_and_shapes_carry_their_descriptions() -> None:
    status = schema().type_map["ProductStatus"]
    assert isinstance(status, GraphQLEnumType)
    assert list(status.values) == ["ACTIVE", "ARCHIVED", "DRAFT"]
    assert status.description
    product = schema().type_map["Product"]
    assert product.description
    assert isinstance(product, GraphQLObjectType)
    assert product.fields["priceFrom"].description == "The price of the cheapest variant."


def test_inputs_need_only_what_has_no_default() -> None:
    needed = {n for n, t in fields("ProductCreateInput").items() if t.endswith("!")}
    assert needed == {"name"}
    assert fields("ProductCreateInput")["variants"] == "[VariantInput!]"
    assert not [t for t in fields("ProductPatch").values() if t.endswith("!")]
    assert fields("JsonPatchOperation") == {"op": "String!", "path": "String!", "from": "String", "value": "JSON"}
    assert fields("ProductBatchItemInput")["patch"] == "ProductPatch"


def test_arguments_are_those_of_the_wire() -> None:
    window = {
        "first": "Int",
        "after": "String",
        "last": "Int",
        "before": "String",
        "filter": "ProductFilter",
        "sort": "[ProductSort!]",
    }
    assert arguments("products") == window
    assert arguments("categoryProducts") == {"categoryId": "ID!", **window}
    assert arguments("product") == {"id": "ID", "slug": "String"}
    assert arguments("productUpdate") == {
        "id": "ID!",
        "patch": "ProductPatch",
        "jsonPatch": "[JsonPatchOperation!]",
        "expectedVersion": "Int",
    }
    assert arguments("productBatch") == {"input": "ProductBatchInput!", "atomic": "Boolean"}


def test_lists_are_never_null_and_all_else_may_be() -> None:
    assert answer("products") == "ProductConnection!"
    assert answer("productVariants") == "VariantConnection"
    assert answer("product") == "Product"
    mutation = schema().mutation_type
    assert mutation is not None
    assert not [n for n, f in mutation.fields.items() if is_non_null_type(f.type)]


def test_filters_and_sorts_are_the_resources_own() -> None:
    for resource in REGISTRY.resources.values():
        if resource.filters:
            assert len(fields(f"{resource.name}Filter")) == len(resource.filters)
        kind = schema().type_map[f"{resource.name}Sort"]
        assert isinstance(kind, GraphQLEnumType)
        assert len(kind.values) == 2 * len(resource.sorts)
    assert fields("ProductFilter")["priceGte"] == "BigInt"
    assert fields("ProductFilter")["status"] == "ProductStatus"


@pytest.mark.parametrize("resource", REGISTRY.node_resources, ids=lambda r: r.name)
def test_what_has_an_id_is_a_node(resource: object) -> None:
    kind = schema().type_map[resource.name]  # type: ignore[attr-defined]
    assert isinstance(kind, GraphQLObjectType)
    assert [i.name for i in kind.interfaces] == ["Node"]


def test_node_and_nodes_are_by_relays_rules() -> None:
    node = schema().type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    assert fields("Node") == {"id": "ID!"}
    assert (answer("node"), arguments("node")) == ("Node", {"id": "ID!"})
    assert (answer("nodes"), arguments("nodes")) == ("[Node]!", {"ids": "[ID!]!"})


@pytest.mark.parametrize("name", [n for n in schema().type_map if n.endswith("Connection")])
def test_connections_are_by_relays_rules(name: str) -> None:
    found = name.removesuffix("Connection")
    assert fields(name) == {
        "edges": f"[{found}Edge!]!",
        "nodes": f"[{found}!]!",
        "pageInfo": "PageInfo!",
        "totalCount": "Int!",
    }
    assert fields(f"{found}Edge") == {"node": f"{found}!", "cursor": "String!"}


def test_the_page_info_is_by_relays_rules() -> None:
    assert fields("PageInfo") == {
        "hasNextPage": "Boolean!",
        "hasPreviousPage": "Boolean!",
        "startCursor": "String",
        "endCursor": "String",
    }


def test_every_field_that_is_not_open_to_all_says_what_it_needs() -> None:
    built, shown = build_schema(door().sdl()), dict[str, str]()
    for type in built.type_map.values():
        if isinstance(type, GraphQLObjectType):
            for name, field in type.fields.items():
                for directive in (field.ast_node and field.ast_node.directives) or ():
                    if directive.name.value == "needs":
                        shown[f"{type.name}.{name}"] = directive.arguments[0].value.value
    needed = dict[str, str | None]()
    for root in door().executor.fields.values():
        needed[f"{'Mutation' if root.operation.is_write else 'Query'}.{root.name}"] = root.operation.access.permission
    for of in REGISTRY.resources.values():
        needed |= {f"{of.name}.{camel(n)}": of.access(n).permission for n in (*of.members, *of.relations)}
    assert shown == {field: permission for field, permission in needed.items() if permission}
    assert {"Mutation.productCreate", "Query.audit", "Product.source", "Variant.importedQuantity"} <= set(shown)


async def test_introspection_knows_the_directive_and_a_document_cannot_use_it() -> None:
    context = CallContext(ANONYMOUS, None)  # type: ignore[arg-type]
    executor = door().executor
    text = "{ __schema { directives { name locations args { name } } } }"
    found = msgspec.json.decode(
        await executor.execute(executor.prepare(RequestParameters(text), context), context) + b"}"
    )["data"]["__schema"]["directives"]
    assert {"name": "needs", "locations": ["FIELD_DEFINITION"], "args": [{"name": "permission"}]} in found
    with pytest.raises(RequestError, match="needs"):
        executor.prepare(RequestParameters('{ products { nodes { id @needs(permission: "x") } } }'), context)
