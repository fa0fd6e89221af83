"""The outbox relay: at-least-once delivery, leases, retries and dead events."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.kit.relay_helpers import (
    SUBJECT,
    MovableClock,
    emit_events,
    is_sent,
    make_relay,
    poll_and_finish,
    stored_event,
    update_event,
    wait_until,
)
from tests.servers import Run, copy_of_template
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.clock import now
from tradepost.kit.worker.event_handlers import Event, Undeliverable, deliver_event
from tradepost.kit.worker.outbox_queue import EVENTS, is_behind
from tradepost.kit.worker.outbox_relay import OutboxRelay
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.database import Database
from tradepost.settings import Settings


@pytest.fixture(scope="module")
def url(run: Run, worker_id: str) -> str:
    """A database with all tables, for this module alone."""
    database_url = copy_of_template(run, f"relay_{worker_id}", bare=True)
    return Settings.read({"DATABASE_URL": database_url, "SECRET_KEY": "x" * 32}, env_file=None).database_url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """The database, with an empty outbox."""
    database = Database(url, secret=b"x" * 32, pool_size=8)
    await database.start()
    async with database.transaction() as session:
        await session.execute(EVENTS.delete())
    yield database
    await database.stop()


class RecordingHandler:
    """A handler that records its events, and raises an error if it has one."""

    def __init__(self, *types: str, error: Exception | None = None) -> None:
        self.events: list[Event] = []
        self.error = error
        self.handler = deliver_event(*types)(self.handle)

    async def handle(self, context: CallContext, event: Event) -> None:
        """Record the event."""
        self.events.append(event)
        assert context.work.session is None
        assert (context.request_id, context.door) == ("the-request", "worker")
        if self.error is not None:
            raise self.error

    @property
    def ids(self) -> list[str]:
        """The ids of the recorded events, in order."""
        return [event.id for event in self.events]


async def test_an_event_is_delivered_once_with_its_data(database: Database) -> None:
    recorder = RecordingHandler("order.placed")
    [id] = await emit_events(database, "order.placed", {"total": "9.50"})
    relay = make_relay(database, recorder.handler)
    assert [await poll_and_finish(relay), await poll_and_finish(relay)] == [1, 0]
    [event] = recorder.events
    assert (event.id, event.type, event.data, event.attempt) == (id, "order.placed", {"total": "9.50"}, 1)
    stored = await stored_event(database, id)
    assert (stored.due_at, stored.fault, stored.data) == (None, None, {"total": "9.50"})
    assert stored.sent_at >= event.created_at


async def test_events_are_delivered_in_order_up_to_the_concurrency_limit(database: Database) -> None:
    recorder = RecordingHandler("a.b")
    ids = await emit_events(database, "a.b", *[{"n": n} for n in range(20)])
    relay = make_relay(database, recorder.handler)
    counts = [await poll_and_finish(relay) for _ in range(4)]
    assert counts == [8, 8, 4, 0]
    assert [sorted(recorder.ids[i : i + 8]) for i in (0, 8, 16)] == [ids[:8], ids[8:16], ids[16:]]


async def test_concurrent_relays_deliver_each_event_once(database: Database, url: str) -> None:
    """Three relays with their own connections; each waits until all of them have an event."""
    by_event, by_relay, all_started = Counter[str](), Counter[int](), asyncio.Event()
    ids = await emit_events(database, "a.b", *[{} for _ in range(60)])

    def handler(number: int) -> Any:
        async def handle(context: CallContext, event: Event) -> None:
            by_event[event.id] += 1
            by_relay[number] += 1
            if len(by_relay) == 3:
                all_started.set()
            await all_started.wait()
            await asyncio.sleep(0.01)

        return deliver_event("a.b")(handle)

    databases = [Database(url, secret=b"x" * 32, pool_size=4) for _ in range(3)]
    relays = [make_relay(each, handler(n)) for n, each in enumerate(databases)]
    for each, relay in zip(databases, relays, strict=True):
        await each.start()
        relay.poll_interval = 0.01
    running = [asyncio.create_task(relay.run()) for relay in relays]
    await wait_until(lambda: len(by_event) == 60)
    for relay in relays:
        relay.stop()
    await asyncio.gather(*running)
    for each in databases:
        await each.stop()
    assert by_event == dict.fromkeys(ids, 1)
    assert len(by_relay) == 3, "every relay delivered some"


async def test_another_relay_claims_an_event_only_after_its_lease_has_expired(database: Database) -> None:
    recorder, clock = RecordingHandler("a.b"), MovableClock()
    [id] = await emit_events(database, "a.b", {})
    dying, other = make_relay(database, recorder.handler), make_relay(database, recorder.handler, clock=clock)
    [event] = await dying.queue.claim(now(), dying.lease, 8)
    assert await poll_and_finish(other) == 0
    clock.advance(seconds=55)
    assert await poll_and_finish(other) == 0
    clock.advance(seconds=6)
    assert await poll_and_finish(other) == 1
    assert [(e.id, e.attempt) for e in (event, *recorder.events)] == [(id, 1), (id, 2)]


async def test_a_relay_that_lost_its_lease_does_not_overwrite_the_other_attempt(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, go = asyncio.Event(), asyncio.Event()

    async def handle(context: CallContext, event: Event) -> None:
        if event.attempt == 1:
            stuck.set()
            await go.wait()
            raise RuntimeError

    [id] = await emit_events(database, "mail.x", {"link": "secret"})
    relay = make_relay(database, deliver_event("mail.x")(handle))
    await relay.poll_once()
    await stuck.wait()
    await update_event(database, id, due_at=now() - timedelta(seconds=1))
    await relay.poll_once()
    await wait_until(lambda: is_sent(database, id))
    go.set()
    await relay._finish()
    stored = await stored_event(database, id)
    assert (stored.attempts, stored.due_at, stored.fault, stored.data) == (2, None, None, {})
    assert "may be delivered twice" in caplog.text


async def test_a_failing_event_is_retried_with_growing_delays_and_then_dead(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    recorder, clock = RecordingHandler("mail.x", error=ConnectionRefusedError("to ada@example.com")), MovableClock()
    [id] = await emit_events(database, "mail.x", {"to": "ada@example.com"})
    relay = make_relay(database, recorder.handler, clock=clock)
    for attempt, delay in enumerate(OutboxRelay.retry_delays, 1):
        assert await poll_and_finish(relay) == 1
        stored = await stored_event(database, id)
        assert (stored.attempts, stored.sent_at, stored.fault, stored.data) == (
            attempt,
            None,
            "ConnectionRefusedError",
            {"to": "ada@example.com"},
        )
        wait = (stored.due_at - clock()).total_seconds()
        assert delay * 0.8 - 1 <= wait <= delay * 1.2
        clock.advance(seconds=wait - 0.5)
        assert await poll_and_finish(relay) == 0
        clock.advance(seconds=1)
    assert await poll_and_finish(relay) == 1
    stored = await stored_event(database, id)
    assert (stored.attempts, stored.sent_at, stored.due_at, stored.fault, stored.data) == (
        9,
        None,
        None,
        "ConnectionRefusedError",
        {},
    )
    clock.advance(days=30)
    assert await poll_and_finish(relay) == 0
    assert set(recorder.ids) == {id}
    assert (relay.failed, relay.dead) == (9, 1)
    assert [r.levelname for r in caplog.records if "given up" in r.message] == ["ERROR"]
    assert "test_relay.py" in caplog.text
    assert "ada" not in caplog.text.replace(id, "")  # the hexadecimal id may contain `ada`


async def test_an_undeliverable_event_is_dead_at_once(database: Database) -> None:
    recorder = RecordingHandler("a.b", error=Undeliverable())
    [id] = await emit_events(database, "a.b", {"n": 1})
    await poll_and_finish(make_relay(database, recorder.handler))
    stored = await stored_event(database, id)
    assert (stored.attempts, stored.due_at, stored.sent_at, stored.fault, stored.data) == (
        1,
        None,
        None,
        "Undeliverable",
        {"n": 1},
    )


async def test_an_event_that_kills_every_relay_is_finally_dead(database: Database) -> None:
    recorder = RecordingHandler("a.b")
    [id] = await emit_events(database, "a.b", {})
    await update_event(database, id, attempts=len(OutboxRelay.retry_delays) + 1)
    await poll_and_finish(make_relay(database, recorder.handler))
    assert recorder.events == []
    stored = await stored_event(database, id)
    assert (stored.due_at, stored.sent_at, stored.fault) == (None, None, "LeaseExpired")


async def test_an_event_that_fails_or_hangs_delays_no_other(database: Database) -> None:
    arrived: list[int] = []
    all_arrived = asyncio.Event()

    async def handle(context: CallContext, event: Event) -> None:
        if event.data["n"] == 0:
            raise ValueError
        if event.data["n"] == 1:
            await asyncio.Event().wait()
        arrived.append(event.data["n"])
        if len(arrived) == 30:
            all_arrived.set()

    ids = await emit_events(database, "a.b", *[{"n": n} for n in range(32)])
    relay = make_relay(database, deliver_event("a.b")(handle))
    relay.lease, relay.poll_interval = timedelta(seconds=6), 0.05
    running = asyncio.create_task(relay.run())
    await all_arrived.wait()
    assert sorted(arrived) == [*range(2, 32)]
    await wait_until(lambda: not relay.running)
    relay.stop()
    await running
    assert [(await stored_event(database, id)).fault for id in ids[:2]] == ["ValueError", "TimeoutError"]


async def test_all_handlers_of_a_type_are_called_and_called_again_if_one_failed(database: Database) -> None:
    good, bad, clock = RecordingHandler("a.b", "c.d"), RecordingHandler("a.b", error=RuntimeError()), MovableClock()
    [id] = await emit_events(database, "a.b", {})
    await emit_events(database, "c.d", {})
    relay = make_relay(database, good.handler, bad.handler, clock=clock)
    await poll_and_finish(relay)
    assert (await stored_event(database, id)).fault == "RuntimeError"
    bad.error = None
    clock.advance(seconds=7)
    await poll_and_finish(relay)
    assert (good.ids.count(id), bad.ids) == (2, [id, id])
    assert len(good.ids) == 3
    assert (await stored_event(database, id)).sent_at is not None


async def test_events_without_a_handler_are_acknowledged_in_batches_and_personal_data_is_erased(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradepost.kit.worker import outbox_queue

    async with database.transaction() as session:
        context = CallContext(ANONYMOUS, database)
        context.work.session = session
        for n in range(2500):
            context.emit("product.created", SUBJECT, n=n)
    [email_id] = await emit_events(database, "mail.unhandled", {"to": "ada@example.com"})
    [handled_id] = await emit_events(database, "a.b", {})
    monkeypatch.setattr(outbox_queue, "ACKNOWLEDGE_BATCH", 1000)
    recorder = RecordingHandler("a.b")
    await poll_and_finish(make_relay(database, recorder.handler))
    async with database.engine.connect() as connection:
        pending = EVENTS.c.sent_at.is_(None) | EVENTS.c.due_at.is_not(None)
        unhandled = (EVENTS.c.type == "product.created") & (EVENTS.c.attempts == 0)
        counts = [await connection.execute(select(func.count()).where(each)) for each in (pending, unhandled)]
        assert [count.scalar() for count in counts] == [0, 2500]
    assert (await stored_event(database, email_id)).data == {}
    assert recorder.ids == [handled_id]


async def test_an_event_of_a_held_type_waits_with_its_data(database: Database) -> None:
    recorder = RecordingHandler("mail.x", "a.b")
    [email_id] = await emit_events(database, "mail.x", {"to": "ada@example.com"})
    await emit_events(database, "a.b", {})
    assert await poll_and_finish(make_relay(database, recorder.handler, held=["mail.x"])) == 1
    stored = await stored_event(database, email_id)
    assert (stored.attempts, stored.sent_at, stored.data) == (0, None, {"to": "ada@example.com"})
    assert stored.due_at is not None
    assert await poll_and_finish(make_relay(database, recorder.handler)) == 1
    assert (await stored_event(database, email_id)).sent_at is not None


async def test_a_commit_with_an_event_wakes_the_relay_of_the_process(database: Database) -> None:
    recorder, arrived = RecordingHandler("a.b"), asyncio.Event()

    async def signal_arrival(context: CallContext, event: Event) -> None:
        arrived.set()

    async def roll_back() -> None:
        async with database.transaction() as session:
            context = CallContext(ANONYMOUS, database)
            context.work.session = session
            context.emit("a.b", SUBJECT)
            raise ZeroDivisionError

    relay = make_relay(database, recorder.handler, deliver_event("a.b")(signal_arrival))
    relay.poll_interval = 3600.0
    running = asyncio.create_task(relay.run())
    await asyncio.sleep(0.05)
    with pytest.raises(ZeroDivisionError):
        await roll_back()
    assert not database.event_committed.is_set()
    await emit_events(database, "a.b", {})
    await arrived.wait()
    relay.stop()
    await running
    assert len(recorder.events) == 1


async def test_a_stop_finishes_running_deliveries_and_starts_none(database: Database) -> None:
    started, go, done = asyncio.Event(), asyncio.Event(), list[str]()

    async def handle(context: CallContext, event: Event) -> None:
        started.set()
        await go.wait()
        done.append(event.id)

    ids = await emit_events(database, "a.b", {}, {})
    relay = make_relay(database, deliver_event("a.b")(handle))
    relay.concurrency = 1
    running = asyncio.create_task(relay.run())
    await started.wait()
    relay.stop()
    await asyncio.sleep(0.05)
    assert not running.done()
    go.set()
    await running
    assert done == ids[:1]
    assert [(await stored_event(database, id)).sent_at is not None for id in ids] == [True, False]


async def test_a_stop_leaves_a_hanging_delivery_to_its_lease(database: Database) -> None:
    started = asyncio.Event()

    async def handle(context: CallContext, event: Event) -> None:
        started.set()
        await asyncio.Event().wait()

    [id] = await emit_events(database, "a.b", {})
    relay = make_relay(database, deliver_event("a.b")(handle))
    relay.stop_timeout = 0.05
    running = asyncio.create_task(relay.run())
    await started.wait()
    relay.stop()
    await running
    stored = await stored_event(database, id)
    assert (stored.sent_at, stored.attempts) == (None, 1)
    assert stored.due_at > now() + timedelta(seconds=50)


async def test_a_relay_continues_when_the_database_is_back(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = RecordingHandler("a.b")
    relay = make_relay(database, recorder.handler)
    relay.poll_interval = 0.02
    real, database.fetch_first = database.fetch_first, lambda *_: (_ for _ in ()).throw(ConnectionError("gone"))  # type: ignore[method-assign]
    running = asyncio.create_task(relay.run())
    await wait_until(lambda: "could not be read" in caplog.text)
    database.fetch_first = real
    await emit_events(database, "a.b", {})
    await wait_until(lambda: bool(recorder.events))
    relay.stop()
    await running
    assert logging.ERROR in [r.levelno for r in caplog.records]


async def test_personal_events_need_emit_personal_and_others_emit(database: Database) -> None:
    async with database.transaction() as session:
        context = CallContext(ANONYMOUS, database)
        context.work.session = session
        with pytest.raises(AssertionError, match="use `emit_personal`"):
            context.emit("mail.x", "a")
        with pytest.raises(AssertionError, match="kept from the audit"):
            context.emit_personal("order.placed", "a")


async def test_an_outbox_is_behind_if_an_event_is_due_for_five_minutes(database: Database) -> None:
    [id] = await emit_events(database, "a.b", {})
    assert not await is_behind(database, now() + timedelta(minutes=4))
    assert await is_behind(database, now() + timedelta(minutes=6))
    await poll_and_finish(make_relay(database))
    assert (await stored_event(database, id)).sent_at is not None
    assert not await is_behind(database, now() + timedelta(minutes=6))
