"""Manual transactions: a payment's intent, the provider's call, and the record of its result.

Each test has an amount of its own, by which it finds its rows.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from tests.app_client import HERE
from tests.factories import unique
from tests.kit.sample_deposit import (
    SampleDeposit,
    SampleDepositInput,
    SampleDepositRow,
    SampleDeposits,
    SampleProvider,
    deposits,
    running_deposit_app,
    stored_deposits,
)
from tests.reliability.client import problem_in, records, update_record
from tradepost.app import TradepostApp
from tradepost.kit.auth.access import ANYONE
from tradepost.kit.auth.caller import Caller
from tradepost.kit.clock import now
from tradepost.kit.db.errors import LostRace
from tradepost.kit.ids import new_id
from tradepost.kit.operations.idempotency.records import LEASE, RECORDS, RELEASES, RETENTION, Claim
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.transactions import MAX_TRIES
from tradepost.kit.problems import Conflict, IdempotencyInProgress, IdempotencyKeyReused, Unavailable
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Field, FieldSet, Selection
from tradepost.kit.writes.audit import AuditEntry
from tradepost.kit.writes.call_context import CallContext
from tradepost.settings import Settings

SELECTION: Selection[SampleDeposit] = Selection(FieldSet((Field("id"), Field("amount"), Field("status"))))
STAFF = Caller(id=new_id(1), role="staff")
AMOUNTS = count(1)
DEPOSITS: Any = SampleDepositRow.__table__
COLLECT, UPDATE_CLAIM = update(DEPOSITS).values(status="collected", version=2), update(RECORDS)
MUTATION = (
    "mutation($input: SampleDepositInput!, $key: String!) "
    "{ sampleDepositCreate(input: $input) @idempotent(key: $key) { id amount status } }"
)


@pytest.fixture(scope="module")
async def app(module_settings: Settings, anyio_backend: object) -> AsyncIterator[TradepostApp]:
    """The app with deposits."""
    async with running_deposit_app(module_settings) as app:
        yield app


@pytest.fixture
def amount() -> int:
    """The amount of this test's deposit."""
    return next(AMOUNTS)


@pytest.fixture(autouse=True)
def provider() -> Iterator[SampleProvider]:
    """The provider of this test."""
    SampleDeposits.provider = provider = SampleProvider()
    yield provider
    SampleDeposits.provider = SampleProvider()


def create_context(app: TradepostApp, key: str | None = None, delay: timedelta = timedelta()) -> CallContext:
    """Return the context of a call with a key, whose clock is ahead."""
    context = CallContext(STAFF, app.state.database, clock=lambda: now() + delay)
    context.idempotency.key = key
    return context


async def create(context: CallContext, amount: int) -> Record[SampleDeposit]:
    """Create a deposit."""
    return await SampleDeposits(context).create(SampleDepositInput(amount), SELECTION)


async def claim_of(app: TradepostApp, key: str) -> Any:
    """Return the only idempotency record of a key."""
    [record] = await records(app, key)
    return record


class Interruption(Exception):
    """A failure of the provider or of this process."""


