"""A shop has one currency: files, options and settings with another one are refused."""

from pathlib import Path

import pytest

from tests.areas.catalog.import_export.conftest import ImportShop

FILES = {
    "shopify": "Handle,Title,Variant Price,Currency\nmug,Mug,6.00,USD\ncup,Cup,5.00,eur\n",
    "woocommerce": "Type,Name,Published,Regular price,Currency\nsimple,Mug,1,6.00,USD\nsimple,Cup,1,5.00,EUR\n",
    "csv": "product,name,sku,price,currency\n1,Mug,M,6.00,USD\n2,Cup,C,5.00,EUR\n",
    "ndjson": (
        '{"name": "Mug", "variants": [{"sku": "M", "price": {"amount": 600, "currency": "USD"}}]}\n'
        '{"name": "Cup", "variants": [{"sku": "C", "price": {"amount": 500, "currency": "EUR"}}]}\n'
    ),
}


@pytest.mark.parametrize("format", FILES)
async def test_a_product_priced_in_another_currency_is_rejected_and_reported(
    shop: ImportShop, tmp_path: Path, format: str
) -> None:
    issue = shop.import_with_one_rejected(tmp_path / "products", FILES[format])
    line = 1 if format == "ndjson" else 2
    assert (issue["line"], issue["value"], "This shop sells in EUR" in issue["advice"]) == (line, "USD", True)
    assert [(p["name"], p["price_from"]) for p in (await shop.by_rest()).values()] == [
        ("Cup", {"amount": 500, "currency": "EUR"})
    ]


@pytest.mark.parametrize("command", [("import", "FILE"), ("export",)], ids=["import", "export"])
async def test_the_option_must_be_the_currency_of_the_shop(
    shop: ImportShop, tmp_path: Path, command: tuple[str, ...]
) -> None:
    file = tmp_path / "products.csv"
    file.write_text("Handle,Title,Variant Price\nmug,Mug,6.00\n")
    words = [file if word == "FILE" else word for word in command]
    refused = shop.command(*words, "--currency", "usd")
    assert (refused.returncode, await shop.by_rest()) == (2, {})
    for text in ("--currency", "`usd` is not the currency of this shop, which is EUR", "SHOP_CURRENCY"):
        assert text in " ".join(refused.stderr.split())
    assert shop.command(*words, "--currency", "eur").returncode == 0


async def test_an_import_with_another_setting_than_the_prices_of_the_shop_is_refused(
    shop: ImportShop, tmp_path: Path
) -> None:
    file = tmp_path / "products.csv"
    file.write_text("Handle,Title,Variant Price\nmug,Mug,6.00\n")
    assert shop.command("import", file).returncode == 0
    before = await shop.by_rest()
    refused = shop.process("import", file, SHOP_CURRENCY="USD")
    assert (refused.returncode, len(refused.stderr.splitlines()), await shop.by_rest()) == (2, 1, before)
    assert "SHOP_CURRENCY is `USD`, but the shop has prices in EUR" in refused.stderr
    assert "Set SHOP_CURRENCY=EUR" in refused.stderr
