"""The load generator: raw sockets with keep-alive and no pipelining, in a process of its own on the last core.

It is closed-loop and counts requests, not seconds: so many connections each send the next request when the last one is answered, until all are answered. So the
CPU time of a server is divided by exactly the requests that it was spent on, however slow it is.
"""

import asyncio
import multiprocessing
import os
import re
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from time import perf_counter

import uvloop

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PATIENCE = 600  # seconds that one run may take


@dataclass
class Run:
    """What a run came to. Times are in seconds; `failed` are answers with another status than the one expected, and lost connections."""

    count: int
    failed: int
    seconds: float
    latencies: list[float]

    def percentile(self, share: float) -> float:
        """The latency, in milliseconds, that this share of the requests did not exceed."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


class Generator:
    """The process that makes the load. Use it as a context manager."""

    def __enter__(self) -> "Generator":
        spawn = multiprocessing.get_context("spawn")
        self.ours, theirs = spawn.Pipe()
        self.process = spawn.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.join()

    def drive(self, port: int, requests: Sequence[bytes], count: int, status: int = 200, connections: int = 32) -> Run:
        """Sends so many requests, going round the given ones, and waits for all answers."""
        self.ours.send((port, requests, count, status, connections))
        found = self.ours.recv()
        if isinstance(found, BaseException):
            raise found
        return found


def _serve(asked: Connection) -> None:
    # Whoever interrupts the measurement reaches the whole group of processes; this one goes when its parent is done with it.
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, signal.SIG_IGN)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with suppress(EOFError):
        while True:
            try:
                asked.send(_drive(*asked.recv()))
            except (OSError, TimeoutError) as fault:
                asked.send(fault)


def _drive(port: int, requests: Sequence[bytes], count: int, status: int, connections: int) -> Run:
    return uvloop.run(_Load(port, requests, count, status).run(min(connections, count)))


class _Load:
    def __init__(self, port: int, requests: Sequence[bytes], count: int, status: int) -> None:
        self.port, self.requests, self.count, self.status = port, requests, count, b"%d" % status
        self.sent = self.failed = self.answered = 0
        self.latencies: list[float] = []

    async def run(self, connections: int) -> Run:
        self.done = asyncio.get_running_loop().create_future()
        began = perf_counter()
        for _ in range(connections):
            await self.open()
        async with asyncio.timeout(PATIENCE):
            await self.done
        return Run(self.answered, self.failed, perf_counter() - began, self.latencies)

    async def open(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: _Connection(self), "127.0.0.1", self.port)

    def next(self) -> bytes | None:
        """The next request, or None when all are under way."""
        if self.sent == self.count:
            return None
        self.sent += 1
        return self.requests[self.sent % len(self.requests)]

    def count_answer(self, good: bool, seconds: float) -> None:
        self.answered += 1
        self.failed += not good
        self.latencies.append(seconds)
        if self.answered == self.count and not self.done.done():
            self.done.set_result(None)


class _Connection(asyncio.Protocol):
    def __init__(self, load: _Load) -> None:
        self.load, self.buffer, self.busy = load, b"", False

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        request = self.load.next()
        if request is None:
            self.transport.close()
            return
        self.busy, self.buffer, self.began = True, b"", perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer = buffer = self.buffer + data if self.buffer else data
        head = buffer.find(b"\r\n\r\n")
        if head < 0 or not _whole(buffer, head):
            return
        self.busy = False
        self.load.count_answer(buffer[9:12] == self.load.status, perf_counter() - self.began)
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        """A server may close what it does not keep alive; an answer that never came is a failure."""
        if self.busy:
            self.load.count_answer(False, perf_counter() - self.began)
        if self.load.sent < self.load.count:
            self.load.reopening = asyncio.ensure_future(self.load.open())


def _whole(buffer: bytes, head: int) -> bool:
    """Whether the answer is complete."""
    if found := LENGTH.search(buffer, 0, head + 2):
        return len(buffer) - head - 4 >= int(found[1])
    return buffer[9:12] == b"304" or buffer.endswith(b"0\r\n\r\n")
