"""The tables come and go, fit the models, and keep their search index by themselves."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from tests.db.conftest import run, sqlite_url
from tradepost.migrations import head as revisions
from tradepost.migrations import runner as schema

pytestmark = pytest.mark.anyio

ID = "01890a5d-ac96-774b-bcce-b302099a8002"
TIMES = "'2026-01-01T00:00:00.000001Z', '2026-01-01T00:00:00.000001Z'"
PRODUCT = f"""INSERT INTO product (id, created_at, updated_at, version, slug, name, description, status, attributes, tags, rating_count, rating_sum)
    VALUES ('{ID}', {TIMES}, 1, 'lamp', 'Lamp', '', 'active', '{{}}', '[]', 0, 0)"""


async def found(url: str, word: str, column: str = "words") -> bool:
    """Whether the search index finds a word by its beginning."""
    if url.startswith("sqlite"):
        return bool(
            await run(
                url, f"SELECT rowid FROM product_search_fts WHERE product_search_fts MATCH '{column} : (\"{word}\"*)'"
            )
        )
    return bool(
        await run(url, f"SELECT seq FROM product_search WHERE {column}_vector @@ CAST('''{word}'':*' AS tsquery)")
    )


def test_up_down_and_up_again(empty_url: str) -> None:
    schema.upgrade(empty_url)
    assert schema.drift(empty_url) == []
    schema.downgrade(empty_url, "base")
    assert any("category" in change for change in schema.drift(empty_url))
    schema.upgrade(empty_url)
    assert schema.drift(empty_url) == []


async def test_down_leaves_nothing_behind(empty_url: str) -> None:
    schema.upgrade(empty_url)
    schema.downgrade(empty_url, "base")
    tables = (
        "SELECT name FROM sqlite_master"
        if empty_url.startswith("sqlite")
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    assert [name for (name,) in await run(empty_url, tables) if "alembic_version" not in name] == []


async def test_tells_whether_it_is_at_head(empty_url: str) -> None:
    engine = create_async_engine(empty_url, poolclass=NullPool)
    before = await revisions.is_at_head(engine)
    schema.upgrade(empty_url)
    assert (before, await revisions.is_at_head(engine)) == (False, True)
    await engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "DROP INDEX product_name",
        "ALTER TABLE tag ADD COLUMN colour VARCHAR",
        "CREATE TABLE stray (id INTEGER PRIMARY KEY)",
    ],
)
async def test_sees_what_no_migration_made(migrated_url: str, change: str) -> None:
    await run(migrated_url, change)
    assert len(schema.drift(migrated_url)) == 1


async def test_the_search_index_follows_its_rows(migrated_url: str) -> None:
    await run(
        migrated_url,
        PRODUCT,
        f"INSERT INTO product_search (id, name, words) VALUES ('{ID}', 'oak lamp', 'oak lamp bedside')",
    )
    assert [
        await found(migrated_url, "oa"),
        await found(migrated_url, "bedside", "name"),
        await found(migrated_url, "ak"),
    ] == [True, False, False]
    await run(migrated_url, "UPDATE product_search SET name = 'brass lamp', words = 'brass lamp'")
    assert [await found(migrated_url, "oak"), await found(migrated_url, "bra", "name")] == [False, True]
    await run(migrated_url, f"DELETE FROM product WHERE id = '{ID}'")
    assert not await found(migrated_url, "brass")


@pytest.mark.parametrize("words", ["", " ", "two  spaces", "x" * 300])
async def test_the_search_index_takes_any_words(migrated_url: str, words: str) -> None:
    await run(migrated_url, PRODUCT, f"INSERT INTO product_search (id, name, words) VALUES ('{ID}', '', '{words}')")
    assert [await found(migrated_url, word) for word in words.split()] == [True] * len(words.split())


@pytest.mark.parametrize("word", ["ελιας", "ᦰᦱ", "𞤀𞤁", "лампа", "灯"])
async def test_no_script_is_split_within_a_word(migrated_url: str, word: str) -> None:
    await run(
        migrated_url, PRODUCT, f"INSERT INTO product_search (id, name, words) VALUES ('{ID}', 'a{word}b', 'a{word}b')"
    )
    assert [await found(migrated_url, f"a{word}"), await found(migrated_url, "b")] == [True, False]


def test_a_migration_that_leaves_orphans_is_taken_back(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute(f"INSERT INTO product_search (id, name, words) VALUES ('{ID}', '', '')")
        connection.commit()
    with pytest.raises(RuntimeError, match="a row of `product_search` without its `product`"):
        schema.upgrade(url)


def test_the_newest_revision_is_the_one_that_alembic_finds() -> None:
    assert (
        revisions.head_revision()
        == ScriptDirectory.from_config(Config(toml_file=revisions.project_root() / "pyproject.toml")).get_current_head()
    )
