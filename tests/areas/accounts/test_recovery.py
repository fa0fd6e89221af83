"""Passwords that change or are forgotten, addresses that are proved and changed, accounts that are closed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from tests.areas.accounts.people import (
    DOORS,
    OTHER,
    PASSWORD,
    Door,
    House,
    again,
    count_of,
    digest,
    letter_token,
    letters_to,
    logged_in,
    person,
    registered,
    row_of,
    rows_of,
)
from tests.areas.accounts.test_register import told, watched
from tests.factories import unique
from tradepost.areas.accounts.models import AddressRow, ApiKeyRow, EmailTokenRow, SessionRow, UserRow, UserSearchRow
from tradepost.kit.writes.outbox import OutboxEvent

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

both = pytest.mark.parametrize("door", DOORS)
RESET, VERIFY = "reset_password", "verify_email"
HOME = {"name": "Kim Larsen", "lines": ["Vestergade 12"], "city": "Aarhus", "postcode": "8000", "country": "DK"}


async def aged(app: "TradepostApp", token: str, by: timedelta) -> None:
    """Lets a letter's token be that much older."""
    row = await row_of(app, EmailTokenRow, secret_hash=digest(app, token))
    async with app.state.database.transaction() as session:
        await session.execute(
            update(EmailTokenRow).where(EmailTokenRow.id == row.id).values(expires_at=row.expires_at - by)
        )


