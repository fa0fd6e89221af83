"""The read cache is bounded, invalidated by writes, and stores no read that a write overlapped."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, select, text

from tradepost.app import load_modules
from tradepost.areas.accounts.models import UserRow
from tradepost.areas.catalog.models import CategoryRow, MediaRow, ProductRow, VariantRow
from tradepost.kit.auth.access import Viewer
from tradepost.kit.cache import read_cache
from tradepost.kit.cache.read_cache import ENTRY_OVERHEAD, CacheEntry, ReadCache
from tradepost.kit.cache.tracking_session import cascaded_tags
from tradepost.kit.db.base import DefaultBase
from tradepost.kit.query.source_tables import ANY_CHANGE, ReadDependencies, Tag, tables_read

ROW: Tag = ("product", "1")


def reading(
    value: Any,
    *tags: Tag,
    size: int = 10,
    cacheable: bool = True,
    uncacheable: bool = False,
    gate: asyncio.Event | None = None,
) -> Any:
    """Return a read that depends on these tags, and waits for the gate after reading.

    cacheable: whether its dependencies are known
    uncacheable: whether its value must not be stored
    """

    async def read(dependencies: ReadDependencies) -> CacheEntry:
        dependencies.tags.update(tags)
        dependencies.cacheable = cacheable
        if gate is not None:
            await gate.wait()
        return CacheEntry(value, size, 1, uncacheable=uncacheable)

    return read


async def failing(dependencies: ReadDependencies) -> CacheEntry:
    """A read that fails."""
    raise LookupError


async def let_tasks_run() -> None:
    """Let all tasks run until they wait."""
    for _ in range(5):
        await asyncio.sleep(0)


def value(cache: ReadCache, key: str) -> Any:
    """Return the cached value, or None."""
    entry = cache.get(key)
    return entry and entry.value


async def test_an_entry_is_dropped_if_a_row_that_it_depends_on_changes() -> None:
    changes: list[tuple[Tag, bool]] = [
        (("product", "1"), True),
        (("product", "2"), False),
        (("product", None), True),
        (("variant", "9"), True),
        (("variant", None), True),
        (("category", "1"), False),
        (("category", None), False),
        (ANY_CHANGE, True),
    ]
    for change, drops in changes:
        cache = ReadCache()
        await cache.fill("k", reading("v", ROW, ("variant", None)))
        assert value(cache, "k") == "v"
        cache.invalidate(frozenset([change]))
        assert (value(cache, "k") is None) is drops, change
        if drops:
            assert (cache.bytes, cache.entries, cache.dropped) == (0, {}, 1)


async def test_a_read_without_known_dependencies_is_neither_stored_nor_shared() -> None:
    cache, gate = ReadCache(), asyncio.Event()
    cases: list[dict[str, Any]] = [{"cacheable": False}, {"uncacheable": True}]
    for options in cases:
        fills = [asyncio.create_task(cache.fill("k", reading(i, ROW, gate=gate, **options))) for i in range(3)]
        await let_tasks_run()
        gate.set()
        assert [e.value for e in await asyncio.gather(*fills)] == [0, 1, 2]
    fills = [asyncio.create_task(cache.fill("k", reading(i))) for i in range(3)]
    assert [e.value for e in await asyncio.gather(*fills)] == [0, 1, 2], "a read without tags"
    assert value(cache, "k") is None


async def test_concurrent_fills_of_one_key_read_once() -> None:
    cache, gate = ReadCache(), asyncio.Event()
    fills = [asyncio.create_task(cache.fill("k", reading(i, ROW, gate=gate))) for i in range(200)]
    await let_tasks_run()
    gate.set()
    assert {e.value for e in await asyncio.gather(*fills)} == {0}
    assert value(cache, "k") == 0


@pytest.mark.parametrize("change", [ROW, ("product", None), ANY_CHANGE])
async def test_a_read_that_overlaps_a_write_is_returned_and_not_stored(change: Tag) -> None:
    cache, gate = ReadCache(), asyncio.Event()
    before = [asyncio.create_task(cache.fill("k", reading("old", ROW, gate=gate))) for _ in range(2)]
    await let_tasks_run()
    cache.invalidate(frozenset([change]))
    after = asyncio.create_task(cache.fill("k", reading("new", ROW)))
    assert (await after).value == "new", "a fill after the write does not wait for a read before it"
    gate.set()
    assert {e.value for e in await asyncio.gather(*before)} == {"old"}
    assert value(cache, "k") == "new"


async def test_a_read_that_overlaps_an_unrelated_write_is_stored() -> None:
    cache, gate = ReadCache(), asyncio.Event()
    fills = asyncio.create_task(cache.fill("k", reading("v", ROW, gate=gate)))
    await let_tasks_run()
    cache.invalidate(frozenset({("product", "2"), ("category", None)}))
    gate.set()
    await fills
    assert value(cache, "k") == "v"


async def test_if_the_shared_read_fails_or_is_cancelled_each_waiting_fill_reads() -> None:
    cache, gate = ReadCache(), asyncio.Event()
    first = asyncio.create_task(cache.fill("k", reading("first", ROW, gate=gate)))
    waiting = [asyncio.create_task(cache.fill("k", reading("second", ROW))) for _ in range(3)]
    cancelled = asyncio.create_task(cache.fill("k", reading("cancelled", ROW)))
    await let_tasks_run()
    cancelled.cancel()
    first.cancel()
    assert [e.value for e in await asyncio.gather(*waiting)] == ["second"] * 3
    assert (first.cancelled(), cancelled.cancelled(), value(cache, "k")) == (True, True, "second")
    errors = await asyncio.gather(*[cache.fill("none", failing) for _ in range(3)], return_exceptions=True)
    assert [type(error) for error in errors] == [LookupError] * 3
    assert (cache.fills, cache.running, value(cache, "none")) == ({}, set(), None)


async def test_the_cache_is_bounded_in_bytes_and_evicts_the_least_recently_used_entry() -> None:
    cache = ReadCache(max_bytes=3 * (ENTRY_OVERHEAD + 10))
    for key in "abc":
        await cache.fill(key, reading(key, ROW))
    assert value(cache, "a") == "a"
    await cache.fill("d", reading("d", ROW))
    assert [*cache.entries] == ["c", "a", "d"]
    await cache.fill("large", reading("large", ROW, size=10_000))
    assert (cache.bytes, [*cache.entries]) == (0, []), "an entry that is larger than the cache is not stored"
    assert cache.keys_by_tag["product"] == {}


async def test_an_entry_expires_a_minute_after_its_read_began(monkeypatch: pytest.MonkeyPatch) -> None:
    time = 1000.0
    monkeypatch.setattr(read_cache, "monotonic", lambda: time)
    cache = ReadCache()
    await cache.fill("k", reading("v", ROW))
    time += 60
    assert value(cache, "k") == "v"
    time += 0.001
    assert (value(cache, "k"), cache.bytes) == (None, 0)


async def test_a_suspended_cache_is_empty_and_stores_nothing() -> None:
    cache, gate = ReadCache(), asyncio.Event()
    await cache.fill("k", reading("v", ROW))
    before = asyncio.create_task(cache.fill("before", reading("v", ROW, gate=gate)))
    await let_tasks_run()
    cache.set_connected(False)
    assert value(cache, "k") is None
    await cache.fill("k", reading("v", ROW))
    while_suspended = asyncio.create_task(cache.fill("while suspended", reading("v", ROW, gate=gate)))
    await let_tasks_run()
    cache.set_connected(True)
    gate.set()
    await asyncio.gather(before, while_suspended)
    assert cache.entries == {}, "a read that began before the channel was back may have missed a write"
    await cache.fill("k", reading("v", ROW))
    assert value(cache, "k") == "v"


def test_tables_read_are_all_tables_of_a_statement_except_its_own_row() -> None:
    product: Any = ProductRow.__table__
    row, other = product.alias("row"), product.alias("other")
    has_variant = select(VariantRow.id).where(VariantRow.product_id == row.c.id).exists()
    assert tables_read(select(row.c.id).where(has_variant), "row") == {"variant"}
    assert tables_read(select(row.c.id).where(has_variant)) == {"variant", "product"}
    assert tables_read(select(row.c.id, other.c.name).where(row.c.id.in_(select(other.c.id))), "row") == {"product"}
    assert tables_read(select(row.c.id, select(func.count(CategoryRow.id)).scalar_subquery()), "row") == {"category"}
    assert tables_read(select(CategoryRow.id).cte().select()) == {"category"}


def test_a_statement_that_depends_on_more_than_rows_has_no_known_tables() -> None:
    row: Any = ProductRow.__table__
    elsewhere = Table("elsewhere", MetaData(), Column("id", Integer), info={"uncached": True})
    for condition in (
        row.c.updated_at < func.now(),
        row.c.updated_at < func.current_timestamp(),
        row.c.rating_sum < func.random(),
        text("rating_sum < 1"),
        row.c.name == Viewer(frozenset(), True).id,
        row.c.name == Viewer(frozenset(), False).cart,
        row.c.name == Viewer(frozenset(), False).order,
        row.c.id.in_(select(UserRow.id)),
        select(elsewhere).exists(),
    ):
        nested = row.c.id.in_(select(row.c.id).where(condition))
        assert tables_read(select(row.c.id).where(condition)) is None, str(condition)
        assert tables_read(select(row.c.id).where(nested)) is None, str(condition)


def test_a_delete_also_invalidates_the_tables_that_it_cascades_to() -> None:
    product, category, media = [model.__table__ for model in (ProductRow, CategoryRow, MediaRow)]
    load_modules("models")
    # Tests of later areas may have added tables that cascade too.
    known = {
        str(m.local_table.name) for m in DefaultBase.registry.mappers if m.class_.__module__.startswith("tradepost.")
    }
    assert {table for table, _ in cascaded_tags(product)} & known == {
        "variant",
        "media",
        "product_category",
        "product_tag",
        "product_search",
        "stock_level",
        "stock_movement",
    }
    tables = {table for table, _ in cascaded_tags(category)}
    assert "product" in tables, "a column that is set to NULL is a change too"
    assert cascaded_tags(media) == ()


async def test_an_alias_is_dropped_with_its_entry() -> None:
    cache = ReadCache()
    ends: list[Any] = [
        lambda: cache.invalidate(frozenset([ROW])),
        cache.clear,
        lambda: cache.set_connected(True),
        lambda: setattr(cache.entries["k"], "expires_at", 0.0),
    ]
    for end in ends:
        entry = await cache.fill("k", reading("v", ROW))
        cache.add_alias(entry, "alias", "first")
        cache.add_alias(entry, "alias", "second")
        assert (cache.find_alias("alias"), cache.bytes) == ("first", entry.size)
        end()
        assert cache.find_alias("alias") is None
        assert (cache.aliases, cache.entries, cache.bytes) == ({}, {}, 0)
        cache.add_alias(entry, "alias", "first")
        assert cache.find_alias("alias") is None, "a dropped entry gets no alias"


async def test_the_aliases_of_an_entry_are_bounded_and_count_towards_the_size() -> None:
    cache = ReadCache(max_bytes=20 * ENTRY_OVERHEAD)
    entry = await cache.fill("k", reading("v", ROW))
    for number in range(20):
        cache.add_alias(entry, number, number)
    assert len(cache.aliases) == read_cache.MAX_ALIASES
    await cache.fill("other", reading("w", ("product", "2"), size=15 * ENTRY_OVERHEAD))
    assert (value(cache, "k"), cache.aliases) == (None, {}), "the least recently used entry and its aliases are evicted"
    assert cache.bytes == cache.entries["other"].size


async def test_what_is_derived_from_a_value_is_counted_once_and_leaves_with_the_entry() -> None:
    cache = ReadCache(max_bytes=20 * ENTRY_OVERHEAD)
    entry = await cache.fill("k", reading("v", ROW))
    size = entry.size
    for derived in (500, 500, 700):
        cache.count_derived(entry, derived)
    assert (entry.size, cache.bytes) == (size + 700, size + 700)
    cache.count_derived(entry, 20 * ENTRY_OVERHEAD)
    assert (cache.entries, cache.bytes) == ({}, 0), "it exceeds the budget"
    cache.count_derived(entry, 30 * ENTRY_OVERHEAD)
    assert cache.bytes == 0, "a dropped entry counts nothing"
