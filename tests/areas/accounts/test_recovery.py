"""Password change and reset, e-mail verification and change, and account closure."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from tests.areas.accounts.account_client import (
    DOORS,
    OTHER_PASSWORD,
    PASSWORD,
    Door,
    DoorClient,
    count_of,
    digest,
    email_token,
    emails_to,
    log_in,
    log_in_again,
    register_and_log_in,
    register_user,
    row_of,
    rows_of,
)
from tests.areas.accounts.test_register import comparable, count_work
from tests.factories import unique
from tradepost.areas.accounts.models import AddressRow, ApiKeyRow, EmailTokenRow, SessionRow, UserRow, UserSearchRow
from tradepost.kit.writes.outbox import OutboxEvent

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

both_doors = pytest.mark.parametrize("door", DOORS)
RESET, VERIFY = "reset_password", "verify_email"
HOME = {"name": "Kim Larsen", "lines": ["Vestergade 12"], "city": "Aarhus", "postcode": "8000", "country": "DK"}


async def age_token(app: "TradepostApp", token: str, age: timedelta) -> None:
    """Move the expiry of an e-mail token back."""
    row = await row_of(app, EmailTokenRow, secret_hash=digest(app, token))
    async with app.state.database.transaction() as session:
        await session.execute(
            update(EmailTokenRow).where(EmailTokenRow.id == row.id).values(expires_at=row.expires_at - age)
        )


@both_doors
async def test_a_password_change_ends_all_other_sessions(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    other = await log_in_again(kim)
    assert await other.is_authenticated(door)
    assert (
        await kim.code(door, "password_change", {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}) is None
    )
    assert await kim.is_authenticated(door)
    assert await DoorClient(app).code(door, "token_refresh", {"refresh_token": kim.refresh_token}) is None
    assert not await other.is_authenticated(door)
    assert await DoorClient(app).code(door, "token_refresh", {"refresh_token": other.refresh_token}) == "invalid_token"
    assert (
        await DoorClient(app).code(door, "login", {"email": kim.email, "password": PASSWORD}) == "invalid_credentials"
    )
    assert await (await log_in_again(kim, door, OTHER_PASSWORD)).is_authenticated(door)


@both_doors
async def test_a_password_change_needs_the_current_password_and_a_good_new_one(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app, username=f"n{unique()}"[:20])
    assert (
        await kim.code(
            door, "password_change", {"current_password": OTHER_PASSWORD, "new_password": "another phrase of words"}
        )
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
        assert ("/new_password", code) in answer.faults
    assert await DoorClient(app).code(door, "login", {"email": kim.email, "password": PASSWORD}) is None


@both_doors
async def test_a_reset_request_gets_the_same_response_and_costs_the_same_for_any_address(
    app: "TradepostApp", door: Door
) -> None:
    _, email = await register_user(app)
    await DoorClient(app).ok(door, "password_reset", {"email": email})
    answers, works = [], []
    for address in (email, f"{unique()}@shop.example", "no address"):
        with count_work(app) as work:
            answers.append(comparable(await DoorClient(app).call(door, "password_reset", {"email": address})))
        works.append((work.hashes, work.statements))
    assert answers == [answers[0]] * 3
    assert works == [works[0]] * 3
    assert works[0][0] == 0


@both_doors
async def test_a_reset_token_works_once_and_ends_all_sessions(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    other = await log_in_again(kim)
    assert await kim.is_authenticated(door)
    token = await email_token(app, RESET, kim.id, kim.email)
    assert (
        await DoorClient(app).code(door, "password_reset_confirm", {"token": token, "new_password": OTHER_PASSWORD})
        is None
    )
    for one in (kim, other):
        assert not await one.is_authenticated(door)
        assert (
            await DoorClient(app).code(door, "token_refresh", {"refresh_token": one.refresh_token}) == "invalid_token"
        )
    assert (
        await DoorClient(app).code(door, "login", {"email": kim.email, "password": PASSWORD}) == "invalid_credentials"
    )
    assert (
        await DoorClient(app).code(door, "password_reset_confirm", {"token": token, "new_password": PASSWORD})
        == "invalid_token"
    )
    assert (await (await log_in_again(kim, door, OTHER_PASSWORD)).ok(door, "me"))["email_verified_at"] is not None


@both_doors
@pytest.mark.parametrize("is_verified", [False, True])
async def test_a_reset_revokes_all_sessions_and_api_keys_and_lists_them_by_email(
    app: "TradepostApp", door: Door, is_verified: bool
) -> None:
    """A thief may have registered with the address of its owner, or know the password."""
    thief = await register_and_log_in(app)
    if is_verified:
        token = await email_token(app, VERIFY, thief.id, thief.email)
        await thief.ok(door, "email_verify", {"token": token})
    key = thief.with_credential((await thief.ok(door, "api_key_create", {"name": "back door"}))["secret"])
    assert await key.is_authenticated(door)
    token = await email_token(app, RESET, thief.id, thief.email)
    assert (
        await DoorClient(app).code(door, "password_reset_confirm", {"token": token, "new_password": OTHER_PASSWORD})
        is None
    )
    for one in (thief, key):
        assert [await one.is_authenticated(d) for d in DOORS] == [False, False]
    assert (await emails_to(app, thief.id))[-1] == ("password_changed", {"sessions": 1, "api_keys": ["back door"]})
    owner = await log_in_again(thief, door, OTHER_PASSWORD)
    assert (await key_names(owner, door)) == []


async def key_names(client: DoorClient, door: Door) -> list[str]:
    """Return the names of the caller's API keys."""
    async with client.client() as http:
        if door == "rest":
            return [key["name"] for key in (await http.get("/v1/api-keys")).json()["data"]]
        answer = await http.post("/graphql", json={"query": "{ apiKeys { nodes { name } } }"})
        return [key["name"] for key in answer.json()["data"]["apiKeys"]["nodes"]]


