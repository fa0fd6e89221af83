"""The exporter: goods that were made here, with texts that no sheet likes, leave in any format; and a file holds what its caller sees."""

from pathlib import Path
from typing import Any

import pytest

from tests.areas.catalog.moving.conftest import Moved
from tests.factories import make_category, make_product, read
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.catalog.formats.writing import FORMATS
from tradepost.areas.catalog.service.exporter import Exporter
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.writes.call_context import CallContext

ALL = (
    "name,slug,external_reference,status,description,attributes,tags,source,price_from{amount,currency},category{name},categories{name,parent{name}},"
    "variants{sku,name,price{amount,currency},options,compare_at_price{amount,currency},weight_grams,barcode,attributes,tax_class,track_inventory,"
    "allow_backorder,position,external_reference,source,imported_quantity},media{source_url,alt,status,position}"
)
CHAIR: dict[str, Any] = {
    "name": "=Chair; \"oak\", 'Ö'\u00a0🪑 ", "slug": "a-chair", "status": "active", "description": " AT&T\n\n<b>\\n</b>\t", "attributes": {"a": [1, 1.5, None]},
    "tags": ["a-a"], "source": {"Tags": "old", "n": 1, "": ""},
    "variants": [
        {"sku": " A,1", "price": {"amount": 1490, "currency": "JPY"}, "options": {"Size": "Default Title", "a/b": "1, 2"}, "position": 7, "barcode": ""},
        {"sku": "-A", "price": {"amount": 5, "currency": "EUR"}, "options": {}, "name": "no, choice", "tax_class": "reduced", "track_inventory": False},
    ],
}  # fmt: skip


async def catalogue(shop: Moved) -> dict[str, Any]:
    """All of a shop's products by their slug."""
    body = await read(shop.staff, "/v1/products", fields=ALL, limit="100", sort="created_at")
    found = {p["slug"]: p | {"categories": sorted(p["categories"], key=repr)} for p in body["data"]}
    assert len(found) == len(body["data"])
    return found


async def exported(shop: Moved, format: str, file: Path, caller: Caller = SYSTEM) -> int:
    """Writes a shop into a file, and tells how many products went in."""
    exporter = Exporter(CallContext(caller, shop.app.state.database, door="cli"))
    seen: list[int] = []
    with file.open("wb") as out:
        done = await exporter.write(format, out, currency="EUR", on_progress=seen.append)
    assert seen == [*range(1, done.products + 1)]
    assert done.products == await exporter.count_products()
    return done.products


async def fill(shop: Moved) -> None:
    """Goods made here: in categories that look like paths, without variants, and nearly a page of them."""
    above = await make_category(shop.staff, name="A > B, C", slug="a")
    below = await make_category(shop.staff, name="&gt;", slug="b", parent_id=above["id"])
    await make_product(shop.staff, **CHAIR, category_id=below["id"], category_ids=[above["id"]])
    items = [{"op": "create", "input": {"name": f"Nothing to buy {n}", "slug": f"nothing-{n}"}} for n in range(98)]
    assert (await shop.staff.post("/v1/products/batch", json={"items": items})).status_code == 200


@pytest.mark.parametrize("format", FORMATS)
async def test_goods_made_here_are_the_same_elsewhere(moved: Moved, other: Moved, tmp_path: Path, format: str) -> None:
    await fill(moved)
    file = tmp_path / "export"
    there = await catalogue(moved)
    assert await exported(moved, format, file) == len(there) == 99
    answer = other.command("import", file, "--currency", "EUR")
    assert answer.returncode == 0, answer.stderr
    assert await catalogue(other) == there
    again = moved.command("import", file, "--currency", "EUR")
    assert "0 created, 0 updated, 99 unchanged" in again.stdout, again.stdout


async def test_more_than_a_page_leaves_oldest_first(moved: Moved, tmp_path: Path) -> None:
    await fill(moved)
    items = [{"op": "create", "input": {"name": f"More {n}", "slug": f"more-{n}"}} for n in range(50)]
    await moved.staff.post("/v1/products/batch", json={"items": items})
    assert await exported(moved, "csv", tmp_path / "csv") == 149
    keys = [
        line.split(",")[0]
        for line in (tmp_path / "csv").read_text("utf-8-sig").splitlines()
        if line.startswith(("nothing-", "more-"))
    ]
    assert keys == [*(f"nothing-{n}" for n in range(98)), *(f"more-{n}" for n in range(50))]


async def test_an_export_holds_what_its_caller_sees(moved: Moved, tmp_path: Path) -> None:
    await make_product(moved.staff, **CHAIR)
    await make_product(moved.staff, name="Hidden", slug="hidden", status="draft")
    assert await exported(moved, "ndjson", tmp_path / "all") == 2
    assert await exported(moved, "ndjson", tmp_path / "seen", ANONYMOUS) == 1
    assert "source" not in (tmp_path / "seen").read_text()
