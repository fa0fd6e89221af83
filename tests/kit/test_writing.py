"""How rows become records: taken apart first where most of their places are looked at, else by place."""

import pytest

from tradepost.kit.query.record_builder import _unpack_columns


@pytest.mark.parametrize(
    ("each", "width", "made", "row"),
    [
        ("S1(r[0], E2[r[1]], r[2])", 3, "S1(c0, E2[c1], c2)", "c0, c1, c2,"),
        (
            "S1(r[0], r[1], r[2], (None if r[3] is None else S2(*r[3:6])))",
            6,
            "S1(c0, c1, c2, (None if c3 is None else S2(c3, c4, c5)))",
            "c0, c1, c2, c3, c4, c5,",
        ),
        # A stretch in one piece is faster than names, and so are a few places of many.
        ("S1(*r[0:9])", 9, "S1(*r[0:9])", "r"),
        ("S1(r[0], r[1], r[2])", 9, "S1(r[0], r[1], r[2])", "r"),
        # What looks at the whole row gets the whole row.
        ("S1(r[0], r[1], r[2], A3(r))", 3, "S1(r[0], r[1], r[2], A3(r))", "r"),
    ],
)
def test_a_row_is_taken_apart_where_most_of_it_is_looked_at(each: str, width: int, made: str, row: str) -> None:
    assert _unpack_columns(each, width) == (made, row)
