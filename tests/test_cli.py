"""The commands work on a real database, and report errors that a user can fix in one line.

One command of each kind runs in a process; the others run in this one, a tenth of the time.
"""

import asyncio
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from tests import servers
from tests.commands import Done, run_command, run_process
from tradepost.areas.accounts.models import UserRow
from tradepost.kit.writes.database import Database

type Command = Callable[..., Done]

ADMIN = ("create-admin", "--email", "Kim@Shop.example")


@pytest.fixture
def process(empty_url: str, tmp_path: Path) -> Command:
    """Return a function that runs `tradepost` with an empty database, in an empty folder."""
    usual = servers.environ(empty_url)
    return lambda *words, **more: run_process(*words, environ=usual | more, folder=tmp_path)


@pytest.fixture
def command(empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function that does the same without a process."""
    monkeypatch.chdir(tmp_path)
    usual = servers.environ(empty_url)
    return lambda *words, **more: run_command(*words, environ=usual | more)


@pytest.fixture
def migrated(bare_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function that runs a command without a process, with a database with all tables."""
    monkeypatch.chdir(tmp_path)
    usual = servers.environ(bare_url)
    return lambda *words, input=None: run_command(*words, environ=usual, input=input)


@pytest.mark.once
def test_help_lists_the_commands_of_tradepost_and_litestar(process: Command) -> None:
    shown = process("--help").stdout
    for name in ("run", "migrate", "seed", "create-api-key", "export-contract", "routes"):
        assert f"\n  {name} " in shown
    for name in ("schema", "sessions", "info", "version"):
        assert f"\n  {name} " not in shown


def test_prepare_creates_a_shop_and_prints_the_same_key_when_run_again(
    process: Command, command: Command, tmp_path: Path
) -> None:
    first, second = process("prepare", "--products", "30"), command("prepare", "--products", "30")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    for line in (
        "REST:          http://127.0.0.1:8000/v1/products",
        "GraphQL:       http://127.0.0.1:8000/graphql",
        "Docs:          http://127.0.0.1:8000/docs",
    ):
        assert line in first.stdout
        assert line in second.stdout
    key = (tmp_path / "var" / "staff_api_key").read_text().strip()
    assert f"Staff API key: {key} " in first.stdout
    assert f"Staff API key: {key} " in second.stdout
    assert stat.S_IMODE((tmp_path / "var" / "staff_api_key").stat().st_mode) == 0o600


def test_prepare_in_production_creates_no_demo_data_and_no_key(command: Command, tmp_path: Path) -> None:
    production = {"PROFILE": "production", "PUBLIC_URL": "https://shop.example", "SHOP_COUNTRY": "DE"}
    done = command("prepare", **production)
    assert done.returncode == 0, done.stderr
    assert "tp_" not in done.stdout
    assert not (tmp_path / "var").exists()
    assert command("seed", "--products", "1", **production).returncode == 0  # refused if there are products


def test_seed_refuses_a_database_that_has_products(migrated: Command) -> None:
    assert migrated("seed", "--products", "5").returncode == 0
    again = migrated("seed", "--products", "5")
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert again.stderr.startswith("Error: The database has products")


def test_migrate_can_be_run_twice(command: Command) -> None:
    assert [command("migrate").returncode for _ in range(2)] == [0, 0]


def test_create_api_key_refuses_an_unknown_role(migrated: Command) -> None:
    assert migrated("create-api-key", "--role", "staff", "--name", "till").stdout.startswith("tp_")
    refused = migrated("create-api-key", "--role", "king", "--name", "till")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: `king` is not a role")


@pytest.mark.once
def test_an_unreachable_database_is_reported_in_one_line_without_its_password(process: Command) -> None:
    done = process("migrate", DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/shop")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("Error: DATABASE_URL: postgresql+asyncpg://u:***@127.0.0.1:1/shop cannot be used: ")


def test_a_database_without_tables_is_reported_in_one_line(command: Command) -> None:
    done = command("seed", "--products", "5")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith("Error: DATABASE_URL: ")


@pytest.mark.once
def test_production_does_not_start_without_a_secret(process: Command) -> None:
    done = process("run", PROFILE="production", SECRET_KEY="")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tradepost: SECRET_KEY: must be set in production, to 32 random characters or more.\n"


@pytest.mark.once
def test_production_does_not_start_without_a_public_url(process: Command) -> None:
    done = process("run", PROFILE="production")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "tradepost: PUBLIC_URL: must be set in production, to a URL such as `https://shop.example`.\n"
    )


@pytest.mark.once
def test_a_misspelt_setting_stops_the_start_in_the_file_and_is_a_warning_in_the_environment(
    process: Command, tmp_path: Path
) -> None:
    warned = process("worker", WORKRES="2")  # which stops, because there are no tables
    assert warned.stderr.splitlines()[0] == (
        "tradepost: warning: WORKRES in the environment is not a setting; did you mean WORKERS?"
    )
    (tmp_path / ".env").write_text("WORKRES=2\n")
    refused = process("run")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "tradepost: WORKRES: `.env` sets it, but there is no such setting; did you mean WORKERS?\n"


@pytest.mark.once
def test_rotate_signing_key_adds_a_key_and_prints_no_secret(command: Command, tmp_path: Path) -> None:
    first, second = command("rotate-signing-key"), command("rotate-signing-key")
    key_file = tmp_path / "var" / "signing_keys.json"
    names = [key["kid"] for key in json.loads(key_file.read_text())["keys"]]
    assert first.stdout == f"New signing key {names[1]}, stored in var/signing_keys.json; still valid: none\n"
    assert second.stdout == f"New signing key {names[0]}, stored in var/signing_keys.json; still valid: {names[1]}\n"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert all(key["d"] not in first.stdout + second.stdout for key in json.loads(key_file.read_text())["keys"])


@pytest.mark.once
def test_rotate_signing_key_reports_an_error_in_one_line(command: Command, tmp_path: Path) -> None:
    for environ, message in (
        (
            {"TOKEN_ALGORITHM": "HS256"},
            "Error: SIGNING_KEYS: with TOKEN_ALGORITHM=HS256 the key is derived from SECRET_KEY; change that instead\n",
        ),
        (
            {"SIGNING_KEYS": "broken.json"},
            "Error: SIGNING_KEYS: the signing keys in `broken.json` cannot be read (DecodeError)\n",
        ),
    ):
        (tmp_path / "broken.json").write_text("{")
        done = command("rotate-signing-key", **environ)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


def test_create_admin_creates_an_active_verified_admin(bare_url: str) -> None:
    done = run_process(
        *ADMIN, "--password-stdin", environ=servers.environ(bare_url), input="seven grey herons asleep\n"
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "Kim@Shop.example is a new admin" in done.stdout
    assert "herons" not in done.stdout
    [row] = rows(bare_url)
    assert (row.email, row.role, row.status) == ("kim@shop.example", "admin", "active")
    assert row.email_verified_at is not None
    assert row.password_hash.startswith("$argon2id$")


def test_create_admin_changes_the_password_only_of_an_account_that_is_not_verified(
    migrated: Command, bare_url: str
) -> None:
    assert migrated(*ADMIN, "--password-stdin", input="seven grey herons asleep\n").returncode == 0
    [before] = rows(bare_url)
    again = migrated("create-admin", "--email", "kim@shop.example")
    assert (again.returncode, "its password is unchanged" in again.stdout) == (0, True), again.stderr
    assert rows(bare_url)[0].password_hash == before.password_hash
    rows(bare_url, "UPDATE \"user\" SET email_verified_at = NULL, role = 'customer', status = 'suspended'")
    # Anyone may have registered this address, so an admin of it needs a new password.
    refused = migrated("create-admin", "--email", "kim@shop.example")
    assert refused.returncode == 1
    assert rows(bare_url)[0].role == "customer"
    assert migrated(*ADMIN, "--password-stdin", input="four green boats at noon\n").returncode == 0
    [after] = rows(bare_url)
    assert (after.role, after.status, after.password_hash == before.password_hash) == ("admin", "active", False)


@pytest.mark.parametrize(
    ("email", "password", "message"),
    [("kim", "seven grey herons asleep", "Not a valid e-mail address"), ("k@shop.example", "password1", "common")],
)
def test_create_admin_refuses_an_invalid_address_or_password_in_one_line(
    migrated: Command, bare_url: str, email: str, password: str, message: str
) -> None:
    done = migrated("create-admin", "--email", email, "--password-stdin", input=f"{password}\n")
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert rows(bare_url) == []


def rows(url: str, change: str = "") -> list[Any]:
    """Return the users, after executing `change` if there is one."""

    async def read() -> list[Any]:
        database = Database(url, secret=b"x" * 32)
        await database.start()
        try:
            async with database.transaction() as session:
                if change:
                    await session.execute(text(change))
                return list(await session.scalars(select(UserRow)))
        finally:
            await database.stop()

    return asyncio.run(read())
