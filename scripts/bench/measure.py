"""Paired and interleaved measurement: in each round every entrant has its turn, and ratios are taken within a round."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

import psutil

from .load import Generator, Run
from .processes import Server, tree_cpu


@dataclass
class Entrant:
    """One server and what it is asked. `requests` makes as many as it is told (writes are never repeated); `status` is that of a good answer."""

    title: str
    server: Server
    requests: Callable[[int], Sequence[bytes]]
    status: int = 200
    warm: int = 0


@dataclass
class Figures:
    """What the rounds gave for one entrant; `cpu` and `database` are microseconds per request."""

    cpu: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    failed: int = 0

    def __add__(self, more: "Figures") -> "Figures":
        """With the rounds of another start."""
        lists = (
            self.cpu + more.cpu,
            self.database + more.database,
            self.rate + more.rate,
            self.p50 + more.p50,
            self.p99 + more.p99,
        )
        return Figures(*lists, failed=self.failed + more.failed)

    def to(self, other: "Figures") -> float:
        """How many times the CPU of another one: the median of the rounds' ratios."""
        return median(a / b for a, b in zip(self.cpu, other.cpu, strict=True))

    def spread(self, other: "Figures") -> tuple[float, float]:
        """The smallest and the largest of those ratios."""
        found = [a / b for a, b in zip(self.cpu, other.cpu, strict=True)]
        return min(found), max(found)


def compare(
    generator: Generator,
    entrants: Sequence[Entrant],
    postgres: psutil.Process | None,
    rounds: Iterable[int],
    seconds: float,
    least: int,
) -> dict[str, Figures]:
    """Measures them in turn; each turn is as many requests as take about so many seconds, and no fewer than `least`. The number of a round says who begins."""
    counts = {e.title: _calibrate(generator, e, seconds, least) for e in entrants}
    found = {e.title: Figures() for e in entrants}
    for turn in rounds:
        at = turn % len(entrants)
        for entrant in (*entrants[at:], *entrants[:at]):
            _measure(generator, entrant, counts[entrant.title], postgres, found[entrant.title])
    return found


def _calibrate(generator: Generator, entrant: Entrant, seconds: float, least: int) -> int:
    """Warms up (prepared statements, compiled plans, the JIT), and finds how many requests take so long."""
    run = _drive(generator, entrant, max(least, entrant.warm))
    probe = run.count
    for _ in range(3):
        if run.seconds > seconds / 3:
            break
        probe = min(int(probe * seconds / run.seconds), 8 * probe)
        run = _drive(generator, entrant, probe)
    return max(least, int(run.count / run.seconds * seconds))


def _drive(generator: Generator, entrant: Entrant, count: int) -> Run:
    return generator.drive(entrant.server.port, entrant.requests(count), count, entrant.status)


def _measure(
    generator: Generator, entrant: Entrant, count: int, postgres: psutil.Process | None, into: Figures
) -> None:
    requests = entrant.requests(count)
    if len(requests) > 1 and entrant.status != 201:
        at = random.randrange(len(requests))  # noqa: S311 - not always the same first ones
        requests = [*requests[at:], *requests[:at]]
    server, database = entrant.server.cpu(), tree_cpu(postgres) if postgres else 0.0
    run = generator.drive(entrant.server.port, requests, count, entrant.status)
    into.cpu.append((entrant.server.cpu() - server) * 1e6 / run.count)
    into.database.append(((tree_cpu(postgres) if postgres else 0.0) - database) * 1e6 / run.count)
    into.rate.append(run.count / run.seconds)
    into.p50.append(run.percentile(0.5))
    into.p99.append(run.percentile(0.99))
    into.failed += run.failed
