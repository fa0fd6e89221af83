"""Shopify's export: which variants are shipped."""

from pathlib import Path

import pytest

from tests.areas.catalog.formats.parsing import parse_products, parse_valid_products, positions


@pytest.mark.parametrize("column", ["Variant Requires Shipping", "Requires shipping"])
@pytest.mark.parametrize(("cell", "expected"), [("true", True), ("TRUE", True), ("False", False), ("", False)])
def test_the_column_requires_shipping_is_a_member(tmp_path: Path, column: str, cell: str, expected: bool) -> None:
    content = f"Handle,Title,Variant Price,{column}\nmug,Mug,6.00,{cell}\n"
    [product] = parse_valid_products(tmp_path, content)
    [variant] = product["variants"]
    assert (variant["requires_shipping"], variant["source"]) == (expected, None)


def test_a_file_without_the_column_has_goods_that_are_shipped(tmp_path: Path) -> None:
    [product] = parse_valid_products(tmp_path, "Handle,Title,Variant Price\nmug,Mug,6.00\n")
    assert product["variants"][0]["requires_shipping"] is True


def test_a_cell_that_is_neither_true_nor_false_is_reported_and_kept_in_source(tmp_path: Path) -> None:
    content = "Handle,Title,Variant Price,Variant Requires Shipping\nmug,Mug,6.00,perhaps\n"
    [parsed] = parse_products(tmp_path, content)
    assert positions(parsed.issues) == [(2, "Variant Requires Shipping")]
    assert parsed.product is not None
    [variant] = parsed.product["variants"]
    assert variant["requires_shipping"] is True
    assert variant["source"] == {"Variant Requires Shipping": "perhaps"}
