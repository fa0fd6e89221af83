"""Passwords: hashed slowly, beside the loop, a bounded number at once."""

import asyncio
import threading

import pytest
from argon2 import PasswordHasher as Argon2Hasher
from argon2 import extract_parameters
from argon2.low_level import Type

from tradepost.areas.accounts.password_hasher import PasswordHasher
from tradepost.kit.problems import Unavailable

GOOD = "correct horse battery staple"


@pytest.fixture(scope="module")
def passwords() -> PasswordHasher:
    """With the parameters of the shop."""
    return PasswordHasher()


async def test_only_the_password_itself_opens_its_hash(passwords: PasswordHasher) -> None:
    stored = await passwords.hash(GOOD)
    assert GOOD not in stored
    assert stored != await passwords.hash(GOOD)
    assert await passwords.verify(stored, GOOD)
    for other in ("", GOOD[:-1], GOOD + " ", GOOD.upper(), GOOD + "\0"):
        assert not await passwords.verify(stored, other)


async def test_a_password_is_the_same_however_its_marks_are_typed(passwords: PasswordHasher) -> None:
    stored = await passwords.hash("caf\N{LATIN SMALL LETTER E WITH ACUTE} noir")
    assert await passwords.verify(stored, "cafe\N{COMBINING ACUTE ACCENT} noir")
    assert not await passwords.verify(stored, "cafe noir")


async def test_the_parameters_are_those_of_owasp_also_for_an_account_that_is_not_there(
    passwords: PasswordHasher,
) -> None:
    made, decoy = extract_parameters(await passwords.hash(GOOD)), extract_parameters(passwords.dummy_hash)
    assert (made.type, made.memory_cost, made.time_cost, made.parallelism) == (Type.ID, 19 * 1024, 2, 1)
    assert decoy == made
    assert PasswordHasher().dummy_hash != passwords.dummy_hash


async def test_no_password_is_right_for_an_account_that_is_not_there(passwords: PasswordHasher) -> None:
    for password in ("", GOOD, passwords.dummy_hash, "\ud800"):
        assert await passwords.verify(None, password) is False


@pytest.mark.parametrize(
    "stored", ["", "!", "plain text", "$argon2id$v=19$m=19456,t=2,p=1$x$y", "$2b$12$abcdefghijklmnopqrstuv"]
)
async def test_a_row_that_cannot_be_read_lets_nobody_in(passwords: PasswordHasher, stored: str) -> None:
    assert await passwords.verify(stored, stored) is False


class Watched(Argon2Hasher):
    """Keeps what it was asked to verify."""

    asked: list[str]

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.asked.append(str(hash))
        return super().verify(hash, password)


async def test_an_account_that_is_not_there_and_a_broken_row_cost_a_hash_as_well() -> None:
    passwords = PasswordHasher()
    passwords.argon2, Watched.asked = Watched(time_cost=2, memory_cost=19 * 1024, parallelism=1), []
    for row in (await passwords.hash(GOOD), None, "broken"):
        await passwords.verify(row, "wrong")
    stored, absent, broken, instead = passwords.argon2.asked
    assert broken == "broken"
    assert extract_parameters(stored) == extract_parameters(absent) == extract_parameters(instead)


async def test_a_hash_of_other_parameters_still_opens_and_is_told_to_be_outdated(passwords: PasswordHasher) -> None:
    old = Argon2Hasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(GOOD)
    assert await passwords.verify(old, GOOD)
    assert passwords.is_outdated(old)
    assert not passwords.is_outdated(await passwords.hash(GOOD))


async def stuck(passwords: PasswordHasher, count: int, gate: threading.Event) -> list[asyncio.Task[None]]:
    """So many pieces of work that end when the gate opens; the first of them has begun."""
    begun = threading.Event()

    def work() -> None:
        begun.set()
        gate.wait(30)

    tasks = [asyncio.create_task(passwords._beside(work)) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.to_thread(begun.wait, 30)
    return tasks


async def test_too_many_at_once_are_told_to_come_again_and_the_loop_goes_on() -> None:
    passwords, gate = PasswordHasher(threads=2, max_waiting=3), threading.Event()
    tasks = await stuck(passwords, 5, gate)
    for call in (passwords.hash(GOOD), passwords.verify(None, GOOD)):
        with pytest.raises(Unavailable) as refused:
            await call
        assert int(refused.value.headers()["Retry-After"]) >= 1
    gate.set()
    await asyncio.gather(*tasks)
    assert await passwords.verify(await passwords.hash(GOOD), GOOD)


async def test_who_goes_away_while_waiting_leaves_the_place_to_others() -> None:
    passwords, gate = PasswordHasher(threads=1, max_waiting=2), threading.Event()
    tasks = await stuck(passwords, 3, gate)
    for _ in range(20):
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Those that waited are gone; the thread itself is taken until its work ends.
        tasks = [asyncio.create_task(passwords._beside(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await passwords.hash(GOOD)
    gate.set()
    await asyncio.gather(*tasks)
    assert await passwords.verify(await passwords.hash(GOOD), GOOD)
    passwords.executor.shutdown()
    assert passwords.slots._value == passwords.slots._initial_value


async def test_no_more_threads_work_than_were_allowed() -> None:
    passwords, names = PasswordHasher(threads=2), set[str]()
    await asyncio.gather(*[passwords._beside(lambda: names.add(threading.current_thread().name)) for _ in range(40)])
    assert len(names) <= 2
    assert threading.current_thread().name not in names
