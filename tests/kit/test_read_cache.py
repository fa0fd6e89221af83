"""What is kept of reads: bounded, dropped by what is written, and never what was read before a write that it missed."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, select, text

from tradepost.areas.accounts.models import UserRow
from tradepost.areas.catalog.models import CategoryRow, ProductRow, VariantRow
from tradepost.kit.auth.access import Viewer
from tradepost.kit.cache import read_cache
from tradepost.kit.cache.read_cache import ENTRY_OVERHEAD, CacheEntry, ReadCache
from tradepost.kit.cache.tracking_session import cascaded_tags
from tradepost.kit.query.source_tables import ANY_CHANGE, ReadDependencies, Tag, tables_read

ROW: Tag = ("product", "1")


def reading(
    value: Any,
    *tags: Tag,
    size: int = 10,
    settled: bool = True,
    fleeting: bool = False,
    gate: asyncio.Event | None = None,
) -> Any:
    """A read of these tags, that waits at a gate once it has read."""

    async def read(seen: ReadDependencies) -> CacheEntry:
        seen.tags.update(tags)
        seen.cacheable = settled
        if gate is not None:
            await gate.wait()
        return CacheEntry(value, size, 1, uncacheable=fleeting)

    return read


async def failing(seen: ReadDependencies) -> CacheEntry:
    """A read of what is not there."""
    raise LookupError


async def turns() -> None:
    """Lets all tasks go on until they wait."""
    for _ in range(5):
        await asyncio.sleep(0)


def value(cache: ReadCache, key: str) -> Any:
    found = cache.get(key)
    return found and found.value


async def test_an_entry_is_found_until_something_that_it_was_read_from_changes() -> None:
    changes: list[tuple[Tag, bool]] = [
        (("product", "1"), True), (("product", "2"), False), (("product", None), True), (("variant", "9"), True), (("variant", None), True),
        (("category", "1"), False), (("category", None), False), (ANY_CHANGE, True),
    ]  # fmt: skip
    for change, drops in changes:
        cache = ReadCache()
        await cache.fill("k", reading("v", ROW, ("variant", None)))
        assert value(cache, "k") == "v"
        cache.invalidate(frozenset([change]))
        assert (value(cache, "k") is None) is drops, change
        if drops:
            assert (cache.bytes, cache.entries, cache.dropped) == (0, {}, 1)


async def test_what_cannot_be_dropped_by_a_tag_is_not_kept_and_not_shared() -> None:
    cache, gate = ReadCache(), asyncio.Event()
    for more in ({"settled": False}, {"fleeting": True}):
        asked = [asyncio.create_task(cache.fill("k", reading(i, ROW, gate=gate, **more))) for i in range(3)]
        await turns()
        gate.set()
        assert [e.value for e in await asyncio.gather(*asked)] == [0, 1, 2]
    asked = [asyncio.create_task(cache.fill("k", reading(i))) for i in range(3)]
    assert [e.value for e in await asyncio.gather(*asked)] == [0, 1, 2], "nothing was read by a plan"
    assert value(cache, "k") is None


async def test_of_many_who_ask_at_once_one_reads() -> None:
    cache, gate = ReadCache(), asyncio.Event()
    asked = [asyncio.create_task(cache.fill("k", reading(i, ROW, gate=gate))) for i in range(200)]
    await turns()
    gate.set()
    assert {e.value for e in await asyncio.gather(*asked)} == {0}
    assert value(cache, "k") == 0


@pytest.mark.parametrize("change", [ROW, ("product", None), ANY_CHANGE])
async def test_a_read_that_overlaps_a_write_is_answered_and_not_kept(change: Tag) -> None:
    cache, gate = ReadCache(), asyncio.Event()
    before = [asyncio.create_task(cache.fill("k", reading("old", ROW, gate=gate))) for _ in range(2)]
    await turns()
    cache.invalidate(frozenset([change]))
    after = asyncio.create_task(cache.fill("k", reading("new", ROW)))
    assert (await after).value == "new", "who asks after the write does not wait for who read before it"
    gate.set()
    assert {e.value for e in await asyncio.gather(*before)} == {"old"}
    assert value(cache, "k") == "new"


async def test_a_write_of_something_else_does_not_keep_a_read_from_being_kept() -> None:
    cache, gate = ReadCache(), asyncio.Event()
    asked = asyncio.create_task(cache.fill("k", reading("v", ROW, gate=gate)))
    await turns()
    cache.invalidate(frozenset({("product", "2"), ("category", None)}))
    gate.set()
    await asked
    assert value(cache, "k") == "v"


async def test_whoever_waited_for_a_read_that_fails_or_is_cancelled_reads_for_itself() -> None:
    cache, gate = ReadCache(), asyncio.Event()
    first = asyncio.create_task(cache.fill("k", reading("first", ROW, gate=gate)))
    waiting = [asyncio.create_task(cache.fill("k", reading("own", ROW))) for _ in range(3)]
    gone = asyncio.create_task(cache.fill("k", reading("gone", ROW)))
    await turns()
    gone.cancel()
    first.cancel()
    assert [e.value for e in await asyncio.gather(*waiting)] == ["own"] * 3
    assert (first.cancelled(), gone.cancelled(), value(cache, "k")) == (True, True, "own")
    faults = await asyncio.gather(*[cache.fill("none", failing) for _ in range(3)], return_exceptions=True)
    assert [type(f) for f in faults] == [LookupError] * 3
    assert (cache.fills, cache.running, value(cache, "none")) == ({}, set(), None)


async def test_it_is_bounded_by_bytes_and_what_was_used_longest_ago_goes_first() -> None:
    cache = ReadCache(max_bytes=3 * (ENTRY_OVERHEAD + 10))
    for key in "abc":
        await cache.fill(key, reading(key, ROW))
    assert value(cache, "a") == "a"
    await cache.fill("d", reading("d", ROW))
    assert [*cache.entries] == ["c", "a", "d"]
    await cache.fill("large", reading("large", ROW, size=10_000))
    assert (cache.bytes, [*cache.entries]) == (0, []), (
        "what is larger than all of it is not kept, and its place is given back"
    )
    assert cache.keys_by_tag["product"] == {}


async def test_an_entry_ends_after_a_minute_from_when_it_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    time = 1000.0
    monkeypatch.setattr(read_cache, "monotonic", lambda: time)
    cache = ReadCache()
    await cache.fill("k", reading("v", ROW))
    time += 60
    assert value(cache, "k") == "v"
    time += 0.001
    assert (value(cache, "k"), cache.bytes) == (None, 0)


async def test_who_is_deaf_has_nothing_and_keeps_nothing() -> None:
    cache, gate = ReadCache(), asyncio.Event()
    await cache.fill("k", reading("v", ROW))
    begun = asyncio.create_task(cache.fill("begun", reading("v", ROW, gate=gate)))
    await turns()
    cache.set_connected(False)
    assert value(cache, "k") is None
    await cache.fill("k", reading("v", ROW))
    meanwhile = asyncio.create_task(cache.fill("meanwhile", reading("v", ROW, gate=gate)))
    await turns()
    cache.set_connected(True)
    gate.set()
    await asyncio.gather(begun, meanwhile)
    assert cache.entries == {}, "what was begun before it hears again may have missed something"
    await cache.fill("k", reading("v", ROW))
    assert value(cache, "k") == "v"


def test_the_tables_of_a_statement_are_all_that_stand_in_it_but_its_own_row() -> None:
    product: Any = ProductRow.__table__
    own, other = product.alias("own"), product.alias("other")
    held = select(VariantRow.id).where(VariantRow.product_id == own.c.id).exists()
    assert tables_read(select(own.c.id).where(held), "own") == {"variant"}
    assert tables_read(select(own.c.id).where(held)) == {"variant", "product"}
    assert tables_read(select(own.c.id, other.c.name).where(own.c.id.in_(select(other.c.id))), "own") == {"product"}
    assert tables_read(select(own.c.id, select(func.count(CategoryRow.id)).scalar_subquery()), "own") == {"category"}
    assert tables_read(select(CategoryRow.id).cte().select()) == {"category"}


def test_a_statement_with_more_in_it_than_rows_is_told_apart() -> None:
    row: Any = ProductRow.__table__
    elsewhere = Table("elsewhere", MetaData(), Column("id", Integer), info={"uncached": True})
    for more in (
        row.c.updated_at < func.now(), row.c.updated_at < func.current_timestamp(), row.c.rating_sum < func.random(), text("rating_sum < 1"),
        row.c.name == Viewer(frozenset(), True).id, row.c.id.in_(select(UserRow.id)), select(elsewhere).exists(),
    ):  # fmt: skip
        assert tables_read(select(row.c.id).where(more)) is None, str(more)
        assert tables_read(select(row.c.id).where(row.c.id.in_(select(row.c.id).where(more)))) is None, str(more)


def test_a_delete_is_one_of_all_that_the_database_deletes_with_it() -> None:
    assert {table for table, _ in cascaded_tags(ProductRow.__table__)} == {
        "variant",
        "media",
        "product_category",
        "product_tag",
        "product_search",
    }  # type: ignore[arg-type]
    assert "product" in {table for table, _ in cascaded_tags(CategoryRow.__table__)}, (
        "a column that is emptied is a change as well"
    )  # type: ignore[arg-type]
    assert cascaded_tags(VariantRow.__table__) == ()  # type: ignore[arg-type]


async def test_a_shortcut_lives_as_long_as_its_entry_and_no_longer() -> None:
    cache = ReadCache()
    ends: list[Any] = [
        lambda: cache.invalidate(frozenset([ROW])),
        cache.clear,
        lambda: cache.set_connected(True),
        lambda: setattr(cache.entries["k"], "expires_at", 0.0),
    ]
    for end in ends:
        entry = await cache.fill("k", reading("v", ROW))
        cache.add_alias(entry, "words", "told")
        cache.add_alias(entry, "words", "told otherwise")
        assert (cache.find_alias("words"), cache.bytes) == ("told", entry.size)
        end()
        assert cache.find_alias("words") is None
        assert (cache.aliases, cache.entries, cache.bytes) == ({}, {}, 0)
        cache.add_alias(entry, "words", "told")
        assert cache.find_alias("words") is None, "what is gone has none"


async def test_of_one_entry_there_are_few_shortcuts_and_they_take_room() -> None:
    cache = ReadCache(max_bytes=20 * ENTRY_OVERHEAD)
    entry = await cache.fill("k", reading("v", ROW))
    for number in range(20):
        cache.add_alias(entry, number, number)
    assert len(cache.aliases) == read_cache.MAX_ALIASES
    await cache.fill("other", reading("w", ("product", "2"), size=15 * ENTRY_OVERHEAD))
    assert (value(cache, "k"), cache.aliases) == (None, {}), "the one used longest ago went, with all that led to it"
    assert cache.bytes == cache.entries["other"].size
