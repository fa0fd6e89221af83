"""Processes of the shop that a test kills and starts again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.reliability.shop_server import ShopServer
from tests.servers import free_port


class ShopProcess:
    """`tradepost run` or `tradepost worker` over the database of a server."""

    def __init__(self, server: ShopServer, folder: Path, word: str) -> None:
        self.word, self.folder, self.port = word, folder, free_port()
        self.environ = dict(server.environ) | {"PORT": str(self.port), "WORKERS": "1", "WORKER": "off"}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of a server."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, with its children in a group of their own. A server answers afterwards."""
        words = [sys.executable, "-m", "tradepost", self.word]
        with (self.folder / f"{self.word}.log").open("ab") as log:
            self.process = subprocess.Popen(
                words, cwd=self.folder, env=self.environ, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 120
        while self.word == "run":
            assert time.monotonic() < deadline
            try:
                httpx.get(f"{self.url}/health/ready", timeout=10)
                return
            except httpx.TransportError:
                time.sleep(0.1)

    def kill(self) -> None:
        """Kill it with all its children; no-op if it does not run."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
