"""E-mails: which are sent to whom, what they contain, and that tokens are nowhere else."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import select, text, update

from tests.areas.accounts.captured_mail import CapturedMail, token_in_email
from tests.conftest import HERE
from tests.factories import assert_problem, unique
from tests.kit.relay_helpers import poll_and_finish, stored_event
from tradepost.areas.accounts.models import ApiKeyRow, EmailTokenRow, UserRow
from tradepost.areas.accounts.service import delete_expired
from tradepost.areas.accounts.service.emails import TEMPLATES
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.clock import now
from tradepost.kit.worker.email_templates import EmailTemplates
from tradepost.kit.worker.outbox_queue import EVENTS
from tradepost.kit.writes.call_context import CallContext
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

PASSWORD, OTHER_PASSWORD = "seven grey herons asleep", "four green boats at noon"


@pytest.fixture
async def shop(fresh_settings: Callable[[], Settings], anyio_backend: object) -> AsyncIterator["TradepostApp"]:
    """A shop with its own database, so that no other test reads its outbox."""
    from tradepost.app import create_app

    app = create_app(fresh_settings())
    async with app.lifespan():
        yield app


@pytest.fixture
async def client(shop: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        yield client


@pytest.fixture
def mail(shop: "TradepostApp") -> CapturedMail:
    return CapturedMail(shop)


def address() -> str:
    return f"{unique('kim')}@shop.example"


async def register(client: httpx.AsyncClient, email: str, **members: str) -> None:
    answer = await client.post("/v1/auth/register", json={"email": email, "password": PASSWORD, **members})
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"}), answer.text


async def login(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> dict[str, str]:
    answer = await client.post("/v1/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_a_new_account_gets_an_email_that_verifies_its_address_once(
    client: httpx.AsyncClient, mail: CapturedMail
) -> None:
    email = address()
    await register(client, email.upper().replace("@SHOP", "@Shop"))
    headers = await login(client, email)
    assert (await client.get("/v1/users/me", headers=headers)).json()["email_verified_at"] is None
    [message] = await mail.collect(email)
    token = token_in_email(message)
    assert f"{HERE}/verify-email?token=" in message.text
    verified = await client.post("/v1/auth/email-verification", json={"token": token}, headers=headers)
    assert verified.json() == {"status": "done"}
    assert (await client.get("/v1/users/me", headers=headers)).json()["email_verified_at"] is not None
    assert_problem(await client.post("/v1/auth/email-verification", json={"token": token}), 401, "invalid_token")


async def test_registering_a_known_address_notifies_its_owner_and_changes_nothing(
    client: httpx.AsyncClient, mail: CapturedMail
) -> None:
    email = address()
    await register(client, email, full_name="Kim")
    await register(client, email, full_name="Not Kim")
    # E-mails are sent concurrently.
    first, second = sorted(await mail.collect(email), key=lambda message: "already" in message.text)
    assert token_in_email(first)
    assert "already" in second.text
    assert "token=" not in second.text
    assert (await client.get("/v1/users/me", headers=await login(client, email))).json()["full_name"] == "Kim"


async def test_a_reset_request_gets_the_same_response_but_only_a_known_address_gets_an_email(
    client: httpx.AsyncClient, mail: CapturedMail
) -> None:
    email, unknown = address(), address()
    await register(client, email)
    await mail.collect(email)
    answers = [
        await client.post("/v1/auth/password-reset", json={"email": each})
        for each in (email.upper(), unknown, "no address at all")
    ]
    assert {(a.status_code, a.text) for a in answers} == {(202, '{"status":"accepted"}')}
    messages = await mail.collect(email)
    assert len(messages) == 2
    assert await mail.collect(unknown) == []
    ended = await login(client, email)
    token = token_in_email(messages[1])
    bad = await client.post(
        "/v1/auth/password-reset/confirmation", json={"token": token, "new_password": email.partition("@")[0]}
    )
    assert_problem(bad, 422, "validation")
    done = await client.post(
        "/v1/auth/password-reset/confirmation", json={"token": token, "new_password": OTHER_PASSWORD}
    )
    assert (done.status_code, done.content) == (204, b"")
    assert_problem(await client.get("/v1/users/me", headers=ended), 401, "unauthenticated")
    assert_problem(
        await client.post("/v1/auth/login", json={"email": email, "password": PASSWORD}), 401, "invalid_credentials"
    )
    headers = await login(client, email, OTHER_PASSWORD)
    # The reset proves that the user reads this address.
    assert (await client.get("/v1/users/me", headers=headers)).json()["email_verified_at"] is not None
    reused = await client.post(
        "/v1/auth/password-reset/confirmation", json={"token": token, "new_password": OTHER_PASSWORD}
    )
    assert_problem(reused, 401, "invalid_token")
    assert "was changed" in (await mail.collect(email))[-1].text


async def test_an_email_that_fails_is_sent_again_with_the_same_id(
    client: httpx.AsyncClient, mail: CapturedMail, shop: "TradepostApp"
) -> None:
    email = address()
    await register(client, email)
    mail.failing = 1
    assert await mail.collect(email) == []
    async with shop.state.database.transaction() as session:
        await session.execute(
            update(EVENTS).values(due_at=now() - timedelta(seconds=1)).where(EVENTS.c.sent_at.is_(None))
        )
    [message] = await mail.collect(email)
    verified = await client.post("/v1/auth/email-verification", json={"token": token_in_email(message)})
    assert verified.status_code == 200
    [(id, _)] = mail.emails
    assert (await stored_event(shop.state.database, id)).type == "mail.verify_email"


async def test_sent_emails_leave_no_token_and_no_address_in_the_outbox(
    client: httpx.AsyncClient, mail: CapturedMail, shop: "TradepostApp"
) -> None:
    email = address()
    await register(client, email)
    await client.post("/v1/auth/password-reset", json={"email": email})
    tokens = [token_in_email(message) for message in await mail.collect(email)]
    assert len(tokens) == 2
    async with shop.state.database.engine.connect() as connection:
        for table in ("outbox_event", "audit_entry", "mailed_token", '"user"', "idempotency_record"):
            rows = str((await connection.execute(text(f"SELECT * FROM {table}"))).all())
            assert not [t for t in (*tokens, PASSWORD) if t in rows], table
            assert table in ('"user"', "mailed_token") or email not in rows, table


async def test_an_expired_token_or_one_for_another_purpose_is_refused(
    client: httpx.AsyncClient, mail: CapturedMail, shop: "TradepostApp"
) -> None:
    email = address()
    await register(client, email)
    await client.post("/v1/auth/password-reset", json={"email": email})
    messages = sorted(await mail.collect(email), key=lambda message: "/verify-email?" not in message.text)
    verify, reset = [token_in_email(message) for message in messages]
    assert_problem(await client.post("/v1/auth/email-verification", json={"token": reset}), 401, "invalid_token")
    swapped = await client.post(
        "/v1/auth/password-reset/confirmation", json={"token": verify, "new_password": OTHER_PASSWORD}
    )
    assert_problem(swapped, 401, "invalid_token")
    async with shop.state.database.transaction() as session:
        await session.execute(update(EmailTokenRow).values(expires_at=now() - timedelta(seconds=1)))
    assert_problem(await client.post("/v1/auth/email-verification", json={"token": verify}), 401, "invalid_token")
    late = await client.post(
        "/v1/auth/password-reset/confirmation", json={"token": reset, "new_password": OTHER_PASSWORD}
    )
    assert_problem(late, 401, "invalid_token")
    await delete_expired(CallContext(ANONYMOUS, shop.state.database))
    async with shop.state.database.session_factory() as session:
        assert (await session.scalars(select(EmailTokenRow.id))).all() == []


async def test_an_email_change_applies_once_the_new_address_is_verified(
    client: httpx.AsyncClient, mail: CapturedMail
) -> None:
    email, other = address(), address()
    await register(client, email)
    headers = await login(client, email)
    wrong = await client.post(
        "/v1/auth/email-change", json={"email": other, "password": OTHER_PASSWORD}, headers=headers
    )
    assert_problem(wrong, 401, "invalid_credentials")
    requested = await client.post("/v1/auth/email-change", json={"email": other, "password": PASSWORD}, headers=headers)
    assert (requested.status_code, requested.json()) == (202, {"status": "accepted"})
    assert (await client.get("/v1/users/me", headers=headers)).json()["email"] == email
    [message] = await mail.collect(other)
    verified = await client.post(
        "/v1/auth/email-verification", json={"token": token_in_email(message)}, headers=headers
    )
    assert verified.status_code == 200
    assert (await client.get("/v1/users/me?fields=email", headers=headers)).json() == {"email": other}
    await login(client, other)


async def test_an_email_change_notifies_the_old_address_before_and_after_it(
    client: httpx.AsyncClient, mail: CapturedMail
) -> None:
    email, other = address(), address()
    await register(client, email)
    await mail.collect(email)
    mail.emails.clear()
    headers = await login(client, email)
    await client.post("/v1/auth/email-change", json={"email": other, "password": PASSWORD}, headers=headers)
    [before] = await mail.collect(email)
    assert before.subject == "Your e-mail address is about to be changed"
    assert other in before.text
    assert f"{HERE}/forgot-password" in before.text
    [message] = await mail.collect(other)
    await client.post("/v1/auth/email-verification", json={"token": token_in_email(message)})
    _, after = await mail.collect(email)
    assert after.subject == "Your e-mail address was changed"
    assert not [notice for notice in (before, after) if "token=" in notice.text or "token=" in notice.html]


async def test_a_reset_that_the_notice_advises_stops_the_email_change(
    client: httpx.AsyncClient, mail: CapturedMail
) -> None:
    email, other = address(), address()
    await register(client, email)
    headers = await login(client, email)
    await client.post("/v1/auth/email-change", json={"email": other, "password": PASSWORD}, headers=headers)
    [message] = await mail.collect(other)
    mail.emails.clear()
    await client.post("/v1/auth/password-reset", json={"email": email})
    [reset] = await mail.collect(email)
    body = {"token": token_in_email(reset), "new_password": OTHER_PASSWORD}
    assert (await client.post("/v1/auth/password-reset/confirmation", json=body)).status_code == 204
    late = await client.post("/v1/auth/email-verification", json={"token": token_in_email(message)})
    assert_problem(late, 401, "invalid_token")
    await login(client, email, OTHER_PASSWORD)


@pytest.mark.parametrize("how", ["reset", "verify"])
async def test_an_email_lists_the_sessions_and_api_keys_that_ended(
    shop: "TradepostApp", client: httpx.AsyncClient, mail: CapturedMail, how: str
) -> None:
    email = address()
    await register(client, email)
    await login(client, email)
    headers = await login(client, email)
    for name in ("<b>till</b>", "Warehouse & co", "Expired"):
        created = await client.post("/v1/api-keys", json={"name": name}, headers=headers)
        assert created.status_code == 201, created.text
    async with shop.state.database.transaction() as session:
        await session.execute(update(ApiKeyRow).where(ApiKeyRow.name == "Expired").values(expires_at=now()))
    [verification] = await mail.collect(email)
    if how == "verify":
        body = {"token": token_in_email(verification)}
        assert (await client.post("/v1/auth/email-verification", json=body)).status_code == 200
    else:
        await client.post("/v1/auth/password-reset", json={"email": email})
        body = {"token": token_in_email((await mail.collect(email))[-1]), "new_password": OTHER_PASSWORD}
        assert (await client.post("/v1/auth/password-reset/confirmation", json=body)).status_code == 204
    notice = (await mail.collect(email))[-1]
    assert notice.subject == (
        "Your password was changed" if how == "reset" else "Sessions and API keys of your account ended"
    )
    assert '- 2 sessions\n- the API key "<b>till</b>"\n- the API key "Warehouse & co"\n\n' in notice.text
    assert "<b>till" not in notice.html
    assert "&lt;b&gt;till&lt;/b&gt;" in notice.html
    assert "Expired" not in notice.text


async def test_an_email_requested_before_a_password_change_is_not_sent_after_it(
    client: httpx.AsyncClient, mail: CapturedMail
) -> None:
    """Otherwise a delayed e-mail would let someone with the old password take over the account."""
    email, other = address(), address()
    await register(client, email)
    await mail.collect(email)
    headers = await login(client, email)
    await client.post("/v1/auth/email-change", json={"email": other, "password": PASSWORD}, headers=headers)
    changed = await client.post(
        "/v1/auth/password", json={"current_password": PASSWORD, "new_password": OTHER_PASSWORD}, headers=headers
    )
    assert changed.status_code == 204
    assert await mail.collect(other) == []


async def test_an_email_change_to_a_registered_address_notifies_its_owner_and_gets_the_usual_response(
    client: httpx.AsyncClient, mail: CapturedMail
) -> None:
    email, taken = address(), address()
    await register(client, email)
    await register(client, taken)
    await mail.collect(taken)
    headers = await login(client, email)
    requested = await client.post("/v1/auth/email-change", json={"email": taken, "password": PASSWORD}, headers=headers)
    assert (requested.status_code, requested.json()) == (202, {"status": "accepted"})
    notice = (await mail.collect(taken))[-1]
    assert "another account" in notice.text
    assert "token=" not in notice.text


async def test_no_email_is_sent_to_an_account_that_was_suspended_in_the_meantime(
    client: httpx.AsyncClient, mail: CapturedMail, shop: "TradepostApp"
) -> None:
    email = address()
    await register(client, email)
    async with shop.state.database.transaction() as session:
        await session.execute(update(UserRow).where(UserRow.email == email).values(status="suspended"))
    assert await mail.collect(email) == []
    assert await poll_and_finish(mail.relay) == 0


async def test_every_email_has_a_text_and_the_same_as_html() -> None:
    values: dict[str, Any] = {
        "link": f"{HERE}/page?token=a&b=c",
        "sessions": 1,
        "api_keys": ["<i>till</i>"],
        "new_email": "new@shop.example",
        "is_registration": True,
    }
    names = {path.stem for path in TEMPLATES.glob("en/[!_]*.txt")}
    assert names == {path.stem for path in TEMPLATES.glob("en/[!_]*.html")}
    assert len(names) > 6
    for name in names:
        email = EmailTemplates().render(TEMPLATES, name, "kim@shop.example", **values)
        assert email.subject
        assert email.subject.isprintable()
        assert "{" not in email.text + email.html
        assert "<i>" not in email.html
        # No tracking: an e-mail loads nothing, and its only link is the one in the text.
        links = re.findall(r'(?:href|src)="([^"]*)"', email.html)
        assert links == [escape(values["link"])] * email.text.count(values["link"]), name
