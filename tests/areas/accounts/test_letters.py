"""Letters: who gets which, what stands in them, and that no token stands anywhere else."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import select, text, update

from tests.areas.accounts.letterbox import Letterbox, token_in
from tests.conftest import HERE
from tests.factories import assert_problem, unique
from tests.kit.outboxes import poll_and_finish, stored_event
from tradepost.areas.accounts.models import EmailTokenRow, UserRow
from tradepost.areas.accounts.service import delete_expired
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.clock import now
from tradepost.kit.worker.outbox_queue import EVENTS
from tradepost.kit.writes.call_context import CallContext
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

PASSWORD, OTHER = "seven grey herons asleep", "four green boats at noon"


@pytest.fixture
async def shop(fresh_settings: Callable[[], Settings], anyio_backend: str) -> AsyncIterator["TradepostApp"]:
    """A shop whose outbox nobody else reads."""
    from tradepost.app import create_app

    made = create_app(fresh_settings())
    async with made.lifespan():
        yield made


@pytest.fixture
async def visitor(shop: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        yield client


@pytest.fixture
def box(shop: "TradepostApp") -> Letterbox:
    return Letterbox(shop)


def address() -> str:
    return f"{unique('kim')}@shop.example"


async def register(visitor: httpx.AsyncClient, email: str, **more: str) -> None:
    answer = await visitor.post("/v1/auth/register", json={"email": email, "password": PASSWORD, **more})
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"}), answer.text


async def login(visitor: httpx.AsyncClient, email: str, password: str = PASSWORD) -> dict[str, str]:
    answer = await visitor.post("/v1/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_a_new_account_is_asked_to_verify_its_address_and_the_letter_is_good_once(
    visitor: httpx.AsyncClient, box: Letterbox
) -> None:
    email = address()
    await register(visitor, email.upper().replace("@SHOP", "@Shop"))
    headers = await login(visitor, email)
    assert (await visitor.get("/v1/users/me", headers=headers)).json()["email_verified_at"] is None
    [letter] = await box.collect(email)
    token = token_in(letter)
    assert f"{HERE}/verify-email#token=" in letter.text
    assert (await visitor.post("/v1/auth/email-verification", json={"token": token})).json() == {"status": "done"}
    assert (await visitor.get("/v1/users/me", headers=headers)).json()["email_verified_at"] is not None
    assert_problem(await visitor.post("/v1/auth/email-verification", json={"token": token}), 401, "invalid_token")


async def test_the_owner_of_a_known_address_is_told_and_nothing_of_the_account_changes(
    visitor: httpx.AsyncClient, box: Letterbox
) -> None:
    email = address()
    await register(visitor, email, full_name="Kim")
    await register(visitor, email, full_name="Not Kim")
    # Letters are sent side by side.
    first, second = sorted(await box.collect(email), key=lambda letter: "already" in letter.text)
    assert token_in(first)
    assert "already" in second.text
    assert "#token" not in second.text
    assert (await visitor.get("/v1/users/me", headers=await login(visitor, email))).json()["full_name"] == "Kim"


async def test_a_reset_is_answered_alike_and_only_a_known_address_gets_a_letter(
    visitor: httpx.AsyncClient, box: Letterbox
) -> None:
    email, nobody = address(), address()
    await register(visitor, email)
    await box.collect(email)
    answers = [
        await visitor.post("/v1/auth/password-reset", json={"email": each})
        for each in (email.upper(), nobody, "no address at all")
    ]
    assert {(a.status_code, a.text) for a in answers} == {(202, '{"status":"accepted"}')}
    letters = await box.collect(email)
    assert len(letters) == 2
    assert await box.collect(nobody) == []
    ended = await login(visitor, email)
    token = token_in(letters[1])
    bad = await visitor.post(
        "/v1/auth/password-reset/confirmation", json={"token": token, "new_password": email.partition("@")[0]}
    )
    assert_problem(bad, 422, "validation")
    done = await visitor.post("/v1/auth/password-reset/confirmation", json={"token": token, "new_password": OTHER})
    assert (done.status_code, done.content) == (204, b"")
    assert_problem(await visitor.get("/v1/users/me", headers=ended), 401, "unauthenticated")
    assert_problem(
        await visitor.post("/v1/auth/login", json={"email": email, "password": PASSWORD}), 401, "invalid_credentials"
    )
    headers = await login(visitor, email, OTHER)
    # Whoever read that letter reads the address.
    assert (await visitor.get("/v1/users/me", headers=headers)).json()["email_verified_at"] is not None
    again = await visitor.post("/v1/auth/password-reset/confirmation", json={"token": token, "new_password": OTHER})
    assert_problem(again, 401, "invalid_token")
    assert "was changed" in (await box.collect(email))[-1].text


async def test_a_letter_that_is_not_taken_is_sent_again_under_the_same_id(
    visitor: httpx.AsyncClient, box: Letterbox, shop: "TradepostApp"
) -> None:
    email = address()
    await register(visitor, email)
    box.failing = 1
    assert await box.collect(email) == []
    async with shop.state.database.transaction() as session:
        await session.execute(
            update(EVENTS).values(due_at=now() - timedelta(seconds=1)).where(EVENTS.c.sent_at.is_(None))
        )
    [letter] = await box.collect(email)
    assert (await visitor.post("/v1/auth/email-verification", json={"token": token_in(letter)})).status_code == 200
    [(id, _)] = box.letters
    assert (await stored_event(shop.state.database, id)).type == "mail.verify_email"


async def test_no_token_and_in_the_end_no_address_stands_in_the_outbox(
    visitor: httpx.AsyncClient, box: Letterbox, shop: "TradepostApp"
) -> None:
    email = address()
    await register(visitor, email)
    await visitor.post("/v1/auth/password-reset", json={"email": email})
    letters = await box.collect(email)
    tokens = [token_in(letter) for letter in letters]
    assert len(tokens) == 2
    async with shop.state.database.engine.connect() as connection:
        for table in ("outbox_event", "audit_entry", "mailed_token", '"user"', "idempotency_record"):
            rows = str((await connection.execute(text(f"SELECT * FROM {table}"))).all())
            assert not [t for t in (*tokens, PASSWORD) if t in rows], table
            assert table in ('"user"', "mailed_token") or email not in rows, table


async def test_a_token_too_old_or_of_another_kind_is_good_for_nothing(
    visitor: httpx.AsyncClient, box: Letterbox, shop: "TradepostApp"
) -> None:
    email = address()
    await register(visitor, email)
    await visitor.post("/v1/auth/password-reset", json={"email": email})
    letters = await box.collect(email)
    verify, reset = sorted(
        [token_in(letter) for letter in letters],
        key=lambda t: "verify" not in next(x.text for x in letters if t in x.text),
    )
    assert_problem(await visitor.post("/v1/auth/email-verification", json={"token": reset}), 401, "invalid_token")
    crossed = await visitor.post("/v1/auth/password-reset/confirmation", json={"token": verify, "new_password": OTHER})
    assert_problem(crossed, 401, "invalid_token")
    async with shop.state.database.transaction() as session:
        await session.execute(update(EmailTokenRow).values(expires_at=now() - timedelta(seconds=1)))
    assert_problem(await visitor.post("/v1/auth/email-verification", json={"token": verify}), 401, "invalid_token")
    late = await visitor.post("/v1/auth/password-reset/confirmation", json={"token": reset, "new_password": OTHER})
    assert_problem(late, 401, "invalid_token")
    await delete_expired(CallContext(ANONYMOUS, shop.state.database))
    async with shop.state.database.sessions() as session:
        assert (await session.scalars(select(EmailTokenRow.id))).all() == []


async def test_another_address_counts_once_its_letter_is_answered(visitor: httpx.AsyncClient, box: Letterbox) -> None:
    email, other = address(), address()
    await register(visitor, email)
    headers = await login(visitor, email)
    wrong = await visitor.post("/v1/auth/email-change", json={"email": other, "password": OTHER}, headers=headers)
    assert_problem(wrong, 401, "invalid_credentials")
    asked = await visitor.post("/v1/auth/email-change", json={"email": other, "password": PASSWORD}, headers=headers)
    assert (asked.status_code, asked.json()) == (202, {"status": "accepted"})
    assert (await visitor.get("/v1/users/me", headers=headers)).json()["email"] == email
    [letter] = await box.collect(other)
    assert (await visitor.post("/v1/auth/email-verification", json={"token": token_in(letter)})).status_code == 200
    assert (await visitor.get("/v1/users/me?fields=email", headers=headers)).json() == {"email": other}
    await login(visitor, other)


async def test_who_read_the_address_of_before_is_told_that_there_is_another(
    visitor: httpx.AsyncClient, box: Letterbox
) -> None:
    email, other = address(), address()
    await register(visitor, email)
    await box.collect(email)
    headers = await login(visitor, email)
    await visitor.post("/v1/auth/email-change", json={"email": other, "password": PASSWORD}, headers=headers)
    [letter] = await box.collect(other)
    await visitor.post("/v1/auth/email-verification", json={"token": token_in(letter)})
    told = (await box.collect(email))[-1]
    assert told.subject == "Your e-mail address was changed"
    assert "#token" not in told.text


async def test_a_letter_that_was_asked_for_before_a_new_password_is_not_sent_after_it(
    visitor: httpx.AsyncClient, box: Letterbox
) -> None:
    """Else whoever had the old password could take the account over by a letter that was late."""
    email, other = address(), address()
    await register(visitor, email)
    await box.collect(email)
    headers = await login(visitor, email)
    await visitor.post("/v1/auth/email-change", json={"email": other, "password": PASSWORD}, headers=headers)
    changed = await visitor.post(
        "/v1/auth/password", json={"current_password": PASSWORD, "new_password": OTHER}, headers=headers
    )
    assert changed.status_code == 204
    assert await box.collect(other) == []


async def test_the_address_of_another_account_is_not_given_away_and_its_owner_is_told(
    visitor: httpx.AsyncClient, box: Letterbox
) -> None:
    email, taken = address(), address()
    await register(visitor, email)
    await register(visitor, taken)
    await box.collect(taken)
    headers = await login(visitor, email)
    asked = await visitor.post("/v1/auth/email-change", json={"email": taken, "password": PASSWORD}, headers=headers)
    assert (asked.status_code, asked.json()) == (202, {"status": "accepted"})
    told = (await box.collect(taken))[-1]
    assert "another account" in told.text
    assert "#token" not in told.text


async def test_nobody_writes_to_an_account_that_is_closed_meanwhile(
    visitor: httpx.AsyncClient, box: Letterbox, shop: "TradepostApp"
) -> None:
    email = address()
    await register(visitor, email)
    async with shop.state.database.transaction() as session:
        await session.execute(update(UserRow).where(UserRow.email == email).values(status="suspended"))
    assert await box.collect(email) == []
    assert await poll_and_finish(box.relay) == 0
