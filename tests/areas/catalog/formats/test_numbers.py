"""Numbers in product files: decimal separators, and amounts that are exact to the minor unit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.areas.catalog.formats.numbers import (
    DecimalSeparator,
    SeparatorEvidence,
    parse_decimal,
    parse_measure,
    to_minor_units,
)


def detect_separator(*prices: str) -> tuple[DecimalSeparator | None, str | None]:
    """Return the separator that prices show, and an ambiguous price if there is one."""
    evidence = SeparatorEvidence()
    for price in prices:
        evidence.add(price)
    return evidence.separator(), evidence.ambiguous


@pytest.mark.parametrize(
    ("prices", "separator"),
    [
        (["12.50"], "."), (["12,50"], ","), ([".5"], "."), (["1,5"], ","), (["1.299,00"], ","), (["1,299.00"], "."),
        (["1.234.567"], ","), (["1,234,567"], "."), (["0.299"], "."), (["1299.000"], "."), (["12.5", "1.299"], "."),
        (["9,99", "1.299", "2.499"], ","), (["12.50", "12.60", "12,70"], "."), (["1'299.50"], "."),
        (["1\u00a0299,50"], ","), (["1 299,50"], ","),
    ],
)  # fmt: skip
def test_the_decimal_separator_is_detected_from_all_prices(prices: list[str], separator: DecimalSeparator) -> None:
    assert detect_separator(*prices)[0] == separator


@pytest.mark.parametrize("prices", [["1.299"], ["1,299", "12"], ["999.000"], ["1.299", "2,499"], ["12.50", "12,50"]])
def test_the_decimal_separator_may_be_ambiguous(prices: list[str]) -> None:
    assert detect_separator(*prices)[0] is None


def test_whole_numbers_need_no_decimal_separator() -> None:
    evidence = SeparatorEvidence()
    for price in ("1299", "1'299", "", "5"):
        evidence.add(price)
    assert (evidence.separator(), evidence.ambiguous, evidence.is_relevant) == (None, None, False)


@pytest.mark.parametrize(
    ("text", "separator", "number"),
    [
        ("1299", ".", "1299"), ("1,299.00", ".", "1299"), ("1.299,00", ",", "1299"), ("1'299.50", ".", "1299.5"),
        ("1\u2019299.50", ".", "1299.5"), ("1\u00a0299,5", ",", "1299.5"), ("1\u202f299,5", ",", "1299.5"),
        (".5", ".", "0.5"), ("5.", ".", "5"), ("0", ",", "0"), ("1.299", ",", "1299"), ("1.299", ".", "1.299"),
    ],
)  # fmt: skip
def test_a_number_is_parsed_with_the_decimal_separator_of_the_file(
    text: str, separator: DecimalSeparator, number: str
) -> None:
    assert parse_decimal(text, separator) == Decimal(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        ",",
        "-1",
        "+1",
        "1e3",
        "12.50 EUR",
        "$5",
        "1.2.3",
        "1,29",
        "12,3456",
        "1,299,00",
        "NaN",
        "Infinity",
        "²",
        "1_0",
    ],
)
def test_an_invalid_number_is_none(text: str) -> None:
    assert parse_decimal(text, ".") is None


@pytest.mark.parametrize(
    ("number", "exponent", "amount"),
    [
        ("12.5", 2, 1250), ("12.500", 2, 1250), ("12.505", 2, None), ("12", 0, 12), ("12.0", 0, 12), ("12.5", 0, None),
        ("1.234", 3, 1234), ("1." + "0" * 40 + "1", 2, None), ("1." + "0" * 60, 2, 100),
        ("9" * 40, 2, int("9" * 40 + "00")),
    ],
)  # fmt: skip
def test_amounts_are_exact_and_excess_decimals_must_be_zeros(number: str, exponent: int, amount: int | None) -> None:
    assert to_minor_units(Decimal(number), exponent) == amount


GROUPINGS = [" ", "\u00a0", "\u202f", "'", "\u2019", ""]


@given(
    st.integers(0, 2**53 - 1),
    st.integers(0, 4),
    st.sampled_from([".", ","]),
    st.sampled_from([*GROUPINGS, "other"]),
    st.integers(0, 3),
)
def test_an_amount_in_any_notation_is_parsed_exactly(
    amount: int, exponent: int, separator: DecimalSeparator, grouping: str, zeros: int
) -> None:
    digits = str(amount).rjust(exponent + 1, "0")
    whole, fraction = digits[: len(digits) - exponent], digits[len(digits) - exponent :] + "0" * zeros
    grouped = f"{int(whole):,}".replace(",", {".": ",", ",": "."}[separator] if grouping == "other" else grouping)
    number = parse_decimal(f"{grouped}{separator}{fraction}" if fraction else grouped, separator)
    assert number is not None
    assert to_minor_units(number, exponent) == amount


@pytest.mark.parametrize(
    ("text", "weight"),
    [("1.5", "1.5"), ("1,5", "1.5"), (".5", "0.5"), ("1.299", "1.299"), ("1 299", "1299"), ("2", "2"), ("2.", "2")],
)
def test_both_separators_are_decimal_in_a_measure(text: str, weight: str) -> None:
    assert parse_measure(text) == Decimal(weight)


@pytest.mark.parametrize("text", ["", "heavy", "-1", "1.2.3", "."])
def test_an_invalid_measure_is_none(text: str) -> None:
    assert parse_measure(text) is None
