"""Numbers in product files: decimal separators, and amounts that are exact to the minor unit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.areas.catalog.formats.numbers import (
    DecimalSeparator,
    SeparatorEvidence,
    parse_decimal,
    to_minor_units,
)


def evidence_of(*numbers: str) -> SeparatorEvidence:
    """Return the evidence of some numbers, each in a line of its own."""
    evidence = SeparatorEvidence()
    for line, number in enumerate(numbers, 2):
        evidence.add(number, line)
    return evidence


@pytest.mark.parametrize(
    ("numbers", "separator"),
    [
        (["12.50"], "."), (["12,50"], ","), ([".5"], "."), (["1,5"], ","), (["1.299,00"], ","), (["1,299.00"], "."),
        (["1.234.567"], ","), (["1,234,567"], "."), (["0.299"], "."), (["1299.000"], "."), (["12.5", "1.299"], "."),
        (["9,99", "1.299", "2.499"], ","), (["1'299.50"], "."), (["1\u00a0299,50"], ","), (["1 299,50"], ","),
        (["-2.5"], "."), (["'-2,5"], ","),
    ],
)  # fmt: skip
def test_the_decimal_separator_is_detected_from_all_numbers(numbers: list[str], separator: DecimalSeparator) -> None:
    assert evidence_of(*numbers).separator() == separator


@pytest.mark.parametrize("numbers", [["1.299"], ["1,299", "12"], ["999.000"], ["1.299", "2,499"]])
def test_the_decimal_separator_may_be_ambiguous(numbers: list[str]) -> None:
    evidence = evidence_of(*numbers)
    assert (evidence.separator(), evidence.is_contradictory, evidence.is_relevant) == (None, False, True)


@pytest.mark.parametrize("count", [1, 2, 50])
def test_one_number_that_contradicts_the_others_leaves_the_separator_open(count: int) -> None:
    evidence = evidence_of(*["12.50"] * count, "12,70")
    assert (evidence.separator(), evidence.is_contradictory) == (None, True)
    assert {s: (w.text, w.line) for s, w in evidence.witnesses.items()} == {
        ".": ("12.50", 2),
        ",": ("12,70", count + 2),
    }


@pytest.mark.parametrize("text", ["1299", "1'299", "", "5", "12.50 EUR", "1.2.3", "n/a.", "0.0.1", "1" * 50 + ".5"])
def test_whole_numbers_and_other_texts_show_no_separator(text: str) -> None:
    evidence = evidence_of(text)
    assert (evidence.separator(), evidence.ambiguous, evidence.is_relevant) == (None, {}, False)


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
        "0,299",
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
