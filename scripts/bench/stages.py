"""The stages of the benchmark: reads, conditional and cached reads, deep pages, writes, SQLite."""

import itertools
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from . import aims, checkout, work
from .contestants import CACHED, CONTESTANTS, FASTAPI, FASTAPI_SQLITE, GRAPHQL, LIMIT, TRADEPOST, Contestant
from .database import Cluster, create_shop
from .measure import Entrant, compare
from .processes import Server, request, send
from .report import Report

START = time.perf_counter()
type Servers = Mapping[str, Server]


@dataclass(frozen=True)
class Plan:
    """`minimum` is the smallest number of requests in a turn, `warm_up` a factor for the warm-up.

    With `kinds`, only these kinds of reads are measured.
    """

    products: int = 100_000
    starts: int = 3
    rounds: int = 4
    seconds: float = 0.5
    minimum: int = 64
    warm_up: float = 1.0
    kinds: Sequence[str] = ()

    def description(self) -> str:
        rounds = f"{self.rounds} interleaved rounds of about {self.seconds:g} s a turn with each start"
        database = f"{self.products:,} products on PostgreSQL 18 (Unix socket, fsync on)"
        return f"{database}, 32 keep-alive connections, one worker each, starts: {self.starts}, {rounds}"


FULL, QUICK = Plan(), Plan(10_000, starts=1, rounds=3, seconds=0.1, minimum=16, warm_up=0.2)


