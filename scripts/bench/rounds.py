"""The stages of a whole measurement: reads, 304, writes, SQLite, the pipeline alone."""

import itertools
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import work
from .aims import GRAPHQL, HIT, UNCACHED, UNCHANGED
from .asking import ask, request
from .contestants import (
    CACHED,
    CONSTANT,
    FASTAPI,
    LIMIT,
    PEERS_OF_GRAPHQL,
    PEERS_OF_REST,
    TRADEPOST,
    WRITERS,
    Contestant,
)
from .database import Cluster, stock
from .install import HERE, Missing
from .load import Generator
from .measure import Entrant, compare
from .processes import Server
from .report import Report
from .sameness import first_difference

BEGAN = time.perf_counter()


@dataclass(frozen=True)
class Plan:
    """How much is measured: products in the shop, how often the servers are started, rounds with each start, seconds a turn, the fewest requests a turn, which
    kinds of work, and how much of the warm-up.
    """

    products: int
    starts: int
    rounds: int
    seconds: float
    least: int
    kinds: Sequence[str]
    warm: float
    pipeline: tuple[str, ...]


class Bench:
    """One measurement: its shop, its load generator and the report that it fills."""

    def __init__(
        self, plan: Plan, cluster: Cluster, generator: Generator, report: Report, key: str, keep: Callable[[], None]
    ) -> None:
        self.plan, self.cluster, self.generator, self.report, self.key, self.keep = (
            plan,
            cluster,
            generator,
            report,
            key,
            keep,
        )
        self.ids = [str(row[0]) for row in cluster.rows("SELECT id FROM product WHERE status = 'active'")]
        self.ids = random.Random(1).sample(self.ids, min(2000, len(self.ids)))  # noqa: S311

    def each_start(
        self, url: str, folder: Path, contestants: Sequence[Contestant], measure: Callable[[dict[str, Server]], None]
    ) -> None:
        """Measures them as often as the plan starts them: where a process has its memory is luck, and stays so as long as it runs (some 5 % either way)."""
        for _ in range(self.plan.starts):
            with self.running(url, folder, *contestants) as servers:
                measure(servers)

    @contextmanager
    def running(self, url: str, folder: Path, *contestants: Contestant) -> Iterator[dict[str, Server]]:
        """Those of them that can be started here, one after another; the others are noted."""
        with ExitStack() as stack:
            servers: dict[str, Server] = {}
            for contestant in contestants:
                try:
                    servers[contestant.name] = server = contestant.start(url, folder)
                except (Missing, RuntimeError) as fault:
                    self.note(f"Not measured: {str(fault)[:300]}")
                    continue
                stack.callback(server.stop)
                say(f"{contestant.title}: first answer after {server.first_answer:.1f} s")
            yield servers

    def note(self, text: str) -> None:
        """Into the report, once, and onto the screen."""
        if text not in self.report.notes:
            self.report.notes.append(text)
            say(text)

    def compare(self, kind: str, entrants: Sequence[Entrant]) -> None:
        """Measures one kind of work, and adds what the servers' earlier starts gave."""
        say(f"{kind}: {len(entrants)} entrants")
        plan, postgres, before = self.plan, self.cluster.processes(), self.report.results.get(kind)
        done = len(next(iter(before.values())).cpu) if before else 0
        found = compare(self.generator, entrants, postgres, range(done, done + plan.rounds), plan.seconds, plan.least)
        for title, figures in found.items():
            if figures.failed:
                self.note(f"{title}, {kind}: {figures.failed} requests failed; its figures do not count.")
        if before:
            # Rounds are compared in pairs: who was not there at each start has none to compare.
            found = {title: before[title] + figures for title, figures in found.items() if title in before}
        self.report.results[kind] = found
        self.keep()

    def reads(self, folder: Path) -> None:
        """All kinds of reading, through both doors; then 304, and memory."""
        bodies = folder / "bodies"
        bodies.mkdir(exist_ok=True)

        def measure(servers: dict[str, Server]) -> None:
            idle = {name: server.memory()[0] for name, server in servers.items()}
            asked = [(c.title, c, servers[c.name]) for c in READERS if c.name in servers]
            asked.append((GRAPHQL, GRAPHQL_DOOR, servers["tradepost"]))
            for kind in self.plan.kinds:
                self.check(kind, asked, bodies)
            floor = Contestant(**vars(CONSTANT) | {"said": {"BODIES": str(bodies)}})
            with self.running("", folder, floor) as more:
                asked.append((floor.title, floor, more[floor.name]))
                for kind in self.plan.kinds:
                    self.compare(kind, self.entrants(kind, asked))
            self.unchanged(servers, folder)
            for c in READERS:
                if c.name in servers:
                    self.report.saw(c.title, servers[c.name].first_answer, (idle[c.name], *servers[c.name].memory()))

        self.each_start(self.cluster.url("shop"), folder, READERS, measure)

    def entrants(self, kind: str, asked: Sequence[tuple[str, Contestant, Server]]) -> list[Entrant]:
        """Who takes part in this kind of work."""
        found = []
        for title, contestant, server in asked:
            if kind in contestant.kinds:
                requests = work.mixed(contestant.make, self.ids) if kind == "mixed" else contestant.make(kind, self.ids)
                found.append(
                    Entrant(
                        title, server, lambda _, requests=requests: requests, warm=int(contestant.warm * self.plan.warm)
                    )
                )
        return found

    def check(self, kind: str, asked: Sequence[tuple[str, Contestant, Server]], bodies: Path) -> None:
        """Notes whoever does not answer what the limit answers (or our REST door, where the limit has no such payload); keeps the bytes for the floor."""
        if kind == "mixed":
            return
        base = LIMIT if kind in LIMIT.kinds else TRADEPOST
        server = next(server for _, contestant, server in asked if contestant is base)
        expected = ask(server.port, base.make(kind, self.ids)[0])[2]
        (bodies / f"{kind}.json").write_bytes(expected)
        for title, contestant, server in asked:
            if kind not in contestant.kinds:
                continue
            status, _, body = ask(server.port, contestant.make(kind, self.ids)[0])
            try:
                difference = first_difference(work.same(expected), work.same(body))
            except ValueError as fault:
                difference = str(fault)[:200]
            if status != 200 or difference:
                self.note(f"{title}, {kind}: does not answer the same ({status}, {difference}).")

    def unchanged(self, servers: dict[str, Server], folder: Path) -> None:
        """304 and hits of the read cache through our door, beside the limit that answers one by id."""
        plain, limit = work.tradepost_rest("one", self.ids[:300]), LIMIT.make("one", self.ids)
        if "READ_CACHE" not in (HERE.parent.parent / ".env.example").read_text():
            self.note("There is no setting READ_CACHE in this version: what is called a read cache below is none.")
        with self.running(self.cluster.url("shop"), folder, CACHED) as more:
            ours, cached = servers["tradepost"], more["tradepost-cached"]
            known = {server.name: [_conditional(server, one) for one in plain] for server in (ours, cached)}
            entrants = [
                Entrant(UNCHANGED, cached, lambda _: known[cached.name], 304),
                Entrant(HIT, cached, lambda _: plain),
                Entrant(UNCACHED, ours, lambda _: known[ours.name], 304),
                Entrant(LIMIT.title, servers["bare"], lambda _: limit),
            ]
            self.compare("304", entrants)

    def writes(self, folder: Path) -> None:
        """Writing into a copy of the shop; all who write fill the same tables, in turn."""
        url, numbers = self.cluster.copy("shop", "writes"), itertools.count(1)

        def new(make: Any) -> Any:
            return lambda count: make([next(numbers) for _ in range(count)])

        ours = new(lambda n: work.new_products("/v1/products", n[0], len(n), X_API_Key=self.key))
        mutations = new(lambda n: work.new_products_graphql(n[0], len(n), X_API_Key=self.key))
        plain = new(lambda n: work.new_products("/products", n[0], len(n)))

        def measure(servers: dict[str, Server]) -> None:
            entrants = [
                Entrant(c.title, servers[c.name], ours if c is TRADEPOST else plain, 201)
                for c in WRITERS
                if c.name in servers
            ]
            entrants.append(Entrant(GRAPHQL, servers["tradepost"], mutations, 200))
            self.compare("write", entrants)

        self.each_start(url, folder, WRITERS, measure)

    def sqlite(self, folder: Path) -> None:
        """The same shop in a SQLite file."""
        url = f"sqlite:///{folder}/shop.db"
        stock(url, self.plan.products, folder)
        peer = Contestant(
            **vars(FASTAPI)
            | {
                "title": "FastAPI + SQLAlchemy + aiosqlite",
                "probe": request("GET", "/products?limit=1", Connection="close"),
            }
        )

        def measure(servers: dict[str, Server]) -> None:
            asked = [(c.title, c, servers[c.name]) for c in (TRADEPOST, peer) if c.name in servers]
            for kind in ("one", "list20", "list100"):
                self.compare(f"sqlite:{kind}", self.entrants(kind, asked))

        self.each_start(url, folder, (TRADEPOST, peer), measure)

    def pipeline(self) -> None:
        """The budget alone."""
        words = [sys.executable, str(HERE / "pipeline.py"), "--json", *self.plan.pipeline]
        # A session of its own: Ctrl-C reaches us alone, and we end it gently, so that it removes what it made.
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            try:
                out, faults = process.communicate()
            except BaseException:
                process.terminate()
                raise
        if process.returncode:
            self.note("The pipeline alone was not measured: " + faults.strip().splitlines()[-1][:200])
        else:
            self.report.pipeline = json.loads(out)


READERS = (TRADEPOST, LIMIT, *PEERS_OF_REST, *PEERS_OF_GRAPHQL)
GRAPHQL_DOOR = Contestant(**vars(TRADEPOST) | {"title": GRAPHQL, "make": work.tradepost_graphql})


def _conditional(server: Server, plain: bytes) -> bytes:
    """The request of somebody who has the answer already."""
    tag = ask(server.port, plain)[1]["etag"].encode()
    return plain.replace(b"\r\n\r\n", b"\r\nIf-None-Match: " + tag + b"\r\n\r\n", 1)


def say(text: str) -> None:
    """Progress, on standard error, with the seconds since the start."""
    print(f"{time.perf_counter() - BEGAN:5.0f} s  {text}", file=sys.stderr, flush=True)
