"""Our own NDJSON: a line is a product, and a bad one keeps out its own product only."""

from pathlib import Path

import pytest

from tests.areas.catalog.formats.drafts import drafts_of, places, products_of
from tradepost.areas.catalog.formats import UnreadableError

CHAIR = '{"name":"Chair","variants":[{"sku":"C-1","price":{"amount":5,"currency":"EUR"}}],"categories":[["A"]]}'


def test_a_line_is_a_product_whatever_stands_around_it(tmp_path: Path) -> None:
    file = f'\ufeff\r\n {CHAIR}\r\n\n  \t\n{{"name":"Lamp\u2028 on two"}}'
    chair, lamp = products_of(tmp_path, file)
    assert chair == {
        "name": "Chair",
        "variants": [{"sku": "C-1", "price": {"amount": 5, "currency": "EUR"}}],
        "categories": [["A"]],
    }
    assert lamp == {"name": "Lamp\u2028 on two"}


def test_a_bad_line_is_told_with_its_pointer(tmp_path: Path) -> None:
    lines = [
        CHAIR,
        CHAIR.replace('"amount":5', '"amount":"5"').replace('["A"]', '[""]'),
        '{"name":',
        "[1]",
        CHAIR.replace("sku", "sqw"),
        '{"name":"a\\u0007b"}',
        CHAIR,
    ]
    drafts = drafts_of(tmp_path, "\n".join(lines))
    assert [d.product is not None for d in drafts] == [True, False, False, False, False, False, True]
    found = [set(places(d.issues)) for d in drafts]
    assert found[1] == {(2, "/variants/0/price/amount"), (2, "/categories/0/0")}
    assert found[2:4] == [{(3, "")}, {(4, "")}]
    assert found[4] == {(5, "/variants/0/sku"), (5, "/variants/0/sqw")}
    assert found[5] == {(6, "/name")}
    assert [f.value for f in drafts[1].issues if f.column.endswith("amount")] == ["5"]


def test_a_line_that_is_no_utf8_is_told(tmp_path: Path) -> None:
    good, bad = drafts_of(tmp_path, CHAIR.encode() + b'\n{"name":"St\xfchle"}\n')
    assert good.product is not None
    assert (bad.product, places(bad.issues)) == (None, [(2, "")])


def test_json_over_several_lines_is_refused_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="one whole product on each line"):
        drafts_of(tmp_path, '{\n  "name": "Chair"\n}\n')


def test_the_place_of_a_fault_that_the_shop_finds_is_its_pointer(tmp_path: Path) -> None:
    [draft] = drafts_of(tmp_path, f"\n{CHAIR}")
    assert draft.locate("/variants/0/price/currency") == (2, "/variants/0/price/currency")