@both_doors
async def test_an_email_token_is_refused_for_another_purpose_or_once_expired(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    verify, reset = [await email_token(app, purpose, kim.id, kim.email) for purpose in (VERIFY, RESET)]
    assert (
        await DoorClient(app).code(door, "password_reset_confirm", {"token": verify, "new_password": OTHER_PASSWORD})
        == "invalid_token"
    )
    assert await DoorClient(app).code(door, "email_verify", {"token": reset}) == "invalid_token"
    await age_token(app, reset, timedelta(hours=1))
    await age_token(app, verify, timedelta(days=1))
    assert (
        await DoorClient(app).code(door, "password_reset_confirm", {"token": reset, "new_password": OTHER_PASSWORD})
        == "invalid_token"
    )
    assert await DoorClient(app).code(door, "email_verify", {"token": verify}) == "invalid_token"
    for text in ("", "mt_x", f"rt_{verify[3:]}", kim.refresh_token, f"{verify} "):
        assert await DoorClient(app).code(door, "email_verify", {"token": text}) == "invalid_token"
    assert await kim.is_authenticated(door)


async def test_an_email_token_has_a_limited_lifetime_and_is_stored_as_a_digest(app: "TradepostApp") -> None:
    id, email = await register_user(app)
    for purpose, lifetime in ((VERIFY, timedelta(days=1)), (RESET, timedelta(hours=1))):
        token = await email_token(app, purpose, id, email)
        row = await row_of(app, EmailTokenRow, secret_hash=digest(app, token))
        assert timedelta() < row.expires_at - datetime.now(UTC) <= lifetime
        assert token not in str(vars(row))


async def test_one_of_several_concurrent_resets_with_one_token_succeeds(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    token = await email_token(app, RESET, kim.id, kim.email)
    passwords = [f"phrase number {i} of some words" for i in range(6)]
    confirm = [
        DoorClient(app).code(DOORS[i % 2], "password_reset_confirm", {"token": token, "new_password": password})
        for i, password in enumerate(passwords)
    ]
    codes = await asyncio.gather(*confirm)
    assert sorted([str(c) for c in codes]) == ["None"] + ["invalid_token"] * 5
    assert (
        await DoorClient(app).code("rest", "login", {"email": kim.email, "password": passwords[codes.index(None)]})
        is None
    )


@both_doors
async def test_an_invalid_new_password_does_not_use_up_the_reset_token(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    token = await email_token(app, RESET, kim.id, kim.email)
    for bad in ("short", f"{kim.email.split('@')[0]} is my name"):
        assert (
            await DoorClient(app).code(door, "password_reset_confirm", {"token": token, "new_password": bad})
            == "validation"
        )
    assert await kim.is_authenticated(door)
    assert (
        await DoorClient(app).code(door, "password_reset_confirm", {"token": token, "new_password": OTHER_PASSWORD})
        is None
    )


@both_doors
@pytest.mark.parametrize("how", ["change", "reset"])
async def test_a_new_password_invalidates_earlier_reset_and_email_change_tokens(
    app: "TradepostApp", door: Door, how: str
) -> None:
    """An attacker who was logged in may have requested an e-mail change and a reset."""
    kim, thief = await register_and_log_in(app), f"{unique('thief')}@shop.example"
    moved, reset = await email_token(app, VERIFY, kim.id, thief), await email_token(app, RESET, kim.id, kim.email)
    verification, first = (
        await email_token(app, VERIFY, kim.id, kim.email),
        await email_token(app, RESET, kim.id, kim.email),
    )
    if how == "change":
        assert (
            await kim.code(door, "password_change", {"current_password": PASSWORD, "new_password": OTHER_PASSWORD})
            is None
        )
    else:
        assert (
            await DoorClient(app).code(door, "password_reset_confirm", {"token": first, "new_password": OTHER_PASSWORD})
            is None
        )
    assert await DoorClient(app).code(door, "email_verify", {"token": moved}) == "invalid_token"
    assert (
        await DoorClient(app).code(door, "password_reset_confirm", {"token": reset, "new_password": PASSWORD})
        == "invalid_token"
    )
    assert await DoorClient(app).code(door, "email_verify", {"token": verification}) is None
    assert (await row_of(app, UserRow, id=kim.id)).email == kim.email


@both_doors
async def test_an_email_change_applies_once_verified_and_invalidates_tokens_to_the_old_address(
    app: "TradepostApp", door: Door
) -> None:
    kim, address = await register_and_log_in(app), f"{unique('new')}@shop.example"
    old = await email_token(app, RESET, kim.id, kim.email)
    assert await kim.code(door, "email_change", {"email": address, "password": OTHER_PASSWORD}) == "invalid_credentials"
    assert await kim.ok(door, "email_change", {"email": address.upper(), "password": PASSWORD}) == {
        "status": "accepted"
    }
    assert (await emails_to(app, kim.id))[-2:] == [
        ("email_change_requested", {"email": kim.email, "new_email": address}),
        ("verify_email", {"email": address}),
    ]
    assert (await kim.ok(door, "me"))["email"] == kim.email
    token = await email_token(app, VERIFY, kim.id, address)
    assert await kim.ok(door, "email_verify", {"token": token}) == {"status": "done"}
    me = await kim.ok(door, "me")
    assert (me["email"], me["email_verified_at"] is not None) == (address, True)
    assert (
        await DoorClient(app).code(door, "password_reset_confirm", {"token": old, "new_password": OTHER_PASSWORD})
        == "invalid_token"
    )
    assert (
        await DoorClient(app).code(door, "login", {"email": kim.email, "password": PASSWORD}) == "invalid_credentials"
    )
    assert await DoorClient(app).code(door, "login", {"email": address, "password": PASSWORD}) is None
    assert address.split("@")[0].split("-")[1] in (await row_of(app, UserSearchRow, id=kim.id)).words
    await register_user(app, email=kim.email)


@both_doors
async def test_an_email_change_to_the_address_of_another_account_fails_at_verification(
    app: "TradepostApp", door: Door
) -> None:
    kim, other = await register_and_log_in(app), await register_and_log_in(app)
    assert await kim.ok(door, "email_change", {"email": other.email, "password": PASSWORD}) == {"status": "accepted"}
    token = await email_token(app, VERIFY, kim.id, other.email)
    assert await DoorClient(app).code(door, "email_verify", {"token": token}) == "already_exists"
    assert (await kim.ok(door, "me"))["email"] == kim.email
    assert (await other.ok(door, "me"))["email"] == other.email


async def test_one_of_several_accounts_that_verify_an_address_concurrently_gets_it(app: "TradepostApp") -> None:
    address, clients = f"{unique('new')}@shop.example", [await register_and_log_in(app) for _ in range(4)]
    tokens = [await email_token(app, VERIFY, one.id, address) for one in clients]
    codes = await asyncio.gather(
        *[DoorClient(app).code(DOORS[i % 2], "email_verify", {"token": t}) for i, t in enumerate(tokens)]
    )
    assert sorted([str(c) for c in codes]) == ["None"] + ["already_exists"] * 3
    assert (await row_of(app, UserRow, email=address)).id == clients[codes.index(None)].id


@both_doors
async def test_a_suspended_account_cannot_use_email_tokens(app: "TradepostApp", door: Door) -> None:
    kim, admin = await register_and_log_in(app), await register_and_log_in(app, "admin")
    reset, verify = [await email_token(app, purpose, kim.id, kim.email) for purpose in (RESET, VERIFY)]
    await admin.ok(door, "user_suspend", id=kim.id)
    assert (
        await DoorClient(app).code(door, "password_reset_confirm", {"token": reset, "new_password": OTHER_PASSWORD})
        == "invalid_token"
    )
    assert await DoorClient(app).code(door, "email_verify", {"token": verify}) == "invalid_token"


@both_doors
async def test_a_closed_account_is_erased_and_its_address_and_username_are_free(
    app: "TradepostApp", door: Door
) -> None:
    name = f"n{unique()}"[:20]
    kim = await register_and_log_in(app, username=name, full_name="Kim Larsen")
    other = await log_in_again(kim)
    await kim.ok("rest", "address_create", HOME)
    key = kim.with_credential((await kim.ok("rest", "api_key_create", {"name": "till"}))["secret"])
    assert await key.is_authenticated(door)
    token = await email_token(app, RESET, kim.id, kim.email)
    assert await kim.code(door, "me_close", {"password": OTHER_PASSWORD}) == "invalid_credentials"
    assert await kim.code(door, "me_close", {"password": PASSWORD}) is None
    for one in (kim, other, key):
        assert [await one.is_authenticated(d) for d in DOORS] == [False, False]
    assert (
        await DoorClient(app).code(door, "login", {"email": kim.email, "password": PASSWORD}) == "invalid_credentials"
    )
    assert await DoorClient(app).code(door, "token_refresh", {"refresh_token": other.refresh_token}) == "invalid_token"
    assert (
        await DoorClient(app).code(door, "password_reset_confirm", {"token": token, "new_password": OTHER_PASSWORD})
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
    id, email = await register_user(app, door, email=kim.email, username=name)
    assert id != kim.id
    assert await (await log_in(app, id, email, door=door)).is_authenticated(door)


async def test_an_email_token_used_during_a_closure_leaves_the_closed_account_erased(app: "TradepostApp") -> None:
    for purpose in (RESET, VERIFY) * 3:
        kim = await register_and_log_in(app)
        address = kim.email if purpose == RESET else f"{unique('new')}@shop.example"
        token = await email_token(app, purpose, kim.id, address)
        operation = "password_reset_confirm" if purpose == RESET else "email_verify"
        body = {"token": token, "new_password": OTHER_PASSWORD} if purpose == RESET else {"token": token}
        use = DoorClient(app).code("rest", operation, body)
        _, closed = await asyncio.gather(use, kim.code("rest", "me_close", {"password": PASSWORD}))
        row = await row_of(app, UserRow, id=kim.id)
        if closed is None:
            assert (row.status, row.password_hash, row.email, row.email_verified_at) == (
                "closed",
                None,
                f"{kim.id}@closed.invalid",
                None,
            )
        else:  # the password was reset first
            assert row.status == "active"


@both_doors
async def test_the_verification_email_can_be_requested_again(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    assert await kim.ok(door, "email_verification_request") == {"status": "accepted"}
    assert await emails_to(app, kim.id) == [("verify_email", {"email": kim.email})] * 2
    assert await DoorClient(app).code(door, "email_verification_request") == "unauthenticated"


@both_doors
async def test_an_api_key_without_a_user_has_no_account(app: "TradepostApp", door: Door) -> None:
    door_client = DoorClient(app).with_credential(await app.state.credentials.create(name="till", role="admin"))
    assert await door_client.code(door, "me") == "not_found"
    assert await door_client.code(door, "email_verification_request") == "forbidden"
    assert await door_client.code(door, "logout_everywhere") == "forbidden"
    assert await door_client.code(door, "address_create", HOME) == "forbidden"
    assert await door_client.code(door, "api_key_create", {"name": "x"}) == "forbidden"
    assert (
        await door_client.code(door, "password_change", {"current_password": PASSWORD, "new_password": OTHER_PASSWORD})
        == "invalid_credentials"
    )


async def test_no_email_token_is_in_the_outbox(app: "TradepostApp") -> None:
    kim = await register_and_log_in(app)
    await DoorClient(app).ok("rest", "password_reset", {"email": kim.email})
    token = await email_token(app, RESET, kim.id, kim.email)
    assert not [r for r in await rows_of(app, OutboxEvent) if token in str(r.data) or "mt_" in str(r.data)]
