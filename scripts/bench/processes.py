"""Server processes: start, CPU time, memory, stop; and single requests to them."""

import http.client
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

START_TIMEOUT = 60  # seconds


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP/1.1 request as bytes. An underscore in the name of a header stands for a hyphen."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: */*"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def send(port: int, message: bytes) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Send a request on a new connection; return status, headers and body of the response."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(message)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status, response.headers, response.read()


class Server:
    """A running server with its whole process tree."""

    def __init__(self, name: str, command: list[str], environ: dict[str, str], folder: Path, probe: bytes) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        log, port = folder / f"{name}.log", str(self.port)
        command = [word.replace("{port}", port) for word in command]
        environ = {key: value.replace("{port}", port) for key, value in environ.items()}
        start = time.perf_counter()
        with log.open("wb") as file:
            self.popen = subprocess.Popen(
                command, env=environ, cwd=folder, stdout=file, stderr=file, start_new_session=True
            )
        self.process = psutil.Process(self.popen.pid)
        try:
            while not self._responds(probe):
                if time.perf_counter() > start + START_TIMEOUT or self.popen.poll() is not None:
                    raise RuntimeError(f"{name} did not start: {log.read_text(errors='replace')[-1500:]}")
                time.sleep(0.02)
        except BaseException:
            self.stop()
            raise
        self.first_response = time.perf_counter() - start

    def _responds(self, probe: bytes) -> bool:
        try:
            return send(self.port, probe)[0] == 200
        except OSError:
            return False

    def memory(self) -> tuple[float, float]:
        """The resident set of the largest process and the proportional set of the tree, in MB."""
        tree = [self.process, *self.process.children(recursive=True)]
        return max(p.memory_info().rss for p in tree) / 1e6, sum(p.memory_full_info().pss for p in tree) / 1e6

    def stop(self) -> None:
        for number, timeout in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
            with suppress(ProcessLookupError):
                os.killpg(self.popen.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(timeout)
                return


def tree_cpu(process: psutil.Process) -> float:
    """CPU seconds of the live threads of a process tree, in nanosecond resolution (Linux only)."""
    nanoseconds = 0
    for member in (process, *process.children(recursive=True)):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            threads = Path(f"/proc/{member.pid}/task").glob("*/schedstat")
            nanoseconds += sum(int(thread.read_text().split()[0]) for thread in threads)
    return nanoseconds / 1e9
