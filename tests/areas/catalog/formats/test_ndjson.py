"""Tradepost NDJSON: each line is a product, and an invalid line is rejected alone."""

from pathlib import Path

import pytest

from tests.areas.catalog.formats.parsing import parse_products, parse_valid_products, positions
from tradepost.areas.catalog.formats import UnreadableError

CHAIR = '{"name":"Chair","variants":[{"sku":"C-1","price":{"amount":5,"currency":"EUR"}}],"categories":[["A"]]}'


def test_blank_lines_and_white_space_around_products_are_ignored(tmp_path: Path) -> None:
    file = f'\ufeff\r\n {CHAIR}\r\n\n  \t\n{{"name":"Lamp\u2028 on two"}}'
    chair, lamp = parse_valid_products(tmp_path, file)
    assert chair == {
        "name": "Chair",
        "variants": [{"sku": "C-1", "price": {"amount": 5, "currency": "EUR"}}],
        "categories": [["A"]],
    }
    assert lamp == {"name": "Lamp\u2028 on two"}


def test_an_invalid_line_is_reported_with_its_pointer(tmp_path: Path) -> None:
    lines = [
        CHAIR,
        CHAIR.replace('"amount":5', '"amount":"5"').replace('["A"]', '[""]'),
        '{"name":',
        "[1]",
        CHAIR.replace("sku", "sqw"),
        '{"name":"a\\u0007b"}',
        CHAIR,
    ]
    parsed = parse_products(tmp_path, "\n".join(lines))
    assert [d.product is not None for d in parsed] == [True, False, False, False, False, False, True]
    faults = [set(positions(d.issues)) for d in parsed]
    assert faults[1] == {(2, "/variants/0/price/amount"), (2, "/categories/0/0")}
    assert faults[2:4] == [{(3, "")}, {(4, "")}]
    assert faults[4] == {(5, "/variants/0/sku"), (5, "/variants/0/sqw")}
    assert faults[5] == {(6, "/name")}
    assert [f.value for f in parsed[1].issues if f.column.endswith("amount")] == ["5"]


def test_a_line_with_invalid_utf_8_is_reported(tmp_path: Path) -> None:
    good, bad = parse_products(tmp_path, CHAIR.encode() + b'\n{"name":"St\xfchle"}\n')
    assert good.product is not None
    assert (bad.product, positions(bad.issues)) == (None, [(2, "")])


def test_a_product_over_several_lines_makes_the_file_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="one product on each line"):
        parse_products(tmp_path, '{\n  "name": "Chair"\n}\n')


def test_the_column_of_a_validation_error_is_its_pointer(tmp_path: Path) -> None:
    [parsed] = parse_products(tmp_path, f"\n{CHAIR}")
    assert parsed.locate("/variants/0/price/currency") == (2, "/variants/0/price/currency")
