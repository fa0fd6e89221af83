"""Settings: the environment overrides the file; an error is one line that names the variable."""

import os
import stat
import subprocess
import sys
import threading
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests import servers
from tradepost.setting_names import distance, misspelt_names
from tradepost.settings import PARSERS, Settings, SettingsError

SECRET = "x" * 32
PRODUCTION = {"PROFILE": "production", "PUBLIC_URL": "https://shop.example", "SHOP_COUNTRY": "DK"}


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without `.env` and `var/`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(**environ: str) -> Settings:
    """Read the settings from this environment, with a default secret."""
    return Settings.read({"SECRET_KEY": SECRET, **environ}, env_file=None)


def test_the_defaults_are_a_shop_on_the_local_machine() -> None:
    settings = read()
    assert (settings.profile, settings.host, settings.port, settings.workers) == ("default", "127.0.0.1", 8000, 1)
    assert settings.database_url == "sqlite+aiosqlite:///./var/tradepost.db"
    assert settings.redis_url is None
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.is_sqlite
    assert settings.fast_lane
    assert settings.trusts_loopback
    assert not settings.debug


@pytest.mark.parametrize("field", Settings.__struct_fields__)
def test_every_field_can_be_set(field: str) -> None:
    assert field in PARSERS


def test_every_field_is_shown_in_the_example_file() -> None:
    lines = (Path(__file__).parent.parent / ".env.example").read_text().splitlines()
    assert [
        line.partition("=")[0].removeprefix("#").lower() for line in lines if "=" in line.partition(" ")[0]
    ] == list(Settings.__struct_fields__)


def test_the_example_file_shows_the_defaults(tmp_path: Path) -> None:
    lines = (Path(__file__).parent.parent / ".env.example").read_text().splitlines()
    (tmp_path / "env").write_text(
        "\n".join(line.removeprefix("#") if "=" in line.partition(" ")[0] else line for line in lines)
    )
    assert Settings.read({"SECRET_KEY": SECRET}, env_file=tmp_path / "env") == msgspec.structs.replace(
        read(), introspection=True, worker=True, mailer="console", ops_loopback=True
    )


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("PORT=9000\nHOST=0.0.0.0  # all of them\n")
    settings = Settings.read({"SECRET_KEY": SECRET, "PORT": "9001"}, env_file=tmp_path / "env")
    assert (settings.port, settings.host) == (9001, "0.0.0.0")  # noqa: S104 - read, not bound


def test_an_empty_value_counts_as_not_set() -> None:
    assert read(PORT="", REDIS_URL=" ").port == 8000


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("sqlite:///./shop.db", "sqlite+aiosqlite:///./shop.db"),
        ("sqlite+aiosqlite:////data/shop.db", "sqlite+aiosqlite:////data/shop.db"),
        ("postgresql://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgres://u:p@h/d?host=/run", "postgresql+asyncpg://u:p@h/d?host=/run"),
        ("postgresql+asyncpg://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
    ],
)
def test_a_database_url_may_omit_the_driver(value: str, url: str) -> None:
    assert read(DATABASE_URL=value).database_url == url


@pytest.mark.parametrize(
    ("word", "means"), [("on", True), ("TRUE", True), ("1", True), ("off", False), ("False", False), ("0", False)]
)
def test_a_switch_accepts_six_words(word: str, means: bool) -> None:
    assert read(FAST_LANE=word).fast_lane is means


@pytest.mark.parametrize(("text", "size"), [("2048", 2048), ("512 kB", 512_000), ("1MiB", 1024**2), ("1 GiB", 1024**3)])
def test_a_body_limit_may_have_a_unit(text: str, size: int) -> None:
    assert read(BODY_LIMIT=text).body_limit == size


def test_payment_methods_have_optional_countries_and_a_largest_total() -> None:
    transfer, cash = read(
        PAYMENT_METHODS="manual:bank_transfer, manual:cash_on_delivery ; countries=de+AT; max=50000"
    ).payment_methods
    assert [(rule.provider, rule.method) for rule in (transfer, cash)] == [
        ("manual", "bank_transfer"),
        ("manual", "cash_on_delivery"),
    ]
    assert transfer.offers("FR", 10**15)
    assert [cash.offers(*place) for place in (("AT", 50000), ("AT", 50001), ("FR", 1), (None, 1))] == [
        True, False, False, True,
    ]  # fmt: skip


