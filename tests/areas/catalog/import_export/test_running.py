"""The import as a process: interruption, events and memory use."""

import csv
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests import servers
from tests.areas.catalog.import_export.conftest import HERE, ImportShop
from tests.factories import read
from tests.figures import scaled
from tradepost.kit.writes.audit import AuditEntry
from tradepost.kit.writes.outbox import OutboxEvent

MAX_MEGABYTES = 200


def write_large_file(file: Path, rows: int) -> Path:
    """Write a Shopify file with four rows per product, which are not adjacent."""
    header = [
        "Handle", "Title", "Body (HTML)", "Type", "Tags", "Published", "Option1 Name", "Option1 Value", "Variant SKU",
        "Variant Grams", "Variant Inventory Tracker", "Variant Inventory Qty", "Variant Price", "Image Src",
        "Cost per item", "Status",
    ]  # fmt: skip
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        for v, size in enumerate("SMLX"):
            for p in range(rows // 4):
                product = [
                    f"Product {p}",
                    f"<p>Product number {p}, made of oak and love.</p>",
                    f"Type {p % 20}",
                    "Oak, Love",
                    "true",
                    "Size",
                ]
                variant = [
                    size,
                    f"P{p}-{size}",
                    "120",
                    "shopify",
                    "3",
                    f"{p % 90 + 1}.95",
                    f"https://cdn.example.com/{p}-{v}.jpg",
                    "2.10",
                ]
                writer.writerow(
                    [f"product-{p}", *(product if v == 0 else [""] * 6), *variant, "active" if v == 0 else ""]
                )
    return file


def start(shop: ImportShop, *words: object) -> subprocess.Popen[str]:
    """Start a command in a process."""
    command = [sys.executable, "-m", "tradepost", *map(str, words)]
    return subprocess.Popen(
        command, env=servers.environ(shop.url), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


# The peak is read in the process itself: that of `wait4` includes the memory of the parent.
REPORT_MEMORY = """
import atexit, re, sys
from tradepost.cli import main
atexit.register(lambda: print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr))
main()
"""


def run_with_memory(shop: ImportShop, *words: object) -> tuple[int, float]:
    """Run a command and return its exit status and its peak memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT_MEMORY, *map(str, words)],
        env=servers.environ(shop.url),
        capture_output=True,
        text=True,
        timeout=600,
    )
    return done.returncode, int(done.stderr.split()[-1]) / 1024


async def count_products(shop: ImportShop) -> int:
    """Return the number of products."""
    return (await read(shop.staff, "/v1/products", include="total", limit="1"))["total"]


async def test_an_import_that_was_killed_is_completed_by_a_second_run(shop: ImportShop, tmp_path: Path) -> None:
    file = write_large_file(tmp_path / "many.csv", 8000)
    running = start(shop, "import", file)
    while await count_products(shop) == 0 and running.poll() is None:
        time.sleep(0.02)  # noqa: ASYNC251  (the command runs in another process)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    before = await count_products(shop)
    assert 0 < before < 2000
    again = shop.command("import", file)
    assert again.returncode == 0, again.stderr
    assert f"{2000 - before} created, 0 updated, {before} unchanged, 0 rejected" in again.stdout
    assert await count_products(shop) == 2000
    assert (await read(shop.staff, "/v1/products/product-1999", fields="variants{sku}"))["variants"] == [
        {"sku": f"P1999-{s}"} for s in "SMLX"
    ]


async def test_an_import_emits_one_event_and_one_system_audit_entry_per_product(shop: ImportShop) -> None:
    shop.command("import", HERE / "shopify.csv")
    shop.command("import", HERE / "shopify.csv")
    async with shop.app.state.database.session_factory() as session:
        events = [*(await session.scalars(select(OutboxEvent).where(OutboxEvent.type.startswith("product."))))]
        entries = [*(await session.scalars(select(AuditEntry).where(AuditEntry.type.startswith("product."))))]
        categories = await session.scalar(select(func.count()).where(AuditEntry.type == "category.created"))
    assert [e.type for e in events] == ["product.created"] * 6
    assert Counter(e.subject for e in events) == Counter(e.subject for e in entries)
    assert {(e.caller_id, e.role, e.door, e.operation) for e in entries} == {(None, "admin", "cli", "product_batch")}
    assert categories == 4


@pytest.mark.once
async def test_importing_100_000_rows_takes_less_than_200_megabytes(shop: ImportShop, tmp_path: Path) -> None:
    rows = scaled(100_000)
    status, megabytes = run_with_memory(shop, "import", write_large_file(tmp_path / "large.csv", rows))
    assert status == 0
    assert megabytes < MAX_MEGABYTES
    assert await count_products(shop) == rows // 4
