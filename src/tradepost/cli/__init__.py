"""`tradepost`: our commands first, then those of `litestar` (routes, schema, info, ...) with our app set.

A command imports what it needs when it runs, so that `tradepost --help` is quick and the parent of the workers stays small.
"""

import asyncio
import importlib.util
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from tradepost.cli.catalog_files import export_products, import_products
from tradepost.cli.database import report_database_errors
from tradepost.server.huge_pages import restart_with_huge_pages
from tradepost.settings import Settings, SettingsError

APPLICATION = "tradepost.app:application"


def main() -> None:
    """The console script. A wrong setting is one line and exit 2, never a traceback."""
    os.environ.setdefault("LITESTAR_APP", APPLICATION)
    try:
        _commands().main(prog_name="tradepost", obj=_litestar)
    except SettingsError as fault:
        click.echo(f"tradepost: {fault}", err=True)
        sys.exit(2)


@click.group()
def shop() -> None:
    """The commands of the shop."""


@shop.command()
@click.option("--host", help="Address to listen on [HOST].")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on [PORT].")
@click.option("--workers", type=click.IntRange(1), help="Processes that serve [WORKERS].")
@click.option("--reload", is_flag=True, help="Start again when a source file changes.")
def run(host: str | None, port: int | None, workers: int | None, reload: bool) -> None:
    """Serves the shop until it is told to stop; requests in flight are finished."""
    # Workers read the settings again; what was said here must be what they see.
    os.environ |= {
        name: str(value) for name, value in (("HOST", host), ("PORT", port), ("WORKERS", workers)) if value is not None
    }
    restart_with_huge_pages()
    from tradepost.server.granian import serve

    serve(Settings.read(), reload=reload)


@shop.command()
@click.option(
    "--products",
    type=click.IntRange(1),
    default=500,
    show_default=True,
    help="How many products to make if there are none.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    default="var/staff_api_key",
    show_default=True,
    help="File that keeps the staff API key.",
)
def prepare(products: int, key: Path) -> None:
    """Makes a shop to look at: tables, demo shop if there are no goods, a staff API key; then says where everything is. In production only the tables."""
    from tradepost.migrations.runner import upgrade

    settings = Settings.read()
    places = {"REST": "/v1/products", "GraphQL": "/graphql", "Docs": "/docs"}
    shown = {name: settings.public_url + path for name, path in places.items()}
    with report_database_errors(settings):
        upgrade(settings.database_url)
        if settings.profile != "production":
            _fill(settings, products, if_empty=True)
            shown["Staff API key"] = (
                f"{_kept_key(settings, 'staff', 'scripts/run', key)}  (send it as X-API-Key; kept in {key})"
            )
    for name, value in shown.items():
        click.echo(f"{name + ':':15}{value}")


@shop.command()
def migrate() -> None:
    """Brings the database to the newest version of its tables."""
    from tradepost.migrations.runner import upgrade

    with report_database_errors(settings := Settings.read()):
        upgrade(settings.database_url)


@shop.command()
@click.option("--products", type=click.IntRange(1), default=500, show_default=True, help="How many products to make.")
def seed(products: int) -> None:
    """Fills the database with a demo shop, always the same one."""
    with report_database_errors(settings := Settings.read()):
        _fill(settings, products)


@shop.command()
def worker() -> None:
    """Delivers events and mail and does the chores, until it is told to stop; what is being delivered is finished."""
    for told in (signal.SIGTERM, signal.SIGINT):  # until it is at work there is nothing to finish
        signal.signal(told, lambda *_: sys.exit(0))
    from tradepost.app import deliveries, periodic_tasks
    from tradepost.worker import run_worker

    with report_database_errors(settings := Settings.read()):
        run_worker(settings, deliveries(), periodic_tasks())


@shop.command("create-api-key")
@click.option("--role", default="staff", show_default=True, help="What the key may do.")
@click.option("--name", required=True, help="What the key is for.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    help="File for the key, readable by its owner only; a good key found there is printed again.",
)
def create_api_key(role: str, name: str, keep: Path | None) -> None:
    """Makes an API key and prints it. It is shown this once: only its digest is stored."""
    with report_database_errors(settings := Settings.read()):
        click.echo(_kept_key(settings, role, name, keep) if keep else asyncio.run(_api_key(settings, role, name)))


