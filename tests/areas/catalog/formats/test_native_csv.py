"""Tradepost CSV: its columns, which of them are optional, and errors in their cells."""

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.areas.catalog.formats.parsing import MOMENT, parse_products, parse_valid_products, positions
from tradepost.areas.catalog.formats import UnreadableError, open_file
from tradepost.areas.catalog.formats.cells import decode_cell, encode_cell

TWO_ROWS = """\
Product,Name,status,categories,tags,attributes,media,SKU,variant_name,price,compare_at_price,currency,options,\
track_inventory,imported_quantity,variant_source
chair,Oak chair,active,"[[""Furniture"",""Chairs""]]","oak, new","{""wood"":""oak""}",\
"[{""source_url"":""https://i.example/1.jpg""}]",C-1,,149.00,179,eur,"{""size"":""M""}",no,-3,
chair,,,,,,,C-2,Large,1490.00,,,"{""size"":""L""}",,,"{""Bin"":""7""}"
lamp,Lamp,,,,,,,,,,,,,,
"""


def test_each_row_is_a_variant_and_the_first_row_describes_the_product(tmp_path: Path) -> None:
    chair, lamp = parse_valid_products(tmp_path, TWO_ROWS)
    first, second = chair.pop("variants")
    assert chair == {
        "name": "Oak chair", "status": "active", "categories": [["Furniture", "Chairs"]], "tags": ["oak", "new"],
        "attributes": {"wood": "oak"}, "media": [{"source_url": "https://i.example/1.jpg"}],
    }  # fmt: skip
    assert first == {
        "sku": "C-1", "price": {"amount": 14900, "currency": "EUR"},
        "compare_at_price": {"amount": 17900, "currency": "EUR"}, "options": {"size": "M"}, "weight_grams": None,
        "track_inventory": False, "imported_quantity": -3,
    }  # fmt: skip
    assert second == {
        "sku": "C-2", "name": "Large", "price": {"amount": 149000, "currency": "EUR"}, "compare_at_price": None,
        "options": {"size": "L"}, "weight_grams": None, "source": {"Bin": "7"},
    }  # fmt: skip
    assert lamp == {"name": "Lamp", "variants": []}


def test_four_columns_are_required_and_prices_are_in_the_currency_of_the_shop(tmp_path: Path) -> None:
    [product] = parse_valid_products(tmp_path, "price,sku,name,product\n1490,C-1,Chair,1\n", currency="JPY")
    assert product["variants"][0]["price"] == {"amount": 1490, "currency": "JPY"}


def test_a_german_spreadsheet_is_read(tmp_path: Path) -> None:
    [product] = parse_valid_products(
        tmp_path, "product;name;sku;price;currency\r\nstuhl;Stühle;S;1.299,50;EUR\r\n".encode("cp1252")
    )
    assert product["name"] == "Stühle"
    assert product["variants"][0]["price"] == {"amount": 129950, "currency": "EUR"}


def test_a_dot_before_three_digits_is_a_decimal_separator_in_a_currency_with_three_decimals(tmp_path: Path) -> None:
    [product] = parse_valid_products(tmp_path, "product,name,sku,price,currency\n1,Chair,C,1.299,KWD\n", currency="KWD")
    assert product["variants"][0]["price"] == {"amount": 1299, "currency": "KWD"}


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("1,Chair,C,abc,,,,", "price"),
        ("1,Chair,C,1.0050,,,,", "price"),
        ("1,Chair,C,,,,,", "price"),
        ("1,Chair,C,5,XQX,,,", "currency"),
        ("1,Chair,C,5,USD,,,", "currency"),
        ("1,Chair,C,5,,[1],,", "options"),
        ("1,Chair,C,5,,{,,", "options"),
        ("1,Chair,C,5,,,maybe,", "track_inventory"),
        ("1,Chair,C,5,,,,{}", "media"),
    ],
)
def test_an_error_is_reported_with_its_column_and_rejects_only_its_product(
    tmp_path: Path, row: str, column: str
) -> None:
    file = f"product,name,sku,price,currency,options,track_inventory,media\n{row}\n2,Other,O,5,,,,\n"
    bad, good = parse_products(tmp_path, file)
    assert (bad.product, positions(bad.issues)) == (None, [(2, column)])
    assert good.product is not None
    assert not good.issues


def test_a_later_row_can_repeat_but_not_change_the_product(tmp_path: Path) -> None:
    head = "product,name,sku,price,options\n1,Chair,C-1,5,\n"
    [same] = parse_valid_products(tmp_path, f'{head}1,Chair,C-2,5,"{{""size"":""L""}}"\n')
    assert [v["sku"] for v in same["variants"]] == ["C-1", "C-2"]
    [other] = parse_products(tmp_path, f"{head}1,Stool,C-2,5,\n")
    assert (other.product, positions(other.issues)) == (None, [(3, "name")])


def test_a_row_without_a_product_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("product,name,sku,price\n,Chair,C-1,5\n")
    with closing(open_file(file, currency="EUR", decimal_separator=None, now=MOMENT)) as opened:
        assert positions(opened.issues) == [(2, "product")]


def test_a_blank_or_taken_sku_is_replaced_by_a_generated_one(tmp_path: Path) -> None:
    file = 'product,name,sku,price,options\nchair,Chair,,5,"{""size"":""L""}"\nstool,Stool,X,5,\nbench,Bench,X,5,\n'
    parsed = parse_products(tmp_path, file)
    assert [d.product["variants"][0]["sku"] for d in parsed if d.product] == ["chair-l", "X", "bench"]
    assert [(positions(d.issues), [f.repaired for f in d.issues]) for d in parsed] == [
        ([], []),
        ([], []),
        ([(4, "sku")], [True]),
    ]


def test_a_pointer_is_located_by_line_and_column(tmp_path: Path) -> None:
    parsed = parse_products(tmp_path, TWO_ROWS)[0]
    assert parsed.locate("/variants/1/name") == (3, "variant_name")
    assert parsed.locate("/category_ids") == (2, "categories")


def test_an_unknown_header_is_reported_with_the_closest_format(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"Tradepost CSV; missing from the header: `price`"):
        parse_products(tmp_path, "product,name,sku\n1,Chair,C\n")


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.text("='\" -@\\a\t\n", max_size=6))
def test_any_text_round_trips_through_a_cell(text: str) -> None:
    cell = encode_cell(text)
    assert decode_cell(cell.strip()) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("text", ["'t Hof", '"Hamlet"', "Oak", "'", "5 > 3"])
def test_plain_text_is_not_escaped(text: str) -> None:
    assert decode_cell(text) == text
    assert encode_cell(text) == text
