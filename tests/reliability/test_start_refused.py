"""A server or worker that cannot work says so in one line that names the setting and the cure."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import text

from tests import servers
from tests.reliability.own_postgresql import shop_on_own_server
from tests.servers import free_port
from tests.test_serving import wait_until_ready
from tradepost.kit.db.engine import create_engine
from tradepost.migrations.start_check import check_database
from tradepost.server.granian import MIN_STOP_TIMEOUT
from tradepost.settings import Settings, SettingsError


@pytest.fixture
def port() -> int:
    """A free port."""
    return free_port()


class Commands:
    """Runs `tradepost` commands in a folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port

    def start(self, url: str, *words: str, **changes: str) -> subprocess.Popen[str]:
        """Start a command."""
        environ = servers.environ(url) | {"PORT": str(self.port)} | changes
        command = [sys.executable, "-m", "tradepost", *words]
        return subprocess.Popen(command, cwd=self.folder, env=environ, stderr=subprocess.PIPE, text=True)

    def refusal(self, url: str, *words: str, **changes: str) -> str:
        """Run a command that must be refused; return the line that says why."""
        return refusal(self.start(url, *words, **changes))


def refusal(process: subprocess.Popen[str]) -> str:
    """Return the last line of a process that must end with status 2 and log no other error."""
    _, errors = process.communicate(timeout=MIN_STOP_TIMEOUT - 1)
    *others, last = errors.splitlines()
    assert process.returncode == 2, errors
    # Granian says that it kills a worker if the system reports it as alive for another moment; a
    # worker that really refuses to stop would take longer than the timeout above.
    expected = (" INFO ", "CPU cores", "_granian Killing worker-")
    assert [line for line in others if not any(text in line for text in expected)] == []
    return last


@pytest.fixture
def commands(tmp_path: Path, port: int) -> Commands:
    """The commands, in a folder without `.env`."""
    return Commands(tmp_path, port)


@pytest.mark.parametrize("words", [("run",), ("run", "--workers", "2"), ("worker",)])
def test_the_database_is_down(commands: Commands, words: tuple[str, ...]) -> None:
    line = commands.refusal("postgresql://u:hunter2@127.0.0.1:1/shop", *words)
    assert line.startswith("tradepost: DATABASE_URL: postgresql+asyncpg://u:***@127.0.0.1:1/shop cannot be used: ")
    assert line.endswith(". Start the database, or correct the URL.")


@pytest.mark.parametrize("command", ["run", "worker"])
def test_the_tables_are_missing(commands: Commands, command: str, empty_url: str) -> None:
    line = commands.refusal(empty_url, command)
    assert line.startswith("tradepost: DATABASE_URL: ")
    assert line.endswith(" has no tables; run `tradepost migrate`.")
    assert not [*commands.folder.glob("*.db")]


@pytest.mark.parametrize(
    ("revision", "cure"),
    [("0005", "run `tradepost migrate`."), ("9999", "install the release that migrated it.")],
)
async def test_the_schema_is_of_another_release(
    revision: str, cure: str, fresh_settings: Callable[[], Settings]
) -> None:
    """The check that refuses a start; the tests above run it in a process."""
    settings = fresh_settings()
    engine = create_engine(settings.database_url)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    await engine.dispose()
    with pytest.raises(SettingsError) as refused:
        await check_database(settings)
    assert str(refused.value).startswith("DATABASE_URL: the schema of ")
    assert f"(revision {revision})" in str(refused.value)
    assert str(refused.value).endswith(cure)


def test_another_tradepost_has_the_port(
    commands: Commands, port: int, fresh_settings: Callable[[], Settings], empty_url: str
) -> None:
    """Also one that was started a moment ago and does not listen yet."""
    url = fresh_settings().database_url
    both = [commands.start(url, "run"), commands.start(url, "run")]
    try:
        loser = next(p for _ in range(600) for p in both if wait_a_moment(p))
        expected = (
            f"tradepost: HOST, PORT: cannot listen on `127.0.0.1:{port}`: Address already in use. "
            "Stop the program that listens there, or set PORT."
        )
        assert refusal(loser) == expected
        [winner] = [p for p in both if p is not loser]
        wait_until_ready(winner, port)
        assert commands.refusal(empty_url, "run", "--workers", "2") == expected
        assert "cannot listen on" in commands.refusal(url, "run", HOST="0.0.0.0")  # noqa: S104
        assert httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    finally:
        for process in both:
            process.terminate()
            process.communicate(timeout=30)
    assert winner.returncode == 0


def wait_a_moment(process: subprocess.Popen[str]) -> bool:
    """Whether the process ends within a moment."""
    try:
        process.wait(0.05)
    except subprocess.TimeoutExpired:
        return False
    return True


def test_the_host_is_not_this_machine(commands: Commands, empty_url: str, port: int) -> None:
    line = commands.refusal(empty_url, "run", HOST="192.0.2.1")
    reason = "Cannot assign requested address. Set HOST or PORT."
    assert line == f"tradepost: HOST, PORT: cannot listen on `192.0.2.1:{port}`: {reason}"


@pytest.mark.once
async def test_a_worker_that_is_restarted_during_an_outage_serves_503_until_it_ends(
    commands: Commands, run: servers.Run, port: int
) -> None:
    async with shop_on_own_server(run) as (postgresql, _, _):
        server = commands.start(postgresql.url, "run")
        try:
            await asyncio.to_thread(wait_until_ready, server, port)
            await asyncio.to_thread(postgresql.stop)
            [worker] = psutil.Process(server.pid).children()
            worker.kill()
            url = f"http://127.0.0.1:{port}/v1/products"
            assert (await until_answer(url)).status_code == 503
            await asyncio.to_thread(postgresql.start)
            await asyncio.sleep(1)
            assert (await until_answer(url)).status_code == 200
        finally:
            server.terminate()
            _, errors = await asyncio.to_thread(server.communicate)
    assert "Traceback" not in errors, errors


async def until_answer(url: str) -> httpx.Response:
    """Return the first answer of a server that starts."""
    async with httpx.AsyncClient() as client:
        for _ in range(300):
            with suppress(httpx.TransportError):
                return await client.get(url)
            await asyncio.sleep(0.1)
    raise TimeoutError
