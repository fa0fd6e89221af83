"""New accounts. What is answered, and what is done, never tells whether an address is known."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from tests.areas.accounts.people import (
    DOORS,
    PASSWORD,
    Answer,
    Door,
    House,
    count_of,
    letter_token,
    letters_to,
    logged_in,
    person,
    registered,
    row_of,
)
from tests.factories import unique
from tradepost.areas.accounts.models import UserRow
from tradepost.areas.accounts.password_hasher import PasswordHasher

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

both = pytest.mark.parametrize("door", DOORS)


class Work:
    """What was done: statements that reach the database, and slow hashes."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.hashes = 0


@contextmanager
def watched(app: "TradepostApp") -> Iterator[Work]:
    """Counts what the shop does meanwhile."""
    work, engine = Work(), app.state.database.engine.sync_engine
    passwords = app.state.means.of(PasswordHasher)
    submit = passwords.threads.submit

    def said(_c: Any, _u: Any, statement: str, _p: Any, _x: Any, _m: bool) -> None:
        if not statement.startswith(("BEGIN", "ROLLBACK", "RELEASE", "COMMIT")):
            work.statements.append(" ".join(statement.split()[:3]))

    def counted(*given: Any) -> Any:
        work.hashes += 1
        return submit(*given)

    event.listen(engine, "before_cursor_execute", said)
    passwords.threads.submit = counted
    try:
        yield work
    finally:
        del passwords.threads.submit
        event.remove(engine, "before_cursor_execute", said)


def told(answer: Answer) -> tuple[int, Any, dict[str, str]]:
    """All that an answer tells, but for what is of each request alone."""
    mine = ("x-request-id", "ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset", "date")
    headers = {n: v for n, v in answer.raw.headers.items() if n not in mine}
    body = answer.raw.json()
    body.get("extensions", {}).pop("cost", None)
    return answer.raw.status_code, body, headers


@both
async def test_a_known_and_a_new_address_are_answered_alike(app: "TradepostApp", door: Door) -> None:
    _, email = await registered(app, door)
    known = await House(app).call(door, "register", {"email": email, "password": PASSWORD})
    new = await House(app).call(door, "register", {"email": f"{unique('kim')}@shop.example", "password": PASSWORD})
    assert told(known) == told(new)
    assert known.body == {"status": "accepted"}
    assert known.raw.status_code == (202 if door == "rest" else 200)


@both
async def test_a_known_and_a_new_address_cost_the_same_statements_and_hashes(app: "TradepostApp", door: Door) -> None:
    _, email = await registered(app)
    with watched(app) as known:
        await House(app).ok(door, "register", {"email": email, "password": PASSWORD, "full_name": "Kim"})
    with watched(app) as new:
        await House(app).ok(
            door, "register", {"email": f"{unique('kim')}@shop.example", "password": PASSWORD, "full_name": "Kim"}
        )
    assert known.hashes == new.hashes == 1
    assert known.statements == new.statements


@both
async def test_the_owner_of_a_known_address_is_told_by_a_letter_and_keeps_its_account(
    app: "TradepostApp", door: Door
) -> None:
    id, email = await registered(app, full_name="Kim")
    before = await row_of(app, UserRow, id=id)
    body = {
        "email": email.upper(),
        "password": "another phrase of some words",
        "full_name": "Mallory",
        "username": unique("mallory")[:30],
    }
    await House(app).ok(door, "register", body)
    after = await row_of(app, UserRow, id=id)
    assert (after.version, after.password_hash, after.full_name, after.username) == (
        before.version,
        before.password_hash,
        "Kim",
        None,
    )
    assert [kind for kind, _ in await letters_to(app, id)] == ["verify_email", "already_registered"]
    assert await count_of(app, UserRow, email=email) == 1


@both
async def test_a_new_account_can_log_in_at_once_and_is_not_verified_yet(app: "TradepostApp", door: Door) -> None:
    id, email = await registered(app, door, full_name="Kim Larsen")
    me = await (await logged_in(app, id, email, door=door)).ok(door, "me")
    assert (me["id"], me["email"], me["full_name"], me["role"], me["status"], me["email_verified_at"]) == (
        id,
        email,
        "Kim Larsen",
        "customer",
        "active",
        None,
    )
    assert await letters_to(app, id) == [("verify_email", {"email": email})]


@both
async def test_a_taken_username_is_409_for_a_known_and_a_new_address(app: "TradepostApp", door: Door) -> None:
    name = f"n{unique()}"[:20]
    _, email = await registered(app, username=name)
    for address in (email, f"{unique('kim')}@shop.example"):
        answer = await House(app).call(door, "register", {"email": address, "password": PASSWORD, "username": name})
        assert (answer.code, answer.problem["status"], answer.problem["field"]) == ("already_exists", 409, "username")


@both
async def test_each_bad_password_is_422_at_its_place(app: "TradepostApp", door: Door) -> None:
    email = f"{unique('kimlarsen')}@shop.example"
    bad = {
        "short": "too_short",
        "password1": "common_password",
        "aaaaaaaaaaaa": "too_simple",
        "x" * 257: "too_long",
        f"{email.split('@')[0]}!?": "contains_name",
    }
    for password, code in bad.items():
        answer = await House(app).call(door, "register", {"email": email, "password": password})
        assert answer.code == "validation", password
        assert ("/password", code) in answer.places, password
    assert await row_of(app, UserRow, email=email) is None


