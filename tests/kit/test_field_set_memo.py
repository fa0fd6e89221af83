"""A field set memoizes a bounded number of bytes of compiled objects."""

import gc

import pytest

from tradepost.kit.lru import MemoPool
from tradepost.kit.resource import selection
from tradepost.kit.resource.selection import Field, FieldSet


def test_the_least_recently_used_object_of_all_field_sets_is_evicted(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = MemoPool("test", 100_000)
    monkeypatch.setattr(selection, "RECORD_BUILDERS", pool)
    first, second = FieldSet((Field("id"),)), FieldSet((Field("id"),))
    for number in range(3):
        assert first.memoize(number, f"builder {number}") == f"builder {number}"
    assert first.memo.get(0) == "builder 0"
    pool.max_bytes = pool.bytes
    second.memoize(0, "another")
    assert (list(first.memo.values), list(second.memo.values)) == ([0, 2], [0])
    assert (pool.bytes <= pool.max_bytes, len(pool.entries), pool.evictions) == (True, 3, 1)


def test_the_size_of_an_object_follows_the_fields_and_the_objects_of_its_field_set() -> None:
    nested = FieldSet((Field("id"), Field("variants", None, (Field("sku"), Field("price", None, (Field("amount"),))))))
    assert (nested.field_count, nested.object_count) == (5, 3)


def test_a_pool_keeps_no_field_set_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = MemoPool("test", 100_000)
    monkeypatch.setattr(selection, "RECORD_BUILDERS", pool)
    gc.freeze()  # the collection below skips the objects of other tests
    FieldSet((Field("id"),)).memoize("gone", object())
    gc.collect()
    ((memo, _),) = pool.entries.values()
    assert memo() is None
