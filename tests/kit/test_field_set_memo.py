"""A field set memoizes a bounded number of compiled objects."""

from tradepost.kit.resource.selection import MAX_MEMO_ENTRIES, Field, FieldSet


def test_the_oldest_memo_entry_is_evicted() -> None:
    field_set = FieldSet((Field("id"),))
    for number in range(MAX_MEMO_ENTRIES + 5):
        assert field_set.memoize(number, f"builder {number}") == f"builder {number}"
    assert list(field_set.memo) == list(range(5, MAX_MEMO_ENTRIES + 5))
