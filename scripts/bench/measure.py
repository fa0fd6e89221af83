"""Interleaved measurement with a load generator: in each round every entrant has its turn.

The generator runs on the last core, with 32 keep-alive connections and no pipelining. It counts
requests, not seconds, so CPU time is divided by exactly the requests that it was spent on.
"""

import asyncio
import os
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import NamedTuple

import psutil
import uvloop

from .processes import Server, tree_cpu

CONNECTIONS, TIMEOUT = 32, 600
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Turn(NamedTuple):
    """One entrant in one round: CPU in microseconds per request, latencies in milliseconds."""

    cpu: float
    database: float
    rate: float
    p50: float
    p99: float
    failed: int


type Turns = list[Turn]


def ratios(turns: Turns, others: Turns) -> list[float]:
    """The ratio of CPU times in each round."""
    return [turn.cpu / other.cpu for turn, other in zip(turns, others, strict=True)]


def ratio(turns: Turns, others: Turns) -> float:
    return median(ratios(turns, others))


@dataclass
class Entrant:
    """A server in one kind of work. `requests` makes a number of requests."""

    title: str
    server: Server
    requests: Callable[[int], Sequence[bytes]]
    status: int = 200
    warm_up: int = 0

    def run(self, count: int) -> "Load":
        return self.send(self.requests(count), count)

    def send(self, requests: Sequence[bytes], count: int) -> "Load":
        cores = os.sched_getaffinity(0)
        start = random.randrange(len(requests))  # noqa: S311 - not security
        load = Load(self.server.port, [*requests[start:], *requests[:start]], count, b"%d" % self.status)
        os.sched_setaffinity(0, {max(cores)})
        try:
            uvloop.run(load.run())
        finally:
            os.sched_setaffinity(0, cores)
        return load

    def calibrate(self, seconds: float, minimum: int) -> int:
        """Warm up (statements, compiled plans, JIT); return the number of requests for a turn."""
        load = self.run(max(minimum, self.warm_up))
        for _ in range(3):
            if load.seconds > seconds / 3:
                break
            load = self.run(min(int(load.count * seconds / load.seconds), 8 * load.count))
        return max(minimum, int(load.count / load.seconds * seconds))

    def turn(self, count: int, postgres: psutil.Process) -> Turn:
        requests = self.requests(count)  # this may prepare rows, which is not measured
        server, database = tree_cpu(self.server.process), tree_cpu(postgres)
        load = self.send(requests, count)
        used = tree_cpu(self.server.process) - server, tree_cpu(postgres) - database
        latencies = sorted(1000 * seconds for seconds in load.latencies)
        percentiles = latencies[count // 2], latencies[99 * count // 100]
        return Turn(used[0] * 1e6 / count, used[1] * 1e6 / count, count / load.seconds, *percentiles, load.failed)


def compare(
    entrants: Sequence[Entrant], postgres: psutil.Process, rounds: Iterable[int], seconds: float, minimum: int
) -> dict[str, Turns]:
    """Measure all in each round, in turns of about `seconds` and at least `minimum` requests."""
    counts = {entrant.title: entrant.calibrate(seconds, minimum) for entrant in entrants}
    results: dict[str, Turns] = {entrant.title: [] for entrant in entrants}
    for number in rounds:
        first = number % len(entrants)
        for entrant in (*entrants[first:], *entrants[:first]):
            results[entrant.title].append(entrant.turn(counts[entrant.title], postgres))
    return results


@dataclass
class Load:
    """`failed` counts responses with another status, and lost connections. Times are in seconds."""

    port: int
    requests: Sequence[bytes]
    count: int
    status: bytes
    sent: int = 0
    failed: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    async def run(self) -> None:
        self.done, start = asyncio.get_running_loop().create_future(), perf_counter()
        for _ in range(min(CONNECTIONS, self.count)):
            await self.open()
        await asyncio.wait_for(self.done, TIMEOUT)
        self.seconds = perf_counter() - start

    async def open(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: Connection(self), "127.0.0.1", self.port)

    def record(self, success: bool, start: float) -> None:
        self.failed += not success
        self.latencies.append(perf_counter() - start)
        if len(self.latencies) == self.count:
            self.done.set_result(None)


class Connection(asyncio.Protocol):
    def __init__(self, load: Load) -> None:
        self.load, self.busy = load, False

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        if self.load.sent == self.load.count:
            self.transport.close()
            return
        request = self.load.requests[self.load.sent % len(self.load.requests)]
        self.load.sent += 1
        self.busy, self.buffer, self.start = True, b"", perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head >= 0 and _is_complete(self.buffer, head):
            self.busy = False
            self.load.record(self.buffer[9:12] == self.load.status, self.start)
            self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        """Open a new connection; a missing response counts as a failure."""
        if self.busy:
            self.load.record(False, self.start)
        if self.load.sent < self.load.count:
            self.load.reopening = asyncio.ensure_future(self.load.open())


def _is_complete(buffer: bytes, head: int) -> bool:
    if match := LENGTH.search(buffer, 0, head + 2):
        return len(buffer) - head - 4 >= int(match[1])
    return buffer[9:12] == b"304" or buffer.endswith(b"0\r\n\r\n")
