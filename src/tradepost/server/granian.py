"""Runs the app with Granian; requests in flight are finished when it stops."""

import asyncio
import gc
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing import Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from tradepost.logging_config import logging_config
from tradepost.settings import Settings, SettingsError

if TYPE_CHECKING:
    from tradepost.doors.http.pipeline import Pipeline

MAX_CONNECTIONS = 4096
MAX_HEAD_SIZE = 56 * 1024
"""The bytes of a request line and headers that are always accepted; from 88 kB on it is 431.

In between it depends on the pieces that arrive: hyper reads 8, 16 and 32 kB, and then compares.
"""
MIN_STOP_TIMEOUT = 30
"""Seconds that a worker has to finish its requests; more if REQUEST_TIMEOUT is longer."""


def serve(settings: Settings, *, reload: bool = False) -> None:
    """Serve until SIGTERM or Ctrl-C; requests in flight are finished first.

    Raise SettingsError if the address cannot be listened on, or if a worker process raised it
    while loading, as for an invalid trusted document.
    """
    errors, error_sender = Pipe(duplex=False)
    server = Server(
        "tradepost.app:application",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        loop=Loops.uvloop,
        # One network thread and HTTP/1 cost the least per request; more workers give more
        # throughput.
        runtime_mode=RuntimeModes.st,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=MAX_HEAD_SIZE),
        # There is no WebSocket endpoint; an upgrade request is served like any other GET.
        websockets=False,
        # Granian counts connections here, not requests: idle keep-alive connections must not
        # block new ones.
        backlog=MAX_CONNECTIONS,
        backpressure=MAX_CONNECTIONS,
        log_level=LogLevels(settings.log_level),
        log_dictconfig=logging_config(settings),
        respawn_failed_workers=True,
        workers_kill_timeout=max(MIN_STOP_TIMEOUT, int(settings.request_timeout) + 1),
        reload=reload,
        reload_paths=[Path(__file__).parents[1]] if reload else None,
    )
    try:
        server.serve(target_loader=partial(_load, error_sender), wrap_loader=False)
    except RuntimeError as error:
        # Granian raises RuntimeError for every operating system error; only its text differs.
        reason, os_error, _ = str(error).partition(" (os error")
        if not os_error:
            raise
        raise SettingsError(f"HOST, PORT: cannot listen on `{settings.host}:{settings.port}`: {reason}.") from None
    finally:
        if errors.poll():
            raise SettingsError(errors.recv()) from None


def _load(error_sender: Any) -> "Pipeline":
    """Return the app, in a worker process.

    The signal handlers inherited from the parent would ignore a SIGTERM while the app loads.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Ctrl-C reaches the parent too, which then sends SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from tradepost.app import application

    try:
        app = application()
        with ThreadPoolExecutor(1) as thread:  # this process already has its event loop
            thread.submit(asyncio.run, _check_currency()).result()
        # Objects created so far live as long as the process: exclude them from full collections,
        # which take 60 ms otherwise.
        gc.collect()
        gc.freeze()
        # Granian can call the pipeline directly: it passes lifespan scopes on to the app.
        return app.pipeline
    except SettingsError as error:
        error_sender.send(str(error))
        os.kill(os.getppid(), signal.SIGTERM)
        # Wait for the parent to end this process: it would restart a worker that exits by itself.
        time.sleep(MIN_STOP_TIMEOUT)
        sys.exit(2)


async def _check_currency() -> None:
    """Raise SettingsError if the shop has prices in another currency than SHOP_CURRENCY."""
    from sqlalchemy.exc import SQLAlchemyError

    from tradepost.bootstrap import check_currency
    from tradepost.kit.db.engine import create_engine

    settings = Settings.read()
    engine = create_engine(settings.database_url, 1)
    try:
        # Readiness reports a database that cannot be used, or has no tables.
        with suppress(SQLAlchemyError, OSError):
            await check_currency(settings, engine)
    finally:
        await engine.dispose()
