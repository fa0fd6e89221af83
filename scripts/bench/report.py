"""RESULTS.md: the aims, then the measurements of each kind of work."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from statistics import median

import psutil

from . import aims, work
from .measure import Turn, Turns, ratio

PACKAGES = ("granian", "litestar", "msgspec", "asyncpg", "sqlalchemy", "strawberry-graphql", "uvloop")
KINDS = work.KINDS | {
    "304": "one product by id with its ETag in `If-None-Match` (304), or from the read cache (200)",
    "depth": "the first and the last page of all products, 100 in each",
    "write": "create a product with three variants, with its events and audit entries",
    "sqlite:one": "SQLite: one product by id",
    "sqlite:list20": "SQLite: 20 products with category",
    "sqlite:list100": "SQLite: 100 products with category",
}
AIMS_TEXT = """\
Ratios of the server's CPU time per request within a round: the median and the range of the rounds.
"Less than" means: how many times less CPU time than the other."""


def environment() -> list[str]:
    """The machine and the versions, for the head of the report."""
    memory, system = psutil.virtual_memory().total / 2**30, f"{platform.system()} {platform.release()}"
    machine = f"{os.cpu_count()} cores, {memory:.0f} GiB, {system}, load average {os.getloadavg()[0]:.1f} at the start"
    return [machine, f"CPython {platform.python_version()}, {', '.join(f'{p} {version(p)}' for p in PACKAGES)}"]


@dataclass
class Report:
    """`processes`: seconds to the first response; MB of worker idle, worker loaded, tree loaded."""

    environment: list[str] = field(default_factory=environment)
    notes: list[str] = field(default_factory=list)
    results: dict[str, dict[str, Turns]] = field(default_factory=dict)
    processes: dict[str, tuple[float, ...]] = field(default_factory=dict)
    sections: list[str] = field(default_factory=list)

    def text(self) -> str:
        heads = ["", "first response, s", "worker idle, MB", "worker loaded, MB", "tree loaded (PSS), MB"]
        memory = [[title, f"{row[0]:.1f}", *(f"{mb:.0f}" for mb in row[1:])] for title, row in self.processes.items()]
        parts = [
            "# Results\n\nWritten by `just bench`. [README.md](README.md) describes the method.",
            "\n".join(f"- {line}" for line in [*self.environment, *self.notes]),
            f"## Aims\n\n{AIMS_TEXT}\n\n" + _table(["aim", "ratio", "rounds", "must", "goal", ""], self._aims()),
            "![CPU time per request as multiples of the limit](results.svg)",
            *(_kind(KINDS[kind], turns) for kind, turns in self.results.items()),
            *self.sections,
            "## Start and memory\n\n" + _table(heads, memory),
        ]
        return "\n\n".join(parts) + "\n"

    def _aims(self) -> list[list[str]]:
        start, _, loaded, _ = self.processes["Tradepost"]
        return [
            *(aims.row(aim, self.results) for aim in aims.AIMS),
            ["worker: memory after the reads, MB", f"{loaded:.0f}", "", "140", "125", aims.verdict(loaded, 140, 125)],
            ["worker: first response, s", f"{start:.1f}", "", "3.5", "3", aims.verdict(start, 3.5, 3)],
        ]


def _kind(title: str, turns: Mapping[str, Turns]) -> str:
    base = next(name for name in (aims.LIMIT, aims.FASTAPI, aims.SQLITE, aims.FIRST_PAGE, aims.REST) if name in turns)
    by_ratio = sorted((ratio(own, turns[base]), name, own) for name, own in turns.items())
    heads = ["", f"CPU, x {base.partition(':')[0]}", "CPU, us", "database, us", "requests/s", "p50 / p99, ms"]
    rows = []
    for value, name, own in by_ratio:
        turn = Turn(*map(median, zip(*own, strict=True)))
        numbers = [f"{number:,.0f}" for number in (turn.cpu, turn.database, turn.rate)]
        rows.append([name, f"{value:.2f}", *numbers, f"{turn.p50:.1f} / {turn.p99:.1f}"])
    return f"## {title[0].upper()}{title[1:]}\n\n{_table(heads, rows)}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))
