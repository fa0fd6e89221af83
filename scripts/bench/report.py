"""RESULTS.md: the ratios first, then the figures behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from . import aims, work
from .measure import Figures

KINDS = work.KINDS | {
    "304": "304 and read-cache hits: one product by id, with its ETag in `If-None-Match` or without; the limit answers 200",
    "write": "a write: a product with three variants, its events and audit entries (fsync on)",
    "sqlite:one": "SQLite: one product by id",
    "sqlite:list20": "SQLite: 20 products with category",
    "sqlite:list100": "SQLite: 100 products with category",
}


@dataclass
class Report:
    """Everything that is written down. `starts` and `memory` are by title: seconds, and MB idle and loaded (largest process, whole tree), the most of all
    starts.
    """

    machine: str
    how: str
    quiet: str
    results: dict[str, dict[str, Figures]] = field(default_factory=dict)
    starts: dict[str, float] = field(default_factory=dict)
    memory: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    pipeline: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def saw(self, title: str, start: float, memory: tuple[float, float, float]) -> None:
        """How long a server took to answer first, and its memory."""
        self.starts[title] = max(start, self.starts.get(title, start))
        idle, loaded, tree = map(max, memory, self.memory.get(title, memory))
        self.memory[title] = idle, loaded, tree

    def text(self) -> str:
        """The page."""
        parts = [
            "# Results\n\nWritten by `just bench`; how to read it stands in [README.md](README.md).\n",
            f"{self.machine}\n- {self.how}\n- {self.quiet}\n",
            *(["Notes:\n\n" + "\n".join(f"- {note}" for note in self.notes) + "\n"] if self.notes else []),
            _aims(aims.outcomes(self.results), self._worker()),
            "![CPU time per request as multiples of the limit](results.svg)\n",
            *[_kind(kind, found) for kind, found in self.results.items()],
            self._memory(),
            _pipeline(self.pipeline),
        ]
        return "\n".join(part for part in parts if part).rstrip() + "\n"

    def _worker(self) -> list[list[str]]:
        title = aims.REST
        if title not in self.memory:
            return []
        loaded, start = self.memory[title][1], self.starts[title]
        return [
            ["worker: memory after the reads, MB", f"{loaded:.0f}", "", "140", "125", _verdict(loaded, 140, 125), ""],
            ["worker: first answer after start, s", f"{start:.1f}", "", "3.5", "3", _verdict(start, 3.5, 3), ""],
        ]

    def _memory(self) -> str:
        rows = [
            [title, f"{self.starts[title]:.1f}", *[f"{mb:.0f}" for mb in found]] for title, found in self.memory.items()
        ]
        heads = ["", "first answer, s", "worker idle, MB", "worker loaded, MB", "tree loaded (PSS), MB"]
        return "## Start and memory\n\n" + _table(heads, rows) if rows else ""


def _verdict(value: float, must: float, goal: float) -> str:
    return "goal met" if value <= goal else "must met" if value <= must else "**not met**"


def _aims(found: Sequence[aims.Outcome], more: list[list[str]]) -> str:
    rows = [
        [
            o.aim.text,
            *(["", ""] if o.ratio is None else [f"{o.ratio:.2f}x", f"{o.ends[0]:.2f} to {o.ends[1]:.2f}"]),
            *["" if mark is None else f"{mark:g}x" for mark in (o.aim.must, o.aim.goal)],
            o.verdict,
            "" if o.wide is None or o.wide.ratio is None else f"{o.wide.ratio:.2f}x, {o.wide.verdict}",
        ]
        for o in found
    ]
    text = (
        "Ratios of the server's CPU time per request, within a round: the median of the rounds, and their ends. `less`: how many times less Tradepost uses.\n\n"
        "The rows of GraphQL are judged by 8 plain members of a product and 3 of its category, because their aims come from measurements with that payload\n"
        "(at our REST door `fields` asks for the same). The last column has the same ratio with the wide payload of the REST tables: 13 members, among them\n"
        "free JSON, tags and a price.\n"
    )
    return f"## Aims\n\n{text}\n" + _table(
        ["aim", "measured", "rounds", "must", "goal", "", "with 13 members"], rows + more
    )


def _kind(kind: str, found: Mapping[str, Figures]) -> str:
    base = next(
        (title for title in (aims.LIMIT, aims.FASTAPI, aims.SQLITE, aims.REST) if title in found), next(iter(found))
    )
    rows = [
        [
            title, f"{f.to(found[base]):.2f}", f"{median(f.cpu):,.0f}", f"{median(f.database):,.0f}", f"{median(f.rate):,.0f}",
            f"{median(f.p50):.1f} / {median(f.p99):.1f}", *([str(f.failed)] if any(g.failed for g in found.values()) else []),
        ]
        for title, f in sorted(found.items(), key=lambda pair: pair[1].to(found[base]))
    ]  # fmt: skip
    heads = [
        "",
        f"CPU, x {base.partition(':')[0]}",
        "CPU, us",
        "database, us",
        "requests/s",
        "p50 / p99, ms",
        *(["failed"] if any(g.failed for g in found.values()) else []),
    ]
    return f"## {KINDS[kind][0].upper()}{KINDS[kind][1:]}\n\n" + _table(heads, rows)


def _pipeline(found: Mapping[str, Mapping[str, Any]]) -> str:
    if not found:
        return ""
    columns = list(next(iter(found.values())))
    rows = [[name, *[f"{row[column]:.1f}" for column in columns]] for name, row in found.items()]
    text = (
        "CPU us per request inside the process, without limits, with limits in memory and with limits in Redis (`pipeline.py`). Of `The pipeline`, in front"
        " of a route that answers at once, `none` is without identifying, budget, access line, metrics and ETag, so what is added are all of them.\n"
    )
    return f"## The pipeline\n\n{text}\n" + _table(["", *columns], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [
        "| " + " | ".join(heads) + " |",
        "|" + "---|" * len(heads),
        *["| " + " | ".join(row) + " |" for row in rows],
    ]
    return "\n".join(lines) + "\n"
