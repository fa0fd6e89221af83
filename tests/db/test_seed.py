"""The demo shop: the same for the same number, on both databases, all of it or nothing."""

from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest

from tests.db.conftest import run, sqlite_url

pytestmark = pytest.mark.anyio


async def digest(demo: ModuleType, url: str) -> str:
    """What all rows of the shop come to."""
    whole = sha256()
    for table, columns in demo.rows.COLUMNS.items():
        for row in await run(url, f"SELECT {', '.join(columns)} FROM {table} ORDER BY id"):
            whole.update(repr([int(value) if isinstance(value, bool) else value for value in row]).encode())
    return whole.hexdigest()


async def test_is_always_the_same(demo: ModuleType, migrated_url: str, tmp_path: Path) -> None:
    urls = [migrated_url, sqlite_url(tmp_path, "one"), sqlite_url(tmp_path, "other")]
    for url in urls[:2]:
        await demo.seed(url, 200)
    await demo.seed(urls[2], 200, seed=2)
    same, again, other = [await digest(demo, url) for url in urls]
    assert same == again
    assert same != other


async def test_tells_what_it_made_and_how_far_it_is(demo: ModuleType, migrated_url: str) -> None:
    told: list[int] = []
    counts = await demo.seed(migrated_url, 600, told.append)
    assert [counts.products, counts.categories] == [600, 34]
    assert told == [500, 600]
    for table, count in (("product", 600), ("variant", counts.variants), ("tag", counts.tags), ("product_search", 600)):
        assert await run(migrated_url, f"SELECT count(*) FROM {table}") == [(count,)]


async def test_refuses_a_shop_that_has_goods(demo: ModuleType, migrated_url: str) -> None:
    await demo.seed(migrated_url, 5)
    with pytest.raises(demo.ShopNotEmptyError):
        await demo.seed(migrated_url, 5)
    assert await run(migrated_url, "SELECT count(*) FROM product") == [(5,)]


async def test_leaves_nothing_where_it_fails(demo: ModuleType, migrated_url: str) -> None:
    def stumble(done: int) -> None:
        if done > 500:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await demo.seed(migrated_url, 600, stumble)
    assert await run(migrated_url, "SELECT count(*) FROM category") == [(0,)]


@pytest.mark.parametrize(("currency", "factor"), [("JPY", 1), ("USD", 1), ("KWD", 10)])
async def test_sells_in_the_currency_of_the_shop(demo: ModuleType, tmp_path: Path, currency: str, factor: int) -> None:
    euros, other = sqlite_url(tmp_path, "euros"), sqlite_url(tmp_path, "other")
    await demo.seed(euros, 20)
    await demo.seed(other, 20, currency=currency)
    prices = "SELECT price_amount, price_currency FROM variant ORDER BY id"
    assert await run(other, prices) == [(amount * factor, currency) for amount, _ in await run(euros, prices)]
