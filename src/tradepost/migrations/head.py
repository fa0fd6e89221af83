"""The latest revision and the database's current one, read without importing Alembic (20 MB)."""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncEngine

REVISION = re.compile(r'^(down_)?revision = (?:"(\w+)"|None)$', re.MULTILINE)


def project_root() -> Path:
    """Return the folder that contains `db/`.

    It is the checkout if the package is installed from one (editable), else the working directory.
    """
    parents = Path(__file__).resolve().parents
    return next((folder for folder in parents if (folder / "pyproject.toml").is_file()), Path.cwd())


@cache
def head_revision() -> str:
    """Return the latest revision in `db/migrations`: the one that no other follows. "" if none.

    It is read once per process.
    """
    revisions, followed = _revisions()
    heads = revisions - followed
    if len(heads) > 1:
        raise RuntimeError(f"There are several head revisions: {', '.join(sorted(heads))}.")
    return heads.pop() if heads else ""


def known_revisions() -> set[str]:
    """Return all revisions in `db/migrations`."""
    return _revisions()[0]


def _revisions() -> tuple[set[str], set[str]]:
    """Return all revisions, and those that another one follows."""
    revisions, followed = set[str](), set[str]()
    for file in (project_root() / "db" / "migrations" / "versions").glob("*.py"):
        for is_down_revision, name in REVISION.findall(file.read_text()):
            (followed if is_down_revision else revisions).add(name)
    return revisions, followed


async def is_at_head(engine: AsyncEngine) -> bool:
    """Whether the database is at the latest revision."""
    return await current_revision(engine) == head_revision()


async def current_revision(engine: AsyncEngine) -> str | None:
    """Return the database's revision, or None before the first migration."""
    async with engine.connect() as connection:
        return await connection.run_sync(_current_revision)


def _current_revision(connection: Connection) -> str | None:
    """Return the revision in Alembic's table, or None before the first migration."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
