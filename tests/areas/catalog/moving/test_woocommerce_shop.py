"""A WooCommerce shop moves in: what its file says, both doors say."""

from pathlib import Path
from typing import Any

import msgspec

from tests.areas.catalog.moving.conftest import HERE, Moved, saved
from tests.areas.catalog.moving.expected import BELT, TEE, euros
from tests.factories import read

FILE = HERE / "woocommerce.csv"


def sorted_categories(product: dict[str, Any]) -> dict[str, Any]:
    """The product with its categories by name: their order is that of the shop's categories."""
    return product | {"categories": sorted(product["categories"], key=lambda c: c["name"])}


async def test_the_catalogue_agrees_with_the_file_at_both_doors(moved: Moved) -> None:
    done = moved.command("import", FILE, "--currency", "EUR")
    assert done.returncode == 0, done.stderr
    by_rest, by_graphql = await moved.by_rest(), await moved.by_graphql()
    assert sorted_categories(by_rest["44"]) == TEE
    assert sorted_categories(by_rest["58"]) == BELT
    assert by_graphql == by_rest
    assert {p: by_rest[p]["status"] for p in by_rest} == {
        "44": "active", "58": "active", "64": "draft", "73": "draft", "87": "active", "90": "active",
    }  # fmt: skip


async def test_every_category_of_a_path_is_made_once_under_its_parent(moved: Moved) -> None:
    moved.command("import", FILE)
    tree = await read(moved.staff, "/v1/categories", fields="name,parent{name}", limit="100")
    paths = sorted([((c["parent"] or {}).get("name"), c["name"]) for c in tree["data"]], key=str)
    under = [("Clothing", n) for n in ("Accessories", "Hoodies", "Men, Women", "Tees")]
    assert paths == sorted([*under, (None, "Clothing"), (None, "Decor"), (None, "Music"), (None, "Sale")], key=str)


async def test_grouped_and_external_products_come_without_variants(moved: Moved) -> None:
    moved.command("import", FILE)
    found = await moved.by_rest()
    assert (found["87"]["variants"], found["90"]["variants"]) == ([], [])
    assert found["87"]["attributes"] == {"grouped_products": ["belt", "id:44"]}
    assert found["90"]["attributes"] == {
        "external_url": "https://shop.example.com/pennant",
        "button_text": "Buy it there",
        "price": euros(1105),
    }


async def test_what_was_left_out_or_changed_is_told(moved: Moved) -> None:
    said = msgspec.json.decode(moved.command("import", FILE, "--json").stdout)
    assert (said["created"], said["refused"]) == (6, 0)
    assert {(f["line"], f["column"]) for f in said["findings"]} == {(5, "Published"), (7, "Visibility in catalog")}
    assert all(f["mended"] for f in said["findings"])


async def test_download_links_and_the_like_stand_in_source(moved: Moved) -> None:
    moved.command("import", FILE)
    album = await read(moved.staff, "/v1/products/album", fields="source,variants{source,tax_class}")
    kept = album["source"] | album["variants"][0]["source"]
    assert {
        "Type": "simple, downloadable, virtual",
        "Download 1 URL": "https://files.example.com/single.mp3",
        "Tax status": "none",
    }.items() <= kept.items()
    tee = await read(moved.staff, "/v1/products/v-neck-tee", fields="source,variants{tax_class,external_reference}")
    assert tee["source"]["Meta: _brand"] == "Marina"
    assert tee["variants"] == [
        {"tax_class": "reduced-rate", "external_reference": "76"},
        {"tax_class": "reduced-rate", "external_reference": "77"},
    ]


async def test_again_changes_nothing_and_a_file_in_windows_clothes_is_the_same(moved: Moved, tmp_path: Path) -> None:
    moved.command("import", FILE)
    copy = saved(FILE, tmp_path, encoding="cp1252", delimiter=";", ending="\r\n")
    again = moved.command("import", copy)
    assert "0 created, 0 updated, 6 unchanged, 0 rejected" in again.stdout, again.stdout + again.stderr


async def test_prices_that_leave_the_decimal_sign_open_are_asked_about(moved: Moved, tmp_path: Path) -> None:
    file = tmp_path / "open.csv"
    file.write_text("Type,SKU,Name,Published,Regular price\nsimple,a,A,1,1.299\nsimple,b,B,1,12\n", "utf-8")
    refused = moved.command("import", file)
    assert (refused.returncode, "--decimal" in refused.stderr) == (2, True)
    assert moved.command("import", file, "--decimal", ",").returncode == 0
    assert (await moved.by_rest())["a"]["price_from"] == euros(129900)
