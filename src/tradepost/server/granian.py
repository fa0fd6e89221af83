"""Runs the app with Granian; requests in flight are finished when it stops."""

import asyncio
import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing import Event, Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from tradepost.logging_config import logging_config
from tradepost.server.garbage import collect_as_usual, collect_never
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
    while loading, as for an invalid trusted document or a database that cannot be used.
    """
    reservation = reserve_address(settings.host, settings.port)
    errors, error_sender = Pipe(duplex=False)
    server = Server(
        "tradepost.app:application",
        address=reservation.getsockname()[0],
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
        server.serve(target_loader=partial(_load, error_sender, Event()), wrap_loader=False)
    finally:
        reservation.close()
        if errors.poll():
            raise SettingsError(errors.recv()) from None


def reserve_address(host: str, port: int) -> socket.socket:
    """Bind the address, or raise SettingsError if another program has it.

    Granian's workers share a port by SO_REUSEPORT, so that a second server would get it too, and
    each would answer some of the requests. The bound socket prevents that: it is bound without
    sharing, which fails if anything has the port, and is shared only with the workers. It does not
    listen, so it gets no connection.
    """
    try:
        [(family, _, _, _, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        bound = socket.socket(family)
    except OSError as error:
        raise SettingsError(f"HOST: `{host}` is not an address of this machine: {error.strerror}.") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections do not count
        bound.bind(address)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError as error:
        bound.close()
        in_use = error.errno == errno.EADDRINUSE
        cure = "Stop the program that listens there, or set PORT" if in_use else "Set HOST or PORT"
        raise SettingsError(f"HOST, PORT: cannot listen on `{host}:{port}`: {error.strerror}. {cure}.") from None
    return bound


def _load(error_sender: Any, has_started: Any) -> "Pipeline":
    """Return the app, in a worker process.

    has_started: set once a worker has found the database usable. A worker that is restarted later
        does not check it again: it answers 503 until the database is back.
    The signal handlers inherited from the parent would ignore a SIGTERM while the app loads.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Ctrl-C reaches the parent too, which then sends SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_never()
    try:
        if not has_started.is_set():
            # Before the app is imported, so that a start is refused sooner.
            _run_check(_check_database())
        from tradepost.app import application

        app = application()
        if not has_started.is_set():
            _run_check(_check_currency())
            has_started.set()
        collect_as_usual()
        # Granian can call the pipeline directly: it passes lifespan scopes on to the app.
        return app.pipeline
    except SettingsError as error:
        error_sender.send(str(error))
        os.kill(os.getppid(), signal.SIGTERM)
        # Wait for the parent to end this process: it would restart a worker that exits by itself.
        time.sleep(MIN_STOP_TIMEOUT)
        sys.exit(2)


def _run_check(check: Coroutine[Any, Any, None]) -> None:
    """Run a check of the start in a thread, because this process already has its event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, check).result()


async def _check_database() -> None:
    """Raise SettingsError if the database cannot be used."""
    from tradepost.migrations.start_check import check_database

    await check_database(Settings.read())


async def _check_currency() -> None:
    """Raise SettingsError if the database has prices in another currency."""
    from tradepost.bootstrap import check_currency
    from tradepost.kit.db.engine import create_engine

    settings = Settings.read()
    engine = create_engine(settings.database_url, 1)
    try:
        await check_currency(settings, engine)
    finally:
        await engine.dispose()
