"""The `tradepost` command: our commands, and `routes` of `litestar`.

Commands import what they need when they run: that keeps `tradepost --help` fast, and the parent
process of the server's workers small.
"""

import asyncio
import importlib.util
import os
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from tradepost.cli.api_key_file import demo_api_key, kept_api_key, new_api_key
from tradepost.cli.catalog_files import export_products, import_products
from tradepost.cli.database import report_database_errors
from tradepost.cli.ledger_report import reconcile
from tradepost.server.garbage import collect_as_usual, collect_rarely
from tradepost.server.huge_pages import restart_with_huge_pages
from tradepost.setting_names import misspelt_names
from tradepost.settings import PARSERS, Settings, SettingsError

APPLICATION = "tradepost.app:application"
LITESTAR_COMMANDS = frozenset({"routes"})


def main() -> None:
    """Run the command line. An invalid setting prints one line and exits with status 2."""
    collect_rarely()
    os.environ.setdefault("LITESTAR_APP", APPLICATION)
    try:
        _commands().main(prog_name="tradepost", obj=_litestar)
    except SettingsError as error:
        click.echo(f"tradepost: {error}", err=True)
        sys.exit(2)


@click.group()
def shop() -> None:
    """Tradepost's own commands."""


@shop.command()
@click.option("--host", help="Address to listen on [HOST].")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on [PORT].")
@click.option("--workers", type=click.IntRange(1), help="Number of server processes [WORKERS].")
@click.option("--reload", is_flag=True, help="Restart when a source file changes.")
def run(host: str | None, port: int | None, workers: int | None, reload: bool) -> None:
    """Run the server until SIGTERM or Ctrl-C. Requests in flight are finished first."""
    # The workers read the settings again, so options are passed on as environment variables.
    os.environ |= {
        name: str(value) for name, value in (("HOST", host), ("PORT", port), ("WORKERS", workers)) if value is not None
    }
    restart_with_huge_pages()
    from tradepost.server.granian import serve

    settings = Settings.read()
    _warn_of_misspelt_variables()
    if settings.redis_url is not None:
        from tradepost.cli.redis_check import check_redis

        check_redis(settings.redis_url)
    serve(settings, reload=reload)


@shop.command()
@click.option(
    "--products",
    type=click.IntRange(1),
    default=500,
    show_default=True,
    help="Number of demo products to create in an empty database.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    default="var/staff_api_key",
    show_default=True,
    help="File that stores the staff API key. One with the key of another database is left alone.",
)
def prepare(products: int, key: Path) -> None:
    """Set up a demo shop and print its URLs.

    Migrate the database, load demo data if there are no products, and create a staff API key. In
    production, only migrate the database.
    """
    from tradepost.migrations.runner import upgrade

    settings = Settings.read()
    paths = {"REST": "/v1/products", "GraphQL": "/graphql", "Docs": "/docs"}
    output = {name: settings.public_url + path for name, path in paths.items()}
    with report_database_errors(settings):
        upgrade(settings.database_url)
        if settings.profile != "production":
            _seed(settings, products, only_if_empty=True)
            api_key, file = demo_api_key(settings, "scripts/run", key)
            output["Staff API key"] = f"{api_key}  (send it as X-API-Key; stored in {file})"
    for name, value in output.items():
        click.echo(f"{name + ':':15}{value}")


@shop.command()
def migrate() -> None:
    """Migrate the database to the latest schema."""
    from tradepost.migrations.runner import upgrade

    with report_database_errors(settings := Settings.read()):
        upgrade(settings.database_url)


@shop.command()
@click.option(
    "--products", type=click.IntRange(1), default=500, show_default=True, help="Number of products to create."
)
def seed(products: int) -> None:
    """Fill an empty database with demo data.

    The data is the same every time.
    """
    with report_database_errors(settings := Settings.read()):
        _seed(settings, products)


@shop.command()
def worker() -> None:
    """Run the worker: deliver events and e-mails.

    It also runs the periodic tasks. SIGTERM or Ctrl-C stops it; running deliveries are finished.
    """
    for signal_number in (signal.SIGTERM, signal.SIGINT):  # while it starts there is nothing to finish
        signal.signal(signal_number, lambda *_: sys.exit(0))
    settings = Settings.read()
    _warn_of_misspelt_variables()
    from tradepost.migrations.start_check import check_database

    with report_database_errors(settings):
        # Before the app is imported, so that a start is refused sooner.
        asyncio.run(check_database(settings))
        from tradepost.app import domain_event_handlers, event_handlers, event_types, periodic_tasks
        from tradepost.worker import run_worker

        collect_as_usual()
        run_worker(settings, event_handlers(), domain_event_handlers(), event_types(), periodic_tasks())


