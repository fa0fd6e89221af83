"""Every migration runs up and down on a database with rows."""

from types import ModuleType

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.db.conftest import run
from tradepost.migrations import head, runner

pytestmark = pytest.mark.anyio

REVISIONS = [
    script.revision
    for script in ScriptDirectory.from_config(Config(toml_file=head.project_root() / "pyproject.toml")).walk_revisions()
]
"""From the newest to the oldest."""
TABLES = ("category", "product", "variant", "tag", "product_tag", "product_category")


async def counts(url: str) -> dict[str, int]:
    """The number of rows of each table that exists in every revision."""
    return {table: (await run(url, f'SELECT count(*) FROM "{table}"'))[0][0] for table in TABLES}


async def test_a_filled_database_keeps_its_rows_down_to_the_first_revision_and_up_again(
    demo: ModuleType, migrated_url: str
) -> None:
    await demo.seed(migrated_url, 40)
    before = await counts(migrated_url)
    assert all(before.values())
    for revision in REVISIONS[1:]:
        runner.downgrade(migrated_url, revision)
        assert await counts(migrated_url) == before, revision
    runner.upgrade(migrated_url)
    assert runner.drift(migrated_url) == []
    assert await counts(migrated_url) == before
