"""A Shopify shop moves in: what its file says, both doors say."""

import csv
import io
from pathlib import Path

import msgspec
import pytest

from tests.areas.catalog.moving.conftest import HERE, Moved, saved
from tests.areas.catalog.moving.expected import REEF_MUG, STATUSES, WALNUT_TRAY
from tests.factories import read

FILE = HERE / "shopify.csv"


@pytest.mark.parametrize("name", ["shopify.csv", "shopify_new.csv"])
async def test_the_catalogue_agrees_with_the_file_at_both_doors(moved: Moved, name: str) -> None:
    done = moved.process("import", HERE / name, "--currency", "EUR")
    assert done.returncode == 0, done.stderr
    by_rest, by_graphql = await moved.by_rest(), await moved.by_graphql()
    assert by_rest["reef-mug"] == REEF_MUG
    assert by_rest["walnut-tray"] == WALNUT_TRAY
    assert by_graphql == by_rest
    assert {p: by_rest[p]["status"] for p in by_rest} == {p: s for p, s in STATUSES.items() if p in by_rest}


@pytest.mark.parametrize(
    ("encoding", "delimiter", "ending"),
    [("cp1252", ";", "\r\n"), ("utf-8-sig", ",", "\r\n"), ("utf-8", "\t", "\n"), ("utf-16", ",", "\n")],
    ids=["windows-semicolons", "bom", "tabs", "utf-16"],
)
async def test_the_same_file_however_it_was_saved_gives_the_same(
    moved: Moved, other: Moved, tmp_path: Path, encoding: str, delimiter: str, ending: str
) -> None:
    copy = saved(FILE, tmp_path, encoding=encoding, delimiter=delimiter, ending=ending)
    assert moved.command("import", FILE).returncode == other.command("import", copy).returncode == 0
    assert await other.by_rest() == await moved.by_rest()
    assert (await moved.by_rest())["reef-mug"] == REEF_MUG


async def test_the_columns_may_stand_in_any_order_and_letter_case(moved: Moved, tmp_path: Path) -> None:
    rows = [row[::-1] for row in csv.reader(io.StringIO(FILE.read_text("utf-8"), newline=""))]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[name.upper() for name in rows[0]], *rows[1:]])
    copy = tmp_path / "shuffled.csv"
    copy.write_text(text.getvalue(), "utf-8")
    assert moved.command("import", copy).returncode == 0
    assert (await moved.by_rest())["reef-mug"] == REEF_MUG


async def test_again_changes_nothing_and_says_so(moved: Moved) -> None:
    moved.command("import", FILE)
    before = await read(
        moved.staff,
        "/v1/products",
        limit="100",
        fields="id,version,updated_at,variants{id,version,updated_at},media{id,version}",
    )
    again = moved.command("import", FILE)
    assert (again.returncode, "Nothing changed" in again.stdout) == (0, True), again.stdout + again.stderr
    assert "0 created, 0 updated, 6 unchanged, 0 rejected" in again.stdout
    assert (
        await read(
            moved.staff,
            "/v1/products",
            limit="100",
            fields="id,version,updated_at,variants{id,version,updated_at},media{id,version}",
        )
        == before
    )


async def test_a_changed_file_updates_what_changed_alone(moved: Moved, tmp_path: Path) -> None:
    moved.command("import", FILE)
    before = await moved.by_rest()
    changed = tmp_path / "changed.csv"
    changed.write_text(
        FILE.read_text("utf-8").replace("Old Lamp", "Older Lamp").replace("deny,25,", "deny,24.5,"), "utf-8"
    )
    done = moved.command("import", changed, "--json")
    summary = msgspec.json.decode(done.stdout)
    assert (summary["created"], summary["updated"], summary["unchanged"], summary["refused"]) == (0, 2, 4, 0)
    after = await moved.by_rest()
    assert after["old-lamp"] == before["old-lamp"] | {"name": "Older Lamp"}
    assert [v["price"]["amount"] for v in after["voucher"]["variants"]] == [1000, 2450]
    assert {k: v for k, v in after.items() if k not in ("old-lamp", "voucher")} == {
        k: v for k, v in before.items() if k not in ("old-lamp", "voucher")
    }


async def test_a_dry_run_tells_the_truth_and_changes_nothing(moved: Moved) -> None:
    tried = msgspec.json.decode(moved.command("import", FILE, "--dry-run", "--json").stdout)
    assert await moved.by_rest() == {}
    assert (await read(moved.staff, "/v1/categories", slug="mugs"))["data"] == []
    done = msgspec.json.decode(moved.command("import", FILE, "--json").stdout)
    assert tried | {"dry_run": False} == done | {"categories_created": tried["categories_created"]}
    assert done["created"] == 6


async def test_what_has_no_home_stands_in_source_which_only_staff_see(moved: Moved) -> None:
    moved.command("import", FILE)
    mug = await read(moved.staff, "/v1/products/reef-mug", fields="source,variants{source,imported_quantity}")
    assert mug["source"] == {
        "Tags": "Kitchen, Gift Idea",
        "Google Shopping / Gender": "unisex",
        "Fabric (product.metafields.custom.fabric)": "stoneware",
    }
    assert mug["variants"][0]["source"] == {
        "Variant Image": "https://cdn.example.com/mug-green.jpg", "Variant Weight Unit": "kg", "Cost per item": "4.20", "Price / International": "16.50",
    }  # fmt: skip
    hidden = await moved.staff.get("/v1/products/reef-mug", headers={"X-API-Key": ""})
    for text in ("stoneware", "4.20", "imported_quantity"):
        assert text not in hidden.text


async def test_gift_cards_are_marked(moved: Moved) -> None:
    moved.command("import", FILE)
    assert (await moved.by_rest())["voucher"]["attributes"]["gift_card"] is True