@dataclass
class Bench:
    plan: Plan
    cluster: Cluster
    report: Report
    key: str

    def run(self) -> None:
        ids = self.cluster.execute("SELECT id FROM product WHERE status = 'active' ORDER BY id", database="shop")
        self.numbers = itertools.count(1)
        self.ids = [str(row[0]) for row in random.Random(1).sample(ids, min(2000, len(ids)))]  # noqa: S311
        self.with_servers(self.cluster.url("shop"), CONTESTANTS, self.reads)
        if not self.plan.kinds:
            self.cluster.execute("CREATE DATABASE writes TEMPLATE shop")
            self.with_servers(self.cluster.url("writes"), (TRADEPOST, FASTAPI), self.writes)
            url = f"sqlite:///{self.cluster.folder}/shop.db"
            create_shop(url, self.plan.products, self.cluster.folder)
            self.with_servers(url, (TRADEPOST, FASTAPI_SQLITE), self.sqlite)
            log("checkout")
            rounds = self.plan.rounds, self.plan.seconds, self.plan.minimum
            self.report.sections.append(checkout.measure(self.cluster, self.key, *rounds))

    def with_servers(self, url: str, contestants: Sequence[Contestant], measure: Callable[[Servers], None]) -> None:
        """Measure with several starts: the placement of memory changes CPU time by about 5%."""
        for _ in range(self.plan.starts):
            with self.running(url, contestants) as servers:
                measure(servers)

    @contextmanager
    def running(self, url: str, contestants: Sequence[Contestant]) -> Iterator[Servers]:
        """Start servers, by the name of their process. Note a peer that does not start."""
        with ExitStack() as stack:
            servers: dict[str, Server] = {}
            for contestant in {c.process: c for c in contestants}.values():
                try:
                    servers[contestant.process] = server = contestant.start(url, self.cluster.folder)
                except RuntimeError as error:
                    if not contestant.environment:
                        raise
                    self.note(f"{contestant.process} was not measured: {str(error)[:300]}")
                else:
                    stack.callback(server.stop)
                    log(f"{contestant.process}: first response after {server.first_response:.1f} s")
            yield servers

    def note(self, text: str) -> None:
        if text not in self.report.notes:
            self.report.notes.append(text)
            log(text)

    def compare(self, kind: str, entrants: Sequence[Entrant]) -> None:
        """Measure a kind of work; append to the rounds of earlier starts."""
        log(f"{kind}: {len(entrants)} entrants")
        plan, before = self.plan, self.report.results.get(kind)
        start = len(next(iter(before.values()))) if before else 0
        rounds = range(start, start + plan.rounds)
        results = compare(entrants, self.cluster.process, rounds, plan.seconds, plan.minimum)
        for title, turns in results.items():
            if failed := sum(turn.failed for turn in turns):
                self.note(f"{title}, {kind}: {failed} requests failed; its figures do not count.")
        if before:  # rounds are compared in pairs, so a server has to take part in all of them
            results = {title: before[title] + turns for title, turns in results.items() if title in before}
        self.report.results[kind] = results

    def entrants(self, kind: str, contestants: Sequence[Contestant], servers: Servers) -> Iterator[Entrant]:
        for contestant in contestants:
            if contestant.process in servers and kind in contestant.kinds:
                requests, warm_up = contestant.requests(kind, self.ids), int(contestant.warm_up * self.plan.warm_up)
                server = servers[contestant.process]
                yield Entrant(contestant.title, server, lambda _, requests=requests: requests, warm_up=warm_up)

    def reads(self, servers: Servers) -> None:
        idle = {name: server.memory()[0] for name, server in servers.items()}
        for kind in self.plan.kinds or work.KINDS:
            entrants = list(self.entrants(kind, CONTESTANTS, servers))
            self.check(kind, entrants)
            self.compare(kind, entrants)
        if not self.plan.kinds:
            self.conditional_reads(servers)
            self.deep_pages(servers[TRADEPOST.process])
        for name, server in servers.items():
            row = server.first_response, idle[name], *server.memory()
            self.report.processes[name] = tuple(map(max, row, self.report.processes.get(name, row)))

    def check(self, kind: str, entrants: Sequence[Entrant]) -> None:
        """Note each entrant whose response lacks values of Tradepost's, the first entrant."""
        responses = [send(entrant.server.port, entrant.requests(1)[0]) for entrant in entrants]
        expected = json.loads(responses[0][2])
        for entrant, (status, _, body) in zip(entrants, responses, strict=True):
            present = Counter(work.values(json.loads(body)))
            if missing := Counter(work.values(expected.get("data", expected))) - present:
                self.note(f"{entrant.title}, {kind}: status {status}, lacks {len(missing)} values: {[*missing][:3]}")

    def conditional_reads(self, servers: Servers) -> None:
        """Status 304, and responses from the read cache."""

        def conditional(server: Server) -> list[bytes]:
            etags = [send(server.port, one)[1]["ETag"] for one in plain]
            return [one[:-2] + f"If-None-Match: {e}\r\n\r\n".encode() for one, e in zip(plain, etags, strict=True)]

        plain, limit = work.tradepost_rest("one", self.ids[:300]), LIMIT.requests("one", self.ids)
        with self.running(self.cluster.url("shop"), [CACHED]) as more:
            cached, uncached = more[CACHED.process], servers[TRADEPOST.process]
            hits, misses = conditional(cached), conditional(uncached)
            entrants = [
                Entrant(aims.CACHED_304, cached, lambda _: hits, 304),
                Entrant(aims.CACHED_200, cached, lambda _: plain),
                Entrant(aims.UNCACHED_304, uncached, lambda _: misses, 304),
                Entrant(aims.LIMIT, servers[LIMIT.process], lambda _: limit),
            ]
            self.compare("304", entrants)

    def deep_pages(self, server: Server) -> None:
        """Compare the first page of all products with the last full one, found by the links."""
        path = last = first = "/v1/products?limit=100&fields=id,slug,name,price_from"
        while (page := json.loads(send(server.port, request("GET", path, Connection="close"))[2]))["has_more"]:
            last, path = path, page["links"]["next"]
        pages = {aims.FIRST_PAGE: [request("GET", first)], aims.LAST_PAGE: [request("GET", last)]}
        self.compare("depth", [Entrant(title, server, lambda _, page=page: page) for title, page in pages.items()])

    def writes(self, servers: Servers) -> None:
        """Create products in a copy of the shop. All entrants write the same rows."""
        rest, peer = servers[TRADEPOST.process], servers[FASTAPI.process]

        def new(make: Callable[..., list[bytes]], *arguments: str, **headers: str) -> Callable[[int], list[bytes]]:
            return lambda count: make(*arguments, list(itertools.islice(self.numbers, count)), **headers)

        entrants = [
            Entrant(TRADEPOST.title, rest, new(work.creations, "/v1/products", X_API_Key=self.key), 201),
            Entrant(GRAPHQL.title, rest, new(work.mutations, X_API_Key=self.key)),
            Entrant(FASTAPI.title, peer, new(work.creations, "/products"), 201),
        ]
        self.compare("write", entrants)

    def sqlite(self, servers: Servers) -> None:
        """The reads of REST with the shop in a SQLite file."""
        for kind in ("one", "list20", "list100"):
            self.compare(f"sqlite:{kind}", list(self.entrants(kind, (TRADEPOST, FASTAPI_SQLITE), servers)))


def log(text: str) -> None:
    print(f"{time.perf_counter() - START:5.0f} s  {text}", file=sys.stderr, flush=True)
