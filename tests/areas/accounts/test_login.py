"""Login. A refusal does not show its reason."""

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from argon2 import PasswordHasher as Argon2Hasher
from sqlalchemy import update

from tests.areas.accounts.account_client import (
    DOORS,
    OTHER_PASSWORD,
    PASSWORD,
    Answer,
    Door,
    DoorClient,
    count_of,
    email_token,
    log_in_again,
    register_and_log_in,
    register_user,
    row_of,
)
from tests.areas.accounts.test_register import count_work
from tests.factories import make_category, unique
from tradepost.areas.accounts.models import SessionRow, UserRow
from tradepost.areas.accounts.password_hasher import PasswordHasher

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tradepost.app import TradepostApp

both_doors = pytest.mark.parametrize("door", DOORS)


async def set_row(app: "TradepostApp", user: str, **values: Any) -> None:
    """Update columns of a user that no operation changes."""
    async with app.state.database.transaction() as session:
        await session.execute(update(UserRow).where(UserRow.id == user).values(**values))


async def failing_logins(app: "TradepostApp") -> dict[str, tuple[str, str]]:
    """Return address and password of one failing login per reason."""
    addresses = {}
    for name in ("wrong", "suspended", "closed", "without", "broken"):
        id, addresses[name] = await register_user(app)
        if name == "suspended":
            await set_row(app, id, status="suspended")
        if name == "closed":
            await set_row(app, id, status="closed")
        if name in ("without", "broken"):
            await set_row(app, id, password_hash=None if name == "without" else "no hash at all")
    logins = {name: (email, PASSWORD) for name, email in addresses.items()}
    return logins | {
        "wrong": (addresses["wrong"], OTHER_PASSWORD),
        "unknown": (f"{unique()}@shop.example", PASSWORD),
        "no address": ("kim", PASSWORD),
        "empty": ("", ""),
        "long": (addresses["wrong"], "x" * 5000),
        "marks": (addresses["wrong"], "\u0301" * 30),
    }


def bytes_of(answer: Answer) -> bytes:
    """Return the body of a response without the request id."""
    return answer.raw.content.replace(answer.raw.headers["x-request-id"].encode(), b"")


@both_doors
async def test_all_failing_logins_get_the_same_response_byte_for_byte(app: "TradepostApp", door: Door) -> None:
    answers = {
        name: await DoorClient(app).call(door, "login", {"email": email, "password": word})
        for name, (email, word) in (await failing_logins(app)).items()
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


@both_doors
async def test_a_failing_login_costs_one_hash_and_writes_nothing(app: "TradepostApp", door: Door) -> None:
    for name, (email, word) in (await failing_logins(app)).items():
        with count_work(app) as work:
            assert (
                await DoorClient(app).code(door, "login", {"email": email, "password": word}) == "invalid_credentials"
            )
        assert (work.hashes, work.statements) == (1, []), name


@both_doors
async def test_a_login_returns_both_tokens_and_is_not_cacheable(app: "TradepostApp", door: Door) -> None:
    _, email = await register_user(app)
    answer = await DoorClient(app).call(door, "login", {"email": email, "password": PASSWORD})
    pair = answer.body
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 900)
    assert pair["refresh_token"].startswith("rt_")
    assert answer.raw.headers["cache-control"] == "no-store"
    assert await DoorClient(app).with_credential(pair["access_token"]).is_authenticated(door)


@both_doors
async def test_an_address_is_case_insensitive_and_a_password_is_not(app: "TradepostApp", door: Door) -> None:
    _, email = await register_user(app)
    assert await DoorClient(app).code(door, "login", {"email": email.upper(), "password": PASSWORD}) is None
    assert (
        await DoorClient(app).code(door, "login", {"email": email, "password": PASSWORD.upper()})
        == "invalid_credentials"
    )


@both_doors
async def test_an_outdated_hash_is_replaced_without_changing_the_version(app: "TradepostApp", door: Door) -> None:
    id, email = await register_user(app)
    old = Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    await set_row(app, id, password_hash=old)
    before = await row_of(app, UserRow, id=id)
    codes = await asyncio.gather(
        *[DoorClient(app).code(door, "login", {"email": email, "password": PASSWORD}) for _ in range(4)]
    )
    assert codes == [None] * 4
    after = await row_of(app, UserRow, id=id)
    assert after.password_hash != old
    assert not app.state.dependencies.require(PasswordHasher).is_outdated(after.password_hash)
    assert (after.version, after.updated_at) == (before.version, before.updated_at)
    assert (
        await DoorClient(app).code(door, "login", {"email": email, "password": OTHER_PASSWORD}) == "invalid_credentials"
    )


