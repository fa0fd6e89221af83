"""A story of a shop, which is played through each API, and with another one at every step."""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from tests.factories import Json, unique
from tests.parity.case import Keys
from tests.parity.door_writer import DoorWriter
from tests.parity.fields import graphql_fields, normalize_answer, snake
from tests.parity.harness import ApiClient, DualDoorApp
from tests.users import PASSWORD, create_user, http_client
from tradepost.areas.accounts.policy import ROLES
from tradepost.kit.resource.resource import Result
from tradepost.kit.writes.audit import AuditEntry
from tradepost.kit.writes.outbox import OutboxEvent

ADDRESS: Json = {
    "name": "Ada Berg",
    "company": None,
    "lines": ["Hauptstr. 1"],
    "city": "Hamburg",
    "postcode": "20095",
    "region": None,
    "country": "DE",
    "phone": None,
}
CART = (
    "id,status,email,currency,shipping_address,lines{variant_id,quantity,unit_price,added_price,total,product_name,sku}"
)
QUOTE = (
    "lines{variant_id,quantity,unit_price,discount,tax,tax_percentage,total,availability},subtotal,discount_total,"
    "shipping_total,shipping,tax_total,tax_lines,tax_estimated,grand_total,prices_include_tax,"
    "shipping_methods{code,name,price},payment_methods,problems,notices"
)
ORDER = (
    "id,number,status,payment_status,fulfilment_status,email,currency,subtotal,discount_total,shipping_total,shipping,"
    "tax_total,tax_lines,grand_total,cancelled_total,authorized,captured,refunded,prices_include_tax,shipping_address,"
    "shipping_method,links,cancel_reason,lines{variant_id,sku,quantity,unit_price,tax,tax_percentage,total,cancelled}"
)
PAYMENT = "id,order_id,provider,method,amount,captured,status,next_action{type,text},links"
FULFILMENT = "id,order_id,status,carrier,tracking_number,shipped_at,delivered_at,lines{order_line_id,quantity},links"
RETURN = (
    "id,order_id,kind,status,reason,rejection_reason,refunds_shipping,lines{order_line_id,quantity,restock,location_id},"
    "links"
)
MASKS = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"tpc_[\w-]+"), "TOKEN"),
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+"), "ACCESS TOKEN"),
    (re.compile(r"SKU-\w+"), "SKU"),
]


class Story:
    """The steps of one telling: each calls an operation at the next door, and keeps its answer."""

    def __init__(self, harness: DualDoorApp, doors: Iterator[str]) -> None:
        self.harness, self.doors = harness, doors
        self.answers: list[tuple[str, Any]] = []
        self.subjects: set[str] = set()
        self.names: dict[str, str] = {}

    async def write(self, caller: ApiClient, operation: str, fields: str, key: Keys = "", body: Any = None) -> Any:
        """Call an operation that writes."""
        writer = DoorWriter(self.harness, caller, operation)
        answer = await writer.write(next(self.doors), fields, key, body)
        assert isinstance(answer, dict), f"{operation}: {answer}"
        return self.keep(operation, answer)

    async def read(self, caller: ApiClient, operation: str, fields: str, key: Keys = "", **filters: str) -> Any:
        """Call an operation that reads: one row, or the rows of a list."""
        declared = self.harness.operation(operation)
        if next(self.doors) == "rest":
            params = {"fields": fields, **filters}
            answer = await caller.rest("GET", self.harness.path(operation, key), params=params)
            assert answer.status_code == 200, answer.text
            return self.keep(operation, answer.json()["data"] if declared.kind == "list" else answer.json())
        arguments = [f'{name}: "{value}"' for name, value in self.harness.key_arguments(operation, key).items()]
        if filters:
            arguments.append(f"filter: {{{', '.join([f'{n}: {v.upper()}' for n, v in filters.items()])}}}")
        selection = graphql_fields(declared.result, fields)
        if declared.kind == "list":
            selection = f"nodes {{ {selection} }}"
        head = f"({', '.join(arguments)})" if arguments else ""
        value = (await caller.data(f"{{ it: {self.harness.root(operation).name}{head} {{ {selection} }} }}"))["it"]
        return self.keep(operation, value if isinstance(value, list) else value.get("nodes", value))

    def keep(self, operation: str, answer: Any) -> Any:
        """Keep an answer in REST's form, and return it."""
        result = self.harness.operation(operation).result
        answer = [_row(result, row) for row in answer] if isinstance(answer, list) else _row(result, answer)
        if isinstance(answer, dict) and "id" in answer:
            self.subjects.add(answer["id"])
        self.answers.append((operation, answer))
        return answer

    def masked(self, value: Any) -> Any:
        """Return a value without what is of one telling only: ids, times, names."""
        match value:
            case dict():
                return {name: self.masked(member) for name, member in value.items()}
            case list():
                return [self.masked(v) for v in value]
            case str():
                for pattern, name in MASKS:  # first: a part of an id can equal an order's number
                    value = pattern.sub(name, value)
                for text, name in self.names.items():
                    value = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", name, value)
                return value
            case _:
                return value


