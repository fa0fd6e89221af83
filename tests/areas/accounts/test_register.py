"""Registration. Neither the response nor the work done shows whether an address is registered."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from tests.areas.accounts.account_client import (
    DOORS,
    PASSWORD,
    Answer,
    Door,
    DoorClient,
    count_of,
    email_token,
    emails_to,
    log_in,
    register_and_log_in,
    register_user,
    row_of,
)
from tests.factories import unique
from tradepost.areas.accounts.models import UserRow
from tradepost.areas.accounts.password_hasher import PasswordHasher

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

both_doors = pytest.mark.parametrize("door", DOORS)


class Work:
    """The statements sent to the database, and the number of password hashes."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.hashes = 0


@contextmanager
def count_work(app: "TradepostApp") -> Iterator[Work]:
    """Record the work of the shop within the block."""
    work, engine = Work(), app.state.database.engine.sync_engine
    passwords = app.state.dependencies.require(PasswordHasher)
    submit = passwords.executor.submit

    def record(_c: Any, _u: Any, statement: str, _p: Any, _x: Any, _m: bool) -> None:
        if not statement.startswith(("BEGIN", "ROLLBACK", "RELEASE", "COMMIT")):
            work.statements.append(" ".join(statement.split()[:3]))

    def count_hash(*arguments: Any) -> Any:
        work.hashes += 1
        return submit(*arguments)

    event.listen(engine, "before_cursor_execute", record)
    passwords.executor.submit = count_hash
    try:
        yield work
    finally:
        del passwords.executor.submit
        event.remove(engine, "before_cursor_execute", record)


def comparable(answer: Answer) -> tuple[int, Any, dict[str, str]]:
    """Return status, body and headers of a response without what varies per request."""
    volatile = ("x-request-id", "ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset", "date")
    headers = {n: v for n, v in answer.raw.headers.items() if n not in volatile}
    body = answer.raw.json()
    body.get("extensions", {}).pop("cost", None)
    return answer.raw.status_code, body, headers


@both_doors
async def test_a_registered_and_a_new_address_get_the_same_response(app: "TradepostApp", door: Door) -> None:
    _, email = await register_user(app, door)
    known = await DoorClient(app).call(door, "register", {"email": email, "password": PASSWORD})
    new = await DoorClient(app).call(door, "register", {"email": f"{unique('kim')}@shop.example", "password": PASSWORD})
    assert comparable(known) == comparable(new)
    assert known.body == {"status": "accepted"}
    assert known.raw.status_code == (202 if door == "rest" else 200)


@both_doors
async def test_a_registered_and_a_new_address_cost_the_same_statements_and_hashes(
    app: "TradepostApp", door: Door
) -> None:
    _, email = await register_user(app)
    with count_work(app) as known:
        await DoorClient(app).ok(door, "register", {"email": email, "password": PASSWORD, "full_name": "Kim"})
    with count_work(app) as new:
        await DoorClient(app).ok(
            door, "register", {"email": f"{unique('kim')}@shop.example", "password": PASSWORD, "full_name": "Kim"}
        )
    assert known.hashes == new.hashes == 1
    assert known.statements == new.statements


@both_doors
async def test_registering_a_known_address_sends_an_email_and_leaves_the_account_unchanged(
    app: "TradepostApp", door: Door
) -> None:
    id, email = await register_user(app, full_name="Kim")
    before = await row_of(app, UserRow, id=id)
    body = {
        "email": email.upper(),
        "password": "another phrase of some words",
        "full_name": "Mallory",
        "username": unique("mallory")[:30],
    }
    await DoorClient(app).ok(door, "register", body)
    after = await row_of(app, UserRow, id=id)
    assert (after.version, after.password_hash, after.full_name, after.username) == (
        before.version,
        before.password_hash,
        "Kim",
        None,
    )
    assert [kind for kind, _ in await emails_to(app, id)] == ["verify_email", "already_registered"]
    assert await count_of(app, UserRow, email=email) == 1


@both_doors
async def test_a_new_account_can_log_in_before_its_address_is_verified(app: "TradepostApp", door: Door) -> None:
    id, email = await register_user(app, door, full_name="Kim Larsen")
    me = await (await log_in(app, id, email, door=door)).ok(door, "me")
    assert (me["id"], me["email"], me["full_name"], me["role"], me["status"], me["email_verified_at"]) == (
        id,
        email,
        "Kim Larsen",
        "customer",
        "active",
        None,
    )
    assert await emails_to(app, id) == [("verify_email", {"email": email})]


@both_doors
async def test_a_taken_username_is_409_for_a_registered_and_a_new_address(app: "TradepostApp", door: Door) -> None:
    name = f"n{unique()}"[:20]
    _, email = await register_user(app, username=name)
    for address in (email, f"{unique('kim')}@shop.example"):
        answer = await DoorClient(app).call(
            door, "register", {"email": address, "password": PASSWORD, "username": name}
        )
        assert (answer.code, answer.problem["status"], answer.problem["field"]) == ("already_exists", 409, "username")


@both_doors
async def test_a_bad_password_is_422_with_its_pointer(app: "TradepostApp", door: Door) -> None:
    email = f"{unique('kimlarsen')}@shop.example"
    bad = {
        "short": "too_short",
        "password1": "common_password",
        "aaaaaaaaaaaa": "too_simple",
        "x" * 257: "too_long",
        f"{email.split('@')[0]}!?": "contains_name",
    }
    for password, code in bad.items():
        answer = await DoorClient(app).call(door, "register", {"email": email, "password": password})
        assert answer.code == "validation", password
        assert ("/password", code) in answer.faults, password
    assert await row_of(app, UserRow, email=email) is None


