"""The settings: one frozen Struct, read once from the environment and from `.env`.

The environment takes precedence. A variable is named like its field in upper case, without a
prefix. An invalid value, or a misspelt name in `.env`, stops the start with one line that names the
variable and what is allowed; an empty value counts as not set.
"""

import os
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from dotenv import dotenv_values

from tradepost.areas.payments.providers.stripe_amounts import takes_currency
from tradepost.areas.pricing.payment_method_setting import (
    BANK_TRANSFER,
    TEST_PAYMENT,
    PaymentMethodRule,
    parse_payment_methods,
)
from tradepost.kit.redis.url import RedisUrl
from tradepost.kit.schema.countries import is_country
from tradepost.kit.schema.money import currencies
from tradepost.setting_names import misspelt_names

DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
MIN_SECRET_LENGTH = 32
SECRET_KEY_FILE = Path("var/secret_key")


class SettingsError(Exception):
    """An invalid setting. The message is one line: the variable and what is allowed."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of an installation. `.env.example` describes each of them."""

    profile: Literal["default", "production"] = "default"
    database_url: str = "sqlite+aiosqlite:///./var/tradepost.db"
    redis_url: str | None = None
    secret_key: str
    workers: int = 1
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = "http://127.0.0.1:8000"
    token_algorithm: Literal["EdDSA", "HS256"] = "EdDSA"  # noqa: S105 - not a secret
    signing_keys: str = "var/signing_keys.json"
    token_issuer: str | None = None
    token_audience: str = "tradepost"  # noqa: S105 - not a secret
    access_token_seconds: int = 900
    refresh_token_days: int = 30
    session_days: int = 90
    password_min_length: int = 8
    storefront_url: str | None = None
    shop_currency: str = "EUR"
    shop_country: str = "DE"
    shop_timezone: str = "UTC"
    prices_include_tax: bool = True
    tax_rounding: Literal["half_up", "half_even"] = "half_up"
    cart_days: int = 30
    cart_line_max: int = 99
    open_orders: int = 3
    open_orders_per_client: int = 20
    order_number_start: int = 1001
    order_payment_minutes: int = 60
    bank_transfer_days: int = 7
    delivered_after_days: int = 14
    return_days: int = 30
    payment_methods: tuple[PaymentMethodRule, ...] = (TEST_PAYMENT, BANK_TRANSFER)
    capture: Literal["at_once", "on_shipment", "manual"] = "at_once"
    stripe_secret_key: str | None = None
    stripe_webhook_secret: tuple[str, ...] = ()
    stripe_api_url: str = "https://api.stripe.com"
    low_stock: int = 5
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
    budget_login_account_hour: int = 200
    budget_emails: int = 5
    budget_cart_tokens: int = 20
    ops_loopback: bool | None = None
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
    email_templates: str | None = None
    debug: bool = False

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None, env_file: str | Path | None = ".env") -> Self:
        """Return the settings of this process; raise SettingsError for the first invalid value."""
        variables = _variables(os.environ if environ is None else environ, env_file)
        values: dict[str, Any] = {
            field: _parse(field, variables[field.upper()]) for field in PARSERS if field.upper() in variables
        }
        if "secret_key" not in values:
            values["secret_key"] = _stored_secret(values.get("profile", "default"))
        if values.get("profile") == "production":
            values.setdefault("payment_methods", (BANK_TRANSFER,))
            for name, description in REQUIRED_IN_PRODUCTION.items():
                if name not in values:
                    raise SettingsError(f"{name.upper()}: must be set in production, to {description}.")
        settings = cls(**values)
        _check_payment_providers(settings)
        if "public_url" in values:
            return settings
        return msgspec.structs.replace(settings, public_url=_local_url(settings.host, settings.port))

    def __repr__(self) -> str:
        """Return all fields, with secrets masked."""
        fields = (
            f"{name}={'***' if name in SECRETS and getattr(self, name) else repr(getattr(self, name))}"
            for name in self.__struct_fields__
        )
        return f"Settings({', '.join(fields)})"

    @property
    def introspection_enabled(self) -> bool:
        """Whether anonymous callers may see the schema; by default yes, except in production."""
        return self.profile != "production" if self.introspection is None else self.introspection

    @property
    def issuer(self) -> str:
        """The `iss` claim of access tokens; by default PUBLIC_URL."""
        return self.token_issuer or self.public_url

    @property
    def trusts_loopback(self) -> bool:
        """Whether clients on this machine are operators; by default yes, except in production."""
        return self.profile != "production" if self.ops_loopback is None else self.ops_loopback

    @property
    def runs_worker(self) -> bool:
        """Whether server processes run the worker too; by default yes, except in production."""
        return self.profile != "production" if self.worker is None else self.worker

    @property
    def mailer_kind(self) -> Literal["console", "file", "smtp"]:
        """Where e-mails go; by default to the console, in production to an SMTP server."""
        return self.mailer or ("smtp" if self.profile == "production" else "console")

    @property
    def timezone(self) -> tzinfo:
        """The time zone of the shop. UTC needs no database of time zones."""
        return UTC if self.shop_timezone == "UTC" else ZoneInfo(self.shop_timezone)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite."""
        return self.database_url.startswith("sqlite")


def _check_payment_providers(settings: Settings) -> None:
    """Raise SettingsError if a provider is offered that cannot be used."""
    providers = {rule.provider for rule in settings.payment_methods}
    if "fake" in providers and settings.profile == "production":
        raise SettingsError("PAYMENT_METHODS: names `fake`, which takes no money and is not allowed in production.")
    if "stripe" in providers and not takes_currency(settings.shop_currency):
        raise SettingsError(f"PAYMENT_METHODS: names `stripe`, which takes no payments in {settings.shop_currency}.")
    for name in ("stripe_secret_key", "stripe_webhook_secret"):
        if "stripe" in providers and not getattr(settings, name):
            raise SettingsError(f"{name.upper()}: must be set if PAYMENT_METHODS names `stripe`.")


def _variables(environ: Mapping[str, str], env_file: str | Path | None) -> dict[str, str]:
    """Return the variables that are set and not empty."""
    file = dotenv_values(env_file) if env_file is not None and Path(env_file).is_file() else {}
    for name, nearest in misspelt_names(file, {field.upper() for field in PARSERS}).items():
        raise SettingsError(f"{name}: `{env_file}` sets it, but there is no such setting; did you mean {nearest}?")
    return {name: value.strip() for name, value in {**file, **environ}.items() if value is not None and value.strip()}


def _parse(field: str, text: str) -> Any:
    try:
        return PARSERS[field](text)
    except ValueError as reason:
        subject = "The value" if field in SECRETS else f"`{text}`"
        raise SettingsError(f"{field.upper()}: {subject} {reason}.") from None


def _stored_secret(profile: str) -> str:
    """Return the secret in SECRET_KEY_FILE, created on first use and readable only by its owner.

    Raise SettingsError in production, where SECRET_KEY has to be set.
    """
    if profile == "production":
        raise SettingsError(f"SECRET_KEY: must be set in production, to {MIN_SECRET_LENGTH} random characters or more.")
    if not SECRET_KEY_FILE.exists():
        SECRET_KEY_FILE.parent.mkdir(parents=True, exist_ok=True)
        # Linking a temporary file into place is atomic: if several processes start together, one
        # of them wins, and none reads half a secret.
        temporary = SECRET_KEY_FILE.with_name(f"secret_key.{secrets.token_hex(8)}")
        temporary.touch(mode=0o600)
        temporary.write_text(secrets.token_urlsafe(48))
        try:
            os.link(temporary, SECRET_KEY_FILE)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return _read_secret(SECRET_KEY_FILE)


def _read_secret(path: Path) -> str:
    try:
        return _secret(path.read_text().strip())
    except (OSError, ValueError):
        raise SettingsError(
            f"SECRET_KEY: the secret in `{path}` is not valid; set SECRET_KEY, or delete the file to create a new one "
            "(this invalidates all credentials)."
        ) from None


def _local_url(host: str, port: int) -> str:
    """Return the URL of the server for clients on this machine."""
    literal = f"[{host}]" if ":" in host else host
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, literal)  # noqa: S104 - compared, not bound
    return f"http://{name}:{port}"


def _switch(text: str) -> bool:
    if text.lower() in {"on", "true", "1", "yes"}:
        return True
    if text.lower() in {"off", "false", "0", "no"}:
        return False
    raise ValueError("is neither `on` nor `off`")


def _integer(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not minimum <= int(text) <= maximum:
            raise ValueError(f"is not a whole number from {minimum} to {maximum}")
        return int(text)

    return parse


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not 0.1 <= float(text) <= 3600:
        raise ValueError("is not a number of seconds from 0.1 to 3600")
    return float(text)


def _bytes(text: str) -> int:
    """Parse a size such as `1048576`, `512 kB` or `1 MiB`."""
    units = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
    match = re.fullmatch(r"([0-9]{1,12}) ?([A-Za-z]*)", text)
    size = int(match[1]) * units.get(match[2].lower(), 0) if match else 0
    if not 1 <= size <= 1024**3:
        raise ValueError("is not a size from 1 byte to 1 GiB, such as `1048576` or `1 MiB`")
    return size


def _names(text: str) -> tuple[str, ...]:
    """Parse a comma-separated list."""
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"is not one of {', '.join(allowed)}")
        return text.lower()

    return parse


def _algorithm(text: str) -> str:
    algorithm = {"eddsa": "EdDSA", "hs256": "HS256"}.get(text.lower())
    if algorithm is None:
        raise ValueError("is not one of EdDSA, HS256")
    return algorithm


def _claim(text: str) -> str:
    if not re.fullmatch(r"[!-~]{1,200}", text):
        raise ValueError("is not a name or URL of at most 200 characters without spaces")
    return text


def _currency(text: str) -> str:
    if text.upper() not in currencies():
        raise ValueError("is not an ISO 4217 currency code such as `EUR`")
    return text.upper()


def _country(text: str) -> str:
    if not is_country(text.upper()):
        raise ValueError("is not an ISO 3166-1 country code such as `DE`")
    return text.upper()


def _timezone(text: str) -> str:
    try:
        if text != "UTC":
            ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not a name of the IANA time zone database such as `Europe/Berlin`") from None
    return text


def _database_url(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in DRIVERS or not rest:
        raise ValueError("is neither `sqlite:///PATH` nor `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`")
    return f"{DRIVERS[scheme]}://{rest}"


def _redis_url(text: str) -> str:
    RedisUrl.parse(text)
    return text


def _smtp_url(text: str) -> str:
    try:
        url = urlsplit(text)
        is_server_only = not url.query and not url.fragment and url.path in {"", "/"}
        is_valid = (
            url.scheme in {"smtp", "smtps"}
            and bool(url.hostname)
            and is_server_only
            and url.port != 0
            and bool(url.username) == bool(url.password)
        )
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError(
            "is neither `smtp://USER:PASSWORD@HOST:587` nor `smtps://USER:PASSWORD@HOST:465` "
            "(USER:PASSWORD@ is optional)"
        )
    return text


def _sender(text: str) -> str:
    if not re.fullmatch(r"[^\s@<>]+@[A-Za-z0-9.-]+", parseaddr(text)[1]) or not text.isprintable():
        raise ValueError("is not a sender such as `shop@example.com` or `Shop <shop@example.com>`")
    return text


def _public_url(text: str) -> str:
    try:
        url = urlsplit(text)
        is_valid = (
            url.scheme in {"http", "https"}
            and bool(url.hostname)
            and not url.query
            and not url.fragment
            and url.port != 0
        )
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError("is not a URL such as `https://shop.example`")
    return text.rstrip("/")


def _origins(text: str) -> tuple[str, ...]:
    origins = _names(text)
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"https?://[^/\s?#@]+", origin):
            raise ValueError("is not a list of origins such as `https://shop.example` (no path), or `*`")
    return origins


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:-]+", text):
        raise ValueError("is not an IP address or a host name")
    return text


def _stripe_key(text: str) -> str:
    if not re.fullmatch(r"(sk|rk)_(live|test)_\w+", text):
        raise ValueError("is not a secret key of Stripe such as `sk_live_...` or `rk_test_...`")
    return text


def _webhook_secrets(text: str) -> tuple[str, ...]:
    secrets = _names(text)
    if not secrets or not all(re.fullmatch(r"whsec_\S+", secret) for secret in secrets):
        raise ValueError("is not a signing secret such as `whsec_...`, or several with commas")
    return secrets


def _secret(text: str) -> str:
    if len(text) < MIN_SECRET_LENGTH:
        raise ValueError(f"is shorter than {MIN_SECRET_LENGTH} characters")
    return text


PARSERS: Mapping[str, Callable[[str], Any]] = {
    "profile": _one_of("default", "production"),
    "database_url": _database_url,
    "redis_url": _redis_url,
    "secret_key": _secret,
    "workers": _integer(1, 256),
    "host": _host,
    "port": _integer(1, 65535),
    "public_url": _public_url,
    "token_algorithm": _algorithm,
    "signing_keys": str,
    "token_issuer": _claim,
    "token_audience": _claim,
    "access_token_seconds": _integer(10, 86_400),
    "refresh_token_days": _integer(1, 3650),
    "session_days": _integer(1, 3650),
    "storefront_url": _public_url,
    "password_min_length": _integer(8, 64),
    "shop_currency": _currency,
    "shop_country": _country,
    "shop_timezone": _timezone,
    "prices_include_tax": _switch,
    "tax_rounding": _one_of("half_up", "half_even"),
    "cart_days": _integer(1, 3650),
    "cart_line_max": _integer(1, 9999),
    "open_orders": _integer(0, 1_000_000),
    "open_orders_per_client": _integer(0, 1_000_000),
    "order_number_start": _integer(1, 1_000_000_000_000),
    "order_payment_minutes": _integer(1, 525_600),
    "bank_transfer_days": _integer(1, 365),
    "delivered_after_days": _integer(1, 365),
    "return_days": _integer(0, 3650),
    "payment_methods": parse_payment_methods,
    "capture": _one_of("at_once", "on_shipment", "manual"),
    "stripe_secret_key": _stripe_key,
    "stripe_webhook_secret": _webhook_secrets,
    "stripe_api_url": _public_url,
    "low_stock": _integer(0, 1_000_000),
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
    "requests_in_flight": _integer(1, 1_000_000),
    "budget_anonymous": _integer(1, 1_000_000_000),
    "budget_customer": _integer(1, 1_000_000_000),
    "budget_staff": _integer(1, 1_000_000_000),
    "budget_login_account": _integer(1, 1_000_000_000),
    "budget_login_address": _integer(1, 1_000_000_000),
    "budget_login_account_hour": _integer(1, 1_000_000_000),
    "budget_emails": _integer(1, 1_000_000_000),
    "budget_cart_tokens": _integer(1, 1_000_000_000),
    "ops_loopback": _switch,
    "access_log": _switch,
    "log_format": _one_of("text", "json"),
    "log_level": _one_of("debug", "info", "warning", "error"),
    "pool_size": _integer(1, 1000),
    "read_cache": _switch,
    "worker": _switch,
    "mailer": _one_of("console", "file", "smtp"),
    "smtp_url": _smtp_url,
    "mail_from": _sender,
    "mail_folder": str,
    "email_templates": str,
    "debug": _switch,
}
REQUIRED_IN_PRODUCTION = {
    "public_url": "a URL such as `https://shop.example`",
    "shop_country": "an ISO 3166-1 country code such as `DE`",
}
"""The settings that are required in production, with the value that each needs."""
SECRETS = frozenset(
    {"secret_key", "database_url", "redis_url", "smtp_url", "stripe_secret_key", "stripe_webhook_secret"}
)
