"""E-mails arrive unchanged at their one recipient, and passwords are sent only over TLS."""

import asyncio
import stat
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from urllib.parse import quote

import aiosmtplib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.smtp_server import PASSWORD, USER, certificate, smtp_server
from tradepost.kit.ids import new_id
from tradepost.kit.worker.event_handlers import Undeliverable
from tradepost.kit.worker.mail import ConsoleMailer, Email, FileMailer, SmtpMailer, compose

SENDER = "The Shop <shop@example.com>"
EMAIL = Email(
    "ada@example.com",
    "Votre mot de passe — 密码",
    "Zeile eins\n\n.\nFrom here: https://shop.example/reset?token=" + "x" * 200 + "\n",
)
LOGIN = f"{USER}:{quote(PASSWORD, safe='')}"


def read(raw: bytes) -> EmailMessage:
    """Parse a message, as a mail program does."""
    return BytesParser(policy=default).parsebytes(raw)


async def test_an_email_arrives_unchanged_and_a_repeat_has_the_same_message_id() -> None:
    id = new_id(250)
    with smtp_server() as inbox:
        mailer = SmtpMailer(SENDER, f"smtp://127.0.0.1:{inbox.port}")
        await mailer.send(EMAIL, id)
        await mailer.send(EMAIL, id)
    first, second = inbox.messages
    assert (first["From"], first["To"], first["Subject"]) == (SENDER, EMAIL.to, EMAIL.subject)
    assert first.get_content().replace("\r\n", "\n") == EMAIL.text
    assert first["Message-ID"] == second["Message-ID"] == f"<{id}@example.com>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Date"].datetime.tzinfo is not None
    assert (inbox.envelopes[0].mail_from, inbox.envelopes[0].rcpt_tos) == ("shop@example.com", ["ada@example.com"])


