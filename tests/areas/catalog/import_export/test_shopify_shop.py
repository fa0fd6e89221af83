"""Import of a Shopify export: both doors return what is in the file."""

import csv
import io
from pathlib import Path

import msgspec
import pytest

from tests.areas.catalog.import_export.conftest import HERE, ImportShop, save_as
from tests.areas.catalog.import_export.expected import REEF_MUG, STATUSES, WALNUT_TRAY
from tests.factories import read

FILE = HERE / "shopify.csv"


@pytest.mark.parametrize("name", ["shopify.csv", "shopify_new.csv"])
async def test_both_doors_return_the_catalog_of_the_file(shop: ImportShop, name: str) -> None:
    run = shop.process if name == "shopify.csv" else shop.command
    done = run("import", HERE / name, "--currency", "EUR")
    assert done.returncode == 0, done.stderr
    by_rest, by_graphql = await shop.by_rest(), await shop.by_graphql()
    assert by_rest["reef-mug"] == REEF_MUG
    assert by_rest["walnut-tray"] == WALNUT_TRAY
    assert by_graphql == by_rest
    assert {p: by_rest[p]["status"] for p in by_rest} == {p: s for p, s in STATUSES.items() if p in by_rest}


@pytest.mark.parametrize(
    ("encoding", "delimiter", "ending"),
    [("cp1252", ";", "\r\n"), ("utf-8-sig", ",", "\r\n"), ("utf-8", "\t", "\n"), ("utf-16", ",", "\n")],
    ids=["windows-semicolons", "bom", "tabs", "utf-16"],
)
async def test_encoding_delimiter_and_line_ends_do_not_change_the_result(
    shop: ImportShop, other_shop: ImportShop, tmp_path: Path, encoding: str, delimiter: str, ending: str
) -> None:
    copy = save_as(FILE, tmp_path, encoding=encoding, delimiter=delimiter, ending=ending)
    assert shop.command("import", FILE).returncode == other_shop.command("import", copy).returncode == 0
    assert await other_shop.by_rest() == await shop.by_rest()
    assert (await shop.by_rest())["reef-mug"] == REEF_MUG


async def test_columns_may_be_in_any_order_and_case(shop: ImportShop, tmp_path: Path) -> None:
    rows = [row[::-1] for row in csv.reader(io.StringIO(FILE.read_text("utf-8"), newline=""))]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[name.upper() for name in rows[0]], *rows[1:]])
    copy = tmp_path / "shuffled.csv"
    copy.write_text(text.getvalue(), "utf-8")
    assert shop.command("import", copy).returncode == 0
    assert (await shop.by_rest())["reef-mug"] == REEF_MUG


async def test_a_second_import_changes_nothing_and_reports_that(shop: ImportShop) -> None:
    shop.command("import", FILE)
    fields = "id,version,updated_at,variants{id,version,updated_at},media{id,version}"
    before = await read(shop.staff, "/v1/products", limit="100", fields=fields)
    again = shop.command("import", FILE)
    assert (again.returncode, "Nothing changed" in again.stdout) == (0, True), again.stdout + again.stderr
    assert "0 created, 0 updated, 6 unchanged, 0 rejected" in again.stdout
    assert await read(shop.staff, "/v1/products", limit="100", fields=fields) == before


async def test_a_changed_file_updates_only_what_changed(shop: ImportShop, tmp_path: Path) -> None:
    shop.command("import", FILE)
    before = await shop.by_rest()
    changed = tmp_path / "changed.csv"
    changed.write_text(
        FILE.read_text("utf-8").replace("Old Lamp", "Older Lamp").replace("deny,25,", "deny,24.5,"), "utf-8"
    )
    done = shop.command("import", changed, "--json")
    summary = msgspec.json.decode(done.stdout)
    assert (summary["created"], summary["updated"], summary["unchanged"], summary["rejected"]) == (0, 2, 4, 0)
    after = await shop.by_rest()
    assert after["old-lamp"] == before["old-lamp"] | {"name": "Older Lamp"}
    assert [v["price"]["amount"] for v in after["voucher"]["variants"]] == [1000, 2450]
    assert {k: v for k, v in after.items() if k not in ("old-lamp", "voucher")} == {
        k: v for k, v in before.items() if k not in ("old-lamp", "voucher")
    }


async def test_a_dry_run_reports_the_same_counts_and_changes_nothing(shop: ImportShop) -> None:
    dry_run = msgspec.json.decode(shop.command("import", FILE, "--dry-run", "--json").stdout)
    assert await shop.by_rest() == {}
    assert (await read(shop.staff, "/v1/categories", slug="mugs"))["data"] == []
    done = msgspec.json.decode(shop.command("import", FILE, "--json").stdout)
    assert dry_run | {"dry_run": False} == done
    assert (done["created"], done["brands_created"]) == (6, 2)


async def test_cells_without_a_member_are_in_source_which_is_visible_only_to_staff(shop: ImportShop) -> None:
    shop.command("import", FILE)
    mug = await read(shop.staff, "/v1/products/reef-mug", fields="source,variants{source,imported_quantity}")
    assert mug["source"] == {
        "Tags": "Kitchen, Gift Idea",
        "Google Shopping / Gender": "unisex",
        "Fabric (product.metafields.custom.fabric)": "stoneware",
    }
    assert mug["variants"][0]["source"] == {
        "Variant Image": "https://cdn.example.com/mug-green.jpg",
        "Variant Weight Unit": "kg",
        "Cost per item": "4.20",
        "Price / International": "16.50",
    }
    async with shop.anonymous() as client:
        public = await client.get("/v1/products/reef-mug")
    assert public.status_code == 200
    for text in ("stoneware", "4.20", "imported_quantity"):
        assert text not in public.text


async def test_a_gift_card_has_an_attribute(shop: ImportShop) -> None:
    shop.command("import", FILE)
    assert (await shop.by_rest())["voucher"]["attributes"]["gift_card"] is True
