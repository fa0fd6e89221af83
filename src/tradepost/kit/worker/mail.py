"""E-mail, and mailers that write it to the console, to a folder or to an SMTP server.

The `Message-ID` is made from the id passed to the mailer, so that a recipient's mail program can
recognise a second delivery (RFC 5322, 3.6.4).
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

SMTP_TIMEOUT = 15.0
"""Seconds for each step of an SMTP session."""


class Email(msgspec.Struct, frozen=True):
    """An e-mail to one address: a plain text and, unless it is empty, the same as HTML."""

    to: str
    subject: str
    text: str
    html: str = ""


class Mailer(Protocol):
    """Sends e-mail."""

    async def send(self, email: Email, id: str) -> None:
        """Send an e-mail. `id` is the same in every attempt to send it.

        Raise Undeliverable if it can never arrive, or any other error if an attempt may succeed
        later.
        """
        ...


def compose(email: Email, sender: str, id: str) -> EmailMessage:
    """Build the message.

    Raise Undeliverable if the address or the subject would add a header or a second recipient
    (line breaks, commas).
    """
    try:
        to, sender_address = Address(addr_spec=_encode_domain(email.to)), parseaddr(sender)
        message = EmailMessage(SMTP if to.addr_spec.isascii() else SMTPUTF8)
        message["From"] = Address(sender_address[0], addr_spec=sender_address[1])
        message["To"] = to
        message["Subject"] = email.subject
        message["Date"] = format_datetime(now())
        message["Message-ID"] = f"<{id}@{sender_domain(sender)}>"
        # Asks automatic responders not to reply (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(email.text, charset="utf-8", cte="quoted-printable")
        if email.html:
            message.add_alternative(email.html, subtype="html", charset="utf-8", cte="quoted-printable")
    except (ValueError, IndexError, MessageError) as error:
        raise Undeliverable(type(error).__name__) from None
    return message


def sender_domain(sender: str) -> str:
    """Return the domain of the sender's address."""
    return parseaddr(sender)[1].rpartition("@")[2]


def _encode_domain(address: str) -> str:
    """Encode the domain of an address for DNS (IDNA).

    The local part is not changed: if it is not ASCII, the server needs SMTPUTF8.
    """
    if any(not c.isprintable() or c.isspace() for c in address):
        raise ValueError("an address has no white space")
    local, _, domain = address.rpartition("@")
    return address if address.isascii() else f"{local}@{domain.encode('idna').decode()}"


class ConsoleMailer:
    """Writes e-mail to standard error, for development."""

    def __init__(self, sender: str) -> None:
        self.sender = sender

    async def send(self, email: Email, id: str) -> None:
        """Print the e-mail in one block, without terminal escape sequences."""
        message = compose(email, self.sender, id)
        headers = [f"{name}: {_printable(str(message[name]))}" for name in ("From", "To", "Subject", "Message-ID")]
        lines = [_printable(line) for line in email.text.splitlines()]
        block = ["", "---- e-mail ".ljust(60, "-"), *headers, "", *lines, "-" * 60, ""]
        print("\n".join(block), file=sys.stderr, flush=True)


def _printable(line: str) -> str:
    return "".join([c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in line])


class FileMailer:
    """Writes each e-mail to a folder as `<id>.eml`, readable by its owner only."""

    def __init__(self, sender: str, folder: Path) -> None:
        self.sender, self.folder = sender, folder

    async def send(self, email: Email, id: str) -> None:
        """Write the file in a thread."""
        await asyncio.to_thread(self._write, compose(email, self.sender, id).as_bytes(), id)

    def _write(self, message: bytes, id: str) -> None:
        # Written under a temporary name first, so that readers never see an incomplete file.
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".{id}.{token_hex(8)}"
        temporary.touch(mode=0o600)
        temporary.write_bytes(message)
        temporary.replace(self.folder / f"{id}.eml")


class SmtpMailer:
    """Sends e-mail through an SMTP server.

    `smtp://host:587` uses STARTTLS if the server offers it, `smtps://host:465` uses TLS from the
    start. A user and password in the URL are sent over TLS only, unless the server runs on this
    machine.
    """

    def __init__(self, sender: str, url: str) -> None:
        parts = urlsplit(url)
        self.sender, self.host, self.tls = sender, parts.hostname or "", parts.scheme == "smtps"
        self.port = parts.port or (465 if self.tls else 587)
        self.user = unquote(parts.username) if parts.username else None
        self.password = unquote(parts.password) if parts.password else None

    async def send(self, email: Email, id: str) -> None:
        """Open a connection and send the e-mail."""
        message = compose(email, self.sender, id)
        requires_tls = self.user and not _is_local(self.host)
        server = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            use_tls=self.tls,
            start_tls=False if self.tls else True if requires_tls else None,  # None: if offered
            timeout=SMTP_TIMEOUT,
            local_hostname=sender_domain(self.sender),
        )
        try:
            async with server:
                await server.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            if all(refused.code >= 500 for refused in error.recipients):
                raise Undeliverable("the server refuses the address") from None
            raise


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
