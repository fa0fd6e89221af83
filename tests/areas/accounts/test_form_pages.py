"""The pages that links in e-mails lead to: forms that work without JavaScript."""

import re
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest

from tests.areas.accounts.account_client import (
    OTHER_PASSWORD,
    PASSWORD,
    AccountClient,
    DoorClient,
    email_token,
    log_in_again,
    register_and_log_in,
    row_of,
)
from tests.areas.accounts.captured_mail import CapturedMail
from tests.areas.accounts.html_forms import FormPageReader, open_page
from tests.conftest import HERE
from tests.factories import unique
from tests.rate_limit_headers import request_cost
from tradepost.areas.accounts.models import UserRow
from tradepost.kit.worker.mail import Email
from tradepost.kit.writes.audit import AuditEntry

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

RESET, VERIFY = "reset_password", "verify_email"
PAGES = ["/verify-email", "/change-email", "/reset-password", "/forgot-password"]
TOKEN_PAGES = PAGES[:3]


@pytest.fixture
async def shop(fresh_settings: "Callable[[], Settings]", anyio_backend: object) -> "AsyncIterator[TradepostApp]":
    """A shop with its own database, so that no other test reads its outbox."""
    from tradepost.app import create_app

    app = create_app(fresh_settings())
    async with app.lifespan():
        yield app


