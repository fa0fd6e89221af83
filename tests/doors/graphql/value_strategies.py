"""Values for the arguments, inputs and variables of drawn documents: by their names where those say what is meant, else by their types.

`@Product#3` stands for the id of a product, `@Product.slug#3` for a slug of one; what is really there is known only when a test runs.
"""

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type, is_list_type, is_non_null_type

from tests.people import PASSWORD

PLACES, NODES = 6, ("Product", "Category", "Variant", "Media", "Tag", "User", "Address", "ApiKey")
PLACE = re.compile(r"@(\w+(?:\.\w+)?)#(\d+)")
MOMENT, NOBODY = "2026-01-02T03:04:05.000006Z", "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e02"
# Whose id it is where the name does not say it: those of arguments are called after what they name.
MEANT = {
    "parentId": "Category",
    "callerId": "User",
    "subject": "Product",
    "categoryIds": "Category",
    "addressId": "Address",
}
TEXTS: dict[str, list[str]] = {
    "name": ["Lampe Ü", "Lamp", "Lamp 3", ""], "fullName": ["Kim Ø", "Kim"], "username": ["kim-new", "a"], "slug": ["new-slug", "other-new-slug", "No Slug"],
    "description": ["Some\n\"lines\" \\ \U0001d518", ""], "sku": ["NEW-1", "NEW-2"], "tags": ["new-tag", "sale", "b-tag", "No Tag"],
    "currency": ["EUR", "EUR", "EUR", "EUR", "XX"], "email": ["new@shop.example", "@User.email#0", "@User.email#1", "nothing"],
    "password": [PASSWORD, "wrong password here"], "country": ["DK", "DK", "SE", "Atlantis"], "currentPassword": [PASSWORD, "wrong password here"],
    "newPassword": ["four new boats", "short"], "token": ["@Letter.verify#0", "@Letter.reset#0"], "refreshToken": ["@Token.refresh#0", "rt_none"],
    "scopes": ["account:read", "account:read", "catalog:write", "none"], "op": ["add", "replace", "remove", "test", "jump"],
    "path": ["/name", "/tags/-", "/city", "/full_name", "/position", "/nothing"], "from": ["/name"], "lines": ["Vestergade 12", "2. tv."], "city": ["Aarhus"],
    "phone": ["+4587654321", "+4587654322", "none"], "url": ["/v1/products?limit=3", "/v1/nothing"], "operationName": ["A"],
    "document": ["query A { products(first: 2) { nodes { id category { id } } } }", "{ nothing }", "mutation { logout { status } }"],
}  # fmt: skip
NUMBERS: dict[str, list[int]] = {
    "first": [1, 2, 3] * 6 + [0, 101], "last": [1, 2, 3] * 5 + [-1], "expectedVersion": [1, 1, 2], "position": [0, 7, 3, -1],
    "pointsPerMinute": [7, 0], "weightGrams": [10, 0, 99, -5], "amount": [0, 1000, 7, 5_000_000_000, -1],
}  # fmt: skip
OBJECTS: dict[str, list[Any]] = {
    "options": [{"size": "M"}, {"size": "L", "colour": "sand"}, {}], "attributes": [{"a_b": [1, None, "x"], "camelCase": {"n": 1.5}}, {}],
    "source": [{"a_b": 1}, [1, "x"], None], "variables": [{"n": 2}, {}],
}  # fmt: skip
FREE = [{"a_b": [1, None, "x"], "camelCase": {"n": 1.5}}, {}, {"size": "M"}, None, "text", 7]
BROKEN = ["x", 1.5, True, {"a": 1}, [None], 2**40, "", -(2**70)]


def plain(random: Random, name: str, type: Any, owner: str) -> Any:
    """A value of an argument or member, as JSON has it. `owner` is the type that the field or input is about."""
    type = type.of_type if is_non_null_type(type) else type
    if is_list_type(type):
        return [plain(random, name, type.of_type, owner) for _ in range(random.randint(0 if name == "tags" else 1, 2))]
    if isinstance(type, GraphQLInputObjectType):
        return {n: plain(random, n, f.type, about(type, owner)) for n, f in chosen(random, type)}
    return random.choice(leaves(name, type, owner))


def chosen(random: Random, type: GraphQLInputObjectType) -> list[tuple[str, Any]]:
    """Some members of an input, and all that it needs."""
    one_in = max(len(type.fields) // 2, 2)
    return [(n, f) for n, f in type.fields.items() if is_non_null_type(f.type) or random.randrange(one_in) == 0]


def about(type: GraphQLInputObjectType, owner: str) -> str:
    """What an input is about: `ProductFilter` is about products, others about what the field is about."""
    return re.sub(r"(Create|BatchItem|Batch)?(Filter|Input|Patch)$", "", type.name) or owner


def leaves(name: str, type: Any, owner: str) -> list[Any]:
    """What a scalar or enum may be; some of it is refused by the rules, some means nothing."""
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
            return [*[f"@{owner}.{name}#{n}" for n in range(2)], *[MOMENT] * 6, "yesterday"]
        case "JSON":
            return OBJECTS.get(name, FREE)
        case "ID":
            return ids(name, owner)
        case _:
            said = TEXTS.get(name, [])
            return (
                said
                if said and name not in ("slug", "email")
                else [*said, *[f"@{owner}.{name}#{n}" for n in range(4)], "none"]
            )


def ids(name: str, owner: str) -> list[str]:
    """Ids of rows, some of which are hidden or of another kind, and what is no id."""
    of = MEANT.get(name) or (name[:-2].capitalize() if name.endswith("Id") else owner)
    kinds = [of] * 4 if of in NODES else NODES
    return [*[f"@{kind}#{n + 2 * i}" for i, kind in enumerate(kinds) for n in range(2)], NOBODY, "no-id"]


def written(value: Any, type: Any) -> str:
    """A value as a literal."""
    type = type.of_type if is_non_null_type(type) else type
    if isinstance(value, list):
        return "[" + ", ".join([written(v, get_named_type(type)) for v in value]) + "]"
    if isinstance(value, dict):
        fields = type.fields if isinstance(type, GraphQLInputObjectType) else {}
        return (
            "{"
            + ", ".join([f"{n}: {written(v, fields[n].type if n in fields else type)}" for n, v in value.items()])
            + "}"
        )
    return str(value) if isinstance(type, GraphQLEnumType) else json.dumps(value, ensure_ascii=False)


def filled(value: Any, find: Callable[[str, int], str | None]) -> Any:
    """A text or a tree with what is really there in the places."""
    if isinstance(value, str):
        return PLACE.sub(lambda found: find(found[1], int(found[2])) or "none", value)
    if isinstance(value, list):
        return [filled(v, find) for v in value]
    return {n: filled(v, find) for n, v in value.items()} if isinstance(value, dict) else value
