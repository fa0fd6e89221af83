"""Logging in: who gets in, and that nothing tells why somebody does not."""

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from argon2 import PasswordHasher as Argon2Hasher
from sqlalchemy import update

from tests.areas.accounts.people import (
    DOORS,
    OTHER,
    PASSWORD,
    Answer,
    Door,
    House,
    again,
    count_of,
    letter_token,
    person,
    registered,
    row_of,
)
from tests.areas.accounts.test_register import watched
from tests.factories import make_category, unique
from tradepost.areas.accounts.models import SessionRow, UserRow
from tradepost.areas.accounts.password_hasher import PasswordHasher

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tradepost.app import TradepostApp

both = pytest.mark.parametrize("door", DOORS)


async def set_row(app: "TradepostApp", user: str, **values: Any) -> None:
    """Changes a user's row where no operation does."""
    async with app.state.database.transaction() as session:
        await session.execute(update(UserRow).where(UserRow.id == user).values(**values))


async def unable(app: "TradepostApp") -> dict[str, tuple[str, str]]:
    """Each who cannot log in, with the address and password that it tries."""
    addresses = {}
    for name in ("wrong", "suspended", "closed", "without", "broken"):
        id, addresses[name] = await registered(app)
        if name == "suspended":
            await set_row(app, id, status="suspended")
        if name == "closed":
            await set_row(app, id, status="closed")
        if name in ("without", "broken"):
            await set_row(app, id, password_hash=None if name == "without" else "no hash at all")
    tries = {name: (email, PASSWORD) for name, email in addresses.items()}
    return tries | {
        "wrong": (addresses["wrong"], OTHER), "unknown": (f"{unique()}@shop.example", PASSWORD), "no address": ("kim", PASSWORD), "empty": ("", ""),
        "long": (addresses["wrong"], "x" * 5000), "marks": (addresses["wrong"], "\u0301" * 30),
    }  # fmt: skip


def bytes_of(answer: Answer) -> bytes:
    """The answer without the id of its request, and what is of each request alone."""
    return answer.raw.content.replace(answer.raw.headers["x-request-id"].encode(), b"")


@both
async def test_whatever_is_wrong_the_answer_is_the_same_to_the_byte(app: "TradepostApp", door: Door) -> None:
    answers = {
        name: await House(app).call(door, "login", {"email": email, "password": word})
        for name, (email, word) in (await unable(app)).items()
    }
    first = answers["wrong"]
    assert (first.code, first.problem["status"]) == ("invalid_credentials", 401)
    if door == "rest":
        assert first.raw.headers["www-authenticate"].startswith("Bearer")
    for name, answer in answers.items():
        if door == "graphql":
            answer.raw.headers["x-request-cost"] = ""
            assert answer.raw.json()["errors"] == [first.raw.json()["errors"][0] | {"extensions": answer.problem}], name
            assert answer.problem | {"request_id": ""} == first.problem | {"request_id": ""}, name
        else:
            assert bytes_of(answer) == bytes_of(first), name
            assert set(answer.raw.headers) == set(first.raw.headers), name


@both
async def test_whatever_is_wrong_one_hash_is_made_and_nothing_is_written(app: "TradepostApp", door: Door) -> None:
    for name, (email, word) in (await unable(app)).items():
        with watched(app) as work:
            assert await House(app).code(door, "login", {"email": email, "password": word}) == "invalid_credentials"
        assert (work.hashes, work.statements) == (1, []), name


@both
async def test_a_pair_is_told_whole_and_kept_by_no_cache(app: "TradepostApp", door: Door) -> None:
    _, email = await registered(app)
    answer = await House(app).call(door, "login", {"email": email, "password": PASSWORD})
    pair = answer.body
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 900)
    assert pair["refresh_token"].startswith("rt_")
    assert answer.raw.headers["cache-control"] == "no-store"
    assert await House(app).bearing(pair["access_token"]).lets_in(door)


@both
async def test_the_case_of_an_address_does_not_matter_and_that_of_a_password_does(
    app: "TradepostApp", door: Door
) -> None:
    _, email = await registered(app)
    assert await House(app).code(door, "login", {"email": email.upper(), "password": PASSWORD}) is None
    assert await House(app).code(door, "login", {"email": email, "password": PASSWORD.upper()}) == "invalid_credentials"