@both
async def test_another_password_ends_the_other_sessions_and_this_one_goes_on(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    other = await again(kim)
    assert await other.lets_in(door)
    assert await kim.code(door, "password_change", {"current_password": PASSWORD, "new_password": OTHER}) is None
    assert await kim.lets_in(door)
    assert await House(app).code(door, "token_refresh", {"refresh_token": kim.refresh_token}) is None
    assert not await other.lets_in(door)
    assert await House(app).code(door, "token_refresh", {"refresh_token": other.refresh_token}) == "invalid_token"
    assert await House(app).code(door, "login", {"email": kim.email, "password": PASSWORD}) == "invalid_credentials"
    assert await (await again(kim, door, OTHER)).lets_in(door)


@both
async def test_a_password_is_not_changed_without_the_old_one_or_to_a_bad_one(app: "TradepostApp", door: Door) -> None:
    kim = await person(app, username=f"n{unique()}"[:20])
    assert (
        await kim.code(door, "password_change", {"current_password": OTHER, "new_password": "another phrase of words"})
        == "invalid_credentials"
    )
    username = (await kim.ok(door, "me"))["username"]
    for bad, code in {
        "short": "too_short",
        "password1": "common_password",
        f"{username} is here": "contains_name",
    }.items():
        answer = await kim.call(door, "password_change", {"current_password": PASSWORD, "new_password": bad})
        assert answer.code == "validation", bad
        assert ("/new_password", code) in answer.places
    assert await House(app).code(door, "login", {"email": kim.email, "password": PASSWORD}) is None


@both
async def test_a_forgotten_password_is_answered_alike_for_known_and_unknown_and_does_the_same(
    app: "TradepostApp", door: Door
) -> None:
    _, email = await registered(app)
    await House(app).ok(door, "password_reset", {"email": email})
    answers, works = [], []
    for address in (email, f"{unique()}@shop.example", "no address"):
        with watched(app) as work:
            answers.append(told(await House(app).call(door, "password_reset", {"email": address})))
        works.append((work.hashes, work.statements))
    assert answers == [answers[0]] * 3
    assert works == [works[0]] * 3
    assert works[0][0] == 0


@both
async def test_a_letter_sets_another_password_once_and_ends_all_sessions(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    other = await again(kim)
    assert await kim.lets_in(door)
    token = await letter_token(app, RESET, kim.id, kim.email)
    assert await House(app).code(door, "password_reset_confirm", {"token": token, "new_password": OTHER}) is None
    for one in (kim, other):
        assert not await one.lets_in(door)
        assert await House(app).code(door, "token_refresh", {"refresh_token": one.refresh_token}) == "invalid_token"
    assert await House(app).code(door, "login", {"email": kim.email, "password": PASSWORD}) == "invalid_credentials"
    assert (
        await House(app).code(door, "password_reset_confirm", {"token": token, "new_password": PASSWORD})
        == "invalid_token"
    )
    assert (await (await again(kim, door, OTHER)).ok(door, "me"))["email_verified_at"] is not None


@both
async def test_who_made_an_account_with_an_address_of_somebody_else_keeps_no_way_in(
    app: "TradepostApp", door: Door
) -> None:
    thief = await person(app)  # and the address is not the thief's
    key = thief.bearing((await thief.ok(door, "api_key_create", {"name": "back door"}))["secret"])
    assert await key.lets_in(door)
    token = await letter_token(app, RESET, thief.id, thief.email)
    assert await House(app).code(door, "password_reset_confirm", {"token": token, "new_password": OTHER}) is None
    assert [await one.lets_in(door) for one in (thief, key)] == [False, False]
    owner = await again(thief, door, OTHER)
    own = owner.bearing((await owner.ok(door, "api_key_create", {"name": "till"}))["secret"])
    token = await letter_token(app, RESET, owner.id, owner.email)
    assert await House(app).code(door, "password_reset_confirm", {"token": token, "new_password": PASSWORD}) is None
    assert [await one.lets_in(door) for one in (owner, own)] == [False, True]


@both
async def test_a_letters_token_is_for_one_purpose_and_not_for_long(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    verify, reset = [await letter_token(app, purpose, kim.id, kim.email) for purpose in (VERIFY, RESET)]
    assert (
        await House(app).code(door, "password_reset_confirm", {"token": verify, "new_password": OTHER})
        == "invalid_token"
    )
    assert await House(app).code(door, "email_verify", {"token": reset}) == "invalid_token"
    await aged(app, reset, timedelta(hours=1))
    await aged(app, verify, timedelta(days=1))
    assert (
        await House(app).code(door, "password_reset_confirm", {"token": reset, "new_password": OTHER})
        == "invalid_token"
    )
    assert await House(app).code(door, "email_verify", {"token": verify}) == "invalid_token"
    for text in ("", "mt_x", f"rt_{verify[3:]}", kim.refresh_token, f"{verify} "):
        assert await House(app).code(door, "email_verify", {"token": text}) == "invalid_token"
    assert await kim.lets_in(door)


async def test_a_letters_token_lives_as_long_as_is_said_and_is_stored_as_a_digest(app: "TradepostApp") -> None:
    id, email = await registered(app)
    for purpose, long in ((VERIFY, timedelta(days=1)), (RESET, timedelta(hours=1))):
        token = await letter_token(app, purpose, id, email)
        row = await row_of(app, EmailTokenRow, secret_hash=digest(app, token))
        assert timedelta() < row.expires_at - datetime.now(UTC) <= long
        assert token not in str(vars(row))


async def test_of_many_at_once_with_one_letter_one_succeeds(app: "TradepostApp") -> None:
    kim = await person(app)
    token = await letter_token(app, RESET, kim.id, kim.email)
    words = [f"phrase number {i} of some words" for i in range(6)]
    confirm = [
        House(app).code(DOORS[i % 2], "password_reset_confirm", {"token": token, "new_password": word})
        for i, word in enumerate(words)
    ]
    codes = await asyncio.gather(*confirm)
    assert sorted([str(c) for c in codes]) == ["None"] + ["invalid_token"] * 5
    assert await House(app).code("rest", "login", {"email": kim.email, "password": words[codes.index(None)]}) is None


@both
async def test_a_bad_new_password_does_not_use_the_letter_up(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    token = await letter_token(app, RESET, kim.id, kim.email)
    for bad in ("short", f"{kim.email.split('@')[0]} is my name"):
        assert (
            await House(app).code(door, "password_reset_confirm", {"token": token, "new_password": bad}) == "validation"
        )
    assert await kim.lets_in(door)
    assert await House(app).code(door, "password_reset_confirm", {"token": token, "new_password": OTHER}) is None


@both
@pytest.mark.parametrize("how", ["change", "reset"])
async def test_another_password_makes_letters_of_before_worthless(app: "TradepostApp", door: Door, how: str) -> None:
    """Who was in the account while it was not safe has asked for another address, and for a new password."""
    kim, thief = await person(app), f"{unique('thief')}@shop.example"
    moved, reset = await letter_token(app, VERIFY, kim.id, thief), await letter_token(app, RESET, kim.id, kim.email)
    own, first = await letter_token(app, VERIFY, kim.id, kim.email), await letter_token(app, RESET, kim.id, kim.email)
    if how == "change":
        assert await kim.code(door, "password_change", {"current_password": PASSWORD, "new_password": OTHER}) is None
    else:
        assert await House(app).code(door, "password_reset_confirm", {"token": first, "new_password": OTHER}) is None
    assert await House(app).code(door, "email_verify", {"token": moved}) == "invalid_token"
    assert (
        await House(app).code(door, "password_reset_confirm", {"token": reset, "new_password": PASSWORD})
        == "invalid_token"
    )
    assert await House(app).code(door, "email_verify", {"token": own}) is None
    assert (await row_of(app, UserRow, id=kim.id)).email == kim.email


@both
async def test_another_address_counts_once_it_is_proved_and_letters_to_the_old_one_are_worthless(
    app: "TradepostApp", door: Door
) -> None:
    kim, address = await person(app), f"{unique('new')}@shop.example"
    old = await letter_token(app, RESET, kim.id, kim.email)
    assert await kim.code(door, "email_change", {"email": address, "password": OTHER}) == "invalid_credentials"
    assert await kim.ok(door, "email_change", {"email": address.upper(), "password": PASSWORD}) == {
        "status": "accepted"
    }
    assert (await letters_to(app, kim.id))[-1] == ("verify_email", {"email": address})
    assert (await kim.ok(door, "me"))["email"] == kim.email
    token = await letter_token(app, VERIFY, kim.id, address)
    assert await House(app).ok(door, "email_verify", {"token": token}) == {"status": "done"}
    me = await kim.ok(door, "me")
    assert (me["email"], me["email_verified_at"] is not None) == (address, True)
    assert (
        await House(app).code(door, "password_reset_confirm", {"token": old, "new_password": OTHER}) == "invalid_token"
    )
    assert await House(app).code(door, "login", {"email": kim.email, "password": PASSWORD}) == "invalid_credentials"
    assert await House(app).code(door, "login", {"email": address, "password": PASSWORD}) is None
    assert address.split("@")[0].split("-")[1] in (await row_of(app, UserSearchRow, id=kim.id)).words
    await registered(app, email=kim.email)


@both
async def test_the_address_of_another_account_stays_with_it(app: "TradepostApp", door: Door) -> None:
    kim, other = await person(app), await person(app)
    assert await kim.ok(door, "email_change", {"email": other.email, "password": PASSWORD}) == {"status": "accepted"}
    token = await letter_token(app, VERIFY, kim.id, other.email)
    assert await House(app).code(door, "email_verify", {"token": token}) == "already_exists"
    assert (await kim.ok(door, "me"))["email"] == kim.email
    assert (await other.ok(door, "me"))["email"] == other.email


async def test_of_two_accounts_that_prove_one_new_address_at_once_one_has_it(app: "TradepostApp") -> None:
    address, people = f"{unique('new')}@shop.example", [await person(app) for _ in range(4)]
    tokens = [await letter_token(app, VERIFY, one.id, address) for one in people]
    codes = await asyncio.gather(
        *[House(app).code(DOORS[i % 2], "email_verify", {"token": t}) for i, t in enumerate(tokens)]
    )
    assert sorted([str(c) for c in codes]) == ["None"] + ["already_exists"] * 3
    assert (await row_of(app, UserRow, email=address)).id == people[codes.index(None)].id


@both
async def test_a_suspended_account_is_not_opened_by_a_letter(app: "TradepostApp", door: Door) -> None:
    kim, admin = await person(app), await person(app, "admin")
    reset, verify = [await letter_token(app, purpose, kim.id, kim.email) for purpose in (RESET, VERIFY)]
    await admin.ok(door, "user_suspend", id=kim.id)
    assert (
        await House(app).code(door, "password_reset_confirm", {"token": reset, "new_password": OTHER})
        == "invalid_token"
    )
    assert await House(app).code(door, "email_verify", {"token": verify}) == "invalid_token"


@both
async def test_a_closed_account_is_empty_and_its_address_and_name_are_free(app: "TradepostApp", door: Door) -> None:
    name = f"n{unique()}"[:20]
    kim = await person(app, username=name, full_name="Kim Larsen")
    other = await again(kim)
    await kim.ok("rest", "address_create", HOME)
    key = kim.bearing((await kim.ok("rest", "api_key_create", {"name": "till"}))["secret"])
    assert await key.lets_in(door)
    token = await letter_token(app, RESET, kim.id, kim.email)
    assert await kim.code(door, "me_close", {"password": OTHER}) == "invalid_credentials"
    assert await kim.code(door, "me_close", {"password": PASSWORD}) is None
    for one in (kim, other, key):
        assert [await one.lets_in(d) for d in DOORS] == [False, False]
    assert await House(app).code(door, "login", {"email": kim.email, "password": PASSWORD}) == "invalid_credentials"
    assert await House(app).code(door, "token_refresh", {"refresh_token": other.refresh_token}) == "invalid_token"
    assert (
        await House(app).code(door, "password_reset_confirm", {"token": token, "new_password": OTHER})
        == "invalid_token"
    )
    row = await row_of(app, UserRow, id=kim.id)
    assert (row.status, row.username, row.full_name, row.password_hash, row.role) == (
        "closed",
        None,
        "",
        None,
        "customer",
    )
    assert kim.email not in str(vars(row))
    assert [await count_of(app, table, user_id=kim.id) for table in (AddressRow, EmailTokenRow)] == [0, 0]
    assert all(
        s.revoked_at
        for s in [*await rows_of(app, SessionRow, user_id=kim.id), *await rows_of(app, ApiKeyRow, user_id=kim.id)]
    )
    assert "larsen" not in (await row_of(app, UserSearchRow, id=kim.id)).words
    id, email = await registered(app, door, email=kim.email, username=name)
    assert id != kim.id
    assert await (await logged_in(app, id, email, door=door)).lets_in(door)


async def test_a_letter_and_a_closure_at_once_leave_a_closed_account_empty(app: "TradepostApp") -> None:
    for purpose in (RESET, VERIFY) * 3:
        kim = await person(app)
        token = await letter_token(
            app, purpose, kim.id, kim.email if purpose == RESET else f"{unique('new')}@shop.example"
        )
        use = House(app).code("rest", "password_reset_confirm", {"token": token, "new_password": OTHER}) if purpose == RESET else (
            House(app).code("rest", "email_verify", {"token": token})
        )  # fmt: skip
        _, closed = await asyncio.gather(use, kim.code("rest", "me_close", {"password": PASSWORD}))
        row = await row_of(app, UserRow, id=kim.id)
        if closed is None:
            assert (row.status, row.password_hash, row.email, row.email_verified_at) == (
                "closed",
                None,
                f"{kim.id}@closed.invalid",
                None,
            )
        else:  # the new password came first
            assert row.status == "active"


@both
async def test_a_letter_that_verifies_the_address_is_sent_again_on_demand(app: "TradepostApp", door: Door) -> None:
    kim = await person(app)
    assert await kim.ok(door, "email_verification_request") == {"status": "accepted"}
    assert await letters_to(app, kim.id) == [("verify_email", {"email": kim.email})] * 2
    assert await House(app).code(door, "email_verification_request") == "unauthenticated"


@both
async def test_a_key_of_nobody_has_no_account_to_look_after(app: "TradepostApp", door: Door) -> None:
    house = House(app).bearing(await app.state.credentials.create(name="till", role="admin"))
    assert await house.code(door, "me") == "not_found"
    assert await house.code(door, "email_verification_request") == "forbidden"
    assert await house.code(door, "logout_everywhere") == "forbidden"
    assert await house.code(door, "address_create", HOME) == "forbidden"
    assert await house.code(door, "api_key_create", {"name": "x"}) == "forbidden"
    assert (
        await house.code(door, "password_change", {"current_password": PASSWORD, "new_password": OTHER})
        == "invalid_credentials"
    )


async def test_no_token_stands_in_the_outbox(app: "TradepostApp") -> None:
    kim = await person(app)
    await House(app).ok("rest", "password_reset", {"email": kim.email})
    token = await letter_token(app, RESET, kim.id, kim.email)
    assert not [r for r in await rows_of(app, OutboxEvent) if token in str(r.data) or "mt_" in str(r.data)]
