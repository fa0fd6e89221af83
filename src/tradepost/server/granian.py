"""The server process: Granian with the shop's settings, measured choices, and stops that cut nothing short."""

import gc
import os
import signal
import sys
import time
from functools import partial
from multiprocessing import Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes
from granian.log import LogLevels
from granian.server import Server

from tradepost.logging_config import logging_config
from tradepost.settings import Settings, SettingsError

if TYPE_CHECKING:
    from tradepost.doors.http.pipeline import Pipeline

MOST_CONNECTIONS = 4096
SHORTEST_STOP = 30  # seconds that a worker has to finish its requests, or longer where a request may take longer


def serve(settings: Settings, *, reload: bool = False) -> None:
    """Serves until SIGTERM or Ctrl-C; requests in flight are finished first. An address that cannot be listened on is a wrong setting, and so is
    whatever a worker finds wrong with them while it loads, as with a document that cannot be registered."""
    faults, telling = Pipe(duplex=False)
    server = Server(
        "tradepost.app:application",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        loop=Loops.uvloop,
        # One thread for the network and plain HTTP/1 are the cheapest per request; more throughput comes from more workers.
        runtime_mode=RuntimeModes.st,
        http=HTTPModes.http1,
        # Nothing is served over sockets yet; who asks for one is answered as any GET.
        websockets=False,
        # Granian counts connections here, not requests: idle keep-alive clients must not starve the others.
        backlog=MOST_CONNECTIONS,
        backpressure=MOST_CONNECTIONS,
        log_level=LogLevels(settings.log_level),
        log_dictconfig=logging_config(settings),
        respawn_failed_workers=True,
        workers_kill_timeout=max(SHORTEST_STOP, int(settings.request_timeout) + 1),
        reload=reload,
        reload_paths=[Path(__file__).parent] if reload else None,
    )
    try:
        server.serve(target_loader=partial(_load, telling), wrap_loader=False)
    except RuntimeError as fault:
        if "(os error" not in str(fault):
            raise
        raise SettingsError(
            f"HOST, PORT: `{settings.host}:{settings.port}` cannot be listened on: {str(fault).partition(' (os error')[0]}."
        ) from None
    finally:
        if faults.poll():
            raise SettingsError(faults.recv()) from None


def _load(telling: Any) -> "Pipeline":
    """The app, in a worker, which must hear SIGTERM while it still loads: the handlers that it inherits from the parent would swallow it."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent as well, which then says SIGTERM
    from tradepost.app import application

    try:
        app = application()
        # What is there now stays as long as the process: the collector need not walk it again with every full collection (60 ms).
        gc.collect()
        gc.freeze()
        # The porch hands on what is no request, so Granian may call it without the app's own call between them.
        return app.pipeline
    except SettingsError as fault:
        telling.send(str(fault))
        os.kill(os.getppid(), signal.SIGTERM)
        # The parent ends this process as it stops; one that ended by itself would be started again.
        time.sleep(SHORTEST_STOP)
        sys.exit(2)