INVALID_ADDRESSES = [
    "", "x", "@shop.example", "kim@", "kim@shop", "kim shop@shop.example", "kim@shop.example\n", "a@b@shop.example",
    "kim@-shop.example", "kim@shop..example", "kim@[127.0.0.1]", '"kim"@shop.example', "Kim <kim@shop.example>",
    "kim@closed.invalid", f"k@{'x' * 250}.example", "kim@shop.example\0", "kim\u202e@shop.example",
    "kim@sho\u0338p.e\u0000", "\u0301@shop.example", "k@xn--a.example", "k@" + "\u00ad" * 60 + ".example",
]  # fmt: skip


@both_doors
async def test_an_invalid_address_is_422_with_its_pointer(app: "TradepostApp", door: Door) -> None:
    for email in INVALID_ADDRESSES:
        answer = await DoorClient(app).call(door, "register", {"email": email, "password": PASSWORD})
        assert answer.code == "validation", (email, answer.body)
        assert {place for place, _ in answer.faults} == {"/email"}, email


@both_doors
async def test_all_spellings_of_an_address_are_one_account(app: "TradepostApp", door: Door) -> None:
    name = unique("jos")
    composed, decomposed, upper = (
        f"{name}\u00e9@b\u00fccher.example",
        f"{name}e\u0301@bu\u0308cher.example",
        f"{name.upper()}\u00c9@B\u00dcCHER.example",
    )
    punycode, full_width = f"{name}\u00e9@xn--bcher-kva.example", f"{name}\u00e9@b\u00fccher\u3002\uff45xample"
    id, _ = await register_user(app, door, email=composed)
    for spelling in (decomposed, upper, punycode, full_width):
        await DoorClient(app).ok(door, "register", {"email": spelling, "password": PASSWORD})
    assert [kind for kind, _ in await emails_to(app, id)] == ["verify_email"] + ["already_registered"] * 4
    for spelling in (composed, decomposed, upper, punycode, full_width, f" {composed} "):
        assert await DoorClient(app).code(door, "login", {"email": spelling, "password": PASSWORD}) is None, spelling


@both_doors
async def test_composed_and_decomposed_characters_are_the_same_password(app: "TradepostApp", door: Door) -> None:
    email = f"{unique('kim')}@shop.example"
    await DoorClient(app).ok(door, "register", {"email": email, "password": "sept h\u00e9rons endormis"})
    assert await DoorClient(app).code(door, "login", {"email": email, "password": "sept he\u0301rons endormis"}) is None
    assert (
        await DoorClient(app).code(door, "login", {"email": email, "password": "sept herons endormis"})
        == "invalid_credentials"
    )


async def test_concurrent_registrations_of_one_address_create_one_account_and_get_the_same_response(
    app: "TradepostApp",
) -> None:
    email = f"{unique('kim')}@shop.example"
    answers = await asyncio.gather(
        *[DoorClient(app).call(DOORS[i % 2], "register", {"email": email, "password": PASSWORD}) for i in range(8)]
    )
    assert [a.body for a in answers] == [{"status": "accepted"}] * 8
    row = await row_of(app, UserRow, email=email)
    assert sorted([kind for kind, _ in await emails_to(app, row.id)]) == ["already_registered"] * 7 + ["verify_email"]


async def test_concurrent_registrations_of_one_username_create_one_account(app: "TradepostApp") -> None:
    name = f"n{unique()}"[:20]
    codes = await asyncio.gather(
        *[
            DoorClient(app).code(
                DOORS[i % 2],
                "register",
                {"email": f"{unique('kim')}@shop.example", "password": PASSWORD, "username": name},
            )
            for i in range(8)
        ]
    )
    assert sorted([str(c) for c in codes]) == ["None"] + ["already_exists"] * 7


@both_doors
async def test_a_repeat_with_the_same_idempotency_key_creates_nothing(app: "TradepostApp", door: Door) -> None:
    email, key = f"{unique('kim')}@shop.example", unique()
    for _ in range(2):
        await DoorClient(app).ok(door, "register", {"email": email, "password": PASSWORD}, idempotency_key=key)
    row = await row_of(app, UserRow, email=email)
    assert len(await emails_to(app, row.id)) == 1
    assert (
        await DoorClient(app).code(
            door, "register", {"email": email, "password": f"{PASSWORD} too"}, idempotency_key=key
        )
        == "idempotency_key_reused"
    )


@both_doors
async def test_a_role_cannot_be_chosen(app: "TradepostApp", door: Door) -> None:
    body = {"email": f"{unique('kim')}@shop.example", "password": PASSWORD, "role": "admin"}
    expected = "validation" if door == "rest" else "invalid_variables"
    assert await DoorClient(app).code(door, "register", body) == expected


@both_doors
async def test_an_address_is_verified_once_per_token(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app, door=door)
    token = await email_token(app, "verify_email", kim.id, kim.email)
    await kim.ok(door, "email_verify", {"token": token})
    assert (await kim.ok(door, "me"))["email_verified_at"] is not None
    assert await DoorClient(app).code(door, "email_verify", {"token": token}) == "invalid_token"
