"""Real files are dirty: what can be mended is, what cannot is told in one line with its place, and nothing else is lost."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.areas.catalog.moving.conftest import Moved

HEADER = "Handle,Title,Body (HTML),Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Inventory Qty,Variant Price,Image Src,Status"
COLUMNS = HEADER.split(",")


def row(**cells: str) -> str:
    """A row with these cells; words stand for columns."""
    named = {"handle": "Handle", "title": "Title", "body": "Body (HTML)", "type": "Type", "tags": "Tags", "published": "Published", "option": "Option1 Name",
             "value": "Option1 Value", "sku": "Variant SKU", "grams": "Variant Grams", "quantity": "Variant Inventory Qty", "price": "Variant Price",
             "image": "Image Src", "status": "Status"}  # fmt: skip
    filled = {named[word]: cell for word, cell in cells.items()}
    return ",".join(f'"{filled[c].replace(chr(34), chr(34) * 2)}"' if c in filled else "" for c in COLUMNS)


def simple(handle: str, price: str = "10.50", **cells: str) -> str:
    """A product of one row."""
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
    """A file of these rows."""
    file = folder / name
    file.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return file


def outcome(moved: Moved, file: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit status and JSON of an import."""
    done = moved.command("import", file, "--json", *options)
    assert done.stdout, done.stderr
    return done.returncode, msgspec.json.decode(done.stdout)


