"""Plans answer what graphql-core answers: documents drawn over the whole schema through both, the same bytes of data and equal errors."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from graphql import FieldNode, GraphQLInterfaceType, GraphQLObjectType, TypeInfo, TypeInfoVisitor, parse, validate
from graphql.language import Visitor, visit
from hypothesis import given, settings

from tests.doors.graphql.both import Asked, put_back, renamed, same
from tests.doors.graphql.documents import Coordinate, Written, documents, ways
from tests.doors.graphql.house import schema
from tests.parity import house
from tests.parity.house import CUSTOMER, STAFF, drawn
from tests.parity.stock import stocked
from tests.people import somebody
from tradepost.app import TradepostApp
from tradepost.areas.accounts.policy import ROLES
from tradepost.areas.accounts.service.email_tokens import RESET_PASSWORD, VERIFY_EMAIL
from tradepost.doors.graphql.execution.executor import VALIDATION_RULES
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.clock import now

SCHEMA = schema()
ROLE_NAMES = ("anonymous", "customer", "staff", "admin")
# A key of the customer's that may do little: other members and fields are refused than to those without a credential.
FEW = frozenset({"stock:read", "account:read"})


@dataclass(frozen=True, repr=False)
class World:
    """A shop with something to hide, who calls, and what stands in the places of a drawn document."""

    app: TradepostApp
    callers: dict[str, Caller]
    there: dict[str, list[str]]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("world")

    def find(self, kind: str, at: int) -> str | None:
        """What stands in a place."""
        found = self.there.get(kind)
        return found[at % len(found)] if found else None

    def asked(self, document: Written, role: str) -> list[Asked]:
        """The document with each set of its variables."""
        document = document.about(self.find)
        first, second = document.variables
        return [
            Asked(self.app, document.text, variables, self.callers[role])
            for variables in ((first, second) if first != second else (first,))
        ]


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join([t.capitalize() for t in tail])


@pytest.fixture(scope="module")
async def world(app: TradepostApp, staff: httpx.AsyncClient) -> World:
    """The world of these tests."""
    people = {role: await somebody(app, role) for role in ("customer", "staff", "admin")}
    customer = people["customer"]
    known = await stocked(
        app,
        house.Visitor("staff", staff, STAFF),
        house.Visitor("customer", customer.client(), CUSTOMER, customer.token, customer),
    )
    callers = {r: Caller(id=p.id, role=r, permissions=ROLES[r], session_id=p.session) for r, p in people.items()} | {
        "anonymous": ANONYMOUS
    }
    there = {kind: [k for k in keys if len(k) == 36] for kind, keys in known.keys.items()}
    there |= {
        f"{kind}.{camel(name)}": [v for v in values if isinstance(v, str)]
        for (kind, name), values in known.values.items()
    }
    there |= {
        "Letter.verify": [await customer.mailed(VERIFY_EMAIL)],
        "Letter.reset": [await customer.mailed(RESET_PASSWORD)],
        "Token.refresh": [await customer.refresh_token()],
    }
    return World(app, callers | {"key": Caller(id=customer.id, role="customer", permissions=FEW)}, there)


@pytest.mark.parametrize("role", [*ROLE_NAMES, "key"])
@drawn(340)
@given(document=documents(SCHEMA, "query"))
async def test_a_query_is_answered_alike(world: World, role: str, document: Written) -> None:
    for asked in world.asked(document, role):
        same(await asked.by_plan(), await asked.by_reference(), asked)


@pytest.mark.parametrize("role", ROLE_NAMES)
@drawn(75)
@given(document=documents(SCHEMA, "mutation"))
async def test_mutations_are_answered_alike(world: World, role: str, document: Written) -> None:
    for asked in world.asked(document, role):
        since = now() - timedelta(milliseconds=1)
        async with put_back(world.app.state.database) as database:
            plan = await replace(asked, database=database).by_plan()
        async with put_back(world.app.state.database) as database:
            reference = await replace(asked, database=database).by_reference()
        same(renamed(plan, since), renamed(reference, since), asked, ordered=True)


def fields_of(text: str) -> set[Coordinate]:
    """The fields that a document asks for, each with its type."""
    found, info = set[Coordinate](), TypeInfo(SCHEMA)

    class Note(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            parent: Any = info.get_parent_type()
            found.add((parent.name, node.name.value))

    visit(parse(text), TypeInfoVisitor(info, Note()))
    return found


def test_every_field_of_every_type_is_drawn_and_every_document_is_valid() -> None:
    """A test draws towards each of these fields; here each of them is drawn towards."""
    found = set[Coordinate]()

    def once(kind: str, towards: Coordinate) -> None:
        @settings(max_examples=1, database=None, deadline=None)
        @given(document=documents(SCHEMA, kind, towards))
        def draw(document: Written) -> None:
            assert not validate(SCHEMA, parse(document.text), VALIDATION_RULES), document.text
            found.update(fields_of(document.text))
            assert towards in found

        draw()

    for kind, known in ways(SCHEMA).items():
        for towards in known:
            once(kind, towards)
    types = [
        t
        for t in SCHEMA.type_map.values()
        if isinstance(t, GraphQLObjectType | GraphQLInterfaceType) and not t.name.startswith("__")
    ]
    assert {(t.name, name) for t in types for name in t.fields} <= found