class Gate:
    """Delays the results of password hashing until it is opened."""

    def __init__(self, app: "TradepostApp") -> None:
        self.passwords = app.state.dependencies.require(PasswordHasher)
        self.submit: Callable[..., Any] = self.passwords.executor.submit
        self.reached, self.opened = threading.Event(), threading.Event()

    def __enter__(self) -> "Gate":
        def submit(work: "Callable[[], Any]") -> Any:
            def delayed() -> Any:
                result = work()
                self.reached.set()
                assert self.opened.wait(20)
                return result

            return self.submit(delayed)

        self.passwords.executor.submit = submit
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_delaying()
        self.opened.set()

    def stop_delaying(self) -> None:
        """Let new work pass. Work that is delayed already stays so."""
        self.passwords.executor.__dict__.pop("submit", None)

    async def wait(self) -> None:
        """Wait until a result is delayed."""
        assert await asyncio.to_thread(self.reached.wait, 20)


@pytest.mark.parametrize(
    "operation", ["login", "register", "password_change", "email_change", "me_close", "password_reset_confirm"]
)
async def test_other_writes_proceed_while_a_password_is_hashed(
    app: "TradepostApp", staff: "httpx.AsyncClient", operation: str
) -> None:
    kim = await register_and_log_in(app)
    token = await email_token(app, "reset_password", kim.id, kim.email)
    bodies: dict[str, Any] = {
        "login": {"email": kim.email, "password": PASSWORD},
        "register": {"email": f"{unique()}@shop.example", "password": PASSWORD},
        "password_change": {"current_password": PASSWORD, "new_password": OTHER_PASSWORD},
        "email_change": {"email": f"{unique()}@shop.example", "password": PASSWORD},
        "me_close": {"password": PASSWORD},
        "password_reset_confirm": {"token": token, "new_password": OTHER_PASSWORD},
    }
    with Gate(app) as gate:
        slow = asyncio.create_task(kim.call("rest", operation, bodies[operation]))
        await gate.wait()
        async with asyncio.timeout(10):
            await make_category(staff)
            await set_row(app, kim.id, full_name="Written meanwhile")
        assert not slow.done()
        gate.opened.set()
        assert (await slow).code is None


async def test_a_login_fails_if_the_password_changes_while_it_is_verified(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    sessions = await count_of(app, SessionRow, user_id=kim.id)
    with Gate(app) as gate:
        slow = asyncio.create_task(DoorClient(app).code("rest", "login", {"email": kim.email, "password": PASSWORD}))
        await gate.wait()
        gate.stop_delaying()
        assert (
            await kim.code("rest", "password_change", {"current_password": PASSWORD, "new_password": OTHER_PASSWORD})
            is None
        )
        gate.opened.set()
        assert await slow == "invalid_credentials"
    assert await count_of(app, SessionRow, user_id=kim.id) == sessions


@pytest.mark.parametrize("operation", ["password_change", "email_change", "me_close"])
async def test_an_operation_fails_if_the_password_changes_while_it_is_verified(
    app: "TradepostApp", operation: str
) -> None:
    kim = await register_and_log_in(app)
    thief = await log_in_again(kim)
    bodies: dict[str, Any] = {
        "password_change": {"current_password": PASSWORD, "new_password": "the words of a thief here"},
        "me_close": {"password": PASSWORD},
        "email_change": {"email": f"{unique()}@shop.example", "password": PASSWORD},
    }
    with Gate(app) as gate:
        slow = asyncio.create_task(thief.code("rest", operation, bodies[operation]))
        await gate.wait()
        gate.stop_delaying()
        assert (
            await kim.code("rest", "password_change", {"current_password": PASSWORD, "new_password": OTHER_PASSWORD})
            is None
        )
        gate.opened.set()
        assert await slow == "invalid_credentials"
    assert await DoorClient(app).code("rest", "login", {"email": kim.email, "password": OTHER_PASSWORD}) is None


@both_doors
async def test_a_login_fails_if_the_account_is_suspended_while_the_password_is_verified(
    app: "TradepostApp", door: Door
) -> None:
    kim, admin = await register_and_log_in(app), await register_and_log_in(app, "admin")
    with Gate(app) as gate:
        slow = asyncio.create_task(DoorClient(app).code(door, "login", {"email": kim.email, "password": PASSWORD}))
        await gate.wait()
        assert await admin.code(door, "user_suspend", id=kim.id) is None
        gate.opened.set()
        assert await slow == "invalid_credentials"