def counts(said: dict[str, Any]) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, refused."""
    return said["created"], said["updated"], said["unchanged"], said["refused"]


async def test_a_fault_is_one_line_with_file_line_column_what_stood_and_what_was_done(
    moved: Moved, tmp_path: Path
) -> None:
    file = write(tmp_path, simple("good"), simple("bad", "twelve"), simple("fine", quantity="a few"))
    done = moved.command("import", file)
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        'shop.csv:3: Variant Price: "twelve": Not a price. The product was rejected. '
        "Write it like 12.5, with the decimal separator `.` and no currency.",
        'shop.csv:4: Variant Inventory Qty: "a few": Not a whole number; left empty. The value was kept in `source`.',
    ]
    assert "2 created, 0 updated, 0 unchanged, 1 rejected" in done.stdout
    assert set(await moved.by_rest()) == {"good", "fine"}


async def test_what_is_mended_does_not_change_the_exit_status(moved: Moved, tmp_path: Path) -> None:
    status, said = outcome(
        moved,
        write(tmp_path, simple("a", grams="heavy", status="soon"), HEADER, "", simple("b", image="not an address")),
    )
    assert (status, counts(said), said["mended"]) == (0, (2, 0, 0, 0), 4)
    assert {(f["line"], f["column"], f["mended"]) for f in said["findings"]} == {
        (2, "Variant Grams", True), (2, "Status", True), (3, "", True), (5, "Image Src", True),
    }  # fmt: skip
    assert (await moved.by_rest())["a"]["status"] == "draft"
    a, b = [
        (await moved.staff.get(f"/v1/products/{p}", params={"fields": "source,variants{source}"})).json() for p in "ab"
    ]
    assert (a["source"], a["variants"][0]["source"]) == ({"Status": "soon"}, {"Variant Grams": "heavy"})
    assert b["source"] == {"Image Src": "not an address"}


async def test_a_fault_takes_out_its_whole_product_and_nothing_else(moved: Moved, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        row(handle="shirt", title="Shirt", option="Size", value="S", sku="S", price="10", status="active"),
        simple("hat"),
        row(handle="shirt", value="M", sku="M", price="x"),
        row(handle="shirt", value="L", sku="L", price="12"),
    )
    status, said = outcome(moved, file)
    assert (status, counts(said)) == (3, (1, 0, 0, 1))
    assert set(await moved.by_rest()) == {"hat"}


async def test_another_title_under_a_handle_is_another_product_and_the_same_again_is_not(
    moved: Moved, tmp_path: Path
) -> None:
    file = write(
        tmp_path,
        row(handle="cup", title="Cup", option="Size", value="S", sku="C-S", price="5", status="active"),
        row(handle="cup", title="Cup", value="M", sku="C-M", price="6"),
        row(handle="cup", title="Saucer", value="L", sku="C-L", price="7"),
        row(handle="cup", value="XL", sku="C-XL", price="8"),
    )
    status, said = outcome(moved, file)
    assert (status, counts(said)) == (3, (1, 0, 0, 1))
    assert [(f["line"], f["column"], f["stood"]) for f in said["findings"]] == [(4, "Title", "Saucer")]
    assert [v["sku"] for v in (await moved.by_rest())["cup"]["variants"]] == ["C-S", "C-M"]


async def test_more_than_100_variants_are_refused_in_those_words(moved: Moved, tmp_path: Path) -> None:
    rows = [
        row(handle="all", value=str(n), sku=f"N-{n}", price="1", **({"title": "All", "option": "No"} if n == 0 else {}))
        for n in range(101)
    ]
    status, said = outcome(moved, write(tmp_path, *rows, simple("one")))
    assert (status, counts(said)) == (3, (1, 0, 0, 1))
    assert said["findings"][0]["said"].startswith("The product has 101 variants; at most 100 are supported")


async def test_a_taken_sku_is_made_anew_from_handle_and_options_alike_in_each_run(moved: Moved, tmp_path: Path) -> None:
    file = write(tmp_path, simple("a", sku="X"), simple("b", sku="X"), simple("c", sku=""))
    for expected in ((3, 0, 0, 0), (0, 0, 3, 0)):
        status, said = outcome(moved, file)
        assert (status, counts(said), said["mended"], said["skus_made"]) == (0, expected, 1, 1)
    found = await moved.by_rest()
    assert [found[p]["variants"][0]["sku"] for p in "abc"] == ["X", "b", "c"]
    b = (await moved.staff.get("/v1/products/b", params={"fields": "variants{source}"})).json()
    assert b["variants"][0]["source"]["Variant SKU"] == "X"


async def test_a_sku_that_another_product_of_the_shop_has_is_refused_with_its_name(
    moved: Moved, tmp_path: Path
) -> None:
    assert outcome(moved, write(tmp_path, simple("first", sku="X")))[0] == 0
    status, said = outcome(moved, write(tmp_path, simple("second", sku="X"), simple("third")))
    assert (status, counts(said)) == (3, (1, 0, 0, 1))
    [finding] = said["findings"]
    assert (finding["line"], finding["column"], finding["stood"]) == (2, "Variant SKU", "X")
    assert "`first`" in finding["said"]


@pytest.mark.parametrize(
    ("prices", "amounts"),
    [
        (["1,299.00", "12.5", "1299", "1.299"], [129900, 1250, 129900, None]),
        (["1.299,00", "12,5", "1299", "1.299"], [129900, 1250, 129900, 129900]),
        (["1.299", "1299"], [None, 129900]),
        (["1 299,90", "12,500"], [129990, 1250]),
        (["1'299.90", "12.500"], [129990, 1250]),
    ],
    ids=["english", "german", "open-is-a-dot-for-shopify", "french-trailing-zeros", "swiss"],
)
async def test_the_decimal_sign_is_settled_once_for_a_file(
    moved: Moved, tmp_path: Path, prices: list[str], amounts: list[int | None]
) -> None:
    file = write(tmp_path, *[simple(f"p{n}", price) for n, price in enumerate(prices)])
    status, _ = outcome(moved, file)
    found = await moved.by_rest()
    assert [found[f"p{n}"]["price_from"]["amount"] if f"p{n}" in found else None for n in range(len(prices))] == amounts
    assert status == (3 if None in amounts else 0)


async def test_a_currency_without_decimals_takes_trailing_zeros_and_no_others(moved: Moved, tmp_path: Path) -> None:
    status, said = outcome(moved, write(tmp_path, simple("a", "1200.00"), simple("b", "12.50")), "--currency", "JPY")
    assert (status, counts(said)) == (3, (1, 0, 0, 1))
    assert (await moved.by_rest())["a"]["price_from"] == {"amount": 1200, "currency": "JPY"}
    assert "Too many decimals: JPY has 0." in said["findings"][0]["said"]


async def test_an_unknown_header_is_refused_with_the_known_ones_and_the_nearest(moved: Moved, tmp_path: Path) -> None:
    done = moved.command("import", write(tmp_path, "a,b,c", header="Handle,Title,Cost"))
    assert done.returncode == 2
    closest = "The closest is Shopify's product export; missing from the header: `variant price`"
    for said in ("Handle, Title, Cost", closest, "WooCommerce"):
        assert said in done.stderr
    assert msgspec.json.decode(moved.command("import", tmp_path / "shop.csv", "--json").stdout)["error"]


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\x00\x01\x02\xff" * 100, b"\x89PNG\r\n\x1a\n"], ids=["empty", "blank", "bytes", "image"]
)
async def test_what_is_no_product_file_is_one_line_and_exit_2(moved: Moved, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "odd.csv"
    file.write_bytes(content)
    done = moved.command("import", file)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "odd.csv cannot be read" in done.stderr


async def test_a_quote_that_is_never_closed_takes_out_its_product_alone(moved: Moved, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        simple("a"),
        simple("b"),
        'c,"C, and all that follows',
        simple("d"),
        row(handle="b", value="M", sku="b-2", price="3"),
        simple("e"),
    )
    status, said = outcome(moved, file)
    assert (status, counts(said)) == (3, (4, 0, 0, 1))
    assert [f["line"] for f in said["findings"]] == [4]
    assert len((await moved.by_rest())["b"]["variants"]) == 2


async def test_a_row_with_too_many_cells_takes_out_its_product_and_one_without_a_handle_itself(
    moved: Moved, tmp_path: Path
) -> None:
    file = write(
        tmp_path,
        simple("a"),
        simple("b"),
        row(handle="b", value="M", sku="b-2", price="3") + ",x,y",
        row(value="M", sku="Y", price="3"),
    )
    status, said = outcome(moved, file)
    assert (status, counts(said)) == (3, (1, 0, 0, 2))
    assert sorted(f["line"] for f in said["findings"]) == [4, 5]
    assert set(await moved.by_rest()) == {"a"}


async def test_a_bad_option_of_the_command_is_one_line(moved: Moved, tmp_path: Path) -> None:
    done = moved.command("import", write(tmp_path, simple("a")), "--currency", "EURO")
    assert (done.returncode, "`EURO` is not an ISO 4217 currency code" in done.stderr) == (2, True)
    assert moved.command("import", tmp_path / "missing.csv").returncode == 2


async def test_a_file_with_the_fewest_columns_is_read(moved: Moved, tmp_path: Path) -> None:
    status, said = outcome(moved, write(tmp_path, "cup,Cup,5", "hat,Hat,7.5", header="Handle,Title,Variant Price"))
    assert (status, counts(said)) == (0, (2, 0, 0, 0))
    cup = (await moved.by_rest())["cup"]
    assert (cup["status"], cup["price_from"]["amount"], cup["variants"][0]["sku"]) == ("active", 500, "cup")
