"""Demo data: the same for the same seed, on both databases, all or none."""

from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest

from tests.db.conftest import run, sqlite_url

pytestmark = pytest.mark.anyio


async def digest(demo: ModuleType, url: str) -> str:
    """Return the digest of all rows of the shop."""
    rows_digest = sha256()
    for table, columns in demo.rows.COLUMNS.items():
        for row in await run(url, f"SELECT {', '.join(columns)} FROM {table} ORDER BY id"):
            rows_digest.update(repr([int(value) if isinstance(value, bool) else value for value in row]).encode())
    return rows_digest.hexdigest()


async def test_the_data_depends_only_on_the_seed(demo: ModuleType, migrated_url: str, tmp_path: Path) -> None:
    urls = [migrated_url, sqlite_url(tmp_path, "one"), sqlite_url(tmp_path, "other")]
    for url in urls[:2]:
        await demo.seed(url, 200)
    await demo.seed(urls[2], 200, seed=2)
    first, same_seed, other_seed = [await digest(demo, url) for url in urls]
    assert first == same_seed
    assert first != other_seed


async def test_seed_returns_counts_and_reports_its_progress(demo: ModuleType, migrated_url: str) -> None:
    progress: list[int] = []
    counts = await demo.seed(migrated_url, 600, progress.append)
    assert [counts.products, counts.categories] == [600, 34]
    assert progress == [500, 600]
    for table, count in (("product", 600), ("variant", counts.variants), ("tag", counts.tags), ("product_search", 600)):
        assert await run(migrated_url, f"SELECT count(*) FROM {table}") == [(count,)]


async def test_seed_refuses_a_database_that_has_products(demo: ModuleType, migrated_url: str) -> None:
    await demo.seed(migrated_url, 5)
    with pytest.raises(demo.ShopNotEmptyError):
        await demo.seed(migrated_url, 5)
    assert await run(migrated_url, "SELECT count(*) FROM product") == [(5,)]


async def test_a_seed_that_fails_leaves_no_rows(demo: ModuleType, migrated_url: str) -> None:
    def interrupt(done: int) -> None:
        if done > 500:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await demo.seed(migrated_url, 600, interrupt)
    assert await run(migrated_url, "SELECT count(*) FROM category") == [(0,)]


@pytest.mark.parametrize(("currency", "factor"), [("JPY", 1), ("USD", 1), ("KWD", 10)])
async def test_prices_are_in_the_currency_of_the_shop(
    demo: ModuleType, tmp_path: Path, currency: str, factor: int
) -> None:
    euros, other = sqlite_url(tmp_path, "euros"), sqlite_url(tmp_path, "other")
    await demo.seed(euros, 20)
    await demo.seed(other, 20, currency=currency)
    prices = "SELECT price_amount, price_currency FROM variant ORDER BY id"
    assert await run(other, prices) == [(amount * factor, currency) for amount, _ in await run(euros, prices)]