def browser(app: "TradepostApp") -> httpx.AsyncClient:
    """Return a client without a credential."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE)


def link_in(email: Email, path: str) -> str:
    """Return the link of an e-mail, which is the same in its text and its HTML."""
    match = re.search(rf"{re.escape(HERE)}{path}\S*", email.text)
    assert match is not None, email.text
    assert f'href="{match[0]}"' in email.html
    return match[0]


async def is_verified(app: "TradepostApp", user: AccountClient) -> bool:
    """Return whether the address of a user is verified."""
    return (await row_of(app, UserRow, id=user.id)).email_verified_at is not None


async def test_the_link_to_verify_an_address_leads_to_a_form_that_verifies_it(shop: "TradepostApp") -> None:
    kim, mail = await register_and_log_in(shop), CapturedMail(shop)
    [email] = await mail.collect(kim.email)
    link = link_in(email, "/verify-email")
    async with browser(shop) as client:
        # Mail scanners follow links; this must have no effect.
        assert (await client.head(link)).status_code == 200
        await open_page(client, link)
        page = await open_page(client, link)
        assert page.answer.status_code == 200
        assert not await is_verified(shop, kim)
        done = await page.submit(client)
        assert done.answer.status_code == 200
        assert done.texts["h1"] == done.texts["title"] == "Your e-mail address is confirmed"
        assert await is_verified(shop, kim)
        # The form has the rules of the operation: the first verification ends all sessions.
        assert not await kim.is_authenticated()
        assert (await mail.collect(kim.email))[-1].subject == "Sessions and API keys of your account ended"
        again = await page.submit(client)
        assert again.answer.status_code == 401
        assert again.alerts == ["This link has expired or was already used. Log in to request a new one."]
        assert again.texts["title"].startswith("Error: ")
    entry = await row_of(shop, AuditEntry, subject=kim.id, type="user.email_verified")
    assert (entry.door, entry.operation) == ("pages", "email_verify")


async def test_the_link_to_confirm_a_new_address_leads_to_a_form_that_changes_it(shop: "TradepostApp") -> None:
    kim, mail, address = await register_and_log_in(shop), CapturedMail(shop), f"{unique('new')}@shop.example"
    await kim.ok("rest", "email_change", {"email": address, "password": PASSWORD})
    [email] = await mail.collect(address)
    async with browser(shop) as client:
        page = await open_page(client, link_in(email, "/change-email"))
        assert page.texts["h1"] == "Confirm your new e-mail address"
        done = await page.submit(client)
        assert (done.answer.status_code, done.texts["h1"]) == (200, "Your e-mail address was changed")
    assert (await row_of(shop, UserRow, id=kim.id)).email == address


async def test_a_new_address_that_another_account_has_by_now_is_an_error_on_the_page(app: "TradepostApp") -> None:
    kim, other = await register_and_log_in(app), await register_and_log_in(app)
    token = await email_token(app, VERIFY, kim.id, other.email)
    async with browser(app) as client:
        page = await (await open_page(client, f"/change-email?token={token}")).submit(client)
    assert (page.answer.status_code, page.alerts) == (409, ["Another account has this address."])


async def test_a_forgotten_password_is_reset_by_two_forms_and_one_email(shop: "TradepostApp") -> None:
    kim, mail = await register_and_log_in(shop), CapturedMail(shop)
    await DoorClient(shop).ok("rest", "register", {"email": kim.email, "password": PASSWORD})
    notice = next(email for email in await mail.collect(kim.email) if "already" in email.subject)
    mail.emails.clear()
    async with browser(shop) as client:
        page = await open_page(client, link_in(notice, "/forgot-password"))
        sent = await page.submit(client, email=kim.email)
        assert (sent.answer.status_code, sent.texts["h1"]) == (200, "Check your e-mail")
        unknown = await page.submit(client, email=f"{unique()}@shop.example")
        assert (unknown.answer.status_code, unknown.answer.text) == (200, sent.answer.text)
        [email] = await mail.collect(kim.email)
        page = await open_page(client, link_in(email, "/reset-password"))
        done = await page.submit(client, new_password=OTHER_PASSWORD)
        assert (done.answer.status_code, done.texts["h1"]) == (200, "Your password was changed")
        dead = await page.submit(client, new_password=OTHER_PASSWORD)
        assert (dead.answer.status_code, dead.form) == (401, None)
        assert dead.links == ["forgot-password"]
    assert not await kim.is_authenticated()
    assert await (await log_in_again(kim, password=OTHER_PASSWORD)).is_authenticated()


@pytest.mark.parametrize("password", ["", "short", "password", "x" * 257, "aaaaaaaaaaaaaaaa"])
async def test_a_bad_password_is_reported_beside_its_field_in_the_words_of_the_api(
    app: "TradepostApp", password: str
) -> None:
    kim = await register_and_log_in(app)
    token = await email_token(app, RESET, kim.id, kim.email)
    problem = (
        await DoorClient(app).call("rest", "password_reset_confirm", {"token": token, "new_password": password})
    ).problem
    async with browser(app) as client:
        page = await (await open_page(client, f"/reset-password?token={token}")).submit(client, new_password=password)
        assert page.answer.status_code == problem["status"] == 422
        assert page.inputs["new_password"]["aria-invalid"] == "true"
        [fault, *_] = problem["errors"]
        assert f"Error: {fault['detail']}" in page.description("new_password")
        assert not page.inputs["new_password"].get("value")
        # The link still works.
        assert (await page.submit(client, new_password=OTHER_PASSWORD)).texts["h1"] == "Your password was changed"


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_accessible_and_loads_and_runs_nothing(app: "TradepostApp", path: str) -> None:
    async with browser(app) as client:
        pages = [await open_page(client, f"{path}?token=mt_x")]
        # Another page for the same form with an error in each visible field.
        visible = {name for name, field in pages[0].inputs.items() if field["type"] != "hidden"}
        pages.append(await pages[0].submit(client, **dict.fromkeys(visible, "x" * 300)))
    assert [page.answer.status_code for page in pages] == [200, 422 if visible else 401]
    for page in pages:
        assert page.language == "en"
        assert page.texts["title"].strip().removeprefix("Error: ") == page.texts["h1"].strip()
        assert page.active == []
        for name in visible & page.inputs.keys():
            assert page.labels[page.inputs[name]["id"] or ""]
            assert page.description(name)
        headers = page.answer.headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "etag" not in headers
        assert headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", TOKEN_PAGES)
async def test_a_page_escapes_the_token_and_an_incomplete_link_has_no_form(app: "TradepostApp", path: str) -> None:
    async with browser(app) as client:
        hostile = "\"'><script>alert(1)</script>{{ 7 * 7 }}"
        page = FormPageReader(await client.get(path, params={"token": hostile}))
        assert page.active == []
        assert page.inputs["token"]["value"] == hostile
        for incomplete in (path, f"{path}?token=", f"{path}?other=1"):
            page = await open_page(client, incomplete)
            assert page.form is None
            assert "The link is incomplete." in page.texts["main"]
        broken = FormPageReader(await client.get(f"{path}?token=%ff"))
        assert (broken.answer.status_code, len(broken.alerts)) == (400, 1)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_accepts_forms_only(app: "TradepostApp", path: str) -> None:
    async with browser(app) as client:
        answers = [
            await client.post(path, json={"token": "mt_x", "email": "kim@shop.example"}),
            await client.post(path, data={"token": "x" * 20_000}),
            await client.post(
                path, content=b"token=%ff", headers={"content-type": "application/x-www-form-urlencoded"}
            ),
        ]
        assert [answer.status_code for answer in answers] == [415, 413, 400]
        assert {answer.headers["content-type"] for answer in answers} == {"text/html; charset=utf-8"}
        assert all(len(FormPageReader(answer).alerts) == 1 for answer in answers)
        assert (await client.delete(path)).status_code == 405


async def test_a_form_costs_as_much_as_a_request_to_the_api(app: "TradepostApp") -> None:
    async with browser(app) as client:
        api = await client.post("/v1/auth/email-verification", json={"token": "mt_x"})
        form = await client.post("/verify-email", data={"token": "mt_x"})
        page = await client.get("/verify-email?token=mt_x")
    assert request_cost(form) == request_cost(api) > request_cost(page)


async def test_with_a_storefront_links_lead_to_it_and_there_are_no_pages(
    fresh_settings: "Callable[[], Settings]",
) -> None:
    from tradepost.app import create_app

    shop = create_app(msgspec.structs.replace(fresh_settings(), storefront_url="https://shop.example"))
    async with shop.lifespan(), browser(shop) as client:
        kim, mail, address = await register_and_log_in(shop), CapturedMail(shop), f"{unique('new')}@shop.example"
        await DoorClient(shop).ok("rest", "password_reset", {"email": kim.email})
        await kim.ok("rest", "email_change", {"email": address, "password": PASSWORD})
        texts = [email.text for email in await mail.collect(kim.email) + await mail.collect(address)]
        links = sorted({re.sub(r"mt_\w+", "TOKEN", url) for text in texts for url in re.findall(r"https?://\S+", text)})
        assert links == [
            "https://shop.example/reset-password",
            "https://shop.example/reset-password#token=TOKEN",
            "https://shop.example/verify-email#token=TOKEN",
        ]
        assert {(await client.get(path)).status_code for path in PAGES} == {404}
