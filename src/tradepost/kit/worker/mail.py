"""Mail: a letter, and where letters go: to the console, into a folder, or to an SMTP server.

The `Message-ID` is made from the id that comes with a letter, so that whoever gets it twice can tell (RFC 5322, 3.6.4).
"""

import asyncio
import sys
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from ipaddress import ip_address
from pathlib import Path
from secrets import token_hex
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec

from ..clock import now
from .event_handlers import Undeliverable

# Seconds for each step of a conversation with an SMTP server.
PATIENCE = 15.0


class Email(msgspec.Struct, frozen=True):
    """A letter in plain text to one address."""

    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Sends letters. `id` is the same each time that one letter is sent."""

    async def send(self, email: Email, id: str) -> None:
        """Sends a letter; raises Undeliverable where it can never arrive, and anything else where another attempt may do."""
        ...


def compose(letter: Email, sender: str, id: str) -> EmailMessage:
    """The letter as a message. What would add a header or a second address (line breaks, commas) is Undeliverable."""
    try:
        to, name = Address(addr_spec=_in_ascii(letter.to)), parseaddr(sender)
        made = EmailMessage(SMTP if to.addr_spec.isascii() else SMTPUTF8)
        made["From"] = Address(name[0], addr_spec=name[1])
        made["To"] = to
        made["Subject"] = letter.subject
        made["Date"] = format_datetime(now())
        made["Message-ID"] = f"<{id}@{sender_domain(sender)}>"
        # No answering machine answers (RFC 3834).
        made["Auto-Submitted"] = "auto-generated"
        made.set_content(letter.text, charset="utf-8", cte="quoted-printable")
    except (ValueError, IndexError, MessageError) as fault:
        raise Undeliverable(type(fault).__name__) from None
    return made


def sender_domain(sender: str) -> str:
    """The domain that letters come from."""
    return parseaddr(sender)[1].rpartition("@")[2]


def _in_ascii(address: str) -> str:
    """The address with its domain as DNS knows it; the part before it is left alone (it may need SMTPUTF8)."""
    if any(not c.isprintable() or c.isspace() for c in address):
        raise ValueError("an address has no white space")
    local, _, domain = address.rpartition("@")
    return address if address.isascii() else f"{local}@{domain.encode('idna').decode()}"


class ConsoleMailer:
    """Writes letters to standard error, for whoever runs the shop on their own machine."""

    def __init__(self, sender: str) -> None:
        self.sender = sender

    async def send(self, email: Email, id: str) -> None:
        """One block, in which no character can play tricks on a terminal."""
        made = compose(email, self.sender, id)
        head = [f"{name}: {_shown(str(made[name]))}" for name in ("From", "To", "Subject", "Message-ID")]
        body = [_shown(line) for line in email.text.splitlines()]
        print(
            "\n".join(["", "---- letter ".ljust(60, "-"), *head, "", *body, "-" * 60, ""]), file=sys.stderr, flush=True
        )


def _shown(line: str) -> str:
    return "".join([c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in line])


class FileMailer:
    """Puts each letter into a folder, as `<id>.eml`, which only its owner can read."""

    def __init__(self, sender: str, folder: Path) -> None:
        self.sender, self.folder = sender, folder

    async def send(self, email: Email, id: str) -> None:
        """Written aside and renamed: whoever watches the folder sees whole letters."""
        await asyncio.to_thread(self._keep, compose(email, self.sender, id).as_bytes(), id)

    def _keep(self, message: bytes, id: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{id}.{token_hex(8)}"
        draft.touch(mode=0o600)
        draft.write_bytes(message)
        draft.replace(self.folder / f"{id}.eml")


class SmtpMailer:
    """Hands letters to an SMTP server: `smtp://host:587` (STARTTLS where the server has it), `smtps://host:465` (TLS from the start).

    A user and password in the URL are only ever sent through TLS, unless the server is on this machine.
    """

    def __init__(self, sender: str, url: str) -> None:
        parts = urlsplit(url)
        self.sender, self.host, self.tls = sender, parts.hostname or "", parts.scheme == "smtps"
        self.port = parts.port or (465 if self.tls else 587)
        self.user = unquote(parts.username) if parts.username else None
        self.password = unquote(parts.password) if parts.password else None

    async def send(self, email: Email, id: str) -> None:
        """One connection for one letter."""
        message = compose(email, self.sender, id)
        # None is: where the server has it.
        starts = False if self.tls else True if self.user and not _is_here(self.host) else None
        server = aiosmtplib.SMTP(
            hostname=self.host, port=self.port, username=self.user, password=self.password, use_tls=self.tls, start_tls=starts,
            timeout=PATIENCE, local_hostname=sender_domain(self.sender),
        )  # fmt: skip
        try:
            async with server:
                await server.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as fault:
            if all(refused.code >= 500 for refused in fault.recipients):
                raise Undeliverable("the server refuses the address") from None
            raise


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
