"""Every write once: what either door is given, on which kind of row, and its outcome in a common form."""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import select

from tests.factories import unique, variant_input
from tests.parity.harness import ApiClient, DualDoorApp, Json
from tests.parity.query_rendering import camel
from tradepost.kit.writes.outbox import OutboxEvent

METHODS = {"get": "GET", "list": "GET", "replace": "PUT", "update": "PATCH", "delete": "DELETE"} | dict.fromkeys(
    ("create", "batch", "query", "command"), "POST"
)


def normalize_written(value: Any) -> Any:
    """An input in GraphQL's names; what stands in free JSON keeps its own."""
    if isinstance(value, dict):
        return {
            camel(k): v.upper()
            if k in ("status", "op", "role") and isinstance(v, str) and k != "path"
            else (v if k in ("attributes", "source", "options") else normalize_written(v))
            for k, v in value.items()
        }
    return [normalize_written(v) for v in value] if isinstance(value, list) else value


class DoorWriter:
    """One write through one door, its outcome in a common form."""

    def __init__(self, harness: DualDoorApp, visitor: ApiClient, operation: str) -> None:
        self.harness, self.visitor, self.of = harness, visitor, harness.operation(operation)
        self.headers = dict[str, str]()

    async def rest(
        self, fields: str, key: str = "", body: Any = None, version: int | None = None, steps: Any = None
    ) -> Any:
        headers = self.headers | ({"If-Match": f'"{version}.x"'} if version is not None else {})
        if steps is not None:
            headers["Content-Type"] = "application/json-patch+json"
        content = None if body is None and steps is None else msgspec.json.encode(body if steps is None else steps)
        headers.setdefault("Content-Type", "application/json")
        params = {} if self.of.status == 204 else {"fields": fields}
        answer = await self.visitor.rest(
            METHODS[self.of.kind], self.harness.path(self.of.name, key), params=params, content=content, headers=headers
        )
        if answer.status_code == 204:
            return "gone"
        if answer.headers["content-type"] == "application/problem+json":
            return problem(answer.json())
        return answer.json()

    async def graphql(
        self, body_fields: str, key: str = "", body: Any = None, version: int | None = None, steps: Any = None
    ) -> Any:
        definition = self.harness.executor.schema.mutation_type.fields[camel(self.of.name)]
        given: Json = {"expectedVersion": version} if version is not None else {}
        if key:
            given[next(n for n in definition.args if n.lower().endswith("id"))] = key
        if steps is not None:
            given["jsonPatch"] = steps
        elif body is not None:
            given["patch" if self.of.kind == "update" else "input"] = normalize_written(body)
        declared = f"({', '.join([f'${n}: {definition.args[n].type}' for n in given])})" if given else ""
        arguments = f"({', '.join([f'{n}: ${n}' for n in given])})" if given else ""
        answer = await self.visitor.post(
            f"mutation {declared} {{ it: {camel(self.of.name)}{arguments} {{ {body_fields} }} }}", given, self.headers
        )
        if "errors" in answer:
            assert answer.get("data", {"it": None}) == {"it": None}
            [error] = answer["errors"]
            return problem(error["extensions"])
        return "gone" if self.of.status == 204 else answer["data"]["it"]


def problem(document: Json) -> Any:
    """What both doors have to say alike of a problem. The order of several faults is that of the members, which GraphQL sorts as its schema does."""
    faults = sorted([(e.get("pointer") or "", e["code"], e["detail"]) for e in document.get("errors") or ()])
    return document["code"], document["status"], document["detail"] if len(faults) < 2 else "", document["type"], faults


PRODUCT = (
    "name,description,status,attributes,tags,price_from,external_reference,source,version,category{name},categories{name},variants{sku,position,price,options}",
    """name description status attributes tags priceFrom { amount currency } externalReference source version category { name } categories { name }
       variants { sku position price { amount currency } options }""",
)
VARIANT = ("sku,name,price,options,position,version,source,attributes,product{name,price_from,version}",
           "sku name price { amount currency } options position version source attributes product { name priceFrom { amount currency } version }")  # fmt: skip
CATEGORY = ("name,description,position,version,parent{name}", "name description position version parent { name }")
USER = (
    "email,username,full_name,status,role,email_verified_at,version",
    "email username fullName status role emailVerifiedAt version",
)
ADDRESS = ("name,lines,city,postcode,country,phone,version", "name lines city postcode country phone version")
API_KEY = ("name,scopes,points_per_minute,expires_at,last_used_at,version,user{email}",
           "name scopes pointsPerMinute expiresAt lastUsedAt version user { email }")  # fmt: skip
WANTED = {
    "Product": PRODUCT, "Variant": VARIANT, "Category": CATEGORY, "User": USER, "Address": ADDRESS, "ApiKey": API_KEY,
    "Acknowledgement": ("status", "status"), "TokenPair": ("token_type,expires_in", "tokenType expiresIn"),
}  # fmt: skip
# One member each, for those who only want to know whether it went well.
ONE_MEMBER = {"Acknowledgement": "status", "TokenPair": "token_type"}


