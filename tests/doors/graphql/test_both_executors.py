"""Both executors return the same data, byte for byte, and equal errors.

Hypothesis draws documents over the whole schema.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    TypeInfo,
    TypeInfoVisitor,
    parse,
    validate,
)
from graphql.language import Visitor, visit
from hypothesis import given, settings

from tests.doors.graphql.compare_executors import ExecutorRequest, assert_same_response, rolled_back, with_stable_ids
from tests.doors.graphql.document_strategies import Coordinate, DrawnDocument, documents, field_paths
from tests.doors.graphql.graphql_app import schema
from tests.parity import harness
from tests.parity.harness import CUSTOMER, STAFF, hypothesis_settings
from tests.parity.sample_rows import create_sample_rows
from tests.users import create_user
from tradepost.app import TradepostApp
from tradepost.areas.accounts.policy import ROLES
from tradepost.areas.accounts.service.email_tokens import RESET_PASSWORD, VERIFY_EMAIL
from tradepost.doors.graphql.execution.parsing import VALIDATION_RULES
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.clock import now

SCHEMA = schema()
ROLE_NAMES = ("anonymous", "customer", "staff", "admin")
# The permissions of an API key of the customer: some of what anonymous callers lack, but not all.
KEY_PERMISSIONS = frozenset({"stock:read", "account:read"})


@dataclass(frozen=True, repr=False)
class SampleShop:
    """A shop with hidden rows, callers of every role, and the values for placeholders."""

    app: TradepostApp
    callers: dict[str, Caller]
    values: dict[str, list[str]]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("sample_shop")

    def find(self, name: str, number: int) -> str | None:
        """Return the value for a placeholder."""
        values = self.values.get(name)
        return values[number % len(values)] if values else None

    def requests(self, document: DrawnDocument, role: str) -> list[ExecutorRequest]:
        """Return a request for each set of the document's variables."""
        document = document.with_values(self.find)
        first, second = document.variables
        return [
            ExecutorRequest(self.app, document.text, variables, self.callers[role])
            for variables in ((first, second) if first != second else (first,))
        ]


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join([t.capitalize() for t in tail])


@pytest.fixture(scope="module")
async def sample_shop(app: TradepostApp, staff: httpx.AsyncClient) -> SampleShop:
    """The app with rows of every kind."""
    users = {role: await create_user(app, role) for role in ("customer", "staff", "admin")}
    customer = users["customer"]
    rows = await create_sample_rows(
        app,
        harness.ApiClient("staff", staff, STAFF),
        harness.ApiClient("customer", customer.client(), CUSTOMER, customer.token, customer),
    )
    callers = {
        role: Caller(id=user.id, role=role, permissions=ROLES[role], session_id=user.session)
        for role, user in users.items()
    }
    callers |= {
        "anonymous": ANONYMOUS,
        "key": Caller(id=customer.id, role="customer", permissions=KEY_PERMISSIONS),
    }
    placeholders = {kind: [k for k in keys if len(k) == 36] for kind, keys in rows.keys.items()}
    placeholders |= {
        f"{kind}.{camel(name)}": [v for v in values if isinstance(v, str)]
        for (kind, name), values in rows.values.items()
    }
    placeholders |= {
        "Email.verify": [await customer.email_token(VERIFY_EMAIL)],
        "Email.reset": [await customer.email_token(RESET_PASSWORD)],
        "Token.refresh": [await customer.refresh_token()],
    }
    return SampleShop(app, callers, placeholders)


@pytest.mark.parametrize("role", [*ROLE_NAMES, "key"])
@hypothesis_settings(115)
@given(document=documents(SCHEMA, "query"))
async def test_both_executors_return_the_same_response_to_a_query(
    sample_shop: SampleShop, role: str, document: DrawnDocument
) -> None:
    for request in sample_shop.requests(document, role):
        assert_same_response(await request.by_plan(), await request.by_core(), request)


@pytest.mark.parametrize("role", ROLE_NAMES)
@hypothesis_settings(25)
@given(document=documents(SCHEMA, "mutation"))
async def test_both_executors_return_the_same_response_to_mutations(
    sample_shop: SampleShop, role: str, document: DrawnDocument
) -> None:
    for request in sample_shop.requests(document, role):
        since = now() - timedelta(milliseconds=1)
        async with rolled_back(sample_shop.app.state.database) as database:
            plan = await replace(request, database=database).by_plan()
        async with rolled_back(sample_shop.app.state.database) as database:
            core = await replace(request, database=database).by_core()
        assert_same_response(with_stable_ids(plan, since), with_stable_ids(core, since), request, ordered=True)


def fields_of(document: DocumentNode) -> set[Coordinate]:
    """Return the fields that a document selects, each with its type."""
    selected, info = set[Coordinate](), TypeInfo(SCHEMA)

    class FieldCollector(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            parent: Any = info.get_parent_type()
            selected.add((parent.name, node.name.value))

    visit(document, TypeInfoVisitor(info, FieldCollector()))
    return selected


def test_every_field_of_every_type_can_be_drawn_and_every_document_is_valid() -> None:
    drawn = set[Coordinate]()

    def draw_once(kind: str, target: Coordinate) -> None:
        @settings(max_examples=1, database=None, deadline=None)
        @given(document=documents(SCHEMA, kind, target))
        def draw(document: DrawnDocument) -> None:
            parsed = parse(document.text)
            assert not validate(SCHEMA, parsed, VALIDATION_RULES), document.text
            selected = fields_of(parsed)
            assert target in selected
            drawn.update(selected)

        draw()

    for kind, targets in field_paths(SCHEMA).items():
        for target in targets:
            draw_once(kind, target)
    types = [
        t
        for t in SCHEMA.type_map.values()
        if isinstance(t, GraphQLObjectType | GraphQLInterfaceType) and not t.name.startswith("__")
    ]
    assert {(t.name, name) for t in types for name in t.fields} <= drawn
