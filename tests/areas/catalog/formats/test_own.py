"""Our own sheet: what its columns say, what they may leave out, and what a person writes wrong."""

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.areas.catalog.formats.drafts import MOMENT, drafts_of, places, products_of
from tradepost.areas.catalog.formats import UnreadableError, open_file
from tradepost.areas.catalog.formats.cells import decode_cell, encode_cell

TWO_ROWS = """\
Product,Name,status,categories,tags,attributes,media,SKU,variant_name,price,compare_at_price,currency,options,track_inventory,imported_quantity,variant_source
chair,Oak chair,active,"[[""Furniture"",""Chairs""]]","oak, new","{""wood"":""oak""}","[{""source_url"":""https://i.example/1.jpg""}]",C-1,,149.00,179,eur,"{""size"":""M""}",no,-3,
chair,,,,,,,C-2,Large,1490,,JPY,"{""size"":""L""}",,,"{""Bin"":""7""}"
lamp,Lamp,,,,,,,,,,,,,,
"""


def test_a_row_is_a_variant_and_the_first_one_says_what_the_product_is(tmp_path: Path) -> None:
    chair, lamp = products_of(tmp_path, TWO_ROWS)
    first, second = chair.pop("variants")
    assert chair == {
        "name": "Oak chair", "status": "active", "categories": [["Furniture", "Chairs"]], "tags": ["oak", "new"], "attributes": {"wood": "oak"},
        "media": [{"source_url": "https://i.example/1.jpg"}],
    }  # fmt: skip
    assert first == {
        "sku": "C-1", "price": {"amount": 14900, "currency": "EUR"}, "compare_at_price": {"amount": 17900, "currency": "EUR"}, "options": {"size": "M"},
        "weight_grams": None, "track_inventory": False, "imported_quantity": -3,
    }  # fmt: skip
    assert second == {
        "sku": "C-2", "name": "Large", "price": {"amount": 1490, "currency": "JPY"}, "compare_at_price": None, "options": {"size": "L"},
        "weight_grams": None, "source": {"Bin": "7"},
    }  # fmt: skip
    assert lamp == {"name": "Lamp", "variants": []}


def test_four_columns_are_enough_and_the_currency_is_then_the_commands(tmp_path: Path) -> None:
    [product] = products_of(tmp_path, "price,sku,name,product\n1490,C-1,Chair,1\n", currency="JPY")
    assert product["variants"][0]["price"] == {"amount": 1490, "currency": "JPY"}


def test_a_sheet_from_a_german_spreadsheet_says_the_same(tmp_path: Path) -> None:
    [product] = products_of(
        tmp_path, "product;name;sku;price;currency\r\nstuhl;Stühle;S;1.299,50;EUR\r\n".encode("cp1252")
    )
    assert product["name"] == "Stühle"
    assert product["variants"][0]["price"] == {"amount": 129950, "currency": "EUR"}


def test_three_decimals_are_decimals_in_our_own_sheet(tmp_path: Path) -> None:
    [product] = products_of(tmp_path, "product,name,sku,price,currency\n1,Chair,C,1.299,KWD\n")
    assert product["variants"][0]["price"] == {"amount": 1299, "currency": "KWD"}


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("1,Chair,C,abc,,,,", "price"),
        ("1,Chair,C,1.005,,,,", "price"),
        ("1,Chair,C,,,,,", "price"),
        ("1,Chair,C,5,XQX,,,", "currency"),
        ("1,Chair,C,5,,[1],,", "options"),
        ("1,Chair,C,5,,{,,", "options"),
        ("1,Chair,C,5,,,maybe,", "track_inventory"),
        ("1,Chair,C,5,,,,{}", "media"),
    ],
)
def test_a_fault_tells_its_column_and_keeps_out_its_product_alone(tmp_path: Path, row: str, column: str) -> None:
    file = f"product,name,sku,price,currency,options,track_inventory,media\n{row}\n2,Other,O,5,,,,\n"
    bad, good = drafts_of(tmp_path, file)
    assert (bad.product, places(bad.issues)) == (None, [(2, column)])
    assert good.product is not None
    assert not good.issues


def test_what_a_later_row_says_of_the_product_may_be_repeated_but_not_changed(tmp_path: Path) -> None:
    head = "product,name,sku,price,options\n1,Chair,C-1,5,\n"
    [same] = products_of(tmp_path, f'{head}1,Chair,C-2,5,"{{""size"":""L""}}"\n')
    assert [v["sku"] for v in same["variants"]] == ["C-1", "C-2"]
    [other] = drafts_of(tmp_path, f"{head}1,Stool,C-2,5,\n")
    assert (other.product, places(other.issues)) == (None, [(3, "name")])


def test_a_row_of_no_product_is_told(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("product,name,sku,price\n,Chair,C-1,5\n")
    with closing(open_file(file, currency="EUR", decimal_separator=None, now=MOMENT)) as opened:
        assert places(opened.issues) == [(2, "product")]


def test_a_blank_or_taken_sku_is_made_alike_each_time(tmp_path: Path) -> None:
    file = 'product,name,sku,price,options\nchair,Chair,,5,"{""size"":""L""}"\nstool,Stool,X,5,\nbench,Bench,X,5,\n'
    drafts = drafts_of(tmp_path, file)
    assert [d.product["variants"][0]["sku"] for d in drafts if d.product] == ["chair-l", "X", "bench"]
    assert [(places(d.issues), [f.repaired for f in d.issues]) for d in drafts] == [
        ([], []),
        ([], []),
        ([(4, "sku")], [True]),
    ]


def test_a_place_of_a_fault_is_found_by_its_pointer(tmp_path: Path) -> None:
    draft = drafts_of(tmp_path, TWO_ROWS)[0]
    assert draft.locate("/variants/1/name") == (3, "variant_name")
    assert draft.locate("/category_ids") == (2, "categories")


def test_an_unknown_header_names_our_own_among_the_known(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"our own CSV; it lacks `price`"):
        drafts_of(tmp_path, "product,name,sku\n1,Chair,C\n")


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.text("='\" -@\\a\t\n", max_size=6))
def test_any_text_comes_back_from_its_cell(text: str) -> None:
    cell = encode_cell(text)
    assert decode_cell(cell.strip()) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("text", ["'t Hof", '"Hamlet"', "Oak", "'", "5 > 3"])
def test_what_a_person_writes_is_taken_as_it_stands(text: str) -> None:
    assert decode_cell(text) == text
    assert encode_cell(text) == text