class Occasional:
    """An action that raises the first of some errors at each call, while there are any."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors, self.calls = list(errors), 0

    async def __call__(self, service: SampleDeposits) -> None:
        """Count the call; raise the next error."""
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)


class Pause:
    """An action that waits."""

    def __init__(self) -> None:
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def __call__(self, service: SampleDeposits) -> None:
        """Wait until the test goes on."""
        self.reached.set()
        await self.go.wait()


@pytest.mark.parametrize("has_key", [False, True])
async def test_both_transactions_commit_and_none_is_open_between_them(
    app: TradepostApp, provider: SampleProvider, amount: int, has_key: bool
) -> None:
    hooks: list[str] = []

    async def add_hook(service: SampleDeposits) -> None:
        async def hook() -> None:
            hooks.append(service.context.work.current_operation)

        service.context.work.after_commit(hook)

    async def look(service: SampleDeposits) -> None:
        assert service.context.work.session is None
        assert hooks == ["sample_deposit_create"], "the hooks of the first step have run"
        [row] = await stored_deposits(app, amount)
        assert (row.status, row.claim_id) == ("created", service.context.idempotency.claim_id)
        note = SampleDeposits(create_context(app)).note(SampleDepositInput(amount), SELECTION)
        await asyncio.wait_for(note, 5)

    provider.in_intent = provider.in_record = add_hook
    provider.in_collection = look
    context = create_context(app, unique("key") if has_key else None)
    answer = await create(context, amount)
    assert (context.work.session, context.work.manual, context.idempotency.claim_id) == (None, None, None)
    assert len(hooks) == 2
    created, note = sorted(await stored_deposits(app, amount), key=lambda row: row.status)
    assert (created.status, created.id, created.version, note.status) == ("collected", answer.id, 2, "noted")
    assert (created.claim_id is not None) is has_key
    query = select(AuditEntry.type, AuditEntry.operation).where(AuditEntry.subject == answer.id)
    async with app.state.database.session_factory() as session:
        entries = (await session.execute(query.order_by(AuditEntry.id))).all()
    assert [tuple(entry) for entry in entries] == [
        ("sample_deposit.created", "sample_deposit_create"),
        ("sample_deposit.collected", "sample_deposit_create"),
    ]


@pytest.mark.parametrize("part", ["in_collection", "in_record"])
@pytest.mark.parametrize(
    "failure", [Interruption(), Conflict("No."), Unavailable("Gone."), asyncio.CancelledError()], ids=repr
)
async def test_after_a_failure_the_next_request_with_the_key_resumes_the_intent(
    app: TradepostApp, provider: SampleProvider, amount: int, part: str, failure: BaseException
) -> None:
    key = unique("key")
    setattr(provider, part, Occasional(failure))
    with pytest.raises(type(failure)):
        await create(create_context(app, key), amount)
    [intent] = await stored_deposits(app, amount)
    claim = await claim_of(app, key)
    assert (intent.status, intent.claim_id) == ("created", claim.id)
    assert (claim.outcome, claim.lease_owner, claim.lease_until) == (None, None, None)
    with pytest.raises(IdempotencyKeyReused):
        await create(create_context(app, key), amount + 500)
    answer = await create(resumed := create_context(app, key), amount)
    assert (answer.id, resumed.idempotency.is_replay) == (intent.id, False)
    again = await create(replay := create_context(app, key), amount)
    assert (again.id, again.version, replay.idempotency.is_replay) == (intent.id, answer.version, True)
    assert provider.collected == [intent.id, intent.id]
    other = await create(create_context(app, unique("key")), amount)
    assert other.id != intent.id
    assert [row.status for row in await stored_deposits(app, amount)] == ["collected"] * 2


async def test_a_request_that_resumes_and_fails_before_its_first_step_keeps_the_claim(
    app: TradepostApp, provider: SampleProvider, amount: int
) -> None:
    key, provider.in_collection = unique("key"), Occasional(Interruption())
    with pytest.raises(Interruption):
        await create(create_context(app, key), amount)
    for failure in (Interruption(), asyncio.CancelledError(), Conflict("No.")):
        provider.in_intent = Occasional(failure)
        with pytest.raises(type(failure)):
            await create(create_context(app, key), amount)
    answer = await create(create_context(app, key), amount)
    assert provider.collected == [answer.id] * 2
    assert len(await stored_deposits(app, amount)) == 1


async def test_a_cancelled_call_keeps_its_claim(app: TradepostApp, provider: SampleProvider, amount: int) -> None:
    key, provider.in_collection = unique("key"), (pause := Pause())
    running = asyncio.create_task(create(create_context(app, key), amount))
    await pause.reached.wait()
    with pytest.raises(IdempotencyInProgress):
        await create(create_context(app, key), amount)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    pause.go.set()
    answer = await create(create_context(app, key), amount)
    assert provider.collected == [answer.id] * 2


async def test_the_lease_ends_when_the_database_is_back(
    app: TradepostApp, provider: SampleProvider, amount: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, release, calls = unique("key"), Claim._release, list[Claim]()

    async def fail_once(claim: Claim) -> None:
        calls.append(claim)
        if len(calls) == 1:
            raise Unavailable("The database is not available at the moment.")
        await release(claim)

    monkeypatch.setattr(Claim, "_release", fail_once)
    provider.in_collection = Occasional(Interruption())
    with pytest.raises(Interruption):
        await create(create_context(app, key), amount)
    with pytest.raises(IdempotencyInProgress):
        await create(create_context(app, key), amount)
    await asyncio.gather(*RELEASES)
    answer = await create(create_context(app, key), amount)
    assert (len(calls), provider.collected) == (2, [answer.id] * 2)


async def test_a_claim_that_may_have_been_taken_over_is_kept(
    app: TradepostApp, provider: SampleProvider, amount: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, provider.in_collection = unique("key"), Occasional(Interruption())
    with pytest.raises(Interruption):
        await create(create_context(app, key), amount)
    database = app.state.database

    @asynccontextmanager
    async def lose_answer() -> AsyncIterator[Any]:
        """Commit, but lose the connection before the answer."""
        monkeypatch.undo()
        async with database.transaction() as session:
            yield session
        raise Unavailable("The database is not available at the moment.")

    monkeypatch.setattr(database, "transaction", lose_answer)
    with pytest.raises(Unavailable):
        await create(create_context(app, key), amount)
    await asyncio.gather(*RELEASES)
    answer = await create(create_context(app, key), amount)
    assert provider.collected == [answer.id] * 2


async def test_a_failure_before_the_intent_releases_the_key(
    app: TradepostApp, provider: SampleProvider, amount: int
) -> None:
    key, provider.in_intent = unique("key"), Occasional(Interruption())
    with pytest.raises(Interruption):
        await create(create_context(app, key), amount)
    assert (await stored_deposits(app, amount), await records(app, key)) == ([], [])
    answer = await create(create_context(app, key), amount + 500)
    assert provider.collected == [answer.id]


async def test_a_final_problem_before_the_intent_is_stored(app: TradepostApp, amount: int) -> None:
    key = unique("key")
    for is_replay in (False, True):
        with pytest.raises(Conflict, match="too high"):
            await create(context := create_context(app, key), amount + 5000)
        assert context.idempotency.is_replay is is_replay
    assert (await claim_of(app, key)).outcome is not None


@pytest.mark.parametrize("part", ["in_intent", "in_record"])
async def test_lost_races_are_retried_in_each_step(
    app: TradepostApp, provider: SampleProvider, amount: int, part: str
) -> None:
    action = Occasional(*[LostRace() for _ in range(MAX_TRIES - 1)])
    setattr(provider, part, action)
    answer = await create(create_context(app, unique("key")), amount)
    assert (action.calls, provider.collected) == (MAX_TRIES, [answer.id])
    assert len(await stored_deposits(app, amount)) == 1


@pytest.mark.parametrize(("part", "left"), [("in_intent", 0), ("in_record", 1)])
async def test_a_step_that_loses_every_race_raises_a_conflict_that_is_not_stored(
    app: TradepostApp, provider: SampleProvider, amount: int, part: str, left: int
) -> None:
    key = unique("key")
    setattr(provider, part, Occasional(*[LostRace() for _ in range(MAX_TRIES)]))
    with pytest.raises(Conflict, match="Concurrent requests"):
        await create(create_context(app, key), amount)
    assert [row.status for row in await stored_deposits(app, amount)] == ["created"] * left
    answer = await create(create_context(app, key), amount)
    assert [row.id for row in await stored_deposits(app, amount)] == [answer.id]


async def test_a_slow_call_that_lost_its_lease_records_nothing(
    app: TradepostApp, provider: SampleProvider, amount: int
) -> None:
    key, provider.in_collection = unique("key"), (pause := Pause())
    slow = asyncio.create_task(create(create_context(app, key), amount))
    await pause.reached.wait()
    provider.in_collection = Occasional()
    with pytest.raises(IdempotencyInProgress):
        await create(create_context(app, key, LEASE - timedelta(seconds=5)), amount)
    answer = await create(create_context(app, key, LEASE + timedelta(seconds=5)), amount)
    before = await stored_deposits(app, amount)
    pause.go.set()
    with pytest.raises(IdempotencyInProgress):
        await slow
    assert await stored_deposits(app, amount) == before
    assert provider.collected == [answer.id] * 2
    again = await create(replay := create_context(app, key), amount)
    assert (again.id, replay.idempotency.is_replay) == (answer.id, True)


async def test_a_slow_call_that_lost_its_lease_creates_no_intent(
    app: TradepostApp, provider: SampleProvider, amount: int
) -> None:
    key = unique("key")

    async def lose(service: SampleDeposits) -> None:
        provider.in_intent = Occasional()
        values = {"lease_owner": "another", "lease_until": now() + LEASE}
        await service.session.execute(UPDATE_CLAIM.where(RECORDS.c.key == key).values(**values))

    provider.in_intent = lose
    with pytest.raises(IdempotencyInProgress):
        await create(create_context(app, key), amount)
    assert (await stored_deposits(app, amount), provider.collected) == ([], [])


async def test_each_step_renews_the_lease(app: TradepostApp, provider: SampleProvider, amount: int) -> None:
    key, leases = unique("key"), list[Any]()

    async def look(service: SampleDeposits) -> None:
        leases.append((await claim_of(app, key)).lease_until)

    async def wait(service: SampleDeposits) -> None:
        await asyncio.sleep(0.05)

    provider.in_intent, provider.in_collection = wait, look
    started = now()
    await create(create_context(app, key), amount)
    assert timedelta(seconds=0.05) <= leases[0] - started - LEASE < timedelta(seconds=30)


async def test_an_intent_older_than_a_day_is_not_resumed(
    app: TradepostApp, provider: SampleProvider, amount: int
) -> None:
    key, provider.in_collection = unique("key"), Occasional(Interruption())
    with pytest.raises(Interruption):
        await create(create_context(app, key), amount)
    old = await claim_of(app, key)
    await update_record(app, key, created_at=now() - RETENTION - timedelta(seconds=1))
    await create(create_context(app, key), amount)
    assert (await claim_of(app, key)).id != old.id
    statuses = {row.claim_id == old.id: row.status for row in await stored_deposits(app, amount)}
    assert statuses == {True: "created", False: "collected"}


async def test_a_create_may_return_an_existing_row(app: TradepostApp, provider: SampleProvider, amount: int) -> None:
    async def collect(service: SampleDeposits) -> None:
        async with app.state.database.transaction() as session:
            await session.execute(COLLECT.where(DEPOSITS.c.amount == amount))

    key, provider.in_collection = unique("key"), collect
    for is_replay in (False, True):
        await create(context := create_context(app, key), amount)
        assert (context.work.returns_existing, context.idempotency.is_replay) == (True, is_replay)


async def test_an_operation_inside_a_transaction_must_not_have_its_own(app: TradepostApp, amount: int) -> None:
    with pytest.raises(RuntimeError, match="`sample_deposit_create` opens its own transactions"):
        await SampleDeposits(create_context(app)).nest(SampleDepositInput(amount), SELECTION)
    assert await stored_deposits(app, amount) == []


@pytest.mark.parametrize("name", ["note", "create"])
async def test_a_write_between_two_steps_is_refused(
    app: TradepostApp, provider: SampleProvider, amount: int, name: str
) -> None:
    async def write(service: SampleDeposits) -> None:
        await getattr(SampleDeposits(service.context), name)(SampleDepositInput(amount + 500), SELECTION)

    provider.in_collection = write
    with pytest.raises(RuntimeError, match="between two transactions of `sample_deposit_create`"):
        await create(create_context(app, unique("key")), amount)
    assert await stored_deposits(app, amount + 500) == []


async def test_a_write_inside_a_step_joins_it(app: TradepostApp, provider: SampleProvider, amount: int) -> None:
    async def write(service: SampleDeposits) -> None:
        await SampleDeposits(service.context).note(SampleDepositInput(amount), SELECTION)

    async def write_and_fail(service: SampleDeposits) -> None:
        await write(service)
        raise Interruption

    provider.in_record = write_and_fail
    with pytest.raises(Interruption):
        await create(create_context(app), amount)
    assert [row.status for row in await stored_deposits(app, amount)] == ["created"]
    provider.in_record = write
    await create(create_context(app), amount)
    assert sorted([row.status for row in await stored_deposits(app, amount)]) == ["collected", "created", "noted"]


async def test_steps_cannot_be_nested(app: TradepostApp, provider: SampleProvider, amount: int) -> None:
    async def nest(service: SampleDeposits) -> None:
        await service.in_transaction(lambda: asyncio.sleep(0))

    provider.in_record = nest
    with pytest.raises(RuntimeError, match="still open"):
        await create(create_context(app), amount)


async def test_only_manual_operations_have_steps(app: TradepostApp) -> None:
    service = SampleDeposits(create_context(app))
    with pytest.raises(RuntimeError, match="does not have manual transactions"):
        await service.in_transaction(lambda: asyncio.sleep(0))


async def test_an_operation_must_have_a_last_transaction(app: TradepostApp, amount: int) -> None:
    with pytest.raises(RuntimeError, match="`sample_deposit_forget` returned without a last transaction"):
        await SampleDeposits(create_context(app)).forget(SampleDepositInput(amount), SELECTION)


async def test_a_read_cannot_have_manual_transactions() -> None:
    async def read(self: SampleDeposits, selection: Selection[SampleDeposit]) -> Record[SampleDeposit]:
        """Read a deposit."""
        raise NotImplementedError

    with pytest.raises(TypeError, match="the operation sample_read is a read"):
        operation("sample_read", "get", deposits, access=ANYONE, transaction="manual")(read)


@pytest.mark.parametrize("doors", [("rest", "graphql"), ("graphql", "rest")])
async def test_a_request_at_one_door_resumes_the_intent_of_the_other(
    app: TradepostApp, provider: SampleProvider, amount: int, doors: tuple[str, str]
) -> None:
    key = unique("a-key-of-a-guest")

    async def send(client: httpx.AsyncClient, door: str) -> httpx.Response:
        if door == "rest":
            body, headers = {"amount": amount}, {"Idempotency-Key": key}
            return await client.post("/v1/sample-deposits", json=body, headers=headers)
        variables = {"input": {"amount": amount}, "key": key}
        return await client.post("/graphql", json={"query": MUTATION, "variables": variables})

    provider.in_collection = Occasional(Unavailable("The provider is not available."))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
        failure = problem_in(await send(client, doors[0]))
        assert failure is not None
        assert failure["code"] == "unavailable"
        [intent] = await stored_deposits(app, amount)
        answers = [await send(client, door) for door in (doors[1], *doors)]
    for answer in answers:
        body = answer.json()
        record = body["data"]["sampleDepositCreate"] if "data" in body else body
        assert (record["id"], record["status"]) == (intent.id, "collected")
    assert [a.headers.get("Idempotent-Replayed") for a in answers] == [None, "true", "true"]
    assert provider.collected == [intent.id] * 2
