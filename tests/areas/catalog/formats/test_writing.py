"""Writers: any catalog that is written and read again is unchanged."""

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.areas.catalog.formats.catalogues import catalog, is_valid_option_name, normal
from tests.areas.catalog.formats.parsing import MOMENT, parse_products
from tests.figures import scaled
from tradepost.areas.catalog.formats.round_trip import product_with_defaults, variant_with_defaults
from tradepost.areas.catalog.formats.shopify_columns import NOTE_COLUMNS
from tradepost.areas.catalog.formats.writing import FORMATS, create_writer
from tradepost.kit.problems import Validation

type Json = dict[str, Any]


def write(format: str, records: list[Json], currency: str = "EUR") -> bytes:
    """Return the file with these records."""
    writer = create_writer(format, currency=currency, now=MOMENT)
    try:
        for record in records:
            writer.scan(record)
        return writer.header() + b"".join([writer.encode_product(record) for record in records])
    finally:
        writer.close()


def read_again(content: bytes, currency: str = "EUR") -> list[Json]:
    """Parse a file in which no product is rejected."""
    with tempfile.TemporaryDirectory() as folder:
        parsed = parse_products(Path(folder), content, currency=currency)
    assert [f for d in parsed for f in d.issues if not f.repaired] == []
    return [normal(d.product) for d in parsed if d.product is not None]


def canonical(record: Json) -> str:
    """Return a record with all defaults as JSON, in which `1` is not `1.0`.

    The order of options is significant, that of other members is not.
    """
    variants = [
        variant_with_defaults(v, index) | {"options": [*v.get("options", {}).items()]}
        for index, v in enumerate(record["variants"])
    ]
    return msgspec.json.encode(product_with_defaults(record) | {"variants": variants}, order="sorted").decode()


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=scaled(100))
@given(data=st.data())
def test_a_catalog_round_trips(format: str, currency: str, data: st.DataObject) -> None:
    records = data.draw(catalog(currency))
    content = write(format, records, currency)
    if not content:
        assert (format, records) == ("ndjson", [])
        return
    reread = read_again(content, currency)
    assert [canonical(r) for r in reread] == [canonical(r) for r in records]


def rows_of(content: bytes) -> list[Json]:
    """Return the rows of a CSV file without empty cells."""
    return [
        {c: cell for c, cell in row.items() if cell}
        for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    ]


def variant(sku: str, size: str = "", **members: Any) -> Json:
    """Return a variant record."""
    return {
        "sku": sku,
        "price": {"amount": 14900, "currency": "EUR"},
        "options": {"Size": size} if size else {},
    } | members


CHAIR: Json = {
    "name": "Chair", "slug": "chair", "external_reference": "chair", "status": "active", "description": "Oak\nand \\n",
    "categories": [["Rooms", "Beds, sofas"]], "tags": ["oak", "gold-ring"], "brand": "Müller",
    "attributes": {"seo_title": "A chair"},
    "source": {"Tags": "Oak, Gold Ring", "Fabric": "wool"},
    "media": [{"source_url": f"https://i.example/{n}.jpg", "alt": ""} for n in (1, 2, 3)],
    "variants": [
        variant(
            "C-S", "S", weight_grams=6200, compare_at_price={"amount": 17900, "currency": "EUR"},
            source={"Cost per item": "9.00"},
        ),
        variant("C-L", "L", imported_quantity=-3, track_inventory=True),
    ],
}  # fmt: skip


