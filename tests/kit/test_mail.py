"""Letters arrive as they were written, at the one address that they are for, and passwords are told to nobody else."""

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
LETTER = Email(
    "ada@example.com",
    "Votre mot de passe — 密码",
    "Zeile eins\n\n.\nFrom here: https://shop.example/reset?token=" + "x" * 200 + "\n",
)
LOGIN = f"{USER}:{quote(PASSWORD, safe='')}"


def read(raw: bytes) -> EmailMessage:
    """A message as a mail program sees it."""
    return BytesParser(policy=default).parsebytes(raw)  # type: ignore[return-value]


async def test_a_letter_arrives_as_it_was_written_and_a_repeat_can_be_told() -> None:
    id = new_id(250)
    with smtp_server() as box:
        mailer = SmtpMailer(SENDER, f"smtp://127.0.0.1:{box.port}")
        await mailer.send(LETTER, id)
        await mailer.send(LETTER, id)
    first, second = box.messages
    assert (first["From"], first["To"], first["Subject"]) == (SENDER, LETTER.to, LETTER.subject)
    assert first.get_content().replace("\r\n", "\n") == LETTER.text
    assert first["Message-ID"] == second["Message-ID"] == f"<{id}@example.com>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Date"].datetime.tzinfo is not None
    assert (box.envelopes[0].mail_from, box.envelopes[0].rcpt_tos) == ("shop@example.com", ["ada@example.com"])


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_password_goes_through_tls(implicit: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with smtp_server(tls=tls, implicit=implicit, login_required=True) as box:
        await SmtpMailer(SENDER, f"smtp{'s' if implicit else ''}://{LOGIN}@127.0.0.1:{box.port}").send(LETTER, "1")
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await SmtpMailer(SENDER, f"smtp{'s' if implicit else ''}://{USER}:wrong@127.0.0.1:{box.port}").send(
                LETTER, "2"
            )
        with pytest.raises(aiosmtplib.SMTPException):
            await SmtpMailer(SENDER, f"smtp{'s' if implicit else ''}://127.0.0.1:{box.port}").send(LETTER, "3")
    assert [letter["Message-ID"] for letter in box.messages] == ["<1@example.com>"]
    assert box.sessions[0].authenticated


async def test_a_server_whose_certificate_nobody_signed_gets_nothing(tmp_path: Path) -> None:
    tls, _ = certificate(tmp_path)
    for implicit in (False, True):
        with (
            smtp_server(tls=tls, implicit=implicit) as box,
            pytest.raises((aiosmtplib.SMTPException, OSError), match="certificate verify failed"),
        ):
            await SmtpMailer(SENDER, f"smtp{'s' if implicit else ''}://{LOGIN}@127.0.0.1:{box.port}").send(LETTER, "1")
        assert box.messages == []


async def test_a_password_is_not_sent_in_the_clear_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server here offers no TLS, as if somebody between had taken the offer out."""
    from tradepost.kit.worker import mail

    with smtp_server(login_required=True) as box:
        mailer = SmtpMailer(SENDER, f"smtp://{LOGIN}@127.0.0.1:{box.port}")
        monkeypatch.setattr(mail, "_is_local", lambda host: False)
        with pytest.raises(aiosmtplib.SMTPException):
            await mailer.send(LETTER, "1")
        assert box.messages == []
        monkeypatch.undo()
        await mailer.send(LETTER, "1")
    assert len(box.messages) == 1


async def test_an_address_that_the_server_refuses_for_good_is_undeliverable_and_one_for_now_is_not() -> None:
    with smtp_server() as box:
        mailer = SmtpMailer(SENDER, f"smtp://127.0.0.1:{box.port}")
        with pytest.raises(Undeliverable):
            await mailer.send(Email("nobody@example.com", "x", "y"), "1")
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await mailer.send(Email("later@example.com", "x", "y"), "2")
    assert box.messages == []


async def test_a_server_that_is_not_there_is_a_fault_that_can_pass() -> None:
    with pytest.raises((aiosmtplib.SMTPException, OSError)):
        await SmtpMailer(SENDER, "smtp://127.0.0.1:1").send(LETTER, "1")


@pytest.mark.parametrize(
    "letter",
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
def test_nobody_writes_headers_or_adds_addresses(letter: Email) -> None:
    with pytest.raises(Undeliverable):
        compose(letter, SENDER, "1")


@given(
    to=st.text(max_size=60) | st.from_regex(r"\A[a-z\"\\.\r\n ,;:<>@ü]{1,20}@[a-z.ü\r\n]{1,20}\Z"),
    subject=st.text(max_size=120),
    text=st.text(max_size=300),
)
def test_whatever_is_written_the_headers_are_ours_and_the_address_is_one(to: str, subject: str, text: str) -> None:
    try:
        made = compose(Email(to, subject, text), SENDER, "1")
    except Undeliverable:
        return
    got = read(made.as_bytes())
    assert sorted(got.keys()) == sorted(
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "Content-Type",
            "Content-Transfer-Encoding",
            "MIME-Version",
        ]
    )
    assert len(got["To"].addresses) == 1
    assert len(got["From"].addresses) == 1


async def test_an_address_with_other_letters_gets_its_mail_where_the_domain_has_them() -> None:
    with smtp_server() as box:
        await SmtpMailer(SENDER, f"smtp://127.0.0.1:{box.port}").send(Email("ada@bücher.example", "x", "y"), "1")
    assert box.envelopes[0].rcpt_tos == ["ada@xn--bcher-kva.example"]


async def test_a_folder_holds_one_whole_letter_for_each_id_and_only_its_owner_reads_them(tmp_path: Path) -> None:
    mailer = FileMailer(SENDER, tmp_path / "mail")
    await asyncio.gather(*[mailer.send(LETTER, id) for id in ("a", "b", "a")])
    files = sorted((tmp_path / "mail").iterdir())
    assert [f.name for f in files] == ["a.eml", "b.eml"]
    assert [stat.S_IMODE(f.stat().st_mode) for f in files] == [0o600, 0o600]
    got = read(files[0].read_bytes())
    assert (got["To"], got["Subject"], got["Message-ID"]) == (LETTER.to, LETTER.subject, "<a@example.com>")
    assert got.get_content().replace("\r\n", "\n") == LETTER.text


async def test_the_console_shows_a_letter_and_no_escape_sequence(capsys: pytest.CaptureFixture[str]) -> None:
    await ConsoleMailer(SENDER).send(Email("ada@example.com", "Hello \x1b[2J", "one\n\x1b]0;owned\x07two\n"), "1")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "To: ada@example.com\nSubject: Hello \N{REPLACEMENT CHARACTER}[2J\n" in shown.err
    assert "\none\n\N{REPLACEMENT CHARACTER}]0;owned" in shown.err
    assert "\x1b" not in shown.err


def test_a_mailer_shows_no_password() -> None:
    assert PASSWORD not in repr(SmtpMailer(SENDER, f"smtp://{LOGIN}@mail.example"))
