"""The import as it runs: killed, watched and weighed."""

import csv
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from sqlalchemy import func, select

from tests import servers
from tests.areas.catalog.moving.conftest import HERE, Moved
from tests.factories import read
from tradepost.kit.writes.audit import AuditEntry
from tradepost.kit.writes.outbox import OutboxEvent

MOST_MEGABYTES = 200


def many(file: Path, rows: int) -> Path:
    """A Shopify file of so many rows, four a product, that are not adjacent: first all first rows, then all second ones."""
    header = ["Handle", "Title", "Body (HTML)", "Type", "Tags", "Published", "Option1 Name", "Option1 Value", "Variant SKU", "Variant Grams",
              "Variant Inventory Tracker", "Variant Inventory Qty", "Variant Price", "Image Src", "Cost per item", "Status"]  # fmt: skip
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


def start(moved: Moved, *words: object) -> subprocess.Popen[str]:
    """The command, running."""
    given = [sys.executable, "-m", "tradepost", *map(str, words)]
    return subprocess.Popen(
        given, env=servers.environ(moved.url), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


# The peak is read from inside: what `wait4` tells of a child begins with the memory of the process that started it.
WEIGHED = """
import atexit, re, sys
from tradepost.cli import main
atexit.register(lambda: print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr))
main()
"""


def weighed(moved: Moved, *words: object) -> tuple[int, float]:
    """Exit status of a command, and the most memory that it ever had, in MB."""
    done = subprocess.run(
        [sys.executable, "-c", WEIGHED, *map(str, words)],
        env=servers.environ(moved.url),
        capture_output=True,
        text=True,
        timeout=600,
    )
    return done.returncode, int(done.stderr.split()[-1]) / 1024


async def count(moved: Moved) -> int:
    """How many products there are."""
    return (await read(moved.staff, "/v1/products", include="total", limit="1"))["total"]


async def test_a_run_killed_in_the_middle_is_simply_run_again(moved: Moved, tmp_path: Path) -> None:
    file = many(tmp_path / "many.csv", 8000)
    running = start(moved, "import", file)
    while await count(moved) == 0 and running.poll() is None:
        time.sleep(0.02)  # noqa: ASYNC251  (the command is another process)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    before = await count(moved)
    assert 0 < before < 2000
    again = moved.command("import", file)
    assert again.returncode == 0, again.stderr
    assert f"{2000 - before} created, 0 updated, {before} unchanged, 0 rejected" in again.stdout
    assert await count(moved) == 2000
    assert (await read(moved.staff, "/v1/products/product-1999", fields="variants{sku}"))["variants"] == [
        {"sku": f"P1999-{s}"} for s in "SMLX"
    ]


async def test_each_product_leaves_one_event_and_one_audit_entry_of_the_system(moved: Moved) -> None:
    moved.command("import", HERE / "shopify.csv")
    moved.command("import", HERE / "shopify.csv")
    async with moved.app.state.database.session_factory() as session:
        events = [*(await session.scalars(select(OutboxEvent).where(OutboxEvent.type.startswith("product."))))]
        entries = [*(await session.scalars(select(AuditEntry).where(AuditEntry.type.startswith("product."))))]
        categories = await session.scalar(select(func.count()).where(AuditEntry.type == "category.created"))
    assert [e.type for e in events] == ["product.created"] * 6
    assert Counter(e.subject for e in events) == Counter(e.subject for e in entries)
    assert {(e.caller_id, e.role, e.door, e.operation) for e in entries} == {(None, "admin", "cli", "product_batch")}
    assert categories == 4


async def test_importing_100_000_rows_stays_under_200_megabytes(moved: Moved, tmp_path: Path) -> None:
    status, megabytes = weighed(moved, "import", many(tmp_path / "large.csv", 100_000))
    assert status == 0
    assert megabytes < MOST_MEGABYTES
    assert await count(moved) == 25_000