def test_a_shopify_file_looks_like_an_export_of_shopify() -> None:
    first, second, *images = rows_of(write("shopify", [normal(CHAIR | {"categories": [["Beds"]]})]))
    assert first == {
        "Handle": "chair", "Title": "Chair", "Body (HTML)": "Oak\nand \\n", "Vendor": "Müller", "Type": "Beds",
        "Tags": "Oak, Gold Ring", "Published": "true", "Option1 Name": "Size", "Option1 Value": "S",
        "Variant SKU": "C-S", "Variant Grams": "6200", "Variant Inventory Tracker": "shopify",
        "Variant Inventory Policy": "deny", "Variant Fulfillment Service": "manual", "Variant Price": "149.00",
        "Variant Compare At Price": "179.00", "Variant Requires Shipping": "true", "Variant Taxable": "true",
        "Image Src": "https://i.example/1.jpg", "Image Position": "1", "Gift Card": "false",
        "SEO Title": "A chair", "Cost per item": "9.00", "Status": "active", "Fabric": "wool",
    }  # fmt: skip
    shown = [second[c] for c in ("Handle", "Option1 Value", "Variant SKU", "Variant Inventory Qty")]
    assert shown == ["chair", "L", "C-L", "-3"]
    assert images == [
        {"Handle": "chair", "Image Src": f"https://i.example/{n}.jpg", "Image Position": str(n)} for n in (2, 3)
    ]


def test_a_woocommerce_file_looks_like_an_export_of_woocommerce() -> None:
    head, small, large = rows_of(
        write("woocommerce", [normal(CHAIR | {"external_reference": "44", "source": {"SKU": "CHAIR"}})])
    )
    columns = ("ID", "Type", "SKU", "Name", "Published", "Description", "Brands", "Categories", "Images")
    assert {c: head[c] for c in columns} == {
        "ID": "44",
        "Type": "variable",
        "SKU": "CHAIR",
        "Name": "Chair",
        "Published": "1",
        "Description": "Oak\\nand \\\\n",
        "Brands": "Müller",
        "Categories": "Rooms > Beds\\, sofas",
        "Images": "https://i.example/1.jpg, https://i.example/2.jpg, https://i.example/3.jpg",
    }
    assert (
        head["Attribute 1 name"],
        head["Attribute 1 value(s)"],
        head["Attribute 2 name"],
        head["Attribute 2 value(s)"],
    ) == (
        "Size",
        "S, L",
        "seo_title",
        "A chair",
    )
    columns = ("Type", "SKU", "Parent", "Regular price", "Sale price", "Weight (kg)", "Attribute 1 value(s)")
    assert {c: small[c] for c in columns} == {
        "Type": "variation",
        "SKU": "C-S",
        "Parent": "id:44",
        "Regular price": "179.00",
        "Sale price": "149.00",
        "Weight (kg)": "6.2",
        "Attribute 1 value(s)": "S",
    }
    assert (large["Stock"], large["Regular price"]) == ("'-3", "149.00")
    assert "Sale price" not in large


def test_a_single_variant_without_options_is_a_simple_product() -> None:
    [row] = rows_of(write("woocommerce", [normal(CHAIR | {"variants": [variant("C", imported_quantity=2)]})]))
    assert (row["Type"], row["SKU"], row["Stock"]) == ("simple", "C", "2")


@pytest.mark.parametrize("source", [None, {"SKU": "ID: 7"}])
@pytest.mark.parametrize("reference", ["id:1", "ID: 1", "44", "chair"])
def test_a_product_whose_reference_looks_like_a_woocommerce_id_keeps_its_variants(
    reference: str, source: Json | None
) -> None:
    others = CHAIR | {
        "name": "Stool",
        "slug": "stool",
        "external_reference": "1",
        "variants": [variant("S-S", "S"), variant("S-L", "L")],
    }
    records = [normal(others), normal(CHAIR | {"external_reference": reference, "source": source})]
    assert [canonical(r) for r in read_again(write("woocommerce", records))] == [canonical(r) for r in records]


WORST = '" > &amp;<script>,x|\\</script>\\,&#44;'


@pytest.mark.parametrize("format", FORMATS)
def test_the_longest_options_round_trip(format: str) -> None:
    name, value = (WORST * 9)[:60], (WORST * 9)[:200]
    record = normal(
        CHAIR | {"variants": [variant("C-S", options={name: value}), variant("C-L", options={name: value[:60]})]}
    )
    assert [canonical(r) for r in read_again(write(format, [record]))] == [canonical(record)]


