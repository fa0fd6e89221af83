"""Import of a WooCommerce export: both doors return what is in the file."""

from pathlib import Path
from typing import Any

import msgspec

from tests.areas.catalog.import_export.conftest import HERE, ImportShop, save_as
from tests.areas.catalog.import_export.expected import BELT, TEE, euros
from tests.factories import read

FILE = HERE / "woocommerce.csv"


def sorted_categories(product: dict[str, Any]) -> dict[str, Any]:
    """Sort the categories of a product by name. The doors sort them as in the shop."""
    return product | {"categories": sorted(product["categories"], key=lambda c: c["name"])}


async def test_both_doors_return_the_catalog_of_the_file(shop: ImportShop) -> None:
    done = shop.command("import", FILE, "--currency", "EUR")
    assert done.returncode == 0, done.stderr
    by_rest, by_graphql = await shop.by_rest(), await shop.by_graphql()
    assert sorted_categories(by_rest["44"]) == TEE
    assert sorted_categories(by_rest["58"]) == BELT
    assert by_graphql == by_rest
    assert {p: by_rest[p]["status"] for p in by_rest} == {
        "44": "active", "58": "active", "64": "draft", "73": "draft", "87": "active", "90": "active",
    }  # fmt: skip


async def test_each_category_of_a_path_is_created_once_below_its_parent(shop: ImportShop) -> None:
    shop.command("import", FILE)
    tree = await read(shop.staff, "/v1/categories", fields="name,parent{name}", limit="100")
    paths = sorted([((c["parent"] or {}).get("name"), c["name"]) for c in tree["data"]], key=str)
    below_clothing = [("Clothing", n) for n in ("Accessories", "Hoodies", "Men, Women", "Tees")]
    assert paths == sorted(
        [*below_clothing, (None, "Clothing"), (None, "Decor"), (None, "Music"), (None, "Sale")], key=str
    )


async def test_grouped_and_external_products_have_no_variants(shop: ImportShop) -> None:
    shop.command("import", FILE)
    products = await shop.by_rest()
    assert (products["87"]["variants"], products["90"]["variants"]) == ([], [])
    assert products["87"]["attributes"] == {"grouped_products": ["belt", "id:44"]}
    assert products["90"]["attributes"] == {
        "external_url": "https://shop.example.com/pennant",
        "button_text": "Buy it there",
        "price": euros(1105),
    }


async def test_omitted_and_repaired_cells_are_reported(shop: ImportShop) -> None:
    report = msgspec.json.decode(shop.command("import", FILE, "--json").stdout)
    assert (report["created"], report["rejected"]) == (6, 0)
    assert {(f["line"], f["column"]) for f in report["issues"]} == {(5, "Published"), (7, "Visibility in catalog")}
    assert all(f["repaired"] for f in report["issues"])


async def test_download_links_and_other_cells_are_preserved_in_source(shop: ImportShop) -> None:
    shop.command("import", FILE)
    album = await read(shop.staff, "/v1/products/album", fields="source,variants{source,tax_class}")
    source = album["source"] | album["variants"][0]["source"]
    assert {
        "Type": "simple, downloadable, virtual",
        "Download 1 URL": "https://files.example.com/single.mp3",
        "Tax status": "none",
    }.items() <= source.items()
    tee = await read(shop.staff, "/v1/products/v-neck-tee", fields="source,variants{tax_class,external_reference}")
    assert tee["source"]["Meta: _brand"] == "Marina"
    assert tee["variants"] == [
        {"tax_class": "reduced-rate", "external_reference": "76"},
        {"tax_class": "reduced-rate", "external_reference": "77"},
    ]


async def test_a_second_import_of_the_file_saved_by_windows_changes_nothing(shop: ImportShop, tmp_path: Path) -> None:
    shop.command("import", FILE)
    copy = save_as(FILE, tmp_path, encoding="cp1252", delimiter=";", ending="\r\n")
    again = shop.command("import", copy)
    assert "0 created, 0 updated, 6 unchanged, 0 rejected" in again.stdout, again.stdout + again.stderr


async def test_ambiguous_prices_require_the_decimal_option(shop: ImportShop, tmp_path: Path) -> None:
    file = tmp_path / "open.csv"
    file.write_text("Type,SKU,Name,Published,Regular price\nsimple,a,A,1,1.299\nsimple,b,B,1,12\n", "utf-8")
    refused = shop.command("import", file)
    assert (refused.returncode, "--decimal" in refused.stderr) == (2, True)
    assert shop.command("import", file, "--decimal", ",").returncode == 0
    assert (await shop.by_rest())["a"]["price_from"] == euros(129900)
