"""A real SMTP server on this machine: with or without TLS, for those who know the password."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER, PASSWORD = "shop", "p@ss:w/rd"


class SmtpInbox:
    """What arrived. Addresses that begin with `nobody` are refused for good, `later` for now."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.sessions: list[Session] = []
        self.port, self.login_required = 0, False

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes a sender."""
        if self.login_required and not session.authenticated:
            return "530 who are you"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes a recipient."""
        if address.startswith(("nobody", "later")):
            return "550 no such box" if address.startswith("nobody") else "450 come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Takes a letter."""
        content = envelope.content
        self.messages.append(
            BytesParser(policy=default).parsebytes(content if isinstance(content, bytes) else str(content).encode())
        )  # type: ignore[arg-type]
        self.envelopes.append(envelope)
        self.sessions.append(session)
        return "250 OK"


class _Listening(Controller):
    def __init__(self, handler: Any, implicit: ssl.SSLContext | None, **more: Any) -> None:
        super().__init__(handler, hostname="127.0.0.1", port=0, ssl_context=implicit, **more)

    def _trigger_server(self) -> None:
        # The port is only known now.
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()


def _knows(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
    good = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


@contextmanager
def smtp_server(
    *, tls: ssl.SSLContext | None = None, implicit: bool = False, login_required: bool = False
) -> Iterator[SmtpInbox]:
    """The server. With `tls` by STARTTLS, or from the start; `closed` to those who do not log in."""
    box = SmtpInbox()
    box.login_required = login_required
    more: dict[str, Any] = {"authenticator": _knows, "auth_require_tls": tls is not None and not implicit}
    if tls is not None and not implicit:
        more["tls_context"] = tls
    office = _Listening(box, tls if implicit else None, **more)
    office.start()
    box.port = office.port
    try:
        yield box
    finally:
        office.stop()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for 127.0.0.1, and the file with the certificate to trust."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")]),
    )
    day = timedelta(days=1)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), datetime.now(UTC) - day, datetime.now(UTC) + day
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    signed = made.sign(key, hashes.SHA256())
    trusted, private = folder / "trusted.pem", folder / "private.pem"
    trusted.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, trusted