def test_generated_option_names_are_valid() -> None:
    longest = "> &amp;" + "<script>x</script>" * 4
    assert [is_valid_option_name(longest[:n]) for n in (60, 61, 62)] == [True, False, False]
    assert normal(CHAIR | {"variants": [variant("C", options={longest[:60]: longest})]})
    with pytest.raises(Validation, match="longer than 60"):
        normal(CHAIR | {"variants": [variant("C", options={longest[:61]: "S"})]})


def test_formulas_are_escaped_in_tradepost_csv_and_woocommerce() -> None:
    record = normal(CHAIR | {"name": "=1+1"})
    assert rows_of(write("csv", [record]))[0]["name"] == "'=1+1"
    assert rows_of(write("woocommerce", [record]))[0]["Name"] == "'=1+1"
    assert rows_of(write("shopify", [record]))[0]["Title"] == "=1+1"


@pytest.mark.parametrize(("tags", "shown"), [(["oak", "gold-ring"], "Oak, Gold Ring"), (["oak"], "oak")])
def test_a_source_cell_is_written_back_while_it_matches_its_member(tags: list[str], shown: str) -> None:
    record = normal(CHAIR | {"tags": tags})
    content = write("shopify", [record])
    assert rows_of(content)[0]["Tags"] == shown
    assert [canonical(r) for r in read_again(content)] == [canonical(record)]


def test_a_changed_cell_overrides_the_note() -> None:
    record = normal(
        CHAIR | {"description": "AT&T", "slug": "a-chair", "attributes": {"seo_title": "A chair", "wood": ["oak"]}}
    )
    content = write("shopify", [record])
    [same] = read_again(content)
    assert same["description"] == "AT&T"
    [changed] = read_again(content.replace(b",AT&T,", b",Lucent,").replace(b"Chair,", b"Stool,"))
    assert (changed["name"], changed["description"], changed["slug"]) == ("Stool", "Lucent", "a-chair")
    assert changed["attributes"] == {"seo_title": "A chair", "wood": ["oak"]}


def test_an_invalid_note_is_reported_and_ignored(tmp_path: Path) -> None:
    content = write("shopify", [normal(CHAIR | {"external_reference": None})])
    [parsed] = parse_products(tmp_path, content.replace(b'""external_reference"":[', b'""sku"":['))
    assert [(f.repaired, f.column, f.value) for f in parsed.issues] == [(True, NOTE_COLUMNS[0], "sku")]
    assert parsed.product is not None
    assert parsed.product["external_reference"] == "chair"


def test_options_beyond_the_third_share_a_column_in_shopify() -> None:
    options = [{"a": "1", "b": "2", "c": "3", "d": d} for d in ("4", "5")]
    record = normal(CHAIR | {"variants": [variant(f"V-{n}", options=o) for n, o in enumerate(options)]})
    content = write("shopify", [record])
    first = rows_of(content)[0]
    assert [first[f"Option{n} Name"] for n in (1, 2, 3)] == ["a", "b", "c / d"]
    assert first["Option3 Value"] == "3 / 4"
    assert [canonical(r) for r in read_again(content)] == [canonical(record)]


def test_products_with_the_same_handle_are_not_merged() -> None:
    others = [CHAIR | {"external_reference": None, "slug": slug, "variants": []} for slug in ("chair", "chair-2")]
    records = [normal(r) for r in (*others, CHAIR | {"slug": "x"})]
    content = write("shopify", records)
    assert {r["Title"]: r["Handle"] for r in rows_of(content) if r.get("Variant SKU") == "C-S"} == {"Chair": "chair"}
    assert [canonical(r) for r in read_again(content)] == [canonical(r) for r in records]
