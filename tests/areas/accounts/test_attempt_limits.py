"""Failed log-ins stop the client that makes them, not the owner of the account."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from secrets import randbelow

import httpx
import msgspec
import pytest

from tests.app_client import AppClient
from tests.areas.accounts.account_client import (
    DOORS,
    OTHER_PASSWORD,
    PASSWORD,
    Door,
    DoorClient,
    count_of,
    email_token,
    emails_to,
    log_in,
    register_user,
    rows_of,
)
from tests.factories import unique
from tradepost.app import TradepostApp, create_app
from tradepost.kit.rate_limit import credential_attempts
from tradepost.kit.rate_limit.buckets import HOUR
from tradepost.kit.rate_limit.counters import Counter
from tradepost.kit.redis import connection
from tradepost.kit.writes.outbox import OutboxEvent
from tradepost.settings import Settings

both_doors = pytest.mark.parametrize("door", DOORS)


@pytest.fixture
async def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TradepostApp]:
    """An app with the default limits on credential attempts and e-mails, with two exceptions.

    An account has 30 attempts an hour instead of 200, so that they are quickly used up. What is
    counted by the minute is counted by the hour, so that no test has to be fast.
    """
    monkeypatch.setattr(connection, "SILENT_TICKS", 500)  # a slow machine is no lost connection to Redis
    monkeypatch.setattr(credential_attempts, "Counter", lambda key, size, seconds=HOUR: Counter(key, size, seconds))
    limits = {
        "budget_login_account": 10,
        "budget_login_address": 30,
        "budget_login_account_hour": 30,
        "budget_emails": 5,
    }
    app = create_app(msgspec.structs.replace(settings, **limits))
    async with app.lifespan():
        yield app


@dataclass
class ClientAtAddress(DoorClient):
    """A client without a credential, at an address."""

    address: str = ""

    def client(self) -> httpx.AsyncClient:
        """Return a new HTTP client."""
        return AppClient(self.app, headers=self.headers, address=(self.address, 4711))


def client_of(app: TradepostApp) -> ClientAtAddress:
    """Return a client at an address that no other test uses."""
    return ClientAtAddress(app, address=f"10.{randbelow(256)}.{randbelow(256)}.{randbelow(256)}")


async def fail(client: ClientAtAddress, email: str, times: int, door: Door | None = None) -> None:
    """Log in with a wrong password several times, by turns through both doors."""
    for n in range(times):
        code = await client.code(door or DOORS[n % 2], "login", {"email": email, "password": OTHER_PASSWORD})
        assert code == "invalid_credentials"


@both_doors
async def test_twelve_wrong_logins_stop_their_client_but_not_the_owner(shop: TradepostApp, door: Door) -> None:
    id, email = await register_user(shop)
    thief, owner = client_of(shop), client_of(shop)
    await fail(thief, email, 10)
    for other in DOORS:
        answer = await thief.call(other, "login", {"email": email, "password": PASSWORD})
        assert (answer.code, answer.problem["violated-policies"]) == ("quota_exceeded", ["login-account"])
    assert await owner.code(door, "login", {"email": email, "password": PASSWORD}) is None
    # The wrong log-ins caused no e-mail: there is only the one that verifies the address.
    assert [kind for kind, _ in await emails_to(shop, id)] == ["verify_email"]


@both_doors
async def test_wrong_logins_never_block_a_password_reset(shop: TradepostApp, door: Door) -> None:
    id, email = await register_user(shop)
    client = client_of(shop)
    await fail(client, email, 10)
    for n in range(2):
        await fail(client, f"{unique()}{n}@shop.example", 10)
    answer = await client.call(door, "login", {"email": f"{unique()}@shop.example", "password": PASSWORD})
    assert answer.problem["violated-policies"] == ["login-address"]
    # From the same network, and although the account has also had its failures of this hour.
    for _ in range(2):
        await fail(client_of(shop), email, 10)
    assert await client_of(shop).code(door, "login", {"email": email, "password": PASSWORD}) == "quota_exceeded"
    assert await client.ok(door, "password_reset", {"email": email}) == {"status": "accepted"}
    reset = {"token": await email_token(shop, "reset_password", id, email), "new_password": OTHER_PASSWORD}
    assert await client.code(door, "password_reset_confirm", reset) is None


@both_doors
async def test_wrong_logins_do_not_end_the_sessions_of_the_same_network(shop: TradepostApp, door: Door) -> None:
    id, email = await register_user(shop)
    kim = await log_in(shop, id, email)
    client = client_of(shop)
    for n in range(3):
        await fail(client, f"{unique()}{n}@shop.example", 10, door)
    assert await client.code(door, "token_refresh", {"refresh_token": kim.refresh_token}) is None


@both_doors
async def test_wrong_tokens_are_limited_by_network(shop: TradepostApp, door: Door) -> None:
    client = client_of(shop)
    codes = [await client.code(DOORS[n % 2], "token_refresh", {"refresh_token": "rt_x"}) for n in range(30)]
    assert set(codes) == {"invalid_token"}
    answer = await client.call(door, "email_verify", {"token": "et_x"})
    assert (answer.code, answer.problem["violated-policies"]) == ("quota_exceeded", ["login-address"])


@both_doors
async def test_an_address_gets_five_password_resets_an_hour(shop: TradepostApp, door: Door) -> None:
    known, unknown = (await register_user(shop))[1], f"{unique()}@shop.example"
    problems = []
    for email in (known, unknown):
        for n in range(5):
            client = client_of(shop)
            assert await client.code(DOORS[n % 2], "password_reset", {"email": email.upper()}) is None
        answer = await client_of(shop).call(door, "password_reset", {"email": email})
        assert (answer.status, answer.problem["violated-policies"]) == (429, ["emails"])
        assert 600 < answer.problem["retry_after"] <= 720
        problems.append(answer.problem["detail"])
    assert problems[0] == problems[1]
    queued = await rows_of(shop, OutboxEvent, type="mail.password_reset")
    assert [r.data["email"] for r in queued if r.data.get("email") in (known, unknown)] == [known] * 5 + [unknown] * 5


@both_doors
async def test_registrations_cannot_flood_an_address_nor_use_up_its_resets(shop: TradepostApp, door: Door) -> None:
    id, email = await register_user(shop)
    for n in range(8):
        form = {"email": email, "password": PASSWORD}
        assert await client_of(shop).ok(DOORS[n % 2], "register", form) == {"status": "accepted"}
    assert [kind for kind, _ in await emails_to(shop, id)] == ["verify_email"] + ["already_registered"] * 4
    before = await count_of(shop, OutboxEvent, type="mail.password_reset")
    assert await client_of(shop).code(door, "password_reset", {"email": email}) is None
    assert await count_of(shop, OutboxEvent, type="mail.password_reset") == before + 1


@both_doors
async def test_a_user_can_ask_for_five_emails_an_hour_to_an_address(shop: TradepostApp, door: Door) -> None:
    id, email = await register_user(shop)
    kim = await log_in(shop, id, email)
    for _ in range(4):
        assert await kim.code(door, "email_verification_request") is None
    answer = await kim.call(door, "email_verification_request")
    assert (answer.code, answer.problem["violated-policies"]) == ("quota_exceeded", ["emails"])
    change = {"email": f"{unique()}@shop.example", "password": PASSWORD}
    assert [await kim.code(door, "email_change", change) for _ in range(6)] == [None] * 5 + ["quota_exceeded"]
    kinds = [kind for kind, _ in await emails_to(shop, id)]
    # A notice to the present address goes with each change that was accepted.
    assert (kinds.count("verify_email"), kinds.count("email_change_requested")) == (10, 5)
