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
    revisions, followed = set[str](), set[str]()
    for file in (project_root() / "db" / "migrations" / "versions").glob("*.py"):
        for is_down_revision, name in REVISION.findall(file.read_text()):
            (followed if is_down_revision else revisions).add(name)
    heads = revisions - followed
    if len(heads) > 1:
        raise RuntimeError(f"There are several head revisions: {', '.join(sorted(heads))}.")
    return heads.pop() if heads else ""


async def is_at_head(engine: AsyncEngine) -> bool:
    """Whether the database is at the latest revision."""
    async with engine.connect() as connection:
        return await connection.run_sync(_current_revision) == head_revision()


def _current_revision(connection: Connection) -> str | None:
    """Return the revision in Alembic's table, or None before the first migration."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
