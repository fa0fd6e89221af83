"""E-mails about an order are in the language of its cart, if the operator has templates for it."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.areas.accounts.captured_mail import CapturedMail
from tests.areas.orders.checkout import placed_order, post
from tests.factories import unique
from tests.servers import SECRET_KEY
from tradepost.app import domain_event_handlers, event_types
from tradepost.bootstrap import create_database, create_dependencies
from tradepost.kit.worker.email_templates import EmailTemplates
from tradepost.kit.worker.mail import Email
from tradepost.settings import Settings, SettingsError

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

GERMAN = """{% extends "email_layout.txt" %}
{% block subject %}Ihre Bestellung {{ order.number }}{% endblock %}
{% block body %}Summe: {{ money(order.grand_total_amount) }}{% endblock %}"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Templates of an operator: German ones, and a text of their own for English."""
    for language in ("de", "de-CH", "en"):
        (tmp_path / language).mkdir()
    (tmp_path / "de/order_placed.txt").write_text(GERMAN)
    page = '{% extends "email_layout.html" %}{% block body %}<p>{{ order.number }}</p>{% endblock %}'
    (tmp_path / "de/order_placed.html").write_text(page)
    (tmp_path / "de-CH/order_placed.txt").write_text(GERMAN.replace("Ihre", "Ihre\n  Schweizer"))
    (tmp_path / "en/order_placed.txt").write_text(GERMAN.replace("Ihre Bestellung", "Thanks:"))
    return tmp_path


@pytest.fixture
def templates(app: "TradepostApp", folder: Path, monkeypatch: pytest.MonkeyPatch) -> EmailTemplates:
    """The templates that the shop uses."""
    templates = EmailTemplates(folder)
    monkeypatch.setitem(app.state.dependencies.instances, EmailTemplates, templates)
    return templates


async def email_of_order(app: "TradepostApp", staff: httpx.AsyncClient, locale: str) -> Email:
    """Place an order in a language, and return the e-mail about it."""
    email = f"{unique('kim')}@shop.example"
    await placed_order(app, staff, email=email, locale=locale)
    [message] = await CapturedMail(app).collect(email)
    return message


@pytest.mark.parametrize(
    ("locale", "subject", "amount", "language"),
    [
        ("de", "Ihre Bestellung", "24,90\N{NO-BREAK SPACE}€", "de"),
        ("DE-at", "Ihre Bestellung", "€\N{NO-BREAK SPACE}24,90", "DE-at"),
        ("de-CH", "Ihre Schweizer Bestellung", "EUR\N{NO-BREAK SPACE}24.90", ""),
        ("de-shop", "Ihre Bestellung", "24,90\N{NO-BREAK SPACE}€", "de-shop"),
        ("en-GB", "Thanks:", "€24.90", ""),
        ("fr", "Thanks:", "€24.90", ""),
    ],
)
async def test_an_email_is_in_the_language_of_the_cart(
    app: "TradepostApp",
    staff: httpx.AsyncClient,
    templates: EmailTemplates,
    locale: str,
    subject: str,
    amount: str,
    language: str,
) -> None:
    email = await email_of_order(app, staff, locale)
    assert email.subject.startswith(f"{subject} ")
    assert amount in email.text
    # The HTML stands beside the text, or there is none: it would be in another language.
    assert (f'<html lang="{language}">' in email.html) if language else email.html == ""


async def test_an_email_without_a_template_in_its_language_is_english(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    email = await email_of_order(app, staff, "de")
    assert email.subject.startswith("Your order ")
    assert "Total: €24.90" in email.text
    assert '<html lang="en">' in email.html


@pytest.mark.parametrize("expression", ["order.nummer", "1 // 0", "money(order)"])
async def test_a_template_that_cannot_be_filled_in_is_replaced_by_the_english_one(
    app: "TradepostApp",
    staff: httpx.AsyncClient,
    folder: Path,
    templates: EmailTemplates,
    caplog: pytest.LogCaptureFixture,
    expression: str,
) -> None:
    (folder / "de/order_cancelled.txt").write_text(GERMAN.replace("order.number", expression))
    address = f"{unique('kim')}@shop.example"
    client, order = await placed_order(app, staff, email=address, locale="de")
    assert (await post(client, f"/v1/orders/{order['id']}/cancellation")).status_code == 200
    with caplog.at_level(logging.ERROR, "tradepost.emails"):
        emails = await CapturedMail(app).collect(address)
    assert sorted(["cancelled" in email.subject for email in emails]) == [False, True]
    [record] = [record for record in caplog.records if record.name == "tradepost.emails"]
    assert record.getMessage().startswith("EMAIL_TEMPLATES: `order_cancelled` of `de` is sent in English: ")


def read_templates(folder: Path) -> EmailTemplates:
    """Read the templates as at the start of a process."""
    values = {"SECRET_KEY": SECRET_KEY, "DATABASE_URL": "sqlite:///:memory:", "EMAIL_TEMPLATES": str(folder)}
    settings = Settings.read(values, env_file=None)
    dependencies = create_dependencies(settings, create_database(settings), domain_event_handlers(), event_types())
    return dependencies.require(EmailTemplates)


def test_valid_templates_are_read_at_the_start(folder: Path) -> None:
    (folder / "de/_greeting.txt").write_text("Guten Tag")
    (folder / "de/email_layout.html").write_text("{% block body %}{% endblock %}")
    (folder / ".DS_Store").write_text("a file of the system")
    assert set(read_templates(folder).languages) == {"de", "de-ch", "en"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("order_placed.txt", GERMAN, "`order_placed.txt` is not in a folder of its language, such as `de` or `de-AT`"),
        ("deutsch_de/order_placed.txt", GERMAN, "is not in a folder of its language"),
        ("de/order_place.txt", GERMAN, "`de/order_place.txt` is no e-mail; they are access_revoked, "),
        ("de/order_placed.md", GERMAN, "`de/order_placed.md` is no e-mail"),
        ("de/order_placed.txt", "{% block subject %}", "`de/order_placed.txt` cannot be read: "),
        ("de/order_placed.txt", "Danke", "`de/order_placed.txt` needs the blocks `subject` and `body`"),
    ],
)
def test_an_invalid_template_stops_the_start(folder: Path, name: str, text: str, message: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    with pytest.raises(SettingsError) as refused:
        read_templates(folder)
    assert str(refused.value).startswith("EMAIL_TEMPLATES: ")
    assert message in str(refused.value)


def test_a_missing_folder_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"EMAIL_TEMPLATES: `.*/nowhere` is not a folder"):
        read_templates(tmp_path / "nowhere")