def plain(value: Any, own: str) -> Any:
    """An answer in one spelling: REST's names, enums by value, the mark of this row taken out of its texts."""
    if isinstance(value, dict):
        return {
            snake(k): v.lower()
            if k in ("status", "role") and isinstance(v, str)
            else (mask_own_names(v, own) if k in ("attributes", "source", "options") else plain(v, own))
            for k, v in value.items()
        }
    return (
        mask_own_names(value, own)
        if isinstance(value, str)
        else [plain(v, own) for v in value]
        if isinstance(value, list)
        else value
    )


def mask_own_names(value: Any, own: str) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value).decode().replace(own, "*").replace(own.upper(), "*"))


def snake(name: str) -> str:
    return "".join([f"_{c.lower()}" if c.isupper() else c for c in name]).removeprefix("_")


async def events(harness: DualDoorApp, own: str, ids: list[str]) -> list[Any]:
    """What was announced of some rows, in order, without what differs by row."""
    async with harness.app.state.database.session_factory() as session:
        found = (await session.execute(select(OutboxEvent).order_by(OutboxEvent.id))).scalars().all()
    kept = [e for e in found if e.subject in ids or e.data.get("product_id") in ids]
    return [(e.type, {k: v for k, v in e.data.items() if k != "product_id"}) for e in kept]


type Change = tuple[str, str, Callable[[str], Json]]

# Operation, kind of row, and the body (of a row whose texts hold the mark `own`): what both doors are given on rows that are alike.
CHANGES: list[Change] = [
    ("product_create", "", lambda own: {"name": f"New {own}"}),
    ("product_create", "", lambda own: complete_product(own)),
    ("category_create", "", lambda own: {"name": f"New {own}", "position": 7, "description": "Some\nlines"}),
    ("variant_create", "Product", lambda own: variant_input(77, sku=f"v-{own}", options={"a_b": "c"}, source={"x_y": None})),
    ("product_replace", "Product", lambda own: {"name": f"Other {own}"}),
    ("product_replace", "Product", lambda own: {k: v for k, v in complete_product(own).items() if k != "variants"}),
    ("product_update", "Product", lambda own: {"name": f"Other {own}", "attributes": {"keep_me": 1, "material": None}}),
    ("product_update", "Product", lambda own: {"tags": [], "description": None, "status": "archived"}),
    ("product_update", "Product", lambda own: {}),
    ("product_update", "Product", lambda own: {"steps": [{"op": "test", "path": "/status", "value": "active"}, {"op": "add", "path": "/tags/-", "value": "new"},
                                                         {"op": "move", "from": "/attributes/material", "path": "/attributes/of_what"}]}),
    ("variant_replace", "Variant", lambda own: {"sku": f"w-{own}", "price": {"amount": 2, "currency": "EUR"}, "options": {"size": "S"}}),
    ("variant_update", "Variant", lambda own: {"price": {"amount": 1}, "weight_grams": 5}),
    ("variant_update", "Variant", lambda own: {"steps": [{"op": "replace", "path": "/price/amount", "value": 3},
                                                         {"op": "copy", "from": "/sku", "path": "/barcode"}]}),
    ("category_replace", "Category", lambda own: {"name": f"Other {own}"}),
    ("category_update", "Category", lambda own: {"position": 4}),
    ("category_update", "Category", lambda own: {"steps": [{"op": "remove", "path": "/description"}]}),
    ("product_delete", "Product", lambda own: {}),
    ("variant_delete", "Variant", lambda own: {}),
    ("category_delete", "Category", lambda own: {}),
]  # fmt: skip


def complete_product(own: str) -> Json:
    """A product with everything."""
    return {
        "name": f"Whole {own}", "slug": f"whole-{own}", "description": "<b>x</b>", "status": "active",
        "attributes": {"snake_key": {"camelKey": [1, 2.5, None]}, "material": "oak"},
        "tags": ["b-tag", "a-tag", "b-tag"], "external_reference": f"ref-{own}", "source": {"legacy_id": 1},
        "variants": [variant_input(900 + i, sku=f"sku-{i}-{own}", options={"n": str(i)}) for i in range(3)],
    }  # fmt: skip


async def row_of(harness: DualDoorApp, kind: str, own: str) -> str:
    """A row that is like others but for its mark."""
    staff = harness.staff
    if kind == "Category":
        return (
            await staff.rest(
                "POST", "/categories", json={"name": f"Row {own}", "slug": f"row-{own}", "description": "d"}
            )
        ).json()["id"]
    product = (
        await staff.rest("POST", "/products", json=complete_product(own), params={"fields": "id,variants{id}"})
    ).json()
    return product["variants"][0]["id"] if kind == "Variant" else product["id"]


type WriteCase = tuple[str, Json]


async def write_case(harness: DualDoorApp, operation: str) -> WriteCase:
    """The key of a row that no other test has, empty where a write begins at none, and a body that the write takes."""
    own = unique("m").replace("-", "")
    if operation == "product_batch":
        return "", {"items": [{"op": "create", "input": {"name": f"In a batch {own}"}}]}
    kind, body = next(
        (kind, body(own)) for name, kind, body in CHANGES if name == operation and "steps" not in body(own)
    )
    return await row_of(harness, kind, own) if kind else "", body
