"""E-mails are delivered even if a worker is killed, and once if there are two workers."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests import servers
from tests.kit.relay_helpers import emit_events, is_sent, stored_event, update_event, wait_until
from tradepost.kit.clock import now
from tradepost.kit.writes.database import Database
from tradepost.settings import Settings

type Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def url(fresh_settings: Callable[[], Settings]) -> str:
    """The URL of a new database."""
    return fresh_settings().database_url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """The database, opened in this process."""
    database = Database(url, secret=b"x" * 32, pool_size=2)
    await database.start()
    yield database
    await database.stop()


@pytest.fixture
def start(url: str, tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts `tradepost worker` with the handler of `posting_process`.

    Kill the processes that still run after the test.
    """
    started: list[subprocess.Popen[str]] = []
    environ = servers.environ(url) | {
        "MAILER": "file",
        "PYTHONPATH": os.pathsep.join([str(servers.ROOT), str(servers.ROOT / "src")]),
    }

    def run(**changes: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "tests.reliability.posting_process", "worker"]
        process = subprocess.Popen(
            words, cwd=tmp_path, env=environ | changes, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


async def test_an_email_of_a_killed_worker_is_sent_by_another_after_the_lease(
    database: Database, start: Start, tmp_path: Path
) -> None:
    first = start()
    [slow] = await emit_events(database, "mail.test", {"to": "slow@example.com"})
    await wait_until((tmp_path / "hanging").exists)
    first.kill()
    assert first.wait() == -signal.SIGKILL
    second = start()
    [quick] = await emit_events(database, "mail.test", {"to": "ada@example.com"})
    await wait_until(lambda: is_sent(database, quick))
    leased = await stored_event(database, slow)
    assert (leased.sent_at, leased.attempts, leased.data) == (None, 1, {"to": "slow@example.com"})
    assert now() < leased.due_at < now() + timedelta(seconds=60)
    # As if a minute had passed.
    await update_event(database, slow, due_at=now())
    await wait_until(lambda: is_sent(database, slow))
    sent = await stored_event(database, slow)
    assert (sent.attempts, sent.data, sent.due_at) == (2, {}, None)
    files = sorted(path.name for path in (tmp_path / "var" / "mail").iterdir())
    assert files == sorted([f"{slow}.eml", f"{quick}.eml"])
    assert "Attempt 2 of the-request." in (tmp_path / "var" / "mail" / f"{slow}.eml").read_text()
    second.terminate()
    assert second.wait(20) == 0


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_that_is_stopped_finishes_the_email_in_progress(
    database: Database, start: Start, tmp_path: Path, signal_number: signal.Signals
) -> None:
    worker = start()
    [late] = await emit_events(database, "mail.test", {"to": "late@example.com"})
    await wait_until((tmp_path / "late").exists)
    worker.send_signal(signal_number)
    output, _ = await asyncio.to_thread(worker.communicate, timeout=20)
    assert worker.returncode == 0, output
    assert "1 events delivered, 0 attempts failed" in output
    assert "Traceback" not in output
    stored = await stored_event(database, late)
    assert (stored.attempts, stored.data) == (1, {})
    assert stored.sent_at is not None
    assert [path.name for path in (tmp_path / "var" / "mail").iterdir()] == [f"{late}.eml"]


async def test_two_workers_send_each_email_once(database: Database, start: Start, tmp_path: Path) -> None:
    workers = [start(), start()]
    for worker in workers:
        assert worker.stdout is not None
        assert "worker started" in await asyncio.to_thread(worker.stdout.readline)
    ids = await emit_events(database, "mail.test", *[{"to": f"n{n}@example.com"} for n in range(60)])

    async def all_sent() -> bool:
        return all([await is_sent(database, id) for id in ids])

    await wait_until(all_sent)
    for worker in workers:
        worker.terminate()
    outputs = [(await asyncio.to_thread(worker.communicate, timeout=20))[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    assert {(await stored_event(database, id)).attempts for id in ids} == {1}
    assert len([*(tmp_path / "var" / "mail").iterdir()]) == 60


async def test_emails_wait_in_the_outbox_without_a_mail_server(database: Database, start: Start) -> None:
    [email_id] = await emit_events(database, "mail.test", {"to": "ada@example.com"})
    [other] = await emit_events(database, "order.placed", {})
    worker = start(MAILER="", PROFILE="production", PUBLIC_URL="https://shop.example", SHOP_COUNTRY="DE")
    await wait_until(lambda: is_sent(database, other))
    worker.terminate()
    output, _ = await asyncio.to_thread(worker.communicate, timeout=20)
    assert output.count("SMTP_URL is not set: e-mails wait in the outbox") == 1
    stored = await stored_event(database, email_id)
    assert (stored.sent_at, stored.attempts, stored.data) == (None, 0, {"to": "ada@example.com"})
