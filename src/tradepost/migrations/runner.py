"""Runs migrations, and compares the database's schema with the models.

The migrations are in `db/migrations`; head.py says whether a database is at the latest one.
"""

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

MIGRATION_LOCK = 7_416_321
"""Key of the PostgreSQL advisory lock: an arbitrary number, the same in all processes."""


def load_metadata() -> MetaData:
    """Import all models, and return the tables of the kit and of all areas."""
    for area in iter_modules(areas.__path__):
        if util.find_spec(name := f"tradepost.areas.{area.name}.models"):
            import_module(name)
    return DefaultBase.metadata


def upgrade(url: str, revision: str = "head") -> None:
    """Upgrade the database to a revision, in one transaction."""
    _run(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str) -> None:
    """Downgrade the database to an earlier revision; `base` is the empty database."""
    _run(url, lambda config: command.downgrade(config, revision))


def drift(url: str) -> list[str]:
    """Return the differences between the database and the models, as Alembic describes them."""
    differences: list[Any] = []

    def compare(connection: Connection) -> None:
        with warnings.catch_warnings():
            # SQLite cannot reflect expression indexes; Alembic warns and ignores them.
            warnings.simplefilter("ignore", SAWarning)
            warnings.simplefilter("ignore", UserWarning)
            differences.extend(
                compare_metadata(MigrationContext.configure(connection, opts=_options()), load_metadata())
            )

    _in_transaction(url, compare)
    return [str(difference) for difference in differences]


def run_migrations(connection: Connection) -> None:
    """Run the migrations of the current Alembic command, in the connection's open transaction."""
    context.configure(connection, target_metadata=load_metadata(), render_as_batch=True, **_options())
    context.run_migrations()


def run_standalone() -> None:
    """Run the migrations for the `alembic` command, which passes no connection."""
    from tradepost.settings import Settings

    _in_transaction(Settings.read().database_url, run_migrations)


def _config() -> Config:
    """Return Alembic's configuration from pyproject.toml."""
    return Config(toml_file=project_root() / "pyproject.toml")


def _run(url: str, alembic_command: Callable[[Config], None]) -> None:
    """Run an Alembic command on the database."""

    def run(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        alembic_command(config)

    _in_transaction(url, run)


def _in_transaction(url: str, work: Callable[[Connection], None]) -> None:
    """Call `work` in a transaction.

    It runs in a new thread with its own event loop, so callers may be inside a running loop.
    """
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _transaction(url, work)).result()


async def _transaction(url: str, work: Callable[[Connection], None]) -> None:
    """Call `work` in a transaction, under a lock so that two containers do not both migrate."""
    engine = _create_engine(url)
    try:
        async with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            await connection.run_sync(work)
            if engine.dialect.name == "sqlite" and (
                broken := (await connection.exec_driver_sql("PRAGMA foreign_key_check")).mappings().first()
            ):
                raise RuntimeError(
                    f"The migration would leave a row of `{broken['table']}` "
                    f"that refers to a missing row of `{broken['parent']}`."
                )
    finally:
        await engine.dispose()


def _create_engine(url: str) -> AsyncEngine:
    """Return an engine for migrations.

    On SQLite foreign keys are off: rebuilding a table drops it, which would delete its children.
    """
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
    """Return Alembic's options for comparing models and database."""
    return {"compare_type": True, "include_object": _is_ours, "transactional_ddl": True}


def _is_ours(item: Any, name: str | None, kind: str, reflected: bool, match: Any) -> bool:
    """Whether Alembic should compare this item.

    Full-text tables, generated columns and their indexes are not in the models.
    """
    if not reflected or match is not None:
        return True
    if kind == "table":
        return "_fts" not in (name or "")
    if kind == "column":
        return item.computed is None
    return kind != "index" or not all(column.computed is not None for column in item.columns)
