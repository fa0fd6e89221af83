"""The worker, in a process of its own and in the server process."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests import servers
from tests.commands import run_process
from tests.kit.relay_helpers import emit_events, is_sent, stored_event, wait_until
from tests.reliability.test_leases import serving
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.worker.outbox_queue import EVENTS
from tradepost.kit.worker.periodic import periodic, run_forever
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.database import Database
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def test_the_server_process_delivers_events(
    fresh_settings: Callable[[], Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = fresh_settings().database_url
    database = Database(url, secret=b"x" * 32, pool_size=2)
    await database.start()
    [email_id] = await emit_events(database, "mail.test", {"to": "ada@example.com"})
    (tmp_path / ".env").write_text("MAILER=file\nMAIL_FROM=Ada's <shop@ada.example>\n")
    key = servers.staff_key(url)
    with serving("tests.reliability.posting_process:application", url, tmp_path) as (address, _):
        await wait_until(lambda: is_sent(database, email_id))
        answer = await asyncio.to_thread(
            httpx.post, f"{address}/v1/products", json={"name": "Lamp"}, headers={"X-API-Key": key}
        )
        assert answer.status_code == 201
        await wait_until(lambda: _outbox_is_empty(database))
        metrics = (await asyncio.to_thread(httpx.get, f"{address}/metrics")).text
        ready = (await asyncio.to_thread(httpx.get, f"{address}/health/ready")).json()
    await database.stop()
    assert 'tradepost_events_delivered_total{worker="' in metrics
    assert [
        line.split()[-1] for line in metrics.splitlines() if line.startswith("tradepost_events_delivered_total{")
    ] == ["1"]
    assert ready["checks"]["outbox"]["status"] == "ok"
    [file] = (tmp_path / "var" / "mail").iterdir()
    assert file.name == f"{email_id}.eml"
    assert "From: Ada's <shop@ada.example>" in file.read_text()


async def _outbox_is_empty(database: Database) -> bool:
    async with database.engine.connect() as connection:
        return (await connection.execute(EVENTS.select().where(EVENTS.c.due_at.is_not(None)))).first() is None


async def test_a_server_without_a_worker_delivers_no_events(fresh_settings: Callable[[], Settings]) -> None:
    from tradepost.app import create_app

    settings = fresh_settings()
    assert not settings.runs_worker
    shop = create_app(settings)
    async with shop.lifespan():
        [id] = await emit_events(shop.state.database, "a.b", {})
        await asyncio.sleep(1.5)
        assert (await stored_event(shop.state.database, id)).due_at is not None
        assert shop.state.worker is None


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_command_runs_until_a_signal_stops_it(
    fresh_settings: Callable[[], Settings], tmp_path: Path, signal_number: signal.Signals
) -> None:
    environ = servers.environ(fresh_settings().database_url)
    words = [sys.executable, "-m", "tradepost", "worker"]
    process = subprocess.Popen(
        words, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        assert "worker started" in process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal_number)
        output, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0, output
    assert "0 events delivered" in output


@pytest.mark.once  # it does not get as far as the database
@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_start_stops_the_worker(
    fresh_settings: Callable[[], Settings], tmp_path: Path, signal_number: signal.Signals
) -> None:
    words = [sys.executable, "-X", "importtime", "-m", "tradepost", "worker"]
    environ = servers.environ(fresh_settings().database_url)
    process = subprocess.Popen(
        words, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        while "strawberry" not in process.stdout.readline():
            pass
        process.send_signal(signal_number)
        output, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0, output
    assert "worker started" not in output


def test_the_worker_command_reports_a_database_without_tables_in_one_line(empty_url: str, tmp_path: Path) -> None:
    code, lines = run_worker(empty_url, tmp_path)
    assert (code, len(lines)) == (2, 1), lines
    assert "tradepost migrate" in lines[0]


@pytest.mark.once  # the settings name another database, or none is used
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/shop"}, "cannot be used"),
        ({"SMTP_URL": "mail.example"}, "tradepost: SMTP_URL: "),
    ],
)
def test_the_worker_command_reports_an_error_in_one_line(
    empty_url: str, tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    code, lines = run_worker(empty_url, tmp_path, **changes)
    assert (code, len(lines)) == (2, 1), lines
    assert message in lines[0]


def run_worker(url: str, folder: Path, **changes: str) -> tuple[int, list[str]]:
    """Run the worker and return its exit status and the lines of its errors."""
    done = run_process("worker", environ=servers.environ(url) | changes, folder=folder)
    return done.returncode, done.stderr.splitlines()


async def test_a_periodic_task_runs_again_after_an_error(app: "TradepostApp", caplog: pytest.LogCaptureFixture) -> None:
    ran = asyncio.Queue[int]()

    @periodic(seconds=0.01)
    async def sweep(context: CallContext) -> None:
        ran.put_nowait(1)
        if ran.qsize() == 1:
            raise RuntimeError("the database went away")

    runner = asyncio.create_task(run_forever(sweep, lambda: CallContext(ANONYMOUS, app.state.database)))
    await wait_until(lambda: ran.qsize() >= 3)
    runner.cancel()
    with pytest.raises(asyncio.CancelledError):
        await runner
    assert "sweep failed; the next run tries again" in caplog.text


def test_the_interval_of_a_periodic_task_is_the_sum_of_its_units() -> None:
    async def sweep(context: CallContext) -> None: ...

    assert periodic(days=1, hours=1, minutes=1, seconds=1)(sweep).seconds == 90061
