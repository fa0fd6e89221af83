"""The relay: at least once, never two at a time, and what fails waits by itself and ends."""

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
    """A database with all tables, for this file alone."""
    return Settings.read(
        {"DATABASE_URL": copy_of_template(run, f"relay_{worker_id}", bare=True), "SECRET_KEY": "x" * 32}, env_file=None
    ).database_url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """The same, with nothing in its outbox."""
    made = Database(url, secret=b"x" * 32, pool_size=8)
    await made.start()
    async with made.transaction() as session:
        await session.execute(EVENTS.delete())
    yield made
    await made.stop()


class Heard:
    """A function that hears events, and raises what it is told to."""

    def __init__(self, *types: str, fault: Exception | None = None) -> None:
        self.events: list[Event] = []
        self.fault = fault
        self.delivery = deliver_event(*types)(self.hear)

    async def hear(self, context: CallContext, event: Event) -> None:
        """Notes the event."""
        self.events.append(event)
        assert context.work.session is None
        assert (context.request_id, context.door) == ("the-request", "worker")
        if self.fault is not None:
            raise self.fault

    @property
    def ids(self) -> list[str]:
        """The ids of what was heard, in order."""
        return [e.id for e in self.events]


async def test_an_event_is_delivered_as_it_was_announced_and_then_no_more(database: Database) -> None:
    heard = Heard("order.placed")
    [id] = await emit_events(database, "order.placed", {"total": "9.50"})
    one = make_relay(database, heard.delivery)
    assert [await poll_and_finish(one), await poll_and_finish(one)] == [1, 0]
    [event] = heard.events
    assert (event.id, event.type, event.data, event.attempt) == (id, "order.placed", {"total": "9.50"}, 1)
    kept = await stored_event(database, id)
    assert (kept.due_at, kept.fault, kept.data) == (None, None, {"total": "9.50"})
    assert kept.sent_at >= event.created_at


async def test_events_are_taken_in_their_order_and_no_more_than_there_is_room_for(database: Database) -> None:
    heard = Heard("a.b")
    ids = await emit_events(database, "a.b", *[{"n": n} for n in range(20)])
    one = make_relay(database, heard.delivery)
    counts = [await poll_and_finish(one) for _ in range(4)]
    assert counts == [8, 8, 4, 0]
    assert [sorted(heard.ids[i : i + 8]) for i in (0, 8, 16)] == [ids[:8], ids[8:16], ids[16:]]


async def test_several_relays_never_deliver_one_event_at_the_same_time(database: Database, url: str) -> None:
    """Three relays, each over connections of its own. None goes on before all have begun, so that each has a share whoever is quicker."""
    seen, by, all_have_begun = Counter[str](), Counter[int](), asyncio.Event()
    ids = await emit_events(database, "a.b", *[{} for _ in range(60)])

    def hearing(number: int) -> Any:
        async def hear(context: CallContext, event: Event) -> None:
            seen[event.id] += 1
            by[number] += 1
            if len(by) == 3:
                all_have_begun.set()
            await all_have_begun.wait()
            await asyncio.sleep(0.01)

        return deliver_event("a.b")(hear)

    others = [Database(url, secret=b"x" * 32, pool_size=4) for _ in range(3)]
    relays = [make_relay(other, hearing(n)) for n, other in enumerate(others)]
    for other, one in zip(others, relays, strict=True):
        await other.start()
        one.poll_interval = 0.01
    running = [asyncio.create_task(one.run()) for one in relays]
    await wait_until(lambda: len(seen) == 60)
    for one in relays:
        one.stop()
    await asyncio.gather(*running)
    for other in others:
        await other.stop()
    assert seen == dict.fromkeys(ids, 1)
    assert len(by) == 3, "each had a share"


async def test_a_lease_is_another_relays_to_take_when_it_ran_out_and_not_before(database: Database) -> None:
    heard, times = Heard("a.b"), MovableClock()
    [id] = await emit_events(database, "a.b", {})
    dying, other = make_relay(database, heard.delivery), make_relay(database, heard.delivery, clock=times)
    [event] = await dying.queue.claim(now(), dying.lease, 8)
    assert await poll_and_finish(other) == 0
    times.advance(seconds=55)
    assert await poll_and_finish(other) == 0
    times.advance(seconds=6)
    assert await poll_and_finish(other) == 1
    assert [(e.id, e.attempt) for e in (event, *heard.events)] == [(id, 1), (id, 2)]


