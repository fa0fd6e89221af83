"""A real SMTP server on loopback, with or without TLS and with a login."""

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
    """The received e-mails.

    Recipients that begin with `nobody` are refused permanently, `later` temporarily.
    """

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.sessions: list[Session] = []
        self.port, self.login_required = 0, False

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept a sender who has logged in, if a login is required."""
        if self.login_required and not session.authenticated:
            return "530 login required"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept or refuse a recipient."""
        if address.startswith(("nobody", "later")):
            return "550 no such mailbox" if address.startswith("nobody") else "450 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Store an e-mail."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        self.messages.append(BytesParser(policy=default).parsebytes(raw))
        self.envelopes.append(envelope)
        self.sessions.append(session)
        return "250 OK"


class _Controller(Controller):
    def __init__(self, handler: Any, implicit: ssl.SSLContext | None, **options: Any) -> None:
        super().__init__(handler, hostname="127.0.0.1", port=0, ssl_context=implicit, **options)

    def _trigger_server(self) -> None:
        # The system has chosen the port by now.
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
    valid = isinstance(login, LoginPassword) and (login.login, login.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=valid, handled=False)


@contextmanager
def smtp_server(
    *, tls: ssl.SSLContext | None = None, implicit: bool = False, login_required: bool = False
) -> Iterator[SmtpInbox]:
    """Run a server and yield its inbox.

    tls: the server's certificate; used from the start if `implicit`, otherwise by STARTTLS
    login_required: whether to refuse e-mails without a login
    """
    inbox = SmtpInbox()
    inbox.login_required = login_required
    options: dict[str, Any] = {"authenticator": _authenticate, "auth_require_tls": tls is not None and not implicit}
    if tls is not None and not implicit:
        options["tls_context"] = tls
    controller = _Controller(inbox, tls if implicit else None, **options)
    controller.start()
    inbox.port = controller.port
    try:
        yield inbox
    finally:
        controller.stop()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Create a self-signed certificate for 127.0.0.1.

    Return the TLS context of the server, and the file with the certificate, for clients.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    day = timedelta(days=1)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), datetime.now(UTC) - day, datetime.now(UTC) + day
    )
    hosts = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = builder.add_extension(hosts, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    signed = builder.sign(key, hashes.SHA256())
    trusted, private = folder / "trusted.pem", folder / "private.pem"
    trusted.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, trusted
