"""Letters leave the outbox whatever happens to a worker, and two workers share them."""

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
    """A database of its own."""
    return fresh_settings().database_url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """The same, opened here."""
    made = Database(url, secret=b"x" * 32, pool_size=2)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def start(url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts `tradepost worker`, with the function of `posting`, in this folder; whatever a test leaves running is ended."""
    started: list[subprocess.Popen[str]] = []
    environ = servers.environ(url) | {
        "MAILER": "file",
        "PYTHONPATH": os.pathsep.join([str(servers.ROOT), str(servers.ROOT / "src")]),
    }

    def run(**more: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "tests.reliability.posting_process", "worker"]
        started.append(
            subprocess.Popen(
                words, cwd=tmp_path, env=environ | more, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        )
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


async def test_a_letter_whose_worker_is_killed_is_sent_by_another_after_the_lease(
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
    kept = await stored_event(database, slow)
    assert (kept.sent_at, kept.attempts, kept.data) == (None, 1, {"to": "slow@example.com"}), (
        "the lease of the dead holds"
    )
    assert now() < kept.due_at < now() + timedelta(seconds=60)
    # A minute goes by.
    await update_event(database, slow, due_at=now())
    await wait_until(lambda: is_sent(database, slow))
    kept = await stored_event(database, slow)
    assert (kept.attempts, kept.data, kept.due_at) == (2, {}, None)
    letters = sorted(path.name for path in (tmp_path / "var" / "mail").iterdir())
    assert letters == sorted([f"{slow}.eml", f"{quick}.eml"])
    assert "Attempt 2 of the-request." in (tmp_path / "var" / "mail" / f"{slow}.eml").read_text()
    second.terminate()
    assert second.wait(20) == 0


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_that_is_told_to_stop_finishes_the_letter_in_hand(
    database: Database, start: Start, tmp_path: Path, told: signal.Signals
) -> None:
    worker = start()
    [late] = await emit_events(database, "mail.test", {"to": "late@example.com"})
    await wait_until((tmp_path / "late").exists)
    worker.send_signal(told)
    said, _ = await asyncio.to_thread(worker.communicate, timeout=20)
    assert worker.returncode == 0, said
    assert "1 events delivered, 0 attempts failed" in said
    assert "Traceback" not in said
    kept = await stored_event(database, late)
    assert (kept.attempts, kept.data) == (1, {})
    assert kept.sent_at is not None
    assert [path.name for path in (tmp_path / "var" / "mail").iterdir()] == [f"{late}.eml"]


async def test_two_workers_send_each_letter_once(database: Database, start: Start, tmp_path: Path) -> None:
    workers = [start(), start()]
    for worker in workers:
        assert worker.stdout is not None
        assert "at work" in await asyncio.to_thread(worker.stdout.readline)
    ids = await emit_events(database, "mail.test", *[{"to": f"n{n}@example.com"} for n in range(60)])

    async def all_sent() -> bool:
        return all([await is_sent(database, id) for id in ids])

    await wait_until(all_sent)
    for worker in workers:
        worker.terminate()
    said = [(await asyncio.to_thread(worker.communicate, timeout=20))[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    assert {(await stored_event(database, id)).attempts for id in ids} == {1}
    assert len([*(tmp_path / "var" / "mail").iterdir()]) == 60


async def test_letters_wait_where_nobody_named_a_server_for_them(database: Database, start: Start) -> None:
    [letter] = await emit_events(database, "mail.test", {"to": "ada@example.com"})
    [other] = await emit_events(database, "order.placed", {})
    worker = start(MAILER="", PROFILE="production")
    await wait_until(lambda: is_sent(database, other))
    worker.terminate()
    said, _ = await asyncio.to_thread(worker.communicate, timeout=20)
    assert said.count("SMTP_URL is not set: e-mails wait in the outbox") == 1
    kept = await stored_event(database, letter)
    assert (kept.sent_at, kept.attempts, kept.data) == (None, 0, {"to": "ada@example.com"})
