"""What can be set from outside: one frozen Struct, read once from the environment and from `.env` (the environment wins).

A variable has the upper-cased name of its field and no prefix. A value that cannot be used stops the start with one line that names
the variable and says what is allowed; an empty value counts as not set.
"""

import os
import re
import secrets
from collections.abc import Callable, Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import msgspec
from dotenv import dotenv_values

from tradepost.kit.schema.money import currencies

DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
LEAST_SECRET = 32
SECRET_KEY_FILE = Path("var/secret_key")


class SettingsError(Exception):
    """A setting that cannot be used. The text is one line for whoever starts the shop: it names the variable and says what is allowed."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that differs between two installations."""

    profile: Literal["default", "production"] = "default"
    database_url: str = "sqlite+aiosqlite:///./var/tradepost.db"
    redis_url: str | None = None
    secret_key: str
    workers: int = 1
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = "http://127.0.0.1:8000"
    token_algorithm: Literal["EdDSA", "HS256"] = "EdDSA"  # noqa: S105 - no secret
    signing_keys: str = "var/signing_keys.json"
    token_issuer: str | None = None
    token_audience: str = "tradepost"  # noqa: S105 - no secret
    access_token_seconds: int = 900
    refresh_token_days: int = 30
    password_min_length: int = 8
    storefront_url: str | None = None
    shop_currency: str = "EUR"
    introspection: bool | None = None
    documents: str | None = None
    documents_only: bool = False
    apq: bool = False
    fast_lane: bool = True
    require_if_match: bool = False
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    https_redirect: bool = False
    hsts: bool = False
    trusted_proxies: tuple[str, ...] = ()
    body_limit: int = 1024 * 1024
    request_timeout: float = 30.0
    requests_in_flight: int = 1000
    budget_anonymous: int = 600
    budget_customer: int = 1200
    budget_staff: int = 6000
    budget_login_account: int = 10
    budget_login_address: int = 30
    ops_loopback: bool = True
    access_log: bool = True
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    pool_size: int = 10
    read_cache: bool = True
    worker: bool | None = None
    mailer: Literal["console", "file", "smtp"] | None = None
    smtp_url: str | None = None
    mail_from: str = "shop@localhost"
    mail_folder: str = "var/mail"
    debug: bool = False

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None, env_file: str | Path | None = ".env") -> Self:
        """The settings of this process; raises SettingsError for the first value that cannot be used."""
        given = _given(os.environ if environ is None else environ, env_file)
        values: dict[str, Any] = {
            field: _read(field, given[field.upper()]) for field in PARSERS if field.upper() in given
        }
        if "secret_key" not in values:
            values["secret_key"] = _kept_secret(values.get("profile", "default"))
        settings = cls(**values)
        return (
            settings
            if "public_url" in values
            else msgspec.structs.replace(settings, public_url=_own_url(settings.host, settings.port))
        )

    def __repr__(self) -> str:
        """All fields, without what may not stand in a log."""
        shown = (
            f"{name}={'***' if name in SECRETS and getattr(self, name) else repr(getattr(self, name))}"
            for name in self.__struct_fields__
        )
        return f"Settings({', '.join(shown)})"

    @property
    def introspection_enabled(self) -> bool:
        """Whether GraphQL answers introspection: as set, or else everywhere but in production."""
        return self.profile != "production" if self.introspection is None else self.introspection

    @property
    def storefront(self) -> str:
        """Where the links in letters lead: the shop's own pages, or else the public address."""
        return self.storefront_url or self.public_url

    @property
    def issuer(self) -> str:
        """Who access tokens say they are from: as set, or else the public address."""
        return self.token_issuer or self.public_url

    @property
    def runs_worker(self) -> bool:
        """Whether those that serve do the worker's work as well: as set, or else everywhere but in production."""
        return self.profile != "production" if self.worker is None else self.worker

    @property
    def mailer_kind(self) -> Literal["console", "file", "smtp"]:
        """Where letters go: as set, or else to the console, and in production to an SMTP server."""
        return self.mailer or ("smtp" if self.profile == "production" else "console")

    @property
    def is_sqlite(self) -> bool:
        """Whether the shop keeps its rows in a SQLite file."""
        return self.database_url.startswith("sqlite")


