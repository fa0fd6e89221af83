"""Who is measured: how each server is started, and how it is asked. One worker process each, ten connections to the database at most."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import work
from .asking import request
from .database import SECRET, environ
from .install import HERE, PEERS, install
from .processes import Server

PLENTY = "1000000000"
JIT = 1500
KINDS, WIDE = tuple(work.KINDS), tuple(work.WIDE)


@dataclass(frozen=True)
class Contestant:
    """A server as it is started (`words`, `said` besides what every process gets) and asked (`make`); `title` is how the report calls it. `of` is the
    folder among the peers where it is not named after its own."""

    name: str
    title: str
    make: work.Requests
    words: Callable[[Path], list[str]]
    said: dict[str, str] = field(default_factory=dict)
    probe: bytes = request("GET", "/categories?limit=1", Connection="close")
    peer: bool = True
    kinds: tuple[str, ...] = KINDS
    of: str = ""
    warm: int = 0  # requests of each kind before it counts: Node compiles what it has seen often

    def start(self, url: str, folder: Path) -> Server:
        """Runs it on this database; raises install.Missing or RuntimeError where it cannot be."""
        own = self.of or self.name
        home = install(own) if self.peer else folder
        paths = os.pathsep.join([str(PEERS / own), str(PEERS)]) if self.peer else str(HERE / "limits")
        said = (
            environ()
            | {
                "DATABASE_URL": url,
                "PORT": "{port}",
                "PYTHONPATH": paths,
                "PYTHONDONTWRITEBYTECODE": "1",
                "NODE_ENV": "production",
            }
            | self.said
        )
        return Server(self.name, self.words(home), said, folder, self.probe)


def _uvicorn(home: Path) -> list[str]:
    return [
        f"{home}/.venv/bin/uvicorn",
        "server:app",
        "--port",
        "{port}",
        "--loop",
        "uvloop",
        "--http",
        "httptools",
        "--no-access-log",
        "--log-level",
        "warning",
    ]


def _gunicorn(home: Path) -> list[str]:
    threads = ["--worker-class", "gthread", "--workers", "1", "--threads", "4", "--keep-alive", "30"]
    return [
        f"{home}/.venv/bin/gunicorn",
        "server:app",
        "--bind",
        "127.0.0.1:{port}",
        *threads,
        "--log-level",
        "warning",
    ]


def _node(home: Path) -> list[str]:
    own = home / "node_modules" / ".bin" / "node"  # of a peer that needs a newer one
    return [str(own) if own.exists() else "node", f"{home}/server.mjs"]


def _granian(app: str) -> Callable[[Path], list[str]]:
    options = [
        "--interface",
        "asgi",
        "--loop",
        "uvloop",
        "--runtime-mode",
        "st",
        "--http",
        "1",
        "--backpressure",
        "4096",
        "--no-ws",
        "--log-level",
        "warning",
    ]
    return lambda _: [str(Path(sys.executable).parent / "granian"), app, "--port", "{port}", *options]


def _tradepost(_: Path) -> list[str]:
    return [str(Path(sys.executable).parent / "tradepost"), "run"]


TRADEPOST_SAID = {
    "PROFILE": "production", "SECRET_KEY": SECRET, "WORKER": "off", "BUDGET_ANONYMOUS": PLENTY, "BUDGET_CUSTOMER": PLENTY, "BUDGET_STAFF": PLENTY,
    "PYTHONPATH": "", "READ_CACHE": "off",
}  # fmt: skip
GRAPHQL_PROBE = request("POST", "/graphql", b'{"query": "{ __typename }"}', Connection="close")

TRADEPOST = Contestant(
    "tradepost",
    "Tradepost REST",
    work.tradepost_rest,
    _tradepost,
    TRADEPOST_SAID,
    request("GET", "/v1/products?limit=1", Connection="close"),
    peer=False,
)
# Measured beside it for 304 and read-cache hits alone; everywhere else the cache is off.
CACHED = Contestant(
    **vars(TRADEPOST)
    | {"name": "tradepost-cached", "title": "Tradepost, read cache on", "said": TRADEPOST_SAID | {"READ_CACHE": "on"}}
)
# It has no GraphQL; over REST it has the payload by which GraphQL is judged too, to show what the rows alone cost.
LIMIT = Contestant(
    "bare",
    "limit: bare ASGI + prepared asyncpg + msgspec",
    work.limit,
    _granian("bare:app"),
    peer=False,
    kinds=(*WIDE, "one:8", "list20:8", "list100:8"),
)
CONSTANT = Contestant(
    "constant",
    "floor: bare Granian, constant bytes",
    work.constant,
    _granian("constant:app"),
    kinds=WIDE,
    probe=request("GET", "/", Connection="close"),
    peer=False,
)
FASTAPI = Contestant("fastapi", "FastAPI + Pydantic + SQLAlchemy", work.plain_rest, _uvicorn, kinds=WIDE)
PEERS_OF_REST = (
    FASTAPI,
    Contestant("django", "Django REST framework", work.plain_rest, _gunicorn, kinds=WIDE),
    Contestant("flask", "Flask + SQLAlchemy", work.plain_rest, _gunicorn, kinds=WIDE),
    Contestant("fastify", "Fastify + pg (Node)", work.plain_rest, _node, kinds=WIDE, warm=JIT),
)
FLAT_KINDS = tuple(kind for kind in KINDS if kind != "shelves")
PEERS_OF_GRAPHQL = (
    Contestant("strawberry", "FastAPI + Strawberry", work.plain_graphql, _uvicorn, probe=GRAPHQL_PROBE),
    # As its tutorial begins: what the page PERFORMANCE calls "PEER FastAPI + Strawberry".
    Contestant(
        "strawberry-plain",
        "FastAPI + Strawberry, without its caches",
        work.plain_graphql,
        _uvicorn,
        {"CACHES": "off"},
        GRAPHQL_PROBE,
        kinds=("list100:8",),
        of="strawberry",
    ),
    Contestant("ariadne", "Ariadne", work.plain_graphql, _uvicorn, probe=GRAPHQL_PROBE),
    Contestant("mercurius", "Mercurius, JIT (Node)", work.plain_graphql, _node, probe=GRAPHQL_PROBE, warm=JIT),
    Contestant(
        "postgraphile", "PostGraphile (Node)", work.postgraphile, _node, probe=GRAPHQL_PROBE, kinds=FLAT_KINDS, warm=JIT
    ),
)
WRITERS = (TRADEPOST, *PEERS_OF_REST)
