"""WooCommerce prices: the regular price, sale prices and their dates, and missing prices."""

from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from tests.areas.catalog.formats.parsing import parse_products, parse_valid_products
from tests.areas.catalog.formats.woocommerce import (
    GREEN,
    SIMPLE,
    VARIABLE,
    VARIATION,
    csv_text,
    issues_of,
    parse_first,
    parse_variant,
    product_of,
)
from tradepost.areas.catalog.formats import UnreadableError, open_file


@pytest.mark.parametrize(
    ("starts", "ends", "on_sale"),
    [
        ("", "", True),
        ("2026-03-01", "", True),
        ("2026-03-02", "", False),
        ("", "2026-03-01", True),
        ("", "2026-02-28", False),
        ("2026-02-01", "2026-03-31", True),
        ("2026-03-01 09:00:00", "2026-03-01T00:00:00", True),
        ("2027-01-01", "2027-02-01", False),
    ],
)
def test_a_sale_price_is_the_price_between_its_dates(tmp_path: Path, starts: str, ends: str, on_sale: bool) -> None:
    variant = parse_variant(
        tmp_path, Regular_price="20", Sale_price="15.50", Date_sale_price_starts=starts, Date_sale_price_ends=ends
    )
    prices = [p and p["amount"] for p in (variant["price"], variant["compare_at_price"])]
    preserved = {
        "Sale price": "" if on_sale else "15.50",
        "Date sale price starts": starts,
        "Date sale price ends": ends,
    }
    assert (prices, variant["source"]) == (
        [1550, 2000] if on_sale else [2000, None],
        {c: cell for c, cell in preserved.items() if cell} or None,
    )


@pytest.mark.parametrize(
    ("hour", "on_sale"),
    [("2026-02-28T23:30:00-02:00", True), ("2026-03-02T01:30:00+02:00", True), ("2026-03-02T00:00:00+00:00", False)],
)
def test_the_dates_of_a_sale_are_in_utc(tmp_path: Path, hour: str, on_sale: bool) -> None:
    file = tmp_path / "woo.csv"
    file.write_text(
        csv_text(
            SIMPLE | {"Sale price": "15", "Date sale price starts": "2026-03-01", "Date sale price ends": "2026-03-01"}
        )
    )
    with closing(open_file(file, currency="EUR", decimal_separator=None, now=datetime.fromisoformat(hour))) as opened:
        [parsed] = opened.products()
    assert (product_of(parsed)["variants"][0]["price"]["amount"] == 1500) is on_sale


@pytest.mark.parametrize("day", ["2026-02-30", "soon", "01.03.2026"])
def test_a_sale_with_an_invalid_date_is_ignored_and_reported(tmp_path: Path, day: str) -> None:
    parsed = parse_first(tmp_path, SIMPLE | {"Sale price": "15", "Date sale price ends": day})
    assert issues_of(parsed) == [(2, "Date sale price ends", day, True)]
    [one] = product_of(parsed)["variants"]
    assert (one["price"]["amount"], one["compare_at_price"], one["source"]) == (
        2000,
        None,
        {"Sale price": "15", "Date sale price ends": day},
    )


def test_a_sale_price_without_a_regular_price_is_the_price(tmp_path: Path) -> None:
    variant = parse_variant(tmp_path, Regular_price="", Sale_price="15")
    assert (variant["price"]["amount"], variant["compare_at_price"], variant["source"]) == (
        1500,
        None,
        {"Sale price": "15"},
    )


def test_a_sale_price_that_is_not_lower_is_ignored_and_reported(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, SIMPLE | {"Sale price": "20"})
    assert issues_of(parsed) == [(2, "Sale price", "20", True)]
    [one] = product_of(parsed)["variants"]
    assert (one["price"]["amount"], one["compare_at_price"], one["source"]) == (2000, None, {"Sale price": "20"})


def test_the_decimal_separator_is_detected_from_all_prices(tmp_path: Path) -> None:
    prices = [("1299,50", "999"), ("1299", "1298,5"), ("0,05", "")]
    rows = [
        SIMPLE | {"ID": str(n), "SKU": str(n), "Regular price": regular, "Sale price": sale}
        for n, (regular, sale) in enumerate(prices)
    ]
    variants = [v for p in parse_valid_products(tmp_path, csv_text(*rows)) for v in p["variants"]]
    assert [v["price"]["amount"] for v in variants] == [99900, 129850, 5]
    assert [v["compare_at_price"] and v["compare_at_price"]["amount"] for v in variants] == [129950, 129900, None]


def test_ambiguous_prices_are_refused_without_a_decimal_separator(tmp_path: Path) -> None:
    file = csv_text(SIMPLE | {"Regular price": "1,299"})
    with pytest.raises(UnreadableError, match="--decimal"):
        parse_products(tmp_path, file)
    [parsed] = parse_products(tmp_path, file, decimal_separator=".")
    assert product_of(parsed)["variants"][0]["price"]["amount"] == 129900


def test_an_invalid_price_rejects_its_product(tmp_path: Path) -> None:
    refused, other = parse_products(
        tmp_path,
        csv_text(VARIABLE, VARIATION | {"Regular price": "on request"}, GREEN, SIMPLE | {"ID": "1", "SKU": "a"}),
    )
    assert (refused.product, issues_of(refused), other.product is None) == (
        None,
        [(3, "Regular price", "on request", False)],
        False,
    )


def test_a_variation_without_a_price_is_omitted_and_reported(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, VARIABLE | {"Regular price": "9.50"}, VARIATION | {"Regular price": ""}, GREEN)
    assert issues_of(parsed) == [(3, "Regular price", "", True)]
    assert [v["sku"] for v in product_of(parsed)["variants"]] == ["tee-green"]


def test_a_simple_product_without_a_price_has_no_variant(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, SIMPLE | {"Regular price": "", "Stock": "3"})
    assert issues_of(parsed) == [(2, "Regular price", "", True)]
    assert (product_of(parsed)["variants"], product_of(parsed)["source"]) == (
        [],
        {"Type": "simple", "SKU": "tee", "Stock": "3"},
    )


def test_a_variable_product_without_variations_is_reported(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, VARIABLE)
    assert issues_of(parsed) == [(2, "Type", "variable", True)]
    assert product_of(parsed)["variants"] == []
