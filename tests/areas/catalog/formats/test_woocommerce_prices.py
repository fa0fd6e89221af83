"""WooCommerce's prices: the regular one, the sale price within its days, and what has none."""

from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from tests.areas.catalog.formats.drafts import drafts_of, products_of
from tests.areas.catalog.formats.woocommerce import (
    GREEN,
    SIMPLE,
    VARIABLE,
    VARIATION,
    draft,
    record,
    sheet,
    told,
    variant,
)
from tradepost.areas.catalog.formats import UnreadableError, open_file


@pytest.mark.parametrize(
    ("starts", "ends", "on_sale"),
    [
        ("", "", True), ("2026-03-01", "", True), ("2026-03-02", "", False), ("", "2026-03-01", True), ("", "2026-02-28", False),
        ("2026-02-01", "2026-03-31", True), ("2026-03-01 09:00:00", "2026-03-01T00:00:00", True), ("2027-01-01", "2027-02-01", False),
    ],
)  # fmt: skip
def test_a_sale_price_is_the_price_within_its_days(tmp_path: Path, starts: str, ends: str, on_sale: bool) -> None:
    variant_ = variant(
        tmp_path, Regular_price="20", Sale_price="15.50", Date_sale_price_starts=starts, Date_sale_price_ends=ends
    )
    prices = [p and p["amount"] for p in (variant_["price"], variant_["compare_at_price"])]
    kept = {"Sale price": "" if on_sale else "15.50", "Date sale price starts": starts, "Date sale price ends": ends}
    assert (prices, variant_["source"]) == (
        [1550, 2000] if on_sale else [2000, None],
        {c: cell for c, cell in kept.items() if cell} or None,
    )


@pytest.mark.parametrize(
    ("hour", "on_sale"),
    [("2026-02-28T23:30:00-02:00", True), ("2026-03-02T01:30:00+02:00", True), ("2026-03-02T00:00:00+00:00", False)],
)
def test_the_days_of_a_sale_are_days_in_utc(tmp_path: Path, hour: str, on_sale: bool) -> None:
    file = tmp_path / "woo.csv"
    file.write_text(
        sheet(
            SIMPLE | {"Sale price": "15", "Date sale price starts": "2026-03-01", "Date sale price ends": "2026-03-01"}
        )
    )
    with closing(open_file(file, currency="EUR", decimal_separator=None, now=datetime.fromisoformat(hour))) as opened:
        [found] = opened.products()
    assert (record(found)["variants"][0]["price"]["amount"] == 1500) is on_sale


@pytest.mark.parametrize("day", ["2026-02-30", "soon", "01.03.2026"])
def test_a_sale_with_a_bad_date_is_not_used_and_told(tmp_path: Path, day: str) -> None:
    parsed_ = draft(tmp_path, SIMPLE | {"Sale price": "15", "Date sale price ends": day})
    assert told(parsed_) == [(2, "Date sale price ends", day, True)]
    [one] = record(parsed_)["variants"]
    assert (one["price"]["amount"], one["compare_at_price"], one["source"]) == (
        2000,
        None,
        {"Sale price": "15", "Date sale price ends": day},
    )


def test_a_sale_price_alone_is_the_price(tmp_path: Path) -> None:
    variant_ = variant(tmp_path, Regular_price="", Sale_price="15")
    assert (variant_["price"]["amount"], variant_["compare_at_price"], variant_["source"]) == (1500, None, {"Sale price": "15"})


def test_a_sale_price_that_is_not_lower_is_not_used_and_told(tmp_path: Path) -> None:
    parsed_ = draft(tmp_path, SIMPLE | {"Sale price": "20"})
    assert told(parsed_) == [(2, "Sale price", "20", True)]
    [one] = record(parsed_)["variants"]
    assert (one["price"]["amount"], one["compare_at_price"], one["source"]) == (2000, None, {"Sale price": "20"})


def test_prices_are_in_the_shops_own_decimal_sign(tmp_path: Path) -> None:
    prices = [("1299,50", "999"), ("1299", "1298,5"), ("0,05", "")]
    rows = [
        SIMPLE | {"ID": str(n), "SKU": str(n), "Regular price": regular, "Sale price": sale}
        for n, (regular, sale) in enumerate(prices)
    ]
    found = [v for p in products_of(tmp_path, sheet(*rows)) for v in p["variants"]]
    assert [v["price"]["amount"] for v in found] == [99900, 129850, 5]
    assert [v["compare_at_price"] and v["compare_at_price"]["amount"] for v in found] == [129950, 129900, None]


def test_prices_that_leave_the_sign_open_are_refused_until_it_is_said(tmp_path: Path) -> None:
    file = sheet(SIMPLE | {"Regular price": "1,299"})
    with pytest.raises(UnreadableError, match="--decimal"):
        drafts_of(tmp_path, file)
    [parsed_] = drafts_of(tmp_path, file, sign=".")
    assert record(parsed_)["variants"][0]["price"]["amount"] == 129900


def test_what_is_no_price_keeps_the_product_out(tmp_path: Path) -> None:
    refused, other = drafts_of(
        tmp_path, sheet(VARIABLE, VARIATION | {"Regular price": "on request"}, GREEN, SIMPLE | {"ID": "1", "SKU": "a"})
    )
    assert (refused.product, told(refused), other.product is None) == (
        None,
        [(3, "Regular price", "on request", False)],
        False,
    )


def test_a_variation_without_a_price_is_left_out_and_told(tmp_path: Path) -> None:
    parsed_ = draft(tmp_path, VARIABLE | {"Regular price": "9.50"}, VARIATION | {"Regular price": ""}, GREEN)
    assert told(parsed_) == [(3, "Regular price", "", True)]
    assert [v["sku"] for v in record(parsed_)["variants"]] == ["tee-green"]


def test_a_simple_product_without_a_price_comes_without_a_variant(tmp_path: Path) -> None:
    parsed_ = draft(tmp_path, SIMPLE | {"Regular price": "", "Stock": "3"})
    assert told(parsed_) == [(2, "Regular price", "", True)]
    assert (record(parsed_)["variants"], record(parsed_)["source"]) == ([], {"Type": "simple", "SKU": "tee", "Stock": "3"})


def test_a_variable_product_without_variations_is_told(tmp_path: Path) -> None:
    parsed_ = draft(tmp_path, VARIABLE)
    assert told(parsed_) == [(2, "Type", "variable", True)]
    assert record(parsed_)["variants"] == []