async def test_who_lost_the_lease_writes_nothing_over_the_other_attempt(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, go = asyncio.Event(), asyncio.Event()

    async def hear(context: CallContext, event: Event) -> None:
        if event.attempt == 1:
            stuck.set()
            await go.wait()
            raise RuntimeError

    [id] = await emit_events(database, "mail.x", {"link": "secret"})
    one = make_relay(database, deliver_event("mail.x")(hear))
    await one.poll_once()
    await stuck.wait()
    await update_event(database, id, due_at=now() - timedelta(seconds=1))
    await one.poll_once()
    await wait_until(lambda: is_sent(database, id))
    go.set()
    await one._finish()
    kept = await stored_event(database, id)
    assert (kept.attempts, kept.due_at, kept.fault, kept.data) == (2, None, None, {})
    assert "may be delivered twice" in caplog.text


async def test_what_fails_is_tried_again_later_and_later_and_ends_as_dead(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    heard, times = Heard("mail.x", fault=ConnectionRefusedError("to ada@example.com")), MovableClock()
    [id] = await emit_events(database, "mail.x", {"to": "ada@example.com"})
    one = make_relay(database, heard.delivery, clock=times)
    for attempt, pause in enumerate(OutboxRelay.retry_delays, 1):
        assert await poll_and_finish(one) == 1
        kept = await stored_event(database, id)
        assert (kept.attempts, kept.sent_at, kept.fault, kept.data) == (
            attempt,
            None,
            "ConnectionRefusedError",
            {"to": "ada@example.com"},
        )
        waits = (kept.due_at - times()).total_seconds()
        assert pause * 0.8 - 1 <= waits <= pause * 1.2
        times.advance(seconds=waits - 0.5)
        assert await poll_and_finish(one) == 0
        times.advance(seconds=1)
    assert await poll_and_finish(one) == 1
    kept = await stored_event(database, id)
    assert (kept.attempts, kept.sent_at, kept.due_at, kept.fault, kept.data) == (
        9,
        None,
        None,
        "ConnectionRefusedError",
        {},
    )
    times.advance(days=30)
    assert await poll_and_finish(one) == 0
    assert set(heard.ids) == {id}
    assert (one.failed, one.dead) == (9, 1)
    assert [r.levelname for r in caplog.records if "given up" in r.message] == ["ERROR"]
    assert "test_relay.py" in caplog.text
    assert "ada" not in caplog.text.replace(id, "")  # whose random digits may be these letters


async def test_an_event_that_is_undeliverable_is_dead_at_once(database: Database) -> None:
    heard = Heard("a.b", fault=Undeliverable())
    [id] = await emit_events(database, "a.b", {"n": 1})
    await poll_and_finish(make_relay(database, heard.delivery))
    kept = await stored_event(database, id)
    assert (kept.attempts, kept.due_at, kept.sent_at, kept.fault, kept.data) == (
        1,
        None,
        None,
        "Undeliverable",
        {"n": 1},
    )


async def test_an_event_that_ends_every_relay_is_dead_in_the_end(database: Database) -> None:
    heard = Heard("a.b")
    [id] = await emit_events(database, "a.b", {})
    await update_event(database, id, attempts=len(OutboxRelay.retry_delays) + 1)
    await poll_and_finish(make_relay(database, heard.delivery))
    assert heard.events == []
    kept = await stored_event(database, id)
    assert (kept.due_at, kept.sent_at, kept.fault) == (None, None, "LeaseExpired")


async def test_a_poison_event_and_one_that_hangs_hold_up_no_other(database: Database) -> None:
    arrived: list[int] = []
    all_of_them = asyncio.Event()

    async def hear(context: CallContext, event: Event) -> None:
        if event.data["n"] == 0:
            raise ValueError
        if event.data["n"] == 1:
            await asyncio.Event().wait()
        arrived.append(event.data["n"])
        if len(arrived) == 30:
            all_of_them.set()

    ids = await emit_events(database, "a.b", *[{"n": n} for n in range(32)])
    one = make_relay(database, deliver_event("a.b")(hear))
    one.lease, one.poll_interval = timedelta(seconds=6), 0.05
    running = asyncio.create_task(one.run())
    await all_of_them.wait()
    assert sorted(arrived) == [*range(2, 32)]
    await wait_until(lambda: not one.running)
    one.stop()
    await running
    assert [(await stored_event(database, id)).fault for id in ids[:2]] == ["ValueError", "TimeoutError"]


async def test_both_functions_of_a_type_are_called_and_both_again_when_one_failed(database: Database) -> None:
    good, bad, times = Heard("a.b", "c.d"), Heard("a.b", fault=RuntimeError()), MovableClock()
    [id] = await emit_events(database, "a.b", {})
    await emit_events(database, "c.d", {})
    one = make_relay(database, good.delivery, bad.delivery, clock=times)
    await poll_and_finish(one)
    assert (await stored_event(database, id)).fault == "RuntimeError"
    bad.fault = None
    times.advance(seconds=7)
    await poll_and_finish(one)
    assert (good.ids.count(id), bad.ids) == (2, [id, id])
    assert len(good.ids) == 3
    assert (await stored_event(database, id)).sent_at is not None


async def test_what_nobody_hears_is_marked_many_at_once_and_emptied_where_it_is_personal(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradepost.kit.worker import outbox_queue as waiting

    async with database.transaction() as session:
        context = CallContext(ANONYMOUS, database)
        context.work.session = session
        for n in range(2500):
            context.emit("product.created", SUBJECT, n=n)
    [letter] = await emit_events(database, "mail.nobody", {"to": "ada@example.com"})
    [heard_by] = await emit_events(database, "a.b", {})
    monkeypatch.setattr(waiting, "ACKNOWLEDGE_BATCH", 1000)
    heard = Heard("a.b")
    await poll_and_finish(make_relay(database, heard.delivery))
    async with database.engine.connect() as connection:
        left = await connection.execute(
            select(func.count()).where(EVENTS.c.sent_at.is_(None) | EVENTS.c.due_at.is_not(None))
        )
        kept = await connection.execute(
            select(func.count()).where(EVENTS.c.type == "product.created", EVENTS.c.attempts == 0)
        )
        assert (left.scalar(), kept.scalar()) == (0, 2500)
    assert (await stored_event(database, letter)).data == {}
    assert heard.ids == [heard_by]


async def test_what_is_held_waits_with_its_data(database: Database) -> None:
    heard = Heard("mail.x", "a.b")
    [letter] = await emit_events(database, "mail.x", {"to": "ada@example.com"})
    await emit_events(database, "a.b", {})
    assert await poll_and_finish(make_relay(database, heard.delivery, held=["mail.x"])) == 1
    kept = await stored_event(database, letter)
    assert (kept.attempts, kept.sent_at, kept.data) == (0, None, {"to": "ada@example.com"})
    assert kept.due_at is not None
    assert await poll_and_finish(make_relay(database, heard.delivery)) == 1
    assert (await stored_event(database, letter)).sent_at is not None


async def test_a_commit_of_this_process_wakes_its_relay(database: Database) -> None:
    heard, arrived = Heard("a.b"), asyncio.Event()

    async def also(context: CallContext, event: Event) -> None:
        arrived.set()

    async def broken_off() -> None:
        async with database.transaction() as session:
            context = CallContext(ANONYMOUS, database)
            context.work.session = session
            context.emit("a.b", SUBJECT)
            raise ZeroDivisionError

    one = make_relay(database, heard.delivery, deliver_event("a.b")(also))
    one.poll_interval = 3600.0
    running = asyncio.create_task(one.run())
    await asyncio.sleep(0.05)
    with pytest.raises(ZeroDivisionError):
        await broken_off()
    assert not database.event_committed.is_set()
    await emit_events(database, "a.b", {})
    await arrived.wait()
    one.stop()
    await running
    assert len(heard.events) == 1


async def test_a_stop_finishes_what_is_being_delivered_and_begins_nothing(database: Database) -> None:
    begun, go, done = asyncio.Event(), asyncio.Event(), list[str]()

    async def hear(context: CallContext, event: Event) -> None:
        begun.set()
        await go.wait()
        done.append(event.id)

    ids = await emit_events(database, "a.b", {}, {})
    one = make_relay(database, deliver_event("a.b")(hear))
    one.concurrency = 1
    running = asyncio.create_task(one.run())
    await begun.wait()
    one.stop()
    await asyncio.sleep(0.05)
    assert not running.done()
    go.set()
    await running
    assert done == ids[:1]
    assert [(await stored_event(database, id)).sent_at is not None for id in ids] == [True, False]


async def test_a_stop_leaves_to_its_lease_what_does_not_end(database: Database) -> None:
    begun = asyncio.Event()

    async def hear(context: CallContext, event: Event) -> None:
        begun.set()
        await asyncio.Event().wait()

    [id] = await emit_events(database, "a.b", {})
    one = make_relay(database, deliver_event("a.b")(hear))
    one.stop_timeout = 0.05
    running = asyncio.create_task(one.run())
    await begun.wait()
    one.stop()
    await running
    kept = await stored_event(database, id)
    assert (kept.sent_at, kept.attempts) == (None, 1)
    assert kept.due_at > now() + timedelta(seconds=50)


async def test_a_relay_goes_on_when_the_database_comes_back(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard("a.b")
    one = make_relay(database, heard.delivery)
    one.poll_interval = 0.02
    real, database.fetch_first = database.fetch_first, lambda *_: (_ for _ in ()).throw(ConnectionError("gone"))  # type: ignore[method-assign]
    running = asyncio.create_task(one.run())
    await wait_until(lambda: "could not be read" in caplog.text)
    database.fetch_first = real  # type: ignore[method-assign]
    await emit_events(database, "a.b", {})
    await wait_until(lambda: bool(heard.events))
    one.stop()
    await running
    assert logging.ERROR in [r.levelno for r in caplog.records]


async def test_personal_events_are_posted_and_not_announced(database: Database) -> None:
    async with database.transaction() as session:
        context = CallContext(ANONYMOUS, database)
        context.work.session = session
        with pytest.raises(AssertionError, match="use `emit_personal`"):
            context.emit("mail.x", "a")
        with pytest.raises(AssertionError, match="kept from the audit"):
            context.emit_personal("order.placed", "a")


async def test_an_outbox_that_nobody_empties_is_behind_after_five_minutes(database: Database) -> None:
    [id] = await emit_events(database, "a.b", {})
    assert not await is_behind(database, now() + timedelta(minutes=4))
    assert await is_behind(database, now() + timedelta(minutes=6))
    await poll_and_finish(make_relay(database))
    assert (await stored_event(database, id)).sent_at is not None
    assert not await is_behind(database, now() + timedelta(minutes=6))
