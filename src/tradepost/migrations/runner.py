"""The database's schema: bringing it to a revision, and telling whether it fits the models. The migrations themselves are in `db/migrations`;
at which one a database is says `revisions`."""

import asyncio
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module, util
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from advanced_alchemy.base import DefaultBase
from alembic import command, context
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, NullPool, event
from sqlalchemy.exc import SAWarning
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tradepost import areas
from tradepost.kit.operations.idempotency import records as _idempotency  # noqa: F401 (its table counts)
from tradepost.kit.writes import audit as _audit  # noqa: F401 (its table counts)
from tradepost.kit.writes import outbox as _outbox  # noqa: F401 (its table counts)
from tradepost.migrations.head import project_root

# Any number will do, as long as all processes of a shop lock the same one.
LOCK = 7_416_321


def load_metadata() -> MetaData:
    """All tables of the kit and of every room."""
    for room in iter_modules(areas.__path__):
        if util.find_spec(name := f"tradepost.areas.{room.name}.models"):
            import_module(name)
    return DefaultBase.metadata


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database to a revision; all of it happens, or nothing."""
    _run(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str) -> None:
    """Take the database back to an earlier revision; `base` is the empty one."""
    _run(url, lambda config: command.downgrade(config, revision))


def drift(url: str) -> list[str]:
    """What a new migration would have to change for the database to fit the models; empty where nothing."""
    found: list[Any] = []

    def compare(connection: Connection) -> None:
        with warnings.catch_warnings():
            # SQLite cannot show an index over an expression; Alembic then leaves these alone on both sides.
            warnings.simplefilter("ignore", SAWarning)
            warnings.simplefilter("ignore", UserWarning)
            found.extend(compare_metadata(MigrationContext.configure(connection, opts=_options()), load_metadata()))

    _connected(url, compare)
    return [str(change) for change in found]


def run_migrations(connection: Connection) -> None:
    """Run what Alembic was asked for, in the connection's open transaction."""
    context.configure(connection, target_metadata=load_metadata(), render_as_batch=True, **_options())
    context.run_migrations()


def run_standalone() -> None:
    """For the bare `alembic` command, which brings no connection."""
    from tradepost.settings import Settings  # here: nothing else in this file needs settings

    _connected(Settings.read().database_url, run_migrations)


def _config() -> Config:
    """Alembic's settings from pyproject.toml."""
    return Config(toml_file=project_root() / "pyproject.toml")


def _run(url: str, work: Callable[[Config], None]) -> None:
    """Run an Alembic command on the database."""

    def within(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        work(config)

    _connected(url, within)


def _connected(url: str, work: Callable[[Connection], None]) -> None:
    """Do the work in one transaction. It has a thread and a loop of its own, so that a caller inside a running loop may ask as well."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _transaction(url, work)).result()


async def _transaction(url: str, work: Callable[[Connection], None]) -> None:
    """One transaction of which only one at a time runs on a database: two starting containers do not both migrate."""
    engine = _engine(url)
    try:
        async with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            await connection.run_sync(work)
            if engine.dialect.name == "sqlite" and (
                broken := (await connection.exec_driver_sql("PRAGMA foreign_key_check")).mappings().first()
            ):
                raise RuntimeError(
                    f"The migration would leave a row of `{broken['table']}` without its `{broken['parent']}`."
                )
    finally:
        await engine.dispose()


def _engine(url: str) -> AsyncEngine:
    """An engine for schema changes: on SQLite foreign keys are off, because a rebuilt table is dropped and would take its children along."""
    if not url.startswith("sqlite"):
        return create_async_engine(url, poolclass=NullPool)
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"isolation_level": None})
    if engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=OFF"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _options() -> dict[str, Any]:
    """How models and database are compared."""
    return {"compare_type": True, "include_object": _is_ours, "transactional_ddl": True}


def _is_ours(item: Any, name: str | None, kind: str, reflected: bool, match: Any) -> bool:
    """Whether a difference counts: full-text tables, generated columns and their indexes are written by hand and no model knows them."""
    if not reflected or match is not None:
        return True
    if kind == "table":
        return "_fts" not in (name or "")
    if kind == "column":
        return item.computed is None
    return kind != "index" or not all(column.computed is not None for column in item.columns)
