"""Rates: every value of the wire has one value in the database, and comes back."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.kit.schema.rate import Rate, parts_per_million, rate_text


@given(st.integers(0, 1_000_000))
def test_a_rate_comes_back_as_it_was(parts: int) -> None:
    text = rate_text(parts)
    assert msgspec.convert(text, Rate) == text
    assert parts_per_million(text) == parts


@pytest.mark.parametrize("text", ["", "-1", "100.0001", "101", "1.23456", "1,5", ".5", "1.", "1e1", " 1", "1\n", "٣"])
def test_what_is_not_a_rate_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, Rate)
