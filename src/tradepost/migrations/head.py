"""At which revision a database is, and which one is the newest: read without Alembic, which a process that only serves need not hold (20 MB)."""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncEngine

REVISION = re.compile(r'^(down_)?revision = (?:"(\w+)"|None)$', re.MULTILINE)


def project_root() -> Path:
    """The folder that holds `db/`: the checkout around an editable install, else the working directory."""
    above = [folder for folder in Path(__file__).resolve().parents if (folder / "pyproject.toml").is_file()]
    return above[0] if above else Path.cwd()


@cache
def head_revision() -> str:
    """The newest revision in `db/migrations` when this process first asked: the one that no other follows. Empty where there is none."""
    made, followed = set[str](), set[str]()
    for file in (project_root() / "db" / "migrations" / "versions").glob("*.py"):
        for before, name in REVISION.findall(file.read_text()):
            (followed if before else made).add(name)
    newest = made - followed
    if len(newest) > 1:
        raise RuntimeError(f"Several migrations are the newest: {', '.join(sorted(newest))}.")
    return newest.pop() if newest else ""


async def is_at_head(engine: AsyncEngine) -> bool:
    """Whether the database is at the newest revision."""
    async with engine.connect() as connection:
        return await connection.run_sync(_current) == head_revision()


def _current(connection: Connection) -> str | None:
    """What Alembic noted in its table; None before the first migration."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
