"""Values for the arguments, inputs and variables of drawn documents, by name or by type.

`@Product#3` is a placeholder for the id of a product and `@Product.slug#3` for the slug of one: the
existing rows are known only when a test runs.
"""

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type, is_list_type, is_non_null_type

from tests.users import PASSWORD

NODES = ("Product", "Category", "Variant", "Media", "Tag", "User", "Address", "ApiKey")
PLACEHOLDER = re.compile(r"@(\w+(?:\.\w+)?)#(\d+)")
A_TIME, UNKNOWN_ID = "2026-01-02T03:04:05.000006Z", "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e02"
# The type of an id whose name does not contain it.
ID_TYPES = {
    "parentId": "Category",
    "callerId": "User",
    "subject": "Product",
    "categoryIds": "Category",
    "addressId": "Address",
}
TEXTS: dict[str, list[str]] = {
    "name": ["Lampe Ü", "Lamp", "Lamp 3", ""],
    "fullName": ["Kim Ø", "Kim"],
    "username": ["kim-new", "a"],
    "slug": ["new-slug", "other-new-slug", "No Slug"],
    "description": ['Some\n"lines" \\ \U0001d518', ""],
    "sku": ["NEW-1", "NEW-2"],
    "tags": ["new-tag", "sale", "b-tag", "No Tag"],
    "currency": ["EUR", "EUR", "EUR", "EUR", "XX"],
    "email": ["new@shop.example", "@User.email#0", "@User.email#1", "nothing"],
    "password": [PASSWORD, "wrong password here"],
    "country": ["DK", "DK", "SE", "Atlantis"],
    "currentPassword": [PASSWORD, "wrong password here"],
    "newPassword": ["four new boats", "short"],
    "token": ["@Email.verify#0", "@Email.reset#0"],
    "refreshToken": ["@Token.refresh#0", "rt_none"],
    "scopes": ["account:read", "account:read", "catalog:write", "none"],
    "op": ["add", "replace", "remove", "test", "jump"],
    "path": ["/name", "/tags/-", "/city", "/full_name", "/position", "/nothing"],
    "from": ["/name"],
    "lines": ["Vestergade 12", "2. tv."],
    "city": ["Aarhus"],
    "phone": ["+4587654321", "+4587654322", "none"],
    "url": ["/v1/products?limit=3", "/v1/nothing"],
    "operationName": ["A"],
    "document": [
        "query A { products(first: 2) { nodes { id category { id } } } }",
        "{ nothing }",
        "mutation { logout { status } }",
    ],
}
NUMBERS: dict[str, list[int]] = {
    "first": [1, 2, 3] * 6 + [0, 101],
    "last": [1, 2, 3] * 5 + [-1],
    "expectedVersion": [1, 1, 2],
    "position": [0, 7, 3, -1],
    "pointsPerMinute": [7, 0],
    "weightGrams": [10, 0, 99, -5],
    "amount": [0, 1000, 7, 3_000_000_000, -1],
}
OBJECTS: dict[str, list[Any]] = {
    "options": [{"size": "M"}, {"size": "L", "colour": "sand"}, {}],
    "attributes": [{"a_b": [1, None, "x"], "camelCase": {"n": 1.5}}, {}],
    "source": [{"a_b": 1}, [1, "x"], None],
    "variables": [{"n": 2}, {}],
}
JSON_VALUES = [{"a_b": [1, None, "x"], "camelCase": {"n": 1.5}}, {}, {"size": "M"}, None, "text", 7]
INVALID_VALUES = ["x", 1.5, True, {"a": 1}, [None], 2**40, "", -(2**70)]


def json_value(random: Random, name: str, type: Any, owner: str) -> Any:
    """Return a JSON value for an argument or member.

    owner: the name of the type that the field or input concerns
    """
    type = type.of_type if is_non_null_type(type) else type
    if is_list_type(type):
        return [
            json_value(random, name, type.of_type, owner) for _ in range(random.randint(0 if name == "tags" else 1, 2))
        ]
    if isinstance(type, GraphQLInputObjectType):
        return {n: json_value(random, n, f.type, input_subject(type, owner)) for n, f in some_members(random, type)}
    return random.choice(scalar_values(name, type, owner))


def some_members(random: Random, type: GraphQLInputObjectType) -> list[tuple[str, Any]]:
    """Return the required members of an input and some others."""
    one_in = max(len(type.fields) // 2, 2)
    return [(n, f) for n, f in type.fields.items() if is_non_null_type(f.type) or random.randrange(one_in) == 0]


def input_subject(type: GraphQLInputObjectType, owner: str) -> str:
    """Return the type that an input concerns: `Product` for `ProductFilter`, otherwise `owner`."""
    return re.sub(r"(Create|BatchItem|Batch)?(Filter|Input|Patch)$", "", type.name) or owner


def scalar_values(name: str, type: Any, owner: str) -> list[Any]:
    """Return values of a scalar or enum. Some of them are refused by validation."""
    if isinstance(type, GraphQLEnumType):
        return list(type.values)
    match type.name:
        case "Boolean":
            return [True, False]
        case "Int" | "BigInt":
            return NUMBERS.get(name, [0, 1000, 3] if type.name == "Int" else [0, 1000, 2**40])
        case "Float":
            return [0.5, 2]
        case "DateTime":
            return [*[f"@{owner}.{name}#{n}" for n in range(2)], *[A_TIME] * 6, "yesterday"]
        case "JSON":
            return OBJECTS.get(name, JSON_VALUES)
        case "ID":
            return ids(name, owner)
        case _:
            texts = TEXTS.get(name, [])
            if texts and name not in ("slug", "email"):
                return texts
            return [*texts, *[f"@{owner}.{name}#{n}" for n in range(4)], "none"]


def ids(name: str, owner: str) -> list[str]:
    """Return ids of rows, some hidden or of another type, and values that are not ids."""
    node = ID_TYPES.get(name) or (name[:-2].capitalize() if name.endswith("Id") else owner)
    kinds = [node] * 4 if node in NODES else NODES
    return [*[f"@{kind}#{n + 2 * i}" for i, kind in enumerate(kinds) for n in range(2)], UNKNOWN_ID, "no-id"]


def to_literal(value: Any, type: Any) -> str:
    """Return a value in GraphQL syntax."""
    type = type.of_type if is_non_null_type(type) else type
    if isinstance(value, list):
        return "[" + ", ".join([to_literal(v, get_named_type(type)) for v in value]) + "]"
    if isinstance(value, dict):
        fields = type.fields if isinstance(type, GraphQLInputObjectType) else {}
        members = [f"{n}: {to_literal(v, fields[n].type if n in fields else type)}" for n, v in value.items()]
        return "{" + ", ".join(members) + "}"
    return str(value) if isinstance(type, GraphQLEnumType) else json.dumps(value, ensure_ascii=False)


def fill_placeholders(value: Any, find: Callable[[str, int], str | None]) -> Any:
    """Replace the placeholders in a text, or in every text of a tree."""
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda match: find(match[1], int(match[2])) or "none", value)
    if isinstance(value, list):
        return [fill_placeholders(v, find) for v in value]
    return {n: fill_placeholders(v, find) for n, v in value.items()} if isinstance(value, dict) else value
