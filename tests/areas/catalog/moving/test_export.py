"""A shop moves out and in again: what was exported in any format makes the same catalogue in an empty shop."""

from pathlib import Path
from typing import Any

import pytest

from tests.areas.catalog.moving.conftest import Moved
from tests.factories import make_category, make_product, read
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.catalog.formats.writing import FORMATS
from tradepost.areas.catalog.service.exporter import Exporter
from tradepost.kit.caller import ANONYMOUS, Caller
from tradepost.kit.context import Context

HERE = Path(__file__).parent
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
    exporter = Exporter(Context(caller, shop.app.state.database, door="cli"))
    seen: list[int] = []
    with file.open("wb") as out:
        done = await exporter.write(format, out, currency="EUR", progress=seen.append)
    assert seen == [*range(1, done.products + 1)]
    assert done.products == await exporter.size()
    return done.products


async def fill(shop: Moved) -> None:
    """Goods of every kind: from either shop, and made here."""
    for file in ("shopify.csv", "woocommerce.csv"):
        assert shop.command("import", HERE / file, "--currency", "EUR").returncode in (0, 3)
    above = await make_category(shop.staff, name="A > B, C", slug="a")
    below = await make_category(shop.staff, name="&gt;", slug="b", parent_id=above["id"])
    await make_product(shop.staff, **CHAIR, category_id=below["id"], category_ids=[above["id"]])
    await make_product(shop.staff, name="Nothing to buy", slug="nothing", status="draft")


@pytest.mark.parametrize("format", FORMATS)
async def test_an_exported_shop_is_the_same_shop_elsewhere(moved: Moved, other: Moved, tmp_path: Path, format: str) -> None:
    await fill(moved)
    file = tmp_path / "export"
    there = await catalogue(moved)
    assert await exported(moved, format, file) == len(there) > 10
    answer = other.command("import", file, "--currency", "EUR")
    assert answer.returncode == 0, answer.stderr
    assert await catalogue(other) == there
    again = moved.command("import", file, "--currency", "EUR")
    assert f"0 created, 0 updated, {len(there)} left alone" in again.stdout, again.stdout


async def test_an_export_holds_what_its_caller_sees(moved: Moved, tmp_path: Path) -> None:
    await make_product(moved.staff, **CHAIR)
    await make_product(moved.staff, name="Hidden", slug="hidden", status="draft")
    assert await exported(moved, "ndjson", tmp_path / "all") == 2
    assert await exported(moved, "ndjson", tmp_path / "seen", ANONYMOUS) == 1
    assert "source" not in (tmp_path / "seen").read_text()