@shop.command("create-api-key")
@click.option("--role", default="staff", show_default=True, help="Role of the key.")
@click.option("--name", required=True, help="Name of the key, such as its purpose.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    help="File to store the key in, readable only by its owner. A valid key in it is printed again.",
)
def create_api_key(role: str, name: str, keep: Path | None) -> None:
    """Create an API key and print it.

    The key cannot be shown again: the database stores only its digest.
    """
    with report_database_errors(settings := Settings.read()):
        click.echo(kept_api_key(settings, role, name, keep) if keep else new_api_key(settings, role, name))


@shop.command("create-admin")
@click.option("--email", required=True, help="E-mail address of the account.")
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from the first line of standard input instead of asking for it.",
)
def create_admin(email: str, password_stdin: bool) -> None:
    """Create an admin account or promote one.

    An account with a verified address keeps its password unless one is given. Any other account
    needs a new password. A new password revokes the account's sessions and API keys.
    """
    from tradepost.cli.create_admin import create

    with report_database_errors(settings := Settings.read()):
        create(settings, email, password_stdin)


@shop.command("rotate-signing-key")
def rotate_signing_key() -> None:
    """Create a new signing key for access tokens.

    No restart is needed. Tokens signed with the three previous keys remain valid. If the shop runs
    on several machines, copy the file to all of them.
    """
    from tradepost.areas.accounts.signing import SigningKeysError
    from tradepost.bootstrap import signing_keys

    settings = Settings.read()
    try:
        newest, *older = signing_keys(settings).rotate()
    except SigningKeysError as error:
        raise click.ClickException(f"SIGNING_KEYS: {error}") from error
    click.echo(
        f"New signing key {newest}, stored in {settings.signing_keys}; still valid: {', '.join(older) or 'none'}"
    )


@shop.command("export-contract")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export_contract(folder: Path) -> None:
    """Write the OpenAPI and GraphQL documents and the event types.

    FOLDER gets openapi.json, openapi.v2.json, schema.graphql and events.json.
    """
    from tradepost.app import create_app

    folder.mkdir(parents=True, exist_ok=True)
    for name, document in create_app(Settings.read()).state.contract().items():
        (folder / name).write_bytes(document)
        click.echo(folder / name)


shop.add_command(import_products)
shop.add_command(export_products)
shop.add_command(reconcile)


class _LitestarCommands(click.Group):
    """Those commands of `litestar` that work here.

    `run` and `version` are not ours; `schema`, `sessions` and `info` fail or mislead, because we
    use neither Litestar's OpenAPI nor its sessions. They are imported only if a command is not one
    of ours, so that `tradepost run` stays small. Litestar's own group is not used: it loads the
    app even to print its help.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return sorted(self._load())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, or None."""
        return self._load().get(cmd_name)

    def _load(self) -> dict[str, click.Command]:
        from litestar.cli.main import litestar_group

        return {name: command for name, command in litestar_group.commands.items() if name in LITESTAR_COMMANDS}


def _commands() -> click.Group:
    return click.CommandCollection(
        "tradepost",
        sources=[shop, _LitestarCommands()],
        help="A headless commerce backend with two APIs, REST and GraphQL. Settings: .env.example.",
    )


def _warn_of_misspelt_variables() -> None:
    """Warn of environment variables that look like a misspelt setting."""
    settings = {field.upper() for field in PARSERS}
    for name, nearest in misspelt_names(os.environ, settings).items():
        click.echo(f"tradepost: warning: {name} in the environment is not a setting; did you mean {nearest}?", err=True)


def _litestar() -> Any:
    """Return the environment that the commands of `litestar` need."""
    from litestar.cli._utils import LitestarEnv

    return LitestarEnv.from_env(APPLICATION)


def _seed_package() -> ModuleType:
    """Import `db/seed`, which is not part of the installed package."""
    from tradepost.migrations.head import project_root

    folder = project_root() / "db" / "seed"
    spec = importlib.util.spec_from_file_location(
        "tradepost_seed", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise click.ClickException(f"{folder} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _seed(settings: Settings, products: int, *, only_if_empty: bool = False) -> None:
    """Load the demo data and show a progress bar.

    If there are products already, fail, or do nothing with `only_if_empty`.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    demo = _seed_package()
    bar = Progress(
        TextColumn("Demo data"), BarColumn(), MofNCompleteColumn(), TextColumn("products"), TimeElapsedColumn()
    )
    task = bar.add_task("products", total=products)

    def show_progress(done: int) -> None:
        bar.start()
        bar.update(task, completed=done)

    try:
        asyncio.run(demo.seed(settings.database_url, products, show_progress, currency=settings.shop_currency))
    except demo.ShopNotEmptyError as error:
        if not only_if_empty:
            raise click.ClickException(str(error)) from error
    finally:
        if bar.live.is_started:  # stopping a bar that never started prints an empty line
            bar.stop()
