"""Counts the statements of one task."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from tests.parity.harness import Recorder

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


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