def test_the_default_profile_offers_test_payments_and_production_does_not() -> None:
    offered = [[(r.provider, r.method) for r in read(**e).payment_methods] for e in ({}, PRODUCTION)]
    assert offered == [[("fake", None), ("manual", "bank_transfer")], [("manual", "bank_transfer")]]
    with pytest.raises(SettingsError) as refused:
        read(**PRODUCTION, PAYMENT_METHODS="manual:bank_transfer,fake")
    assert str(refused.value) == (
        "PAYMENT_METHODS: names `fake`, which takes no money and is not allowed in production."
    )


STRIPE = {"STRIPE_SECRET_KEY": "sk_live_hunter2", "STRIPE_WEBHOOK_SECRET": "whsec_hunter2"}


def test_stripe_needs_its_keys() -> None:
    for name in STRIPE:
        with pytest.raises(SettingsError) as refused:
            read(PAYMENT_METHODS="stripe", **(STRIPE | {name: ""}))
        assert str(refused.value) == f"{name}: must be set if PAYMENT_METHODS names `stripe`."
    settings = read(**PRODUCTION, **STRIPE, PAYMENT_METHODS="stripe;countries=DE+AT;max=50000")
    [rule] = settings.payment_methods
    assert (rule.provider, rule.method, rule.max_total) == ("stripe", None, 50_000)
    assert rule.countries == {"DE", "AT"}


def test_stripe_takes_no_payments_in_some_currencies() -> None:
    with pytest.raises(SettingsError) as refused:
        read(PAYMENT_METHODS="stripe", SHOP_CURRENCY="CUP", **STRIPE)
    assert str(refused.value) == "PAYMENT_METHODS: names `stripe`, which takes no payments in CUP."
    assert read(SHOP_CURRENCY="CUP").shop_currency == "CUP"


def test_while_the_webhook_secret_is_rotated_there_are_two() -> None:
    assert read(STRIPE_WEBHOOK_SECRET="whsec_old, whsec_new").stripe_webhook_secret == ("whsec_old", "whsec_new")


def test_the_time_zone_of_the_shop_is_utc_or_one_of_the_database() -> None:
    assert read().timezone is UTC
    assert read(SHOP_TIMEZONE="Europe/Berlin").timezone == ZoneInfo("Europe/Berlin")


