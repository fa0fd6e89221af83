"""A product of a file whose price is above the limit is rejected and reported."""

from pathlib import Path

import pytest

from tests.areas.catalog.import_export.conftest import ImportShop

FILES = {
    "shopify": "Handle,Title,Variant Price\nmug,Mug,40000000.01\ncup,Cup,40000000.00\n",
    "woocommerce": "Type,Name,Published,Regular price\nsimple,Mug,1,40000000.01\nsimple,Cup,1,40000000.00\n",
    "csv": "product,name,sku,price,currency\n1,Mug,M,40000000.01,EUR\n2,Cup,C,40000000.00,EUR\n",
    "ndjson": (
        '{"name": "Mug", "variants": [{"sku": "M", "price": {"amount": 4000000001, "currency": "EUR"}}]}\n'
        '{"name": "Cup", "variants": [{"sku": "C", "price": {"amount": 4000000000, "currency": "EUR"}}]}\n'
    ),
}


@pytest.mark.parametrize("format", FILES)
async def test_a_price_above_the_limit_is_rejected_with_its_place(
    shop: ImportShop, tmp_path: Path, format: str
) -> None:
    issue = shop.import_with_one_rejected(tmp_path / "products", FILES[format])
    if format == "ndjson":
        assert (issue["line"], issue["column"]) == (1, "/variants/0/price/amount")
        assert "greater than the maximum of 4000000000" in issue["advice"]
    else:
        assert (issue["line"], issue["value"]) == (2, "40000000.01")
        assert "Above the largest price, €40,000,000.00." in issue["advice"]
    [(name, price)] = [(p["name"], p["price_from"]["amount"]) for p in (await shop.by_rest()).values()]
    assert (name, price) == ("Cup", 4_000_000_000)