async def test_an_email_with_html_arrives_as_two_alternatives() -> None:
    html = '<p>Grüße &amp; <a href="https://shop.example/?a=1&amp;b=2">Link</a></p>\n' + "<p>x</p>" * 50
    with smtp_server() as inbox:
        mailer = SmtpMailer(SENDER, f"smtp://127.0.0.1:{inbox.port}")
        await mailer.send(Email(EMAIL.to, EMAIL.subject, EMAIL.text, html), "1")
    [message] = inbox.messages
    assert message.get_content_type() == "multipart/alternative"
    # The last alternative is the preferred one (RFC 2046, 5.1.4).
    text, rich = [part for part in message.iter_parts() if isinstance(part, EmailMessage)]
    assert (text.get_content_type(), rich.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().replace("\r\n", "\n") == EMAIL.text
    assert rich.get_content().replace("\r\n", "\n").strip() == html


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_password_is_sent_over_tls(implicit: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with smtp_server(tls=tls, implicit=implicit, login_required=True) as inbox:
        scheme = "smtps" if implicit else "smtp"
        await SmtpMailer(SENDER, f"{scheme}://{LOGIN}@127.0.0.1:{inbox.port}").send(EMAIL, "1")
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await SmtpMailer(SENDER, f"{scheme}://{USER}:wrong@127.0.0.1:{inbox.port}").send(EMAIL, "2")
        with pytest.raises(aiosmtplib.SMTPException):
            await SmtpMailer(SENDER, f"{scheme}://127.0.0.1:{inbox.port}").send(EMAIL, "3")
    assert [message["Message-ID"] for message in inbox.messages] == ["<1@example.com>"]
    assert inbox.sessions[0].authenticated


async def test_a_server_with_an_untrusted_certificate_gets_no_email(tmp_path: Path) -> None:
    tls, _ = certificate(tmp_path)
    for implicit in (False, True):
        with (
            smtp_server(tls=tls, implicit=implicit) as inbox,
            pytest.raises((aiosmtplib.SMTPException, OSError), match="certificate verify failed"),
        ):
            await SmtpMailer(SENDER, f"smtp{'s' if implicit else ''}://{LOGIN}@127.0.0.1:{inbox.port}").send(EMAIL, "1")
        assert inbox.messages == []


async def test_a_password_is_not_sent_to_another_host_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server offers no TLS, as if an attacker had removed the offer."""
    from tradepost.kit.worker import mail

    with smtp_server(login_required=True) as inbox:
        mailer = SmtpMailer(SENDER, f"smtp://{LOGIN}@127.0.0.1:{inbox.port}")
        monkeypatch.setattr(mail, "_is_local", lambda host: False)
        with pytest.raises(aiosmtplib.SMTPException):
            await mailer.send(EMAIL, "1")
        assert inbox.messages == []
        monkeypatch.undo()
        await mailer.send(EMAIL, "1")
    assert len(inbox.messages) == 1


async def test_a_permanently_refused_recipient_is_undeliverable_and_a_temporarily_refused_one_is_not() -> None:
    with smtp_server() as inbox:
        mailer = SmtpMailer(SENDER, f"smtp://127.0.0.1:{inbox.port}")
        with pytest.raises(Undeliverable):
            await mailer.send(Email("nobody@example.com", "x", "y"), "1")
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await mailer.send(Email("later@example.com", "x", "y"), "2")
    assert inbox.messages == []


async def test_an_unreachable_server_raises_an_error_that_is_retried() -> None:
    with pytest.raises((aiosmtplib.SMTPException, OSError)):
        await SmtpMailer(SENDER, "smtp://127.0.0.1:1").send(EMAIL, "1")


@pytest.mark.parametrize(
    "email",
    [
        Email("ada@example.com\r\nBcc: eve@example.com", "x", "y"),
        Email("ada@example.com, eve@example.com", "x", "y"),
        Email("Ada <ada@example.com>", "x", "y"),
        Email("ada@example.com eve@example.com", "x", "y"),
        Email("ada", "x", "y"),
        Email("", "x", "y"),
        Email("ada@", "x", "y"),
        Email("ada@" + "x" * 64 + "ü.example", "x", "y"),
        Email("ada@example.com", "x\nBcc: eve@example.com", "y"),
        Email("ada@example.com", "x\rBcc: eve@example.com", "y"),
        Email("ada@example.com", "x\r\n\r\n<script>", "y"),
    ],
)
def test_an_email_with_an_invalid_recipient_or_header_is_undeliverable(email: Email) -> None:
    with pytest.raises(Undeliverable):
        compose(email, SENDER, "1")


@given(
    to=st.text(max_size=60) | st.from_regex(r"\A[a-z\"\\.\r\n ,;:<>@ü]{1,20}@[a-z.ü\r\n]{1,20}\Z"),
    subject=st.text(max_size=120),
    text=st.text(max_size=300),
)
def test_any_email_has_only_our_headers_and_one_recipient(to: str, subject: str, text: str) -> None:
    try:
        composed = compose(Email(to, subject, text), SENDER, "1")
    except Undeliverable:
        return
    message = read(composed.as_bytes())
    assert sorted(message.keys()) == [
        "Auto-Submitted",
        "Content-Transfer-Encoding",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
    ]
    assert len(message["To"].addresses) == 1
    assert len(message["From"].addresses) == 1


async def test_an_international_domain_is_encoded() -> None:
    with smtp_server() as inbox:
        await SmtpMailer(SENDER, f"smtp://127.0.0.1:{inbox.port}").send(Email("ada@bücher.example", "x", "y"), "1")
    assert inbox.envelopes[0].rcpt_tos == ["ada@xn--bcher-kva.example"]


async def test_the_file_mailer_writes_one_private_file_per_id(tmp_path: Path) -> None:
    mailer = FileMailer(SENDER, tmp_path / "mail")
    await asyncio.gather(*[mailer.send(EMAIL, id) for id in ("a", "b", "a")])
    files = sorted((tmp_path / "mail").iterdir())
    assert [f.name for f in files] == ["a.eml", "b.eml"]
    assert [stat.S_IMODE(f.stat().st_mode) for f in files] == [0o600, 0o600]
    message = read(files[0].read_bytes())
    assert (message["To"], message["Subject"], message["Message-ID"]) == (EMAIL.to, EMAIL.subject, "<a@example.com>")
    assert message.get_content().replace("\r\n", "\n") == EMAIL.text


async def test_the_console_mailer_replaces_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    await ConsoleMailer(SENDER).send(Email("ada@example.com", "Hello \x1b[2J", "one\n\x1b]0;owned\x07two\n"), "1")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "To: ada@example.com\nSubject: Hello \N{REPLACEMENT CHARACTER}[2J\n" in shown.err
    assert "\none\n\N{REPLACEMENT CHARACTER}]0;owned" in shown.err
    assert "\x1b" not in shown.err


def test_the_repr_of_a_mailer_has_no_password() -> None:
    assert PASSWORD not in repr(SmtpMailer(SENDER, f"smtp://{LOGIN}@mail.example"))