def test_lists_are_separated_by_commas() -> None:
    settings = read(
        ALLOWED_HOSTS="shop.example, *.shop.example ,",
        CORS_ORIGINS="https://a.example,http://localhost:3000",
        TRUSTED_PROXIES="10.0.0.0/8",
    )
    assert settings.allowed_hosts == ("shop.example", "*.shop.example")
    assert settings.cors_origins == ("https://a.example", "http://localhost:3000")
    assert settings.trusted_proxies == ("10.0.0.0/8",)


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"PORT": "81"}, "http://127.0.0.1:81"),
        ({"HOST": "0.0.0.0"}, "http://127.0.0.1:8000"),  # noqa: S104 - read, not bound
        ({"HOST": "::"}, "http://[::1]:8000"),
        ({"HOST": "::1"}, "http://[::1]:8000"),
        ({"PUBLIC_URL": "https://shop.example/"}, "https://shop.example"),
    ],
)
def test_the_default_public_url_is_made_of_host_and_port(environ: dict[str, str], url: str) -> None:
    assert read(**environ).public_url == url


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"PORT": "x"}, "PORT: `x` is not a whole number from 1 to 65535."),
        ({"PORT": "0"}, "PORT: `0` is not a whole number from 1 to 65535."),
        ({"PORT": "65536"}, "PORT: `65536` is not a whole number from 1 to 65535."),
        (
            {"PORT": "\N{ARABIC-INDIC DIGIT EIGHT}0"},
            "PORT: `\N{ARABIC-INDIC DIGIT EIGHT}0` is not a whole number from 1 to 65535.",
        ),
        ({"WORKERS": "-1"}, "WORKERS: `-1` is not a whole number from 1 to 256."),
        ({"PROFILE": "prod"}, "PROFILE: `prod` is not one of default, production."),
        ({"FAST_LANE": "maybe"}, "FAST_LANE: `maybe` is neither `on` nor `off`."),
        (
            {"BODY_LIMIT": "1 furlong"},
            "BODY_LIMIT: `1 furlong` is not a size from 1 byte to 1 GiB, such as `1048576` or `1 MiB`.",
        ),
        ({"BODY_LIMIT": "0"}, "BODY_LIMIT: `0` is not a size from 1 byte to 1 GiB, such as `1048576` or `1 MiB`."),
        ({"REQUEST_TIMEOUT": "nan"}, "REQUEST_TIMEOUT: `nan` is not a number of seconds from 0.1 to 3600."),
        ({"REQUEST_TIMEOUT": "0"}, "REQUEST_TIMEOUT: `0` is not a number of seconds from 0.1 to 3600."),
        ({"SHOP_CURRENCY": "EURO"}, "SHOP_CURRENCY: `EURO` is not an ISO 4217 currency code such as `EUR`."),
        (
            {"SHOP_TIMEZONE": "Europe/Atlantis"},
            "SHOP_TIMEZONE: `Europe/Atlantis` is not a name of the IANA time zone database such as `Europe/Berlin`.",
        ),
        (
            {"SHOP_TIMEZONE": "../UTC"},
            "SHOP_TIMEZONE: `../UTC` is not a name of the IANA time zone database such as `Europe/Berlin`.",
        ),
        ({"SHOP_COUNTRY": "XX"}, "SHOP_COUNTRY: `XX` is not an ISO 3166-1 country code such as `DE`."),
        ({"TAX_ROUNDING": "down"}, "TAX_ROUNDING: `down` is not one of half_up, half_even."),
        ({"CART_LINE_MAX": "10000"}, "CART_LINE_MAX: `10000` is not a whole number from 1 to 9999."),
        (
            {"PAYMENT_METHODS": "paypal"},
            "PAYMENT_METHODS: `paypal` names the payment method `paypal`, which does not exist; choose from "
            "stripe, fake, manual:bank_transfer, manual:cash_on_delivery.",
        ),
        (
            {"PAYMENT_METHODS": "manual:bank_transfer;max=1,manual:bank_transfer"},
            "PAYMENT_METHODS: `manual:bank_transfer;max=1,manual:bank_transfer` names a payment method twice.",
        ),
        (
            {"PAYMENT_METHODS": "manual:bank_transfer;countries=XX"},
            "PAYMENT_METHODS: `manual:bank_transfer;countries=XX` names a country that is not an ISO 3166-1 code; "
            "an entry is written like `manual:bank_transfer;countries=DE+AT;max=50000`.",
        ),
        (
            {"PAYMENT_METHODS": "manual:bank_transfer;fee=1"},
            "PAYMENT_METHODS: `manual:bank_transfer;fee=1` has an unknown, repeated or invalid option, `fee=1`; "
            "an entry is written like `manual:bank_transfer;countries=DE+AT;max=50000`.",
        ),
        (
            {"PUBLIC_URL": "shop.example"},
            "PUBLIC_URL: `shop.example` is not a URL such as `https://shop.example`.",
        ),
        (
            {"PUBLIC_URL": "https://[::1"},
            "PUBLIC_URL: `https://[::1` is not a URL such as `https://shop.example`.",
        ),
        (
            {"CORS_ORIGINS": "https://a.example/x"},
            "CORS_ORIGINS: `https://a.example/x` is not a list of origins such as `https://shop.example` (no path), "
            "or `*`.",
        ),
        ({"TOKEN_ALGORITHM": "none"}, "TOKEN_ALGORITHM: `none` is not one of EdDSA, HS256."),
        (
            {"TOKEN_AUDIENCE": "a b"},
            "TOKEN_AUDIENCE: `a b` is not a name or URL of at most 200 characters without spaces.",
        ),
        ({"ACCESS_TOKEN_SECONDS": "0"}, "ACCESS_TOKEN_SECONDS: `0` is not a whole number from 10 to 86400."),
        ({"PASSWORD_MIN_LENGTH": "7"}, "PASSWORD_MIN_LENGTH: `7` is not a whole number from 8 to 64."),
        ({"HOST": "a b"}, "HOST: `a b` is not an IP address or a host name."),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL: `loud` is not one of debug, info, warning, error."),
        (
            {"REDIS_URL": "http://h"},
            "REDIS_URL: The value is not a URL such as `redis://HOST:PORT/0`, `rediss://...` or `unix://PATH`.",
        ),
        (
            {"REDIS_URL": "redis://:hunter2@h/cache"},
            "REDIS_URL: The value does not end with the number of a database, such as `/0`.",
        ),
        (
            {"REDIS_URL": "redis://h?ssl_ca_certs=ca.pem"},
            "REDIS_URL: The value has the unknown option `ssl_ca_certs`; allowed here: username, password, db.",
        ),
        (
            {"DATABASE_URL": "mysql://root:hunter2@h/d"},
            "DATABASE_URL: The value is neither `sqlite:///PATH` nor `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`.",
        ),
        (
            {"SMTP_URL": "smtp://shop:hunter2@mail.example/inbox"},
            "SMTP_URL: The value is neither `smtp://USER:PASSWORD@HOST:587` nor `smtps://USER:PASSWORD@HOST:465` "
            "(USER:PASSWORD@ is optional).",
        ),
        ({"CAPTURE": "later"}, "CAPTURE: `later` is not one of at_once, on_shipment, manual."),
        (
            {"STRIPE_SECRET_KEY": "pk_live_hunter2"},
            "STRIPE_SECRET_KEY: The value is not a secret key of Stripe such as `sk_live_...` or `rk_test_...`.",
        ),
        (
            {"STRIPE_WEBHOOK_SECRET": "whsec_old,hunter2"},
            "STRIPE_WEBHOOK_SECRET: The value is not a signing secret such as `whsec_...`, or several with commas.",
        ),
        ({"MAILER": "pigeon"}, "MAILER: `pigeon` is not one of console, file, smtp."),
        (
            {"MAIL_FROM": "the shop"},
            "MAIL_FROM: `the shop` is not a sender such as `shop@example.com` or `Shop <shop@example.com>`.",
        ),
        ({"SECRET_KEY": "hunter2"}, "SECRET_KEY: The value is shorter than 32 characters."),
    ],
)
def test_an_invalid_value_is_reported_in_one_line_without_secrets(environ: dict[str, str], line: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(**environ)
    assert str(refused.value) == line
    assert "hunter2" not in str(refused.value)


def test_the_default_issuer_of_access_tokens_is_the_public_url() -> None:
    assert read(PUBLIC_URL="https://shop.example/").issuer == "https://shop.example"
    assert read(TOKEN_ISSUER="urn:shop").issuer == "urn:shop"
    assert read(TOKEN_ALGORITHM="hs256").token_algorithm == "HS256"


def test_introspection_is_on_by_default_and_off_in_production() -> None:
    assert read().introspection_enabled
    assert not read(**PRODUCTION).introspection_enabled
    assert read(**PRODUCTION, INTROSPECTION="on").introspection_enabled
    assert not read(INTROSPECTION="off").introspection_enabled


def test_the_server_runs_the_worker_by_default_and_not_in_production() -> None:
    assert (read().runs_worker, read().mailer_kind) == (True, "console")
    assert (read(**PRODUCTION).runs_worker, read(**PRODUCTION).mailer_kind) == (False, "smtp")
    changed = read(**PRODUCTION, WORKER="on", MAILER="file")
    assert (changed.runs_worker, changed.mailer_kind) == (True, "file")


def test_the_default_profile_stores_a_secret_that_only_its_owner_can_read(empty_folder: Path) -> None:
    first, second = Settings.read({}, env_file=None), Settings.read({}, env_file=None)
    file = empty_folder / "var" / "secret_key"
    assert first.secret_key == second.secret_key == file.read_text()
    assert len(first.secret_key) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == ["secret_key"]


def test_concurrent_starts_use_the_same_secret(empty_folder: Path) -> None:
    secrets: list[str] = []
    starts = [
        threading.Thread(target=lambda: secrets.append(Settings.read({}, env_file=None).secret_key)) for _ in range(8)
    ]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert len(secrets) == 8
    assert len(set(secrets)) == 1


def test_a_truncated_secret_file_is_refused(empty_folder: Path) -> None:
    (empty_folder / "var").mkdir()
    (empty_folder / "var" / "secret_key").write_text("short")
    with pytest.raises(SettingsError, match=r"^SECRET_KEY: the secret in `var/secret_key` is not valid"):
        Settings.read({}, env_file=None)


def test_production_without_a_secret_is_refused_and_stores_none(empty_folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"^SECRET_KEY: must be set in production"):
        Settings.read({"PROFILE": "production"}, env_file=None)
    assert not (empty_folder / "var").exists()


def test_production_without_a_public_url_is_refused() -> None:
    """Links in e-mails and the issuer of tokens would name this machine."""
    with pytest.raises(SettingsError) as refused:
        read(PROFILE="production", HOST="0.0.0.0")  # noqa: S104 - read, not bound
    assert str(refused.value) == "PUBLIC_URL: must be set in production, to a URL such as `https://shop.example`."
    assert read(**PRODUCTION).public_url == "https://shop.example"


def test_production_without_a_country_is_refused() -> None:
    """Taxes would be those of another country."""
    with pytest.raises(SettingsError) as refused:
        read(PROFILE="production", PUBLIC_URL="https://shop.example")
    assert str(refused.value) == "SHOP_COUNTRY: must be set in production, to an ISO 3166-1 country code such as `DE`."
    assert read(**PRODUCTION).shop_country == "DK"
    assert read().shop_country == "DE"


def test_in_production_this_machine_is_no_operator_unless_a_setting_says_so() -> None:
    assert not read(**PRODUCTION).trusts_loopback
    assert read(**PRODUCTION, OPS_LOOPBACK="on").trusts_loopback
    assert not read(OPS_LOOPBACK="off").trusts_loopback


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("WORKRES", "WORKERS"),
        ("workers", "WORKERS"),
        ("TRADEPOST_WORKERS", "WORKERS"),
        ("PROT", "PORT"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("BUDGET_LOGIN_ADRESS", "BUDGET_LOGIN_ADDRESS"),
    ],
)
def test_a_misspelt_setting_in_the_file_is_refused_with_the_nearest_name(
    tmp_path: Path, name: str, nearest: str
) -> None:
    file = tmp_path / "env"
    file.write_text(f"PORT=9000\n{name}=2\n")
    with pytest.raises(SettingsError) as refused:
        Settings.read({"SECRET_KEY": SECRET}, env_file=file)
    assert str(refused.value) == f"{name}: `{file}` sets it, but there is no such setting; did you mean {nearest}?"


