"""Placing an order takes a fixed number of round trips, whatever the number of lines."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from sqlalchemy import event

from tests.areas.orders.checkout import ready_cart, stocked_variant
from tests.parity.harness import Recorder
from tradepost.areas.orders.service import OrderSettings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

MAX_ROUND_TRIPS = 26


@contextmanager
def counted(app: "TradepostApp") -> Iterator[list[str]]:
    """Yield the list of the statements of this task, with BEGIN and COMMIT.

    Other tasks of the app write too, such as when a key was last used.
    """
    engine, statements, task = app.state.database.engine.sync_engine, list[str](), asyncio.current_task()

    def record(statement: str) -> None:
        if asyncio.current_task() is task:
            statements.append(statement)

    def on_execute(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        record(statement)

    def on_begin(connection: Any) -> None:
        record("BEGIN")

    def on_commit(connection: Any) -> None:
        record("COMMIT")

    listeners = {"before_cursor_execute": on_execute, "begin": on_begin, "commit": on_commit}
    reader = app.state.database.reader
    recorder = app.state.database.reader = Recorder(reader)
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    try:
        yield statements
    finally:
        statements += [sql for sql, _ in recorder.recorded]
        app.state.database.reader = reader
        for name, listener in listeners.items():
            event.remove(engine, name, listener)


async def round_trips(app: "TradepostApp", staff: httpx.AsyncClient, lines: int) -> list[str]:
    """Return the statements of placing an order with some lines."""
    variants = [(await stocked_variant(app, staff), 1 + i) for i in range(lines)]
    checkout = await ready_cart(app, staff, *variants)
    with counted(app) as statements:
        await checkout.place()
    return statements


async def test_placing_takes_few_round_trips_whatever_the_number_of_lines(
    app: "TradepostApp", staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: OrderSettings = app.state.dependencies.require(OrderSettings)
    limited = msgspec.structs.replace(settings, open_orders=10**6, open_orders_per_client=10**6)
    monkeypatch.setitem(app.state.dependencies.instances, OrderSettings, limited)
    await round_trips(app, staff, 1)
    few, many = await round_trips(app, staff, 1), await round_trips(app, staff, 9)
    assert len(few) == len(many) > 10
    # SQLite is in the process: its statements are no round trips.
    assert app.state.database.is_sqlite or len(few) <= MAX_ROUND_TRIPS
