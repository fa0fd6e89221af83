"""Faulty files: each issue is reported, and repaired or its product rejected."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.areas.catalog.import_export.conftest import ImportShop

NAMES = {
    "handle": "Handle",
    "title": "Title",
    "body": "Body (HTML)",
    "type": "Type",
    "tags": "Tags",
    "published": "Published",
    "option": "Option1 Name",
    "value": "Option1 Value",
    "sku": "Variant SKU",
    "grams": "Variant Grams",
    "quantity": "Variant Inventory Qty",
    "price": "Variant Price",
    "image": "Image Src",
    "status": "Status",
}
"""The columns of a file, and what these tests call them."""
HEADER = ",".join(NAMES.values())


def row(**cells: str) -> str:
    """Return a row with these cells."""
    assert cells.keys() <= NAMES.keys()
    return ",".join(f'"{cells[n].replace(chr(34), chr(34) * 2)}"' if n in cells else "" for n in NAMES)


def simple(handle: str, price: str = "10.50", **cells: str) -> str:
    """Return the row of a product with one variant."""
    return row(
        **{
            "handle": handle,
            "title": handle.title(),
            "option": "Title",
            "value": "Default Title",
            "sku": f"{handle}-1",
            "price": price,
            "status": "active",
        }
        | cells
    )


def write(folder: Path, *rows: str, header: str = HEADER, name: str = "shop.csv") -> Path:
    """Write a file with these rows."""
    file = folder / name
    file.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return file


def import_json(shop: ImportShop, file: Path, *options: str, **settings: str) -> tuple[int, dict[str, Any]]:
    """Import a file and return the exit status and the JSON report."""
    done = shop.command("import", file, "--json", *options, **settings)
    assert done.stdout, done.stderr
    return done.returncode, msgspec.json.decode(done.stdout)


def counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    """Return how many products were created, updated, unchanged and rejected."""
    return report["created"], report["updated"], report["unchanged"], report["rejected"]


async def test_an_issue_is_one_line_with_file_line_column_value_and_consequence(
    shop: ImportShop, tmp_path: Path
) -> None:
    file = write(tmp_path, simple("good"), simple("bad", "twelve"), simple("fine", quantity="a few"))
    done = shop.command("import", file)
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        'shop.csv:3: Variant Price: "twelve": Not a price. The product was rejected. '
        "Write it like 12.5, with the decimal separator `.` and no currency.",
        'shop.csv:4: Variant Inventory Qty: "a few": Not a whole number; ignored. The value was kept in `source`.',
    ]
    assert "2 created, 0 updated, 0 unchanged, 1 rejected" in done.stdout
    assert set(await shop.by_rest()) == {"good", "fine"}


async def test_repaired_issues_do_not_change_the_exit_status(shop: ImportShop, tmp_path: Path) -> None:
    status, report = import_json(
        shop,
        write(tmp_path, simple("a", grams="heavy", status="soon"), HEADER, "", simple("b", image="not an address")),
    )
    assert (status, counts(report), report["repaired"]) == (0, (2, 0, 0, 0), 4)
    assert {(f["line"], f["column"], f["repaired"]) for f in report["issues"]} == {
        (2, "Variant Grams", True),
        (2, "Status", True),
        (3, "", True),
        (5, "Image Src", True),
    }
    assert (await shop.by_rest())["a"]["status"] == "draft"
    a, b = [
        (await shop.staff.get(f"/v1/products/{p}", params={"fields": "source,variants{source}"})).json() for p in "ab"
    ]
    assert (a["source"], a["variants"][0]["source"]) == ({"Status": "soon"}, {"Variant Grams": "heavy"})
    assert b["source"] == {"Image Src": "not an address"}


async def test_an_error_rejects_its_whole_product_and_no_other(shop: ImportShop, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        row(handle="shirt", title="Shirt", option="Size", value="S", sku="S", price="10", status="active"),
        simple("hat"),
        row(handle="shirt", value="M", sku="M", price="x"),
        row(handle="shirt", value="L", sku="L", price="12"),
    )
    status, report = import_json(shop, file)
    assert (status, counts(report)) == (3, (1, 0, 0, 1))
    assert set(await shop.by_rest()) == {"hat"}


async def test_a_different_title_under_the_same_handle_is_a_rejected_product(shop: ImportShop, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        row(handle="cup", title="Cup", option="Size", value="S", sku="C-S", price="5", status="active"),
        row(handle="cup", title="Cup", value="M", sku="C-M", price="6"),
        row(handle="cup", title="Saucer", value="L", sku="C-L", price="7"),
        row(handle="cup", value="XL", sku="C-XL", price="8"),
    )
    status, report = import_json(shop, file)
    assert (status, counts(report)) == (3, (1, 0, 0, 1))
    assert [(f["line"], f["column"], f["value"]) for f in report["issues"]] == [(4, "Title", "Saucer")]
    assert [v["sku"] for v in (await shop.by_rest())["cup"]["variants"]] == ["C-S", "C-M"]


async def test_more_than_100_variants_are_rejected_with_a_clear_message(shop: ImportShop, tmp_path: Path) -> None:
    rows = [
        row(handle="all", value=str(n), sku=f"N-{n}", price="1", **({"title": "All", "option": "No"} if n == 0 else {}))
        for n in range(101)
    ]
    status, report = import_json(shop, write(tmp_path, *rows, simple("one")))
    assert (status, counts(report)) == (3, (1, 0, 0, 1))
    assert report["issues"][0]["advice"].startswith("The product has 101 variants; at most 100 are supported")


async def test_a_taken_sku_is_replaced_by_the_same_generated_one_in_each_run(shop: ImportShop, tmp_path: Path) -> None:
    file = write(tmp_path, simple("a", sku="X"), simple("b", sku="X"), simple("c", sku=""))
    for expected in ((3, 0, 0, 0), (0, 0, 3, 0)):
        status, report = import_json(shop, file)
        assert (status, counts(report), report["repaired"], report["generated_skus"]) == (0, expected, 1, 1)
    products = await shop.by_rest()
    assert [products[p]["variants"][0]["sku"] for p in "abc"] == ["X", "b", "c"]
    b = (await shop.staff.get("/v1/products/b", params={"fields": "variants{source}"})).json()
    assert b["variants"][0]["source"]["Variant SKU"] == "X"


async def test_a_sku_of_another_product_in_the_shop_is_rejected_with_its_name(shop: ImportShop, tmp_path: Path) -> None:
    assert import_json(shop, write(tmp_path, simple("first", sku="X")))[0] == 0
    status, report = import_json(shop, write(tmp_path, simple("second", sku="X"), simple("third")))
    assert (status, counts(report)) == (3, (1, 0, 0, 1))
    [issue] = report["issues"]
    assert (issue["line"], issue["column"], issue["value"]) == (2, "Variant SKU", "X")
    assert "`first`" in issue["advice"]


@pytest.mark.parametrize(
    ("prices", "amounts"),
    [
        (["1,299.00", "12.5", "1299", "1.299"], [129900, 1250, 129900, None]),
        (["1.299,00", "12,5", "1299", "1.299"], [129900, 1250, 129900, 129900]),
        (["1 299,90", "12,500"], [129990, 1250]),
        (["1'299.90", "12.500"], [129990, 1250]),
    ],
    ids=["english", "german", "french-trailing-zeros", "swiss"],
)
async def test_the_decimal_separator_is_detected_once_per_file(
    shop: ImportShop, tmp_path: Path, prices: list[str], amounts: list[int | None]
) -> None:
    file = write(tmp_path, *[simple(f"p{n}", price) for n, price in enumerate(prices)])
    status, _ = import_json(shop, file)
    products = await shop.by_rest()
    imported = [products.get(f"p{n}") for n in range(len(prices))]
    assert [product and product["price_from"]["amount"] for product in imported] == amounts
    assert status == (3 if None in amounts else 0)


async def test_a_currency_without_decimals_accepts_only_zeros_as_decimals(shop: ImportShop, tmp_path: Path) -> None:
    status, report = import_json(
        shop, write(tmp_path, simple("a", "1200.00"), simple("b", "12.50")), SHOP_CURRENCY="JPY"
    )
    assert (status, counts(report)) == (3, (1, 0, 0, 1))
    assert (await shop.by_rest())["a"]["price_from"] == {"amount": 1200, "currency": "JPY"}
    assert "Too many decimals: JPY has 0." in report["issues"][0]["advice"]


async def test_an_unknown_header_is_refused_with_the_closest_format(shop: ImportShop, tmp_path: Path) -> None:
    done = shop.command("import", write(tmp_path, "a,b,c", header="Handle,Title,Cost"))
    assert done.returncode == 2
    closest = "The closest is Shopify's product export; missing from the header: `variant price`"
    for text in ("Handle, Title, Cost", closest, "WooCommerce"):
        assert text in done.stderr
    assert msgspec.json.decode(shop.command("import", tmp_path / "shop.csv", "--json").stdout)["error"]


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\x00\x01\x02\xff" * 100, b"\x89PNG\r\n\x1a\n"], ids=["empty", "blank", "bytes", "image"]
)
async def test_an_unreadable_file_is_one_line_and_exit_status_2(
    shop: ImportShop, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "odd.csv"
    file.write_bytes(content)
    done = shop.command("import", file)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "odd.csv cannot be read" in done.stderr


async def test_an_unclosed_quote_rejects_only_its_product(shop: ImportShop, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        simple("a"),
        simple("b"),
        'c,"C, and all that follows',
        simple("d"),
        row(handle="b", value="M", sku="b-2", price="3"),
        simple("e"),
    )
    status, report = import_json(shop, file)
    assert (status, counts(report)) == (3, (4, 0, 0, 1))
    assert [f["line"] for f in report["issues"]] == [4]
    assert len((await shop.by_rest())["b"]["variants"]) == 2


async def test_a_row_with_too_many_cells_rejects_its_product_and_a_row_without_a_handle_only_itself(
    shop: ImportShop, tmp_path: Path
) -> None:
    file = write(
        tmp_path,
        simple("a"),
        simple("b"),
        row(handle="b", value="M", sku="b-2", price="3") + ",x,y",
        row(value="M", sku="Y", price="3"),
    )
    status, report = import_json(shop, file)
    assert (status, counts(report)) == (3, (1, 0, 0, 2))
    assert sorted(f["line"] for f in report["issues"]) == [4, 5]
    assert set(await shop.by_rest()) == {"a"}


async def test_a_missing_file_exits_with_status_2(shop: ImportShop, tmp_path: Path) -> None:
    assert shop.command("import", tmp_path / "missing.csv").returncode == 2


async def test_a_file_with_only_the_required_columns_is_imported(shop: ImportShop, tmp_path: Path) -> None:
    status, report = import_json(shop, write(tmp_path, "cup,Cup,5", "hat,Hat,7.5", header="Handle,Title,Variant Price"))
    assert (status, counts(report)) == (0, (2, 0, 0, 0))
    cup = (await shop.by_rest())["cup"]
    assert (cup["status"], cup["price_from"]["amount"], cup["variants"][0]["sku"]) == ("active", 500, "cup")