@shop.command("create-admin")
@click.option("--email", required=True, help="The address of the account.")
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from standard input, its first line, instead of asking for it.",
)
def create_admin(email: str, password_stdin: bool) -> None:
    """Makes an admin, or makes one of an account that there is.

    An account whose address is verified keeps its password; any other gets the new one, and what was begun with the old one ends.
    """
    from tradepost.cli.create_admin import create

    with report_database_errors(settings := Settings.read()):
        create(settings, email, password_stdin)


@shop.command("rotate-signing-key")
def rotate_signing_key() -> None:
    """Signs access tokens with a new key from now on, without a restart; the three before it still verify. Bring the file to every machine."""
    from tradepost.areas.accounts.signing import SigningKeysError
    from tradepost.bootstrap import signing_keys

    settings = Settings.read()
    try:
        newest, *older = signing_keys(settings).rotate()
    except SigningKeysError as fault:
        raise click.ClickException(f"SIGNING_KEYS: {fault}") from fault
    click.echo(
        f"New signing key {newest}, kept in {settings.signing_keys}; still good: {', '.join(older) or 'no other'}"
    )


@shop.command("export-contract")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export_contract(folder: Path) -> None:
    """Writes the documents that callers build on: openapi.json, openapi.v2.json and schema.graphql."""
    from tradepost.app import create_app

    folder.mkdir(parents=True, exist_ok=True)
    for name, document in create_app(Settings.read()).state.contract().items():
        (folder / name).write_bytes(document)
        click.echo(folder / name)


shop.add_command(import_products)
shop.add_command(export_products)


class _Others(click.Group):
    """The commands of `litestar` without the group around them, which would load the app even to print its help; serving is ours. Loaded when one is
    looked for that we do not have: what runs the workers must stay small."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return sorted(self._loaded())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them."""
        return self._loaded().get(cmd_name)

    def _loaded(self) -> dict[str, click.Command]:
        from litestar.cli.main import litestar_group

        return {name: command for name, command in litestar_group.commands.items() if name not in {"run", "version"}}


def _commands() -> click.Group:
    return click.CommandCollection(
        "tradepost", sources=[shop, _Others()], help="A shop with two front doors. Settings: .env.example."
    )


def _litestar() -> Any:
    """What the commands of `litestar` ask for: loaded only if one of them runs."""
    from litestar.cli._utils import LitestarEnv

    return LitestarEnv.from_env(APPLICATION)


def _kept_key(settings: Settings, role: str, name: str, file: Path) -> str:
    """The key in the file if it still opens the shop, so that a second start prints the same; else a new one, kept there."""
    kept = file.read_text().strip() if file.exists() else ""
    key = asyncio.run(_api_key(settings, role, name, kept))
    if key != kept:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_text(f"{key}\n")
    return key


async def _api_key(settings: Settings, role: str, name: str, kept: str = "") -> str:
    from tradepost.areas.accounts.service import open_credentials
    from tradepost.kit.problems import Unauthenticated

    async with open_credentials(settings.database_url, settings.secret_key) as keys:
        with suppress(Unauthenticated):
            if kept and (await keys.identify(kept)).role == role:
                return kept
        try:
            return await keys.create(name=name, role=role)
        except ValueError as fault:
            raise click.ClickException(str(fault)) from fault


def _demo_shop() -> ModuleType:
    """The package `db/seed`, which is data and not part of the installed shop."""
    from tradepost.migrations.head import project_root

    folder = project_root() / "db" / "seed"
    spec = importlib.util.spec_from_file_location(
        "tradepost_seed", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise click.ClickException(f"{folder} cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _fill(settings: Settings, products: int, *, if_empty: bool = False) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    demo = _demo_shop()
    bar = Progress(
        TextColumn("Demo shop"), BarColumn(), MofNCompleteColumn(), TextColumn("products"), TimeElapsedColumn()
    )
    task = bar.add_task("products", total=products)

    def show(done: int) -> None:
        bar.start()
        bar.update(task, completed=done)

    try:
        asyncio.run(demo.seed(settings.database_url, products, show, currency=settings.shop_currency))
    except demo.ShopNotEmptyError as refusal:
        if not if_empty:
            raise click.ClickException(str(refusal)) from refusal
    finally:
        if bar.live.is_started:  # else it would print an empty line
            bar.stop()
