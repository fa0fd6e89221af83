"""API keys of commands, and the files that store them."""

import asyncio
from contextlib import suppress
from pathlib import Path

import click

from tradepost.settings import Settings


def demo_api_key(settings: Settings, name: str, file: Path) -> tuple[str, Path]:
    """Return a staff key that is valid in this database, and the file that stores it.

    A file with the key of another database is left alone: the key is then stored beside it.
    `<file>.database` identifies the database whose key the file holds.
    """
    from tradepost.kit.crypto import derive_key

    database = derive_key(settings.secret_key, f"key file of {settings.database_url}").hex()[:12]
    other_file, owner = file.with_name(f"{file.name}.{database}"), file.with_name(f"{file.name}.database")
    for path in (file, other_file):
        if (key := asyncio.run(_valid_key(settings, "staff", _read(path)))) is not None:
            break
    else:
        path = file if not file.exists() or _read(owner) == database else other_file
        key = asyncio.run(_new_key(settings, "staff", name))
        _write(path, key)
    if path == file:
        _write(owner, database)
    return key, path


def kept_api_key(settings: Settings, role: str, name: str, file: Path) -> str:
    """Return the API key in the file if it is valid; if there is no file, create a key in it."""
    if not file.exists():
        key = asyncio.run(_new_key(settings, role, name))
        _write(file, key)
        return key
    stored = asyncio.run(_valid_key(settings, role, _read(file)))
    if stored is None:
        raise click.ClickException(f"{file} has no valid {role} key of this database. Name another file, or delete it.")
    return stored


def new_api_key(settings: Settings, role: str, name: str) -> str:
    """Create an API key."""
    return asyncio.run(_new_key(settings, role, name))


async def _valid_key(settings: Settings, role: str, key: str) -> str | None:
    from tradepost.areas.accounts.service import open_credentials
    from tradepost.kit.problems import Unauthenticated

    if not key:
        return None
    async with open_credentials(settings.database_url, settings.secret_key) as credentials:
        with suppress(Unauthenticated):
            return key if (await credentials.identify(key)).role == role else None
    return None


async def _new_key(settings: Settings, role: str, name: str) -> str:
    from tradepost.areas.accounts.service import open_credentials

    async with open_credentials(settings.database_url, settings.secret_key) as credentials:
        try:
            return await credentials.create(name=name, role=role)
        except ValueError as error:
            raise click.ClickException(str(error)) from error


def _read(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""


def _write(file: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(f"{text}\n")