BAD_ADDRESSES = [
    "", "x", "@shop.example", "kim@", "kim@shop", "kim shop@shop.example", "kim@shop.example\n", "a@b@shop.example", "kim@-shop.example", "kim@shop..example",
    "kim@[127.0.0.1]", '"kim"@shop.example', "Kim <kim@shop.example>", "kim@closed.invalid", f"k@{'x' * 250}.example",
    "kim@shop.example\0", "kim\u202e@shop.example", "kim@sho\u0338p.e\u0000", "\u0301@shop.example", "k@xn--a.example", "k@" + "\u00ad" * 60 + ".example",
]  # fmt: skip


@both
async def test_what_is_no_address_is_422_at_its_place(app: "TradepostApp", door: Door) -> None:
    for email in BAD_ADDRESSES:
        answer = await House(app).call(door, "register", {"email": email, "password": PASSWORD})
        assert answer.code == "validation", (email, answer.body)
        assert {place for place, _ in answer.places} == {"/email"}, email


@both
async def test_an_address_has_one_account_however_it_is_written(app: "TradepostApp", door: Door) -> None:
    name = unique("jos")
    composed, apart, shouted = (
        f"{name}\u00e9@b\u00fccher.example",
        f"{name}e\u0301@bu\u0308cher.example",
        f"{name.upper()}\u00c9@B\u00dcCHER.example",
    )
    puny, wide = f"{name}\u00e9@xn--bcher-kva.example", f"{name}\u00e9@b\u00fccher\u3002\uff45xample"
    id, _ = await registered(app, door, email=composed)
    for spelled in (apart, shouted, puny, wide):
        await House(app).ok(door, "register", {"email": spelled, "password": PASSWORD})
    assert [kind for kind, _ in await letters_to(app, id)] == ["verify_email"] + ["already_registered"] * 4
    for spelled in (composed, apart, shouted, puny, wide, f" {composed} "):
        assert await House(app).code(door, "login", {"email": spelled, "password": PASSWORD}) is None, spelled


@both
async def test_a_password_is_the_same_from_every_keyboard(app: "TradepostApp", door: Door) -> None:
    email = f"{unique('kim')}@shop.example"
    await House(app).ok(door, "register", {"email": email, "password": "sept h\u00e9rons endormis"})
    assert await House(app).code(door, "login", {"email": email, "password": "sept he\u0301rons endormis"}) is None
    assert (
        await House(app).code(door, "login", {"email": email, "password": "sept herons endormis"})
        == "invalid_credentials"
    )


async def test_eight_at_once_with_one_address_make_one_account_and_are_answered_alike(app: "TradepostApp") -> None:
    email = f"{unique('kim')}@shop.example"
    answers = await asyncio.gather(
        *[House(app).call(DOORS[i % 2], "register", {"email": email, "password": PASSWORD}) for i in range(8)]
    )
    assert [a.body for a in answers] == [{"status": "accepted"}] * 8
    row = await row_of(app, UserRow, email=email)
    assert sorted([kind for kind, _ in await letters_to(app, row.id)]) == ["already_registered"] * 7 + ["verify_email"]


async def test_eight_at_once_with_one_username_make_one_account_and_seven_refusals(app: "TradepostApp") -> None:
    name = f"n{unique()}"[:20]
    codes = await asyncio.gather(
        *[
            House(app).code(
                DOORS[i % 2],
                "register",
                {"email": f"{unique('kim')}@shop.example", "password": PASSWORD, "username": name},
            )
            for i in range(8)
        ]
    )
    assert sorted([str(c) for c in codes]) == ["None"] + ["already_exists"] * 7


@both
async def test_a_repeat_under_a_key_makes_nothing_twice(app: "TradepostApp", door: Door) -> None:
    email, key = f"{unique('kim')}@shop.example", unique()
    for _ in range(2):
        await House(app).ok(door, "register", {"email": email, "password": PASSWORD}, idempotency_key=key)
    row = await row_of(app, UserRow, email=email)
    assert len(await letters_to(app, row.id)) == 1
    assert (
        await House(app).code(door, "register", {"email": email, "password": f"{PASSWORD} too"}, idempotency_key=key)
        == "idempotency_key_reused"
    )


@both
async def test_a_role_cannot_be_chosen(app: "TradepostApp", door: Door) -> None:
    given = {"email": f"{unique('kim')}@shop.example", "password": PASSWORD, "role": "admin"}
    assert await House(app).code(door, "register", given) == ("validation" if door == "rest" else "invalid_variables")


@both
async def test_a_verified_address_is_told_and_the_letter_is_good_once(app: "TradepostApp", door: Door) -> None:
    kim = await person(app, door=door)
    token = await letter_token(app, "verify_email", kim.id, kim.email)
    await House(app).ok(door, "email_verify", {"token": token})
    assert (await kim.ok(door, "me"))["email_verified_at"] is not None
    assert await House(app).code(door, "email_verify", {"token": token}) == "invalid_token"
