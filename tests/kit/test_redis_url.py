"""REDIS_URL: its parts, and TLS with a certificate of one's own."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tradepost.kit.rate_limit.redis_buckets import check_script
from tradepost.kit.redis import connection
from tradepost.kit.redis.errors import RedisUnavailable
from tradepost.kit.redis.persistent import PersistentConnection
from tradepost.kit.redis.url import RedisUrl

DEFAULTS = {"host": "localhost", "port": 6379, "path": None, "username": None, "password": None, "database": 0}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("redis://h", {"host": "h"}),
        ("valkey://h:6380/3", {"host": "h", "port": 6380, "database": 3}),
        ("redis://ann:p%40ss%2Fword@h", {"host": "h", "username": "ann", "password": "p@ss/word"}),
        ("redis://:secret@[::1]:1", {"host": "::1", "port": 1, "password": "secret"}),
        ("redis:///2", {"database": 2}),
        ("redis://h?db=4", {"host": "h", "database": 4}),
        ("unix:///run/redis.sock?db=1", {"path": "/run/redis.sock", "database": 1}),
        ("unix://ann:secret@/a%20b", {"path": "/a b", "username": "ann", "password": "secret"}),
        ("rediss://h", {"host": "h", "tls": ()}),
        ("rediss://h?ssl_cert_reqs=none", {"host": "h", "tls": (("ssl_cert_reqs", "none"),)}),
    ],
)
def test_the_parts_of_a_url(text: str, parts: dict[str, Any]) -> None:
    assert RedisUrl.parse(text) == RedisUrl(**(DEFAULTS | {"tls": None} | parts))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h:6379",
        "http://h",
        "redis://",
        "redis://h:port",
        "redis://h:99999",
        "redis://h/0#x",
        "redis://h/x",
        "unix://",
        "redis://h?socket_timeout=5",
        "rediss://h?ssl_cert_reqs=maybe",
        "rediss://h?ssl_check_hostname=2",
    ],
)
def test_other_urls_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is not a URL|does not end with|has the unknown option|has an invalid)"):
        RedisUrl.parse(text)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate of 127.0.0.1, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
    builder = builder.add_extension(x509.BasicConstraints(True, None), True)
    signed = builder.add_extension(x509.SubjectAlternativeName([address]), False).sign(key, hashes.SHA256())
    file = tmp_path / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + signed.public_bytes(Encoding.PEM))
    return file


@pytest.fixture
async def tls_port(valkey: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of a TLS proxy in front of Redis."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_redis, to_redis = await asyncio.open_connection("127.0.0.1", valkey.port)
        await asyncio.gather(pass_on(reader, to_redis), pass_on(from_redis, writer), return_exceptions=True)
        to_redis.close()

    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 20)  # a handshake takes long on a busy machine
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_the_options_of_tls_are_used(tls_port: int, certificate: Path) -> None:
    for options in (f"ssl_ca_certs={certificate}", "ssl_cert_reqs=none"):
        url = f"rediss://127.0.0.1:{tls_port}/0?{options}"
        redis = PersistentConnection(url, check=check_script, tick=connection.PATIENT_TICK)
        await redis.connect()
        await redis.stop()


async def test_a_certificate_of_an_unknown_authority_is_refused(tls_port: int) -> None:
    with pytest.raises(RedisUnavailable, match="has a TLS certificate that is not accepted"):
        await PersistentConnection(f"rediss://127.0.0.1:{tls_port}/0").connect()