def test_variables_of_other_programs_are_not_taken_for_settings(tmp_path: Path) -> None:
    names = (
        "POSTGRES_PASSWORD PGPORT PGHOST HOME HOSTNAME MAIL MAILTO LANG PATH SHELL TERM USER TZ COMPOSE_PROJECT_NAME"
    )
    (tmp_path / "env").write_text("".join([f"{name}=x\n" for name in names.split()]))
    assert Settings.read({"SECRET_KEY": SECRET}, env_file=tmp_path / "env").port == 8000
    assert misspelt_names(names.split(), {field.upper() for field in PARSERS}) == {}


@pytest.mark.parametrize(
    ("one", "other", "changes"),
    [("", "", 0), ("PORT", "PORT", 0), ("PROT", "PORT", 1), ("POR", "PORT", 1), ("PARTS", "PORT", 2), ("", "PORT", 4)],
)
def test_the_distance_of_two_names_is_the_number_of_changes(one: str, other: str, changes: int) -> None:
    assert distance(one, other) == distance(other, one) == changes


def test_settings_can_be_logged_without_their_secrets() -> None:
    shown = repr(
        read(
            DATABASE_URL="postgresql://u:hunter2@h/d",
            REDIS_URL="redis://:hunter2@h/0",
            SMTP_URL="smtp://u:hunter2@h",
            **STRIPE,
        )
    )
    assert "hunter2" not in shown
    assert SECRET not in shown
    assert "port=8000" in shown


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        read().port = 1  # type: ignore[misc]


def test_a_command_with_an_invalid_setting_prints_one_line_and_exits_with_status_2(tmp_path: Path) -> None:
    environ = servers.environ("sqlite:///./shop.db") | {"PORT": "x"}
    done = subprocess.run(
        [sys.executable, "-m", "tradepost", "run"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "tradepost: PORT: `x` is not a whole number from 1 to 65535.\n",
    )
