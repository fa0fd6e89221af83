"""A form keeps the writers made for it, but not without end."""

from tradepost.kit.resource.selection import MOST_WRITERS, Field, Form


def test_the_oldest_writer_goes_where_there_are_many() -> None:
    form = Form((Field("id"),))
    for number in range(MOST_WRITERS + 5):
        assert form.keep(number, f"writer {number}") == f"writer {number}"
    assert list(form.writers) == list(range(5, MOST_WRITERS + 5))
