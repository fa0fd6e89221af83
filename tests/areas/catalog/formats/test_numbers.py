"""Numbers as people write them: the decimal sign of a file, and amounts read back to the last minor unit."""

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


def sign_of(*prices: str) -> tuple[DecimalSeparator | None, str | None]:
    """The sign that prices show, and one that leaves it open."""
    evidence = SeparatorEvidence()
    for price in prices:
        evidence.add(price)
    return evidence.separator(), evidence.ambiguous


@pytest.mark.parametrize(
    ("prices", "sign"),
    [
        (["12.50"], "."), (["12,50"], ","), ([".5"], "."), (["1,5"], ","), (["1.299,00"], ","), (["1,299.00"], "."), (["1.234.567"], ","),
        (["1,234,567"], "."), (["0.299"], "."), (["1299.000"], "."), (["12.5", "1.299"], "."), (["9,99", "1.299", "2.499"], ","),
        (["12.50", "12.60", "12,70"], "."), (["1'299.50"], "."), (["1\u00a0299,50"], ","), (["1 299,50"], ","),
    ],
)  # fmt: skip
def test_prices_together_show_the_decimal_sign(prices: list[str], sign: DecimalSeparator) -> None:
    assert sign_of(*prices)[0] == sign


@pytest.mark.parametrize("prices", [["1.299"], ["1,299", "12"], ["999.000"], ["1.299", "2,499"], ["12.50", "12,50"]])
def test_prices_may_leave_it_open(prices: list[str]) -> None:
    assert sign_of(*prices)[0] is None


def test_whole_numbers_need_no_sign() -> None:
    evidence = SeparatorEvidence()
    for price in ("1299", "1'299", "", "5"):
        evidence.add(price)
    assert (evidence.separator(), evidence.ambiguous, evidence.is_relevant) == (None, None, False)


@pytest.mark.parametrize(
    ("text", "sign", "number"),
    [
        ("1299", ".", "1299"), ("1,299.00", ".", "1299"), ("1.299,00", ",", "1299"), ("1'299.50", ".", "1299.5"), ("1\u2019299.50", ".", "1299.5"),
        ("1\u00a0299,5", ",", "1299.5"), ("1\u202f299,5", ",", "1299.5"), (".5", ".", "0.5"), ("5.", ".", "5"), ("0", ",", "0"), ("1.299", ",", "1299"),
        ("1.299", ".", "1.299"),
    ],
)  # fmt: skip
def test_a_number_is_read_by_the_files_sign(text: str, sign: DecimalSeparator, number: str) -> None:
    assert parse_decimal(text, sign) == Decimal(number)


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
def test_what_is_no_number_is_none(text: str) -> None:
    assert parse_decimal(text, ".") is None


@pytest.mark.parametrize(
    ("number", "exponent", "amount"),
    [
        ("12.5", 2, 1250), ("12.500", 2, 1250), ("12.505", 2, None), ("12", 0, 12), ("12.0", 0, 12), ("12.5", 0, None), ("1.234", 3, 1234),
        ("1." + "0" * 40 + "1", 2, None), ("1." + "0" * 60, 2, 100), ("9" * 40, 2, int("9" * 40 + "00")),
    ],
)  # fmt: skip
def test_amounts_are_exact_and_more_decimals_must_be_zeros(number: str, exponent: int, amount: int | None) -> None:
    assert to_minor_units(Decimal(number), exponent) == amount


GAPS = [" ", "\u00a0", "\u202f", "'", "\u2019", ""]


@given(
    st.integers(0, 2**53 - 1),
    st.integers(0, 4),
    st.sampled_from([".", ","]),
    st.sampled_from([*GAPS, "other"]),
    st.integers(0, 3),
)
def test_an_amount_written_in_any_style_is_read_back_exactly(
    amount: int, exponent: int, sign: DecimalSeparator, gap: str, zeros: int
) -> None:
    digits = str(amount).rjust(exponent + 1, "0")
    whole, part = digits[: len(digits) - exponent], digits[len(digits) - exponent :] + "0" * zeros
    grouped = f"{int(whole):,}".replace(",", {".": ",", ",": "."}[sign] if gap == "other" else gap)
    number = parse_decimal(f"{grouped}{sign}{part}" if part else grouped, sign)
    assert number is not None
    assert to_minor_units(number, exponent) == amount


@pytest.mark.parametrize(
    ("text", "weight"),
    [("1.5", "1.5"), ("1,5", "1.5"), (".5", "0.5"), ("1.299", "1.299"), ("1 299", "1299"), ("2", "2"), ("2.", "2")],
)
def test_a_measure_has_no_thousands_so_either_sign_is_decimal(text: str, weight: str) -> None:
    assert parse_measure(text) == Decimal(weight)


@pytest.mark.parametrize("text", ["", "heavy", "-1", "1.2.3", "."])
def test_what_is_no_measure_is_none(text: str) -> None:
    assert parse_measure(text) is None
