"""The first verification of an address ends sessions and API keys that were made before it."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.areas.accounts.account_client import (
    DOORS,
    AccountClient,
    Door,
    DoorClient,
    count_of,
    email_token,
    emails_to,
    log_in_again,
    register_and_log_in,
    row_of,
)
from tests.factories import unique
from tradepost.areas.accounts.models import UserRow
from tradepost.kit.writes.outbox import OutboxEvent

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

both_doors = pytest.mark.parametrize("door", DOORS)
VERIFY = "verify_email"


async def make_key(client: DoorClient, door: Door, name: str = "back door") -> DoorClient:
    """Create an API key and return a client that uses it."""
    return client.with_credential((await client.ok(door, "api_key_create", {"name": name}))["secret"])


async def verify(client: DoorClient, door: Door, user: AccountClient, email: str = "") -> None:
    """Verify an address of a user."""
    token = await email_token(user.app, VERIFY, user.id, email or user.email)
    assert await client.ok(door, "email_verify", {"token": token}) == {"status": "done"}


async def accepted(door: Door, *clients: DoorClient) -> list[bool]:
    """Return whether each credential is accepted."""
    return [await client.is_authenticated(door) for client in clients]


@both_doors
async def test_it_ends_every_session_and_key_that_was_made_before_it(app: "TradepostApp", door: Door) -> None:
    """Another person registered the address, logged in and created a key."""
    thief = await register_and_log_in(app, door=door)
    other, key = await log_in_again(thief, door), await make_key(thief, door)
    assert await accepted(door, thief, other, key) == [True] * 3
    await verify(DoorClient(app), door, thief)
    for d in DOORS:
        assert await accepted(d, thief, other, key) == [False] * 3
    code = await DoorClient(app).code(door, "token_refresh", {"refresh_token": other.refresh_token})
    assert code == "invalid_token"
    emails = await emails_to(app, thief.id)
    assert emails[-1] == ("access_revoked", {"sessions": 2, "api_keys": ["back door"]})
    assert await count_of(app, OutboxEvent, subject=thief.id, type="user.email_verified") == 1
    assert await accepted(door, await log_in_again(thief, door)) == [True]


@both_doors
async def test_nothing_ends_if_it_is_requested_from_within_a_session_of_the_account(
    app: "TradepostApp", door: Door
) -> None:
    kim = await register_and_log_in(app, door=door)
    other, key = await log_in_again(kim, door), await make_key(kim, door)
    await verify(kim, door, kim)
    assert await accepted(door, kim, other, key) == [True] * 3
    assert "access_revoked" not in dict(await emails_to(app, kim.id))


@both_doors
@pytest.mark.parametrize("credential", ["key", "another account"])
async def test_an_api_key_or_a_session_of_another_account_does_not_count(
    app: "TradepostApp", door: Door, credential: str
) -> None:
    kim = await register_and_log_in(app)
    key = await make_key(kim, door)
    await verify(key if credential == "key" else await register_and_log_in(app), door, kim)
    assert await accepted(door, kim, key) == [False, False]


@both_doors
async def test_a_repeated_verification_ends_nothing(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    await verify(kim, door, kim)
    key = await make_key(kim, door)
    await verify(DoorClient(app), door, kim)
    assert await accepted(door, kim, key) == [True, True]


@both_doors
async def test_a_new_address_of_a_verified_account_is_verified_for_the_first_time_too(
    app: "TradepostApp", door: Door
) -> None:
    """Its owner may think that it is their own account."""
    thief, address = await register_and_log_in(app), f"{unique('new')}@shop.example"
    await verify(thief, door, thief)
    key = await make_key(thief, door)
    await verify(DoorClient(app), door, thief, address)
    assert await accepted(door, thief, key) == [False, False]
    assert (await row_of(app, UserRow, id=thief.id)).email == address
    assert (await emails_to(app, thief.id))[-1] == ("access_revoked", {"sessions": 1, "api_keys": ["back door"]})


@both_doors
async def test_an_account_without_sessions_and_keys_gets_no_email_about_them(app: "TradepostApp", door: Door) -> None:
    kim = await register_and_log_in(app)
    assert await kim.code(door, "logout") is None
    await verify(DoorClient(app), door, kim)
    assert "access_revoked" not in dict(await emails_to(app, kim.id))


async def test_no_key_that_is_created_at_the_same_time_survives(app: "TradepostApp") -> None:
    for number in range(4):
        thief = await register_and_log_in(app)
        doors = (DOORS[number % 2], DOORS[number // 2])
        token = await email_token(app, VERIFY, thief.id, thief.email)
        _, answer = await asyncio.gather(
            DoorClient(app).ok(doors[0], "email_verify", {"token": token}),
            thief.call(doors[1], "api_key_create", {"name": "back door"}),
        )
        assert answer.code in (None, "unauthenticated", "reauthentication_required")
        if answer.code is None:
            assert await accepted("rest", thief.with_credential(answer.body["secret"])) == [False]
