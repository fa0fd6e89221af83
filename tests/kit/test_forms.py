"""A form keeps the writers made for it, but not without end."""

from tradepost.kit.resource.selection import MAX_MEMO_ENTRIES, Field, FieldSet


def test_the_oldest_writer_goes_where_there_are_many() -> None:
    form = FieldSet((Field("id"),))
    for number in range(MAX_MEMO_ENTRIES + 5):
        assert form.memoize(number, f"writer {number}") == f"writer {number}"
    assert list(form.memo) == list(range(5, MAX_MEMO_ENTRIES + 5))
