"""A migrated database, the package of the demo data, and rows in one form from both databases."""

import importlib.util
import json
import sys
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from tradepost.kit.clock import to_rfc3339
from tradepost.migrations import head, runner

type Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="session")
def demo() -> ModuleType:
    """The package `db/seed`, loaded by its path, as the command does."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "tradepost_seed"]:
        del sys.modules[name]  # that of a command in this process: a package gets its modules once
    folder = head.project_root() / "db" / "seed"
    spec = importlib.util.spec_from_file_location(
        "tradepost_seed", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec
    assert spec.loader
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def migrated_url(empty_url: str) -> str:
    """A database of this run with all tables and no rows."""
    runner.upgrade(empty_url)
    return empty_url


def sqlite_url(folder: Path, name: str = "shop") -> str:
    """Create a migrated SQLite database and return its URL."""
    url = f"sqlite+aiosqlite:///{folder}/{name}.db"
    runner.upgrade(url)
    return url


async def run(url: str, *statements: str) -> Rows:
    """Execute statements in one transaction and return the rows of the last one."""
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                await connection.exec_driver_sql("PRAGMA foreign_keys=ON")
            *first, last = [text(statement.replace(":", r"\:")) for statement in statements]
            for statement in first:
                await connection.execute(statement)
            result = await connection.execute(last)
            return [tuple([_plain(value) for value in row]) for row in result] if result.returns_rows else []
    finally:
        await engine.dispose()


def _plain(value: Any) -> Any:
    """Return a value as SQLite stores it."""
    if isinstance(value, datetime):
        return to_rfc3339(value)
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value) if isinstance(value, UUID) else value
