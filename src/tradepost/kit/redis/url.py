"""REDIS_URL: where Redis is, the user, and the options of TLS."""

import re
import ssl
from functools import cache
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

SCHEMES = {"redis": False, "valkey": False, "rediss": True, "valkeys": True, "unix": False}
"""The schemes of REDIS_URL, and whether the connection uses TLS."""
USER_OPTIONS = ("username", "password", "db")
TLS_OPTIONS = (
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_keyfile",
    "ssl_password",
)
"""Options in the query of a URL with TLS. Their names are those of redis-py."""
VERIFY_MODES = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


class RedisUrl(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed REDIS_URL.

    path: the Unix socket; None for TCP.
    tls: the options of TLS; None without TLS.
    """

    host: str
    port: int
    path: str | None
    username: str | None
    password: str | None
    database: int
    tls: tuple[tuple[str, str], ...] | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a URL. Raise ValueError, whose message continues "The value ..."."""
        try:
            url = urlsplit(text)
            host, port = url.hostname or "localhost", url.port or 6379
            options = dict(parse_qsl(url.query, keep_blank_values=True))
        except ValueError:
            raise _invalid() from None
        is_unix = url.scheme == "unix"
        database = options.get("db", "0" if is_unix else url.path.strip("/") or "0")
        if url.scheme not in SCHEMES or url.fragment or not (url.path if is_unix else url.netloc or url.path):
            raise _invalid()
        if not re.fullmatch("[0-9]{1,6}", database):
            raise ValueError("does not end with the number of a database, such as `/0`")
        uses_tls = SCHEMES[url.scheme]
        _check_options(options, (*USER_OPTIONS, *(TLS_OPTIONS if uses_tls else ())))
        return cls(
            host=unquote(host),
            port=port,
            path=unquote(url.path) if is_unix else None,
            username=options.get("username") or unquote(url.username or "") or None,
            password=options.get("password") or unquote(url.password or "") or None,
            database=int(database),
            tls=tuple([(n, v) for n, v in options.items() if n in TLS_OPTIONS]) if uses_tls else None,
        )


def _invalid() -> ValueError:
    return ValueError("is not a URL such as `redis://HOST:PORT/0`, `rediss://...` or `unix://PATH`")


def _check_options(options: dict[str, str], allowed: tuple[str, ...]) -> None:
    """Raise ValueError if an option is unknown or has an invalid value."""
    for name in options:
        if name not in allowed:
            raise ValueError(f"has the unknown option `{name}`; allowed here: {', '.join(allowed)}")
    if options.get("ssl_cert_reqs", "required") not in VERIFY_MODES:
        raise ValueError(f"has an invalid `ssl_cert_reqs`; allowed: {', '.join(VERIFY_MODES)}")
    if options.get("ssl_check_hostname", "true").lower() not in {"true", "false"}:
        raise ValueError("has an invalid `ssl_check_hostname`; allowed: true, false")


@cache
def tls_context(url: RedisUrl) -> ssl.SSLContext | None:
    """Return the TLS context of a URL, or None without TLS. Raise OSError if a file is missing.

    Cached, because loading the system's certificates takes 15 ms.
    """
    if url.tls is None:
        return None
    options = dict(url.tls)
    context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"), capath=options.get("ssl_ca_path"))
    mode = VERIFY_MODES[options.get("ssl_cert_reqs", "required")]
    check_hostname = options.get("ssl_check_hostname", "true").lower() == "true"
    context.check_hostname = check_hostname and mode == ssl.CERT_REQUIRED
    context.verify_mode = mode
    if certificate := options.get("ssl_certfile"):
        context.load_cert_chain(certificate, options.get("ssl_keyfile"), options.get("ssl_password"))
    return context
