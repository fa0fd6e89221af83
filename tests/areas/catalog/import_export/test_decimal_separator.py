"""Files that leave open whether `1.290` is about one or more than a thousand."""

from pathlib import Path

import pytest

from tests.areas.catalog.import_export.conftest import ImportShop

HEADERS = {
    "shopify": "Handle;Title;Variant Price;Variant Grams;Variant Inventory Qty",
    "csv": "product;name;price;weight_grams;imported_quantity;sku",
    "woocommerce": "Type;Published;Name;Regular price;Weight (g);Stock",
}


def file_of(folder: Path, format: str, *rows: tuple[str, str, str], delimiter: str = ";") -> Path:
    """Write a file with rows of a price, a weight and a quantity."""
    lines = [HEADERS[format].replace(";", delimiter)]
    for number, (price, grams, quantity) in enumerate(rows):
        key = ["simple", "1", f"P{number}"] if format == "woocommerce" else [f"p{number}", f"P{number}"]
        cells = [f'"{cell}"' if delimiter in cell else cell for cell in (price, grams, quantity)]
        lines.append(delimiter.join([*key, *cells, *([f"S{number}"] if format == "csv" else [])]))
    file = folder / "products.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


async def numbers(shop: ImportShop) -> list[tuple[int, int | None, int | None]]:
    """Return price, weight and quantity of the variants, by product."""
    products = sorted((await shop.by_rest()).values(), key=lambda product: product["name"])
    variants = [variant for product in products for variant in product["variants"]]
    return [(v["price"]["amount"], v["weight_grams"], v["imported_quantity"]) for v in variants]


@pytest.mark.parametrize("format", HEADERS)
@pytest.mark.parametrize(("option", "amount"), [(".", 129), (",", 129_000)])
async def test_an_ambiguous_price_is_asked_for_in_every_format(
    shop: ImportShop, tmp_path: Path, format: str, option: str, amount: int
) -> None:
    file = file_of(tmp_path, format, ("1.290", "", ""), ("990", "", ""))
    refused = shop.command("import", file)
    assert (refused.returncode, len(refused.stderr.splitlines()), await numbers(shop)) == (2, 1, [])
    assert "`1.290` in line 2" in refused.stderr
    assert "--decimal" in refused.stderr
    assert shop.command("import", file, "--decimal", option).returncode == 0
    assert await numbers(shop) == [(amount, None, None), (99_000, None, None)]


async def test_prices_weights_and_counts_share_their_evidence(shop: ImportShop, tmp_path: Path) -> None:
    file = file_of(tmp_path, "shopify", ("1.290", "1.500", "3.000"), ("990,5", "", ""))
    assert shop.command("import", file).returncode == 0
    assert await numbers(shop) == [(129_000, 1500, 3000), (99_050, None, None)]


@pytest.mark.parametrize("rows", [[("990", "1.500", "")], [("990", "", "3.000")]], ids=["weight", "count"])
@pytest.mark.parametrize("format", HEADERS)
async def test_an_ambiguous_weight_or_count_is_asked_for(
    shop: ImportShop, tmp_path: Path, format: str, rows: list[tuple[str, str, str]]
) -> None:
    refused = shop.command("import", file_of(tmp_path, format, *rows))
    assert (refused.returncode, "--decimal" in refused.stderr) == (2, True)


async def test_one_number_that_contradicts_the_others_is_asked_for(shop: ImportShop, tmp_path: Path) -> None:
    file = file_of(tmp_path, "shopify", ("12.50", "", ""), ("12.60", "", ""), ("12,70", "", ""))
    refused = shop.command("import", file)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    for text in ("`12.50` in line 2", "`12,70` in line 4", "--decimal"):
        assert text in refused.stderr
    done = shop.command("import", file, "--decimal", ".")
    assert (done.returncode, await numbers(shop)) == (3, [(1250, None, None), (1260, None, None)])
    assert 'products.csv:4: Variant Price: "12,70": Not a price.' in done.stderr


async def test_woocommerce_writes_weights_with_a_dot_beside_prices_with_a_comma(
    shop: ImportShop, tmp_path: Path
) -> None:
    file = file_of(tmp_path, "woocommerce", ("12,50", "0.5", ""), ("1.299,00", "1.25", "3"))
    assert shop.command("import", file).returncode == 0
    assert await numbers(shop) == [(1250, 1, None), (129_900, 1, 3)]


async def test_a_currency_with_three_decimals_needs_no_option(shop: ImportShop, tmp_path: Path) -> None:
    file = file_of(tmp_path, "csv", ("1.290", "", ""), delimiter=",")
    assert shop.command("import", file).returncode == 2
    assert shop.command("import", file, SHOP_CURRENCY="KWD").returncode == 0
    assert await numbers(shop) == [(1290, None, None)]
