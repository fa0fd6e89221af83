"""The contestants: how their servers are started, with one worker each, and their requests."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import aims, work
from .database import ENVIRON, SECRET
from .install import HERE, install
from .processes import Server

BIN = Path(sys.executable).parent
WIDE, NARROW = tuple(work.WIDE), tuple(work.NARROW)
BUDGETS = dict.fromkeys(("BUDGET_ANONYMOUS", "BUDGET_CUSTOMER", "BUDGET_STAFF"), "1000000000")
SETTINGS = {
    "PROFILE": "production",
    "SECRET_KEY": SECRET,
    "PUBLIC_URL": "http://127.0.0.1:8000",
    "SHOP_COUNTRY": "DE",
    "WORKER": "off",
    "READ_CACHE": "off",
    **BUDGETS,
}


@dataclass(frozen=True)
class Contestant:
    """Contestants with the same `process` share it; `environment` is a folder in `peers/`.

    `warm_up` is a number of requests: Node compiles functions that are called often.
    """

    title: str
    process: str
    command: str
    requests: work.Requests
    kinds: tuple[str, ...]
    environment: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    warm_up: int = 0

    def start(self, url: str, folder: Path) -> Server:
        """Start it on this database. Raise RuntimeError if that fails."""
        home = install(self.environment) if self.environment else folder
        environ = ENVIRON | {"DATABASE_URL": url, "PORT": "{port}", "NODE_ENV": "production"}
        environ |= {"PYTHONPATH": f"{HERE}/limits:{HERE}/peers/python", "PYTHONDONTWRITEBYTECODE": "1"}
        command = self.command.replace("{bin}", str(BIN)).replace("{home}", str(home)).split()
        page = self.requests(self.kinds[1], [])[0]
        return Server(self.process, command, environ | dict(self.settings), folder, page)


TRADEPOST = Contestant(
    aims.REST, "Tradepost", "{bin}/tradepost run", work.tradepost_rest, WIDE + NARROW, settings=SETTINGS
)
GRAPHQL = replace(TRADEPOST, title=aims.GRAPHQL, requests=work.tradepost_graphql, kinds=NARROW)
CACHED = replace(TRADEPOST, process="Tradepost, read cache on", settings=SETTINGS | {"READ_CACHE": "on"})
GRANIAN = "{bin}/granian bare:app --port {port} --interface asgi --loop uvloop --runtime-mode st --http 1 --no-ws"
LIMIT = Contestant(aims.LIMIT, "limit", f"{GRANIAN} --backpressure 4096", work.peer_rest, (*WIDE, *NARROW[:3]))
UVICORN = "{home}/.venv/bin/uvicorn server:app --port {port} --loop uvloop --http httptools --no-access-log"
FASTAPI = Contestant(aims.FASTAPI, "FastAPI + Strawberry", UVICORN, work.peer_rest, WIDE, "python")
FASTAPI_SQLITE = replace(FASTAPI, title=aims.SQLITE)
STRAWBERRY = replace(FASTAPI, title=aims.STRAWBERRY, requests=work.peer_graphql, kinds=NARROW)
NODE = "{home}/node_modules/.bin/node {home}/%s.mjs"
FASTIFY = Contestant(aims.FASTIFY, "Fastify + Mercurius", NODE % "server", work.peer_rest, WIDE, "node", warm_up=1500)
MERCURIUS = replace(FASTIFY, title=aims.MERCURIUS, requests=work.peer_graphql, kinds=NARROW)
POSTGRAPHILE = replace(
    MERCURIUS,
    title=aims.POSTGRAPHILE,
    process="PostGraphile",
    command=NODE % "postgraphile",
    requests=work.postgraphile,
)
CONTESTANTS = (TRADEPOST, GRAPHQL, LIMIT, FASTAPI, STRAWBERRY, FASTIFY, MERCURIUS, POSTGRAPHILE)
