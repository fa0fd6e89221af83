"""Idempotency keys that are required, and keys that are too short for an outcome with a secret."""

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.factories import unique
from tests.reliability.client import CREATE, DualDoorClient, problem_in
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.catalog.service import Products
from tradepost.doors.rest.openapi.operations import operation_parameters
from tradepost.kit.auth.access import ANYONE, permission
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.operations.operation import Operation, operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import IdempotencyKeyMissing, IdempotencyKeyTooShort
from tradepost.kit.query.records import Record
from tradepost.kit.resource.resource import Result
from tradepost.kit.resource.selection import Selection, default_selection
from tradepost.kit.writes.call_context import CallContext, RequestIdempotency

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.usefixtures("no_claims_left")

SYSTEM_USER = msgspec.structs.replace(SYSTEM, id="01924560-6c00-7d4b-bb5e-72fc1f750d03")
BARE = "mutation($input: ProductCreateInput!) { productCreate(input: $input) { id } }"


class Voucher(msgspec.Struct):
    """An outcome with a secret."""

    code: str


class Note(msgspec.Struct):
    """An outcome without a secret."""

    code: str


vouchers = Result(Voucher, secret_members={"code"})
notes = Result(Note)


class Vouchers(Service):
    """Operations with rules for their keys."""

    @operation("voucher_make", "command", vouchers, access=ANYONE)
    async def make(self, selection: Selection[Voucher]) -> Record[Voucher]:
        """Make a voucher, with or without a credential."""
        return self.respond(vouchers, Voucher(unique()), selection)

    @operation("voucher_issue", "command", vouchers, access=permission("catalog:write"))
    async def issue(self, selection: Selection[Voucher]) -> Record[Voucher]:
        """Make a voucher, with a credential."""
        return self.respond(vouchers, Voucher(unique()), selection)

    @operation("note_make", "command", notes, access=ANYONE)
    async def note(self, selection: Selection[Note]) -> Record[Note]:
        """Make something without a secret."""
        return self.respond(notes, Note(unique()), selection)

    @operation("voucher_sell", "command", notes, access=ANYONE, requires_idempotency_key=True)
    async def sell(self, selection: Selection[Note]) -> Record[Note]:
        """Sell a voucher, once for each key."""
        return self.respond(notes, Note(unique()), selection)


async def call(
    app: "TradepostApp", name: str, key: str | None, caller: Caller = ANONYMOUS, door: str = "rest"
) -> bytes:
    """Call an operation with a key, as a door does. Return the encoded answer."""
    state = app.state
    context = CallContext(
        caller, state.database, door=door, dependencies=state.dependencies, idempotency=RequestIdempotency(key)
    )
    declared: Operation[Any, ..., Any] = vars(Vouchers)[name]
    record = await getattr(Vouchers(context), name)(default_selection(declared.result, frozenset()))
    return msgspec.json.encode(record.body)


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_an_anonymous_key_has_20_characters_if_the_outcome_has_a_secret(app: "TradepostApp", door: str) -> None:
    for key in ("a", unique("k")[:19]):
        with pytest.raises(IdempotencyKeyTooShort, match="`voucher_make` has at least 20 characters"):
            await call(app, "make", key, door=door)
    key = unique("a-key-of-20-characters")
    assert await call(app, "make", key, door=door) == await call(app, "make", key, door=door)
    await call(app, "make", None, door=door)


async def test_a_guest_with_a_token_has_keys_of_its_own_that_may_be_short(app: "TradepostApp") -> None:
    key, guests = unique()[:10], [Caller(token_hash=unique()) for _ in range(2)]
    codes = [await call(app, "make", key, guest) for guest in (*guests, *guests)]
    assert codes[:2] == codes[2:]
    assert codes[0] != codes[1]
    # A user's keys are the user's, with any token.
    by_user = [await call(app, "make", key, Caller(id=SYSTEM_USER.id, token_hash=t)) for t in (unique(), None)]
    assert by_user[0] == by_user[1] not in codes


async def test_other_keys_may_be_short(app: "TradepostApp") -> None:
    await call(app, "note", unique()[:10])
    await call(app, "make", unique()[:10], SYSTEM_USER)
    await call(app, "issue", unique()[:10], SYSTEM_USER)


@pytest.mark.parametrize("door", ["rest", "graphql", ""])
async def test_an_operation_that_requires_a_key_is_refused_without_one(app: "TradepostApp", door: str) -> None:
    with pytest.raises(IdempotencyKeyMissing, match="`voucher_sell` requires an `Idempotency-Key`"):
        await call(app, "sell", None, door=door)
    key = unique("sale")
    assert await call(app, "sell", key, door=door) == await call(app, "sell", key, door=door)


@pytest.mark.parametrize("door", ["cli", "worker"])
async def test_the_command_line_and_the_worker_need_no_key(app: "TradepostApp", door: str) -> None:
    await call(app, "sell", None, SYSTEM, door)


def test_only_operations_with_such_rules_have_their_problems() -> None:
    problems = {name: set(vars(Vouchers)[name].problems) for name in ("make", "issue", "note", "sell")}
    assert {name for name, kinds in problems.items() if IdempotencyKeyTooShort in kinds} == {"make"}
    assert {name for name, kinds in problems.items() if IdempotencyKeyMissing in kinds} == {"sell"}


@pytest.fixture
def strict_create(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `product_create` require a key."""
    monkeypatch.setattr(vars(Products)["create"], "requires_idempotency_key", True)


@pytest.mark.usefixtures("strict_create")
async def test_both_doors_answer_400_idempotency_key_missing(caller: DualDoorClient) -> None:
    body = {"name": unique("Sold")}
    rest, graphql = await caller.rest("POST", "/products", None, body), await caller.graphql(BARE, input=body)
    problems = [problem_in(answer) for answer in (rest, graphql)]
    for problem in problems:
        assert problem is not None
        assert (problem["status"], problem["code"]) == (400, "idempotency_key_missing")
        assert problem["detail"] == "`product_create` requires an `Idempotency-Key`."
    assert rest.status_code == 400
    assert (await caller.rest("POST", "/products", unique("key"), body)).status_code == 201
    for answer in (
        await caller.graphql(CREATE, key=unique("key"), input=body),
        await caller.graphql(BARE, unique("key"), input=body),
    ):
        assert problem_in(answer) is None, answer.text


@pytest.mark.usefixtures("strict_create")
def test_openapi_has_the_key_as_required(app: "TradepostApp") -> None:
    [key] = [
        parameter
        for parameter in operation_parameters(vars(Products)["create"], 1)
        if parameter.get("name") == "Idempotency-Key"
    ]
    assert key["required"] is True