def _row(result: Result[Any], row: Json) -> Json:
    """Return a row in REST's form, with the names of its actions in place of links."""
    links = [row.pop(name) for name in ("links", "availableActions") if name in row]
    answer = normalize_answer(result, row)
    return answer | ({"actions": sorted(_action_names(links[0], result.operation_prefix))} if links else {})


def _action_names(links: Any, prefix: str) -> Iterator[str]:
    """Yield the actions in `links`, or in `availableActions` of GraphQL, without the resource."""
    if isinstance(links, dict):
        yield from [name for name, link in links.items() if "method" in link]
    else:
        yield from [snake(name).removeprefix(f"{prefix}_") for name in links]


async def log_in(story: Story, guest: ApiClient) -> tuple[ApiClient, str]:
    """Log in as a user that is registered already; return the customer and the e-mail address."""
    person = await create_user(story.harness.app)
    story.names[person.email] = "EMAIL"
    story.subjects.add(person.id)
    body = {"email": person.email, "password": PASSWORD}
    pair = await story.write(guest, "login", "access_token,token_type,expires_in", body=body)
    token = pair["access_token"]
    return ApiClient("customer", http_client(story.harness.app, token), ROLES["customer"], token), person.email


async def place(story: Story, customer: ApiClient, cart_id: str) -> Json:
    """Order a cart for the total of its quote."""
    quote = await story.read(customer, "cart_quote", QUOTE, cart_id)
    assert quote["problems"] == []
    body = {"cart_id": cart_id, "expected_total": quote["grand_total"]}
    order = await story.write(customer, "order_place", ORDER, body=body)
    story.names[order["number"]] = "NUMBER"
    return order


async def order_again(story: Story, customer: ApiClient, variant: str, members: Json) -> Json:
    """Order one unit of a variant by a new cart."""
    lines = [{"variant_id": variant, "quantity": 1}]
    cart = await story.write(customer, "cart_create", CART, body={**members, "lines": lines})
    return await place(story, customer, cart["id"])


async def goods(harness: DualDoorApp) -> tuple[str, list[str]]:
    """Create a product with two variants in stock, and return their ids."""
    prices = [{"amount": amount, "currency": "EUR"} for amount in (1990, 905)]
    variants = [
        {"sku": unique("SKU"), "options": {"size": str(number)}, "price": price} for number, price in enumerate(prices)
    ]
    body = {"name": "Goods of the story", "status": "active", "variants": variants}
    answer = await harness.staff.rest("POST", "/products?fields=id,variants{id}", json=body)
    assert answer.status_code == 201, answer.text
    product = answer.json()
    ids = [variant["id"] for variant in product["variants"]]
    for id in ids:
        writer = DoorWriter(harness, harness.staff, "stock_move")
        await writer.rest("id", id, {"kind": "receive", "quantity": 7})  # two less, and the stock is low
    return product["id"], ids


async def shipping_method(harness: DualDoorApp) -> str:
    """Return the id of the demo shop's standard method."""
    answer = await harness.staff.rest("GET", "/shipping-methods", params={"code": "standard"})
    return answer.json()["data"][0]["id"]


async def recorded(story: Story) -> tuple[list[Any], list[Any]]:
    """Return the events of the story's rows, and their audit entries without the door."""
    async with story.harness.app.state.database.session_factory() as session:
        kept: list[list[Any]] = []
        for table in (OutboxEvent, AuditEntry):
            query = select(table).where(table.subject.in_(story.subjects)).order_by(table.id)
            rows: list[Any] = list(await session.scalars(query))
            operations = [getattr(row, "operation", "") for row in rows]
            roles = [getattr(row, "role", "") for row in rows]
            kept.append(
                [
                    (row.type, operation, role, story.masked(row.data))
                    for row, operation, role in zip(rows, operations, roles, strict=True)
                ]
            )
    return kept[0], kept[1]
