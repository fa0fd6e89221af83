"""A server with several worker processes over a demo shop, as `tradepost run` starts it."""

import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests import servers
from tests.conftest import BUDGETS
from tests.figures import IS_TORTURE
from tests.servers import Run, free_port


@dataclass(frozen=True)
class ShopServer:
    """A running server. `key` is an API key of the staff, `number` that of its worker processes.

    environ: its environment, for further processes of the same shop.
    """

    pid: int
    port: int
    key: str
    number: int
    database_url: str
    environ: Mapping[str, str]

    @property
    def url(self) -> str:
        """The URL of its APIs."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def shop_server(
    run: Run,
    worker_id: str,
    folder: Path,
    settings: Mapping[str, str] = {},
    port: int | None = None,
    *,
    number: int | None = None,
) -> Iterator[ShopServer]:
    """Run a server with so many worker processes: by default two, four by `just torture`.

    With SQLite they are two. Calls cost nothing that counts, and no worker delivers events, unless
    `settings` say otherwise.
    """
    number = 2 if run.postgresql is None else number or (4 if IS_TORTURE else 2)
    url = servers.copy_of_template(run, f"{worker_id}_{uuid4().hex[:8]}")
    key = servers.staff_key(url)
    port = port or free_port()
    defaults = {
        "PORT": str(port),
        "WORKERS": str(number),
        "REDIS_URL": servers.redis_url(run, worker_id) or "",
        "POOL_SIZE": "4",
        "ACCESS_LOG": "off",
        "WORKER": "off",
    }
    environ = servers.environ(url) | dict.fromkeys(BUDGETS, "1000000000") | defaults | dict(settings)
    with (folder / "server.log").open("wb") as log:
        words = [sys.executable, "-m", "tradepost", "run"]
        server = subprocess.Popen(words, cwd=folder, env=environ, stdout=log, stderr=log)
    try:
        shop = ShopServer(server.pid, port, key, number, url, environ)
        _wait_until_ready(shop)
        yield shop
    finally:
        server.terminate()
        server.wait()


class RunningServers(ExitStack):
    """The server that tests of several modules use one after another.

    It is stopped before another one is started: servers have many connections to PostgreSQL.
    """

    def __init__(self) -> None:
        super().__init__()
        self.running: dict[Hashable, Any] = {}

    def get[Server](self, key: Hashable, start: Callable[[], AbstractContextManager[Server]]) -> Server:
        """Return the server with this key, and start it if it does not run."""
        if key not in self.running:
            self.stop()
            self.running[key] = self.enter_context(start())
        return self.running[key]

    def stop(self) -> None:
        """Stop the server, if one runs."""
        self.running.clear()
        self.close()


def _wait_until_ready(shop: ShopServer) -> None:
    """Wait for the first worker process, at most two minutes."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{shop.url}/health/ready", timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError
