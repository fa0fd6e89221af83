"""Writers: any catalogue, written and read again, is the same catalogue."""

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.areas.catalog.formats.catalogues import catalogue, fits, normal
from tests.areas.catalog.formats.drafts import MOMENT, drafts_of
from tradepost.areas.catalog.formats.round_trip import product_with_defaults, variant_with_defaults
from tradepost.areas.catalog.formats.shopify import NOTE_COLUMNS
from tradepost.areas.catalog.formats.writing import FORMATS, create_writer
from tradepost.kit.problems import Validation

type Json = dict[str, Any]


def written(format: str, records: list[Json], currency: str = "EUR") -> bytes:
    """The file of some records."""
    made = create_writer(format, currency=currency, now=MOMENT)
    try:
        for record in records:
            made.scan(record)
        return made.header() + b"".join([made.encode_product(record) for record in records])
    finally:
        made.close()


def read_again(content: bytes, currency: str = "EUR") -> list[Json]:
    """What a file says; nothing in it keeps a product out."""
    with tempfile.TemporaryDirectory() as folder:
        drafts = drafts_of(Path(folder), content, currency=currency)
    assert [f for d in drafts for f in d.issues if not f.repaired] == []
    return [normal(d.product) for d in drafts if d.product is not None]


def told(record: Json) -> str:
    """A record with all defaults, as JSON: there `1` is not `1.0`. The order of options counts, that of other members does not."""
    variants = [
        variant_with_defaults(v, at) | {"options": [*v.get("options", {}).items()]}
        for at, v in enumerate(record["variants"])
    ]
    return msgspec.json.encode(product_with_defaults(record) | {"variants": variants}, order="sorted").decode()


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=30)
@given(data=st.data())
def test_a_catalogue_comes_back_as_it_was(format: str, currency: str, data: st.DataObject) -> None:
    records = data.draw(catalogue(currency))
    content = written(format, records, currency)
    if not content:
        assert (format, records) == ("ndjson", [])
        return
    again = read_again(content, currency)
    assert [told(r) for r in again] == [told(r) for r in records]


def rows_of(content: bytes) -> list[Json]:
    """The rows of a sheet, without cells that are empty."""
    return [
        {c: cell for c, cell in row.items() if cell}
        for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    ]


def variant(sku: str, size: str = "", **members: Any) -> Json:
    """A variant."""
    return {
        "sku": sku,
        "price": {"amount": 14900, "currency": "EUR"},
        "options": {"Size": size} if size else {},
    } | members


CHAIR: Json = {
    "name": "Chair", "slug": "chair", "external_reference": "chair", "status": "active", "description": "Oak\nand \\n",
    "categories": [["Rooms", "Beds, sofas"]],
    "tags": ["oak", "gold-ring"], "attributes": {"vendor": "Müller"}, "source": {"Tags": "Oak, Gold Ring", "Fabric": "wool"},
    "media": [{"source_url": f"https://i.example/{n}.jpg", "alt": ""} for n in (1, 2, 3)],
    "variants": [
        variant("C-S", "S", weight_grams=6200, compare_at_price={"amount": 17900, "currency": "EUR"}, source={"Cost per item": "9.00"}),
        variant("C-L", "L", imported_quantity=-3, track_inventory=True),
    ],
}  # fmt: skip


def test_a_shopify_sheet_is_what_shopify_writes() -> None:
    first, second, *images = rows_of(written("shopify", [normal(CHAIR | {"categories": [["Beds"]]})]))
    assert first == {
        "Handle": "chair", "Title": "Chair", "Body (HTML)": "Oak\nand \\n", "Vendor": "Müller", "Type": "Beds", "Tags": "Oak, Gold Ring", "Published": "true",
        "Option1 Name": "Size", "Option1 Value": "S", "Variant SKU": "C-S", "Variant Grams": "6200", "Variant Inventory Tracker": "shopify",
        "Variant Inventory Policy": "deny", "Variant Fulfillment Service": "manual", "Variant Price": "149.00", "Variant Compare At Price": "179.00",
        "Variant Requires Shipping": "true", "Variant Taxable": "true", "Image Src": "https://i.example/1.jpg", "Image Position": "1", "Gift Card": "false",
        "Cost per item": "9.00", "Status": "active", "Fabric": "wool",
    }  # fmt: skip
    shown = [second[c] for c in ("Handle", "Option1 Value", "Variant SKU", "Variant Inventory Qty")]
    assert shown == ["chair", "L", "C-L", "-3"]
    assert images == [
        {"Handle": "chair", "Image Src": f"https://i.example/{n}.jpg", "Image Position": str(n)} for n in (2, 3)
    ]


def test_a_woocommerce_sheet_is_what_woocommerce_writes() -> None:
    head, small, large = rows_of(
        written("woocommerce", [normal(CHAIR | {"external_reference": "44", "source": {"SKU": "CHAIR"}})])
    )
    assert {c: head[c] for c in ("ID", "Type", "SKU", "Name", "Published", "Description", "Categories", "Images")} == {
        "ID": "44", "Type": "variable", "SKU": "CHAIR", "Name": "Chair", "Published": "1", "Description": "Oak\\nand \\\\n",
        "Categories": "Rooms > Beds\\, sofas", "Images": "https://i.example/1.jpg, https://i.example/2.jpg, https://i.example/3.jpg",
    }  # fmt: skip
    assert (
        head["Attribute 1 name"],
        head["Attribute 1 value(s)"],
        head["Attribute 2 name"],
        head["Attribute 2 value(s)"],
    ) == (
        "Size",
        "S, L",
        "vendor",
        "Müller",
    )
    assert {c: small[c] for c in ("Type", "SKU", "Parent", "Regular price", "Sale price", "Weight (kg)", "Attribute 1 value(s)")} == {
        "Type": "variation", "SKU": "C-S", "Parent": "id:44", "Regular price": "179.00", "Sale price": "149.00", "Weight (kg)": "6.2",
        "Attribute 1 value(s)": "S",
    }  # fmt: skip
    assert (large["Stock"], large["Regular price"]) == ("'-3", "149.00")
    assert "Sale price" not in large


@pytest.mark.parametrize("format", FORMATS)
def test_options_that_only_a_note_can_tell_leave_the_name_as_it_is(format: str) -> None:
    """A value of one space is no cell; the name that the shop would make of it is not the variant's."""
    records = [
        normal(
            CHAIR
            | {"variants": [variant("C-S", "S"), variant("C-L", " ", name=""), variant("C-X", options={}, name="")]}
        )
    ]
    assert [told(r) for r in read_again(written(format, records))] == [told(r) for r in records]


def test_one_variant_without_options_is_a_simple_product() -> None:
    [row] = rows_of(written("woocommerce", [normal(CHAIR | {"variants": [variant("C", imported_quantity=2)]})]))
    assert (row["Type"], row["SKU"], row["Stock"]) == ("simple", "C", "2")


@pytest.mark.parametrize("source", [None, {"SKU": "ID: 7"}])
@pytest.mark.parametrize("reference", ["id:1", "ID: 1", "44", "chair"])
def test_a_reference_that_looks_like_an_id_of_woocommerce_keeps_its_variants(
    reference: str, source: Json | None
) -> None:
    others = CHAIR | {
        "name": "Stool",
        "slug": "stool",
        "external_reference": "1",
        "variants": [variant("S-S", "S"), variant("S-L", "L")],
    }
    records = [normal(others), normal(CHAIR | {"external_reference": reference, "source": source})]
    assert [told(r) for r in read_again(written("woocommerce", records))] == [told(r) for r in records]


WORST = '" > &amp;<script>,x|\\</script>\\,&#44;'


@pytest.mark.parametrize("format", FORMATS)
def test_options_come_back_whole_up_to_the_longest(format: str) -> None:
    name, value = (WORST * 9)[:60], (WORST * 9)[:200]
    record = normal(
        CHAIR | {"variants": [variant("C-S", options={name: value}), variant("C-L", options={name: value[:60]})]}
    )
    assert [told(r) for r in read_again(written(format, [record]))] == [told(record)]


def test_chance_makes_only_options_that_the_shop_takes() -> None:
    longest = " > &amp;" + "<script>x</script>" * 3
    assert [fits(longest[:n]) for n in (60, 61, 62)] == [True, False, False]
    assert normal(CHAIR | {"variants": [variant("C", options={longest[:60]: longest})]})
    with pytest.raises(Validation, match="longer than 60"):
        normal(CHAIR | {"variants": [variant("C", options={longest[:61]: "S"})]})


def test_a_formula_is_text_in_our_own_sheet_and_in_woocommerces() -> None:
    record = normal(CHAIR | {"name": "=1+1"})
    assert rows_of(written("csv", [record]))[0]["name"] == "'=1+1"
    assert rows_of(written("woocommerce", [record]))[0]["Name"] == "'=1+1"
    assert rows_of(written("shopify", [record]))[0]["Title"] == "=1+1"


@pytest.mark.parametrize(("tags", "shown"), [(["oak", "gold-ring"], "Oak, Gold Ring"), (["oak"], "oak")])
def test_a_word_of_the_file_it_came_from_stands_while_it_is_still_true(tags: list[str], shown: str) -> None:
    record = normal(CHAIR | {"tags": tags})
    content = written("shopify", [record])
    assert rows_of(content)[0]["Tags"] == shown
    assert [told(r) for r in read_again(content)] == [told(record)]


def test_what_another_shop_changed_wins_over_our_note() -> None:
    record = normal(
        CHAIR | {"description": "AT&T", "slug": "a-chair", "attributes": {"vendor": "Müller", "wood": ["oak"]}}
    )
    content = written("shopify", [record])
    [same] = read_again(content)
    assert same["description"] == "AT&T"
    [changed] = read_again(content.replace(b",AT&T,", b",Lucent,").replace(b"Chair,", b"Stool,"))
    assert (changed["name"], changed["description"], changed["slug"]) == ("Stool", "Lucent", "a-chair")
    assert changed["attributes"] == {"vendor": "Müller", "wood": ["oak"]}


def test_a_note_that_we_did_not_write_is_told_and_left(tmp_path: Path) -> None:
    content = written("shopify", [normal(CHAIR | {"external_reference": None})])
    [draft] = drafts_of(tmp_path, content.replace(b'""external_reference"":[', b'""sku"":['))
    assert [(f.repaired, f.column, f.value) for f in draft.issues] == [(True, NOTE_COLUMNS[0], "sku")]
    assert draft.product is not None
    assert draft.product["external_reference"] == "chair"


def test_options_that_a_sheet_has_no_room_for_share_a_column() -> None:
    options = [{"a": "1", "b": "2", "c": "3", "d": d} for d in ("4", "5")]
    record = normal(CHAIR | {"variants": [variant(f"V-{n}", options=o) for n, o in enumerate(options)]})
    content = written("shopify", [record])
    first = rows_of(content)[0]
    assert [first[f"Option{n} Name"] for n in (1, 2, 3)] == ["a", "b", "c / d"]
    assert first["Option3 Value"] == "3 / 4"
    assert [told(r) for r in read_again(content)] == [told(record)]


def test_products_of_one_handle_are_kept_apart() -> None:
    others = [CHAIR | {"external_reference": None, "slug": slug, "variants": []} for slug in ("chair", "chair-2")]
    records = [normal(r) for r in (*others, CHAIR | {"slug": "x"})]
    content = written("shopify", records)
    assert {r["Title"]: r["Handle"] for r in rows_of(content) if r.get("Variant SKU") == "C-S"} == {"Chair": "chair"}
    assert [told(r) for r in read_again(content)] == [told(r) for r in records]