@both
async def test_an_outdated_hash_is_made_anew_and_no_version_changes(app: "TradepostApp", door: Door) -> None:
    id, email = await registered(app)
    old = Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    await set_row(app, id, password_hash=old)
    before = await row_of(app, UserRow, id=id)
    codes = await asyncio.gather(
        *[House(app).code(door, "login", {"email": email, "password": PASSWORD}) for _ in range(4)]
    )
    assert codes == [None] * 4
    after = await row_of(app, UserRow, id=id)
    assert after.password_hash != old
    assert not app.state.means.of(PasswordHasher).is_outdated(after.password_hash)
    assert (after.version, after.updated_at) == (before.version, before.updated_at)
    assert await House(app).code(door, "login", {"email": email, "password": OTHER}) == "invalid_credentials"


class Gate:
    """Holds what is done about passwords until it is opened."""

    def __init__(self, app: "TradepostApp") -> None:
        self.passwords = app.state.means.of(PasswordHasher)
        self.submit: Callable[..., Any] = self.passwords.threads.submit
        self.reached, self.opened = threading.Event(), threading.Event()

    def __enter__(self) -> "Gate":
        def held(work: "Callable[[], Any]") -> Any:
            def later() -> Any:
                done = work()
                self.reached.set()
                assert self.opened.wait(20)
                return done

            return self.submit(later)

        self.passwords.threads.submit = held
        return self

    def __exit__(self, *_: object) -> None:
        self.free()
        self.opened.set()

    def free(self) -> None:
        """What comes now passes; what is held stays."""
        self.passwords.threads.__dict__.pop("submit", None)

    async def wait(self) -> None:
        """Until something is held."""
        assert await asyncio.to_thread(self.reached.wait, 20)


@pytest.mark.parametrize(
    "operation", ["login", "register", "password_change", "email_change", "me_close", "password_reset_confirm"]
)
async def test_others_write_while_a_password_is_being_hashed(
    app: "TradepostApp", staff: "httpx.AsyncClient", operation: str
) -> None:
    kim = await person(app)
    token = await letter_token(app, "reset_password", kim.id, kim.email)
    bodies: dict[str, Any] = {
        "login": {"email": kim.email, "password": PASSWORD}, "register": {"email": f"{unique()}@shop.example", "password": PASSWORD},
        "password_change": {"current_password": PASSWORD, "new_password": OTHER}, "email_change": {"email": f"{unique()}@shop.example", "password": PASSWORD},
        "me_close": {"password": PASSWORD}, "password_reset_confirm": {"token": token, "new_password": OTHER},
    }  # fmt: skip
    with Gate(app) as gate:
        slow = asyncio.create_task(kim.call("rest", operation, bodies[operation]))
        await gate.wait()
        async with asyncio.timeout(10):
            await make_category(staff)
            await set_row(app, kim.id, full_name="Written meanwhile")
        assert not slow.done()
        gate.opened.set()
        assert (await slow).code is None


async def test_no_session_begins_on_a_password_that_was_replaced_meanwhile(app: "TradepostApp") -> None:
    kim = await person(app)
    sessions = await count_of(app, SessionRow, user_id=kim.id)
    with Gate(app) as gate:
        slow = asyncio.create_task(House(app).code("rest", "login", {"email": kim.email, "password": PASSWORD}))
        await gate.wait()
        gate.free()
        assert await kim.code("rest", "password_change", {"current_password": PASSWORD, "new_password": OTHER}) is None
        gate.opened.set()
        assert await slow == "invalid_credentials"
    assert await count_of(app, SessionRow, user_id=kim.id) == sessions


@pytest.mark.parametrize("operation", ["password_change", "email_change", "me_close"])
async def test_nothing_is_done_on_a_password_that_was_replaced_meanwhile(app: "TradepostApp", operation: str) -> None:
    kim = await person(app)
    thief = await again(kim)
    bodies: dict[str, Any] = {
        "password_change": {"current_password": PASSWORD, "new_password": "the words of a thief here"}, "me_close": {"password": PASSWORD},
        "email_change": {"email": f"{unique()}@shop.example", "password": PASSWORD},
    }  # fmt: skip
    with Gate(app) as gate:
        slow = asyncio.create_task(thief.code("rest", operation, bodies[operation]))
        await gate.wait()
        gate.free()
        assert await kim.code("rest", "password_change", {"current_password": PASSWORD, "new_password": OTHER}) is None
        gate.opened.set()
        assert await slow == "invalid_credentials"
    assert await House(app).code("rest", "login", {"email": kim.email, "password": OTHER}) is None


@both
async def test_no_session_begins_for_somebody_who_is_suspended_meanwhile(app: "TradepostApp", door: Door) -> None:
    kim, admin = await person(app), await person(app, "admin")
    with Gate(app) as gate:
        slow = asyncio.create_task(House(app).code(door, "login", {"email": kim.email, "password": PASSWORD}))
        await gate.wait()
        assert await admin.code(door, "user_suspend", id=kim.id) is None
        gate.opened.set()
        assert await slow == "invalid_credentials"