def _given(environ: Mapping[str, str], env_file: str | Path | None) -> dict[str, str]:
    """What is set and not empty, by variable."""
    file = dotenv_values(env_file) if env_file is not None and Path(env_file).is_file() else {}
    return {name: value.strip() for name, value in {**file, **environ}.items() if value is not None and value.strip()}


def _read(field: str, text: str) -> Any:
    try:
        return PARSERS[field](text)
    except ValueError as fault:
        said = "The value" if field in SECRETS else f"`{text}`"
        raise SettingsError(f"{field.upper()}: {said} {fault}.") from None


def _kept_secret(profile: str) -> str:
    """The secret that the default profile makes once and keeps, readable only by its owner; production brings its own."""
    if profile == "production":
        raise SettingsError(f"SECRET_KEY: must be set in production, to {LEAST_SECRET} random characters or more.")
    if not SECRET_KEY_FILE.exists():
        SECRET_KEY_FILE.parent.mkdir(parents=True, exist_ok=True)
        # Written aside and linked into place: of several processes that start together one wins, and none reads half a secret.
        draft = SECRET_KEY_FILE.with_name(f"secret_key.{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            os.link(draft, SECRET_KEY_FILE)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return _secret_in_file(SECRET_KEY_FILE)


def _secret_in_file(path: Path) -> str:
    try:
        return _secret(path.read_text().strip())
    except (OSError, ValueError):
        raise SettingsError(
            f"SECRET_KEY: the kept secret in `{path}` cannot be used; remove the file (every credential made with it ends) or set SECRET_KEY."
        ) from None


def _own_url(host: str, port: int) -> str:
    """Where a caller on this machine finds the shop."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - recognised, not bound
    return f"http://{name}:{port}"


def _switch(text: str) -> bool:
    if text.lower() in {"on", "true", "1", "yes"}:
        return True
    if text.lower() in {"off", "false", "0", "no"}:
        return False
    raise ValueError("is neither `on` nor `off`")


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise ValueError(f"is not a whole number from {least} to {most}")
        return int(text)

    return read


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not 0.1 <= float(text) <= 3600:
        raise ValueError("is not a number of seconds from 0.1 to 3600")
    return float(text)


def _bytes(text: str) -> int:
    """A size such as `1048576`, `512 kB` or `1 MiB`."""
    units = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
    found = re.fullmatch(r"([0-9]{1,12}) ?([A-Za-z]*)", text)
    size = int(found[1]) * units.get(found[2].lower(), 0) if found else 0
    if not 1 <= size <= 1024**3:
        raise ValueError("is not a size from 1 byte to 1 GiB, such as `1048576` or `1 MiB`")
    return size


def _names(text: str) -> tuple[str, ...]:
    """A list with commas between."""
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _one_of(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"is none of {', '.join(allowed)}")
        return text.lower()

    return read


def _algorithm(text: str) -> str:
    found = {"eddsa": "EdDSA", "hs256": "HS256"}.get(text.lower())
    if found is None:
        raise ValueError("is none of EdDSA, HS256")
    return found


def _claim(text: str) -> str:
    if not re.fullmatch(r"[!-~]{1,200}", text):
        raise ValueError("is not a name or an address of 200 characters at most, without spaces")
    return text


def _currency(text: str) -> str:
    if text.upper() not in currencies():
        raise ValueError("is not a currency code of ISO 4217, such as `EUR`")
    return text.upper()


def _database_url(text: str) -> str:
    scheme, found, rest = text.partition("://")
    if not found or scheme not in DRIVERS or not rest:
        raise ValueError("is neither `sqlite:///PATH` nor `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`")
    return f"{DRIVERS[scheme]}://{rest}"


def _redis_url(text: str) -> str:
    if not re.match(r"(redis|rediss|valkey|unix)://.", text):
        raise ValueError("is neither `redis://HOST:PORT/0`, `rediss://...` nor `unix://PATH`")
    return text.replace("valkey://", "redis://", 1)


def _smtp_url(text: str) -> str:
    try:
        url = urlsplit(text)
        alone = not url.query and not url.fragment and url.path in {"", "/"}
        good = (
            url.scheme in {"smtp", "smtps"}
            and bool(url.hostname)
            and alone
            and url.port != 0
            and bool(url.username) == bool(url.password)
        )
    except ValueError:
        good = False
    if not good:
        raise ValueError(
            "is neither `smtp://USER:PASSWORD@HOST:587` nor `smtps://USER:PASSWORD@HOST:465` (USER:PASSWORD@ may be left out)"
        )
    return text


def _sender(text: str) -> str:
    if not re.fullmatch(r"[^\s@<>]+@[A-Za-z0-9.-]+", parseaddr(text)[1]) or not text.isprintable():
        raise ValueError("is no sender such as `shop@example.com` or `Shop <shop@example.com>`")
    return text


def _public_url(text: str) -> str:
    try:
        url = urlsplit(text)
        good = (
            url.scheme in {"http", "https"}
            and bool(url.hostname)
            and not url.query
            and not url.fragment
            and url.port != 0
        )
    except ValueError:
        good = False
    if not good:
        raise ValueError("is not an address such as `https://shop.example`")
    return text.rstrip("/")


def _origins(text: str) -> tuple[str, ...]:
    origins = _names(text)
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"https?://[^/\s?#@]+", origin):
            raise ValueError("is not a list of origins such as `https://shop.example` (no path), or `*`")
    return origins


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:-]+", text):
        raise ValueError("is not an address or a host name")
    return text


def _secret(text: str) -> str:
    if len(text) < LEAST_SECRET:
        raise ValueError(f"is shorter than {LEAST_SECRET} characters")
    return text


PARSERS: Mapping[str, Callable[[str], Any]] = {
    "profile": _one_of("default", "production"),
    "database_url": _database_url,
    "redis_url": _redis_url,
    "secret_key": _secret,
    "workers": _whole(1, 256),
    "host": _host,
    "port": _whole(1, 65535),
    "public_url": _public_url,
    "token_algorithm": _algorithm,
    "signing_keys": str,
    "token_issuer": _claim,
    "token_audience": _claim,
    "access_token_seconds": _whole(10, 86_400),
    "refresh_token_days": _whole(1, 3650),
    "storefront_url": _public_url,
    "password_min_length": _whole(8, 64),
    "shop_currency": _currency,
    "introspection": _switch,
    "documents": str,
    "documents_only": _switch,
    "apq": _switch,
    "fast_lane": _switch,
    "require_if_match": _switch,
    "allowed_hosts": _names,
    "cors_origins": _origins,
    "https_redirect": _switch,
    "hsts": _switch,
    "trusted_proxies": _names,
    "body_limit": _bytes,
    "request_timeout": _seconds,
    "requests_in_flight": _whole(1, 1_000_000),
    "budget_anonymous": _whole(1, 1_000_000_000),
    "budget_customer": _whole(1, 1_000_000_000),
    "budget_staff": _whole(1, 1_000_000_000),
    "budget_login_account": _whole(1, 1_000_000_000),
    "budget_login_address": _whole(1, 1_000_000_000),
    "ops_loopback": _switch,
    "access_log": _switch,
    "log_format": _one_of("text", "json"),
    "log_level": _one_of("debug", "info", "warning", "error"),
    "pool_size": _whole(1, 1000),
    "read_cache": _switch,
    "worker": _switch,
    "mailer": _one_of("console", "file", "smtp"),
    "smtp_url": _smtp_url,
    "mail_from": _sender,
    "mail_folder": str,
    "debug": _switch,
}
SECRETS = frozenset({"secret_key", "database_url", "redis_url", "smtp_url"})
