"""Passwords are hashed with argon2id in threads, a bounded number at a time."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from argon2 import PasswordHasher as Argon2Hasher
from argon2 import extract_parameters
from argon2.low_level import Type

from tradepost.areas.accounts import password_hasher
from tradepost.areas.accounts.password_hasher import PasswordHasher
from tradepost.kit.problems import Unavailable

GOOD = "correct horse battery staple"
MEMORY, PASSES = password_hasher.MEMORY, password_hasher.PASSES


@pytest.fixture(scope="module", autouse=True)
def real_parameters() -> Iterator[None]:
    """The real parameters of argon2; other tests use cheap ones."""
    others = password_hasher.MEMORY, password_hasher.PASSES
    password_hasher.MEMORY, password_hasher.PASSES = MEMORY, PASSES
    yield
    password_hasher.MEMORY, password_hasher.PASSES = others


@pytest.fixture(scope="module")
def passwords() -> PasswordHasher:
    """The hasher with its default parameters."""
    return PasswordHasher()


async def test_only_the_password_itself_matches_its_hash(passwords: PasswordHasher) -> None:
    stored = await passwords.hash(GOOD)
    assert GOOD not in stored
    assert stored != await passwords.hash(GOOD)
    assert await passwords.verify(stored, GOOD)
    for other in ("", GOOD[:-1], GOOD + " ", GOOD.upper(), GOOD + "\0"):
        assert not await passwords.verify(stored, other)


async def test_composed_and_decomposed_characters_are_the_same_password(passwords: PasswordHasher) -> None:
    stored = await passwords.hash("caf\N{LATIN SMALL LETTER E WITH ACUTE} noir")
    assert await passwords.verify(stored, "cafe\N{COMBINING ACUTE ACCENT} noir")
    assert not await passwords.verify(stored, "cafe noir")


async def test_real_and_dummy_hashes_have_the_parameters_of_owasp(
    passwords: PasswordHasher,
) -> None:
    actual, decoy = extract_parameters(await passwords.hash(GOOD)), extract_parameters(passwords.dummy_hash)
    assert (actual.type, actual.memory_cost, actual.time_cost, actual.parallelism) == (Type.ID, 19 * 1024, 2, 1)
    assert decoy == actual
    assert PasswordHasher().dummy_hash != passwords.dummy_hash


async def test_no_password_matches_if_there_is_no_hash(passwords: PasswordHasher) -> None:
    for password in ("", GOOD, passwords.dummy_hash, "\ud800"):
        assert await passwords.verify(None, password) is False


@pytest.mark.parametrize(
    "stored", ["", "!", "plain text", "$argon2id$v=19$m=19456,t=2,p=1$x$y", "$2b$12$abcdefghijklmnopqrstuv"]
)
async def test_no_password_matches_an_unreadable_hash(passwords: PasswordHasher, stored: str) -> None:
    assert await passwords.verify(stored, stored) is False


class RecordingHasher(Argon2Hasher):
    """Records the hashes that it verifies."""

    verified: list[str]

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.verified.append(str(hash))
        return super().verify(hash, password)


async def test_a_missing_and_an_unreadable_hash_cost_as_much_as_a_real_one() -> None:
    passwords = PasswordHasher()
    passwords.argon2, RecordingHasher.verified = RecordingHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1), []
    for row in (await passwords.hash(GOOD), None, "broken"):
        await passwords.verify(row, "wrong")
    stored, absent, broken, fallback = passwords.argon2.verified
    assert broken == "broken"
    assert extract_parameters(stored) == extract_parameters(absent) == extract_parameters(fallback)


async def test_a_hash_with_other_parameters_still_matches_and_is_outdated(passwords: PasswordHasher) -> None:
    old = Argon2Hasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(GOOD)
    assert await passwords.verify(old, GOOD)
    assert passwords.is_outdated(old)
    assert not passwords.is_outdated(await passwords.hash(GOOD))


async def start_blocked_work(passwords: PasswordHasher, count: int, gate: threading.Event) -> list[asyncio.Task[Any]]:
    """Start this many pieces of work that end when the gate opens, and wait until one runs."""
    started = threading.Event()

    def work() -> None:
        started.set()
        gate.wait(30)

    tasks = [asyncio.create_task(passwords._run_in_thread(work)) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.to_thread(started.wait, 30)
    return tasks


async def test_too_many_passwords_at_once_are_unavailable_with_retry_after() -> None:
    passwords, gate = PasswordHasher(threads=2, max_waiting=3), threading.Event()
    tasks = await start_blocked_work(passwords, 5, gate)
    for call in (passwords.hash(GOOD), passwords.verify(None, GOOD)):
        with pytest.raises(Unavailable) as refused:
            await call
        assert int(refused.value.headers()["Retry-After"]) >= 1
    gate.set()
    await asyncio.gather(*tasks)
    assert await passwords.verify(await passwords.hash(GOOD), GOOD)


async def test_cancelled_callers_free_their_slots() -> None:
    passwords, gate = PasswordHasher(threads=1, max_waiting=2), threading.Event()
    tasks = await start_blocked_work(passwords, 3, gate)
    for _ in range(20):
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Cancelled work leaves the queue; the thread is busy until its own work ends.
        tasks = [asyncio.create_task(passwords._run_in_thread(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await passwords.hash(GOOD)
    gate.set()
    await asyncio.gather(*tasks)
    assert await passwords.verify(await passwords.hash(GOOD), GOOD)
    passwords.executor.shutdown()
    assert passwords.slots._value == passwords.slots._initial_value


async def test_passwords_are_hashed_in_at_most_the_configured_threads() -> None:
    passwords, names = PasswordHasher(threads=2), set[str]()

    def work() -> None:
        names.add(threading.current_thread().name)
        time.sleep(0.005)  # long enough that a third thread would be started if there were no limit

    await asyncio.gather(*[passwords._run_in_thread(work) for _ in range(40)])
    assert len(names) == 2
    assert threading.current_thread().name not in names
