"""WooCommerce's categories, attributes and options, its images, and what has no home in the model."""

import csv
import io
from pathlib import Path

import pytest

from tests.areas.catalog.formats.drafts import drafts_of
from tests.areas.catalog.formats.woocommerce import (
    GREEN,
    SIMPLE,
    VARIABLE,
    VARIATION,
    draft,
    product,
    record,
    sheet,
    told,
    variant,
)


def test_categories_are_paths_and_the_first_is_the_main_one(tmp_path: Path) -> None:
    product_ = product(tmp_path, SIMPLE | {"Categories": "Clothing > Tees>Short, Sale, Clothing > Tees > Short, > "})
    assert product_["categories"] == [["Clothing", "Tees", "Short"], ["Sale"]]


def test_attributes_that_variations_use_are_options_and_all_others_attributes(tmp_path: Path) -> None:
    size = {
        "Attribute 2 name": "Size",
        "Attribute 2 value(s)": "L, M",
        "Attribute 12 name": "Wood",
        "Attribute 12 value(s)": "Oak",
        "Attribute 12 visible": "1",
    }
    any_size = {"Attribute 2 name": "Size", "Attribute 2 value(s)": ""}
    product_ = product(tmp_path, VARIABLE | size, VARIATION | any_size, GREEN | any_size)
    assert [v["options"] for v in product_["variants"]] == [{"Colour": "Blue"}, {"Colour": "Green"}]
    assert product_["attributes"] == {"Size": ["L", "M"], "Wood": "Oak"}
    assert {c.removeprefix("Attribute "): cell for c, cell in product_["source"].items() if c.startswith("Attribute")} == {
        "1 name": "Colour", "1 value(s)": "Blue, Green", "2 name": "Size", "12 name": "Wood", "12 visible": "1",
    }  # fmt: skip


def test_an_empty_option_means_any_and_is_left_out_of_its_variation_only(tmp_path: Path) -> None:
    size = {"Attribute 2 name": "Size", "Attribute 2 value(s)": "L, M"}
    product_ = product(
        tmp_path,
        VARIABLE | size,
        VARIATION | size | {"Attribute 2 value(s)": ""},
        GREEN | size | {"Attribute 2 value(s)": "M"},
    )
    assert [v["options"] for v in product_["variants"]] == [{"Colour": "Blue"}, {"Colour": "Green", "Size": "M"}]
    assert product_["attributes"] == {}


def test_options_are_named_and_ordered_as_the_parent_does(tmp_path: Path) -> None:
    first = {
        "Attribute 1 name": "SIZE",
        "Attribute 1 value(s)": "M",
        "Attribute 2 name": "colour",
        "Attribute 2 value(s)": "Blue",
    }
    product_ = product(tmp_path, VARIABLE | {"Attribute 2 name": "Size", "Attribute 2 value(s)": "M"}, VARIATION | first)
    assert [[*v["options"].items()] for v in product_["variants"]] == [[("Colour", "Blue"), ("Size", "M")]]


def test_an_option_is_one_value(tmp_path: Path) -> None:
    assert product(tmp_path, VARIABLE, VARIATION | {"Attribute 1 value(s)": "Blue\\, dark"})["variants"][0][
        "options"
    ] == {"Colour": "Blue, dark"}
    parsed_ = draft(tmp_path, VARIABLE, VARIATION | {"Attribute 1 value(s)": "Blue, dark"})
    assert told(parsed_) == [(3, "Attribute 1 value(s)", "Blue, dark", True)]
    assert [(v["options"], v["source"]) for v in record(parsed_)["variants"]] == [
        ({"Colour": "Blue"}, {"Attribute 1 name": "Colour", "Attribute 1 value(s)": "Blue, dark"})
    ]


def test_an_attribute_gives_way_to_a_name_of_ours(tmp_path: Path) -> None:
    product_ = product(
        tmp_path, SIMPLE | {"Brands": "Acme, Bolt", "Attribute 1 name": "brand", "Attribute 1 value(s)": "Own"}
    )
    assert product_["attributes"] == {"brand (attribute)": "Own", "brand": ["Acme", "Bolt"]}


def test_two_variations_with_the_same_options_are_refused(tmp_path: Path) -> None:
    parsed_ = draft(tmp_path, VARIABLE, VARIATION, GREEN | {"Attribute 1 value(s)": "Blue"})
    assert (parsed_.product, told(parsed_)) == (None, [(4, "Attribute 1 value(s)", "Blue", False)])
    assert "line 3" in parsed_.issues[0].message


def test_more_than_a_hundred_variations_are_refused_in_clear_words(tmp_path: Path) -> None:
    rows = [VARIATION | {"ID": str(n), "SKU": f"s{n}", "Attribute 1 value(s)": str(n)} for n in range(101)]
    parsed_ = draft(tmp_path, VARIABLE, *rows)
    assert (parsed_.product, told(parsed_)) == (None, [(2, "Type", "variable", False)])
    assert "has 101 variations; at most 100 are supported." in parsed_.issues[0].message
    assert len(product(tmp_path, VARIABLE, *rows[1:])["variants"]) == 100


def test_position_orders_variations_and_ties_stand_as_in_the_file(tmp_path: Path) -> None:
    rows = [
        VARIATION | {"ID": str(n), "SKU": f"s{n}", "Attribute 1 value(s)": str(n), "Position": at}
        for n, at in enumerate(["2", "", "1", "0", "1"])
    ]
    product_ = product(tmp_path, VARIABLE, *rows)
    assert [(v["sku"], v["position"]) for v in product_["variants"]] == [
        ("s1", 0),
        ("s3", 1),
        ("s2", 2),
        ("s4", 3),
        ("s0", 4),
    ]


def test_the_name_of_a_variation_is_its_options_or_without_any_its_own(tmp_path: Path) -> None:
    plain = VARIATION | {"Attribute 1 value(s)": "", "Name": "Tee - any"}
    product_ = product(
        tmp_path,
        VARIABLE,
        GREEN | {"Name": "Tee - Green"},
        VARIATION | {"Name": "The blue one"},
        plain | {"ID": "9", "SKU": "any"},
    )
    assert [v.get("name") for v in product_["variants"]] == [None, None, "Tee - any"]
    assert [v["source"] for v in product_["variants"]] == [None, {"Name": "The blue one"}, None]


def test_images_of_the_product_come_first_and_then_those_of_its_variations(tmp_path: Path) -> None:
    a, b, c = (f"https://i.example/{n}.jpg" for n in "abc")
    product_ = product(tmp_path, VARIATION | {"Images": c}, VARIABLE | {"Images": f"{a}, {b}"}, GREEN | {"Images": a})
    assert [m["source_url"] for m in product_["media"]] == [a, b, c]
    assert [v["source"] for v in product_["variants"]] == [{"Images": c}, {"Images": a}]
    assert "Images" not in product_["source"]


def test_an_image_without_an_address_is_told_and_kept(tmp_path: Path) -> None:
    parsed_ = draft(tmp_path, SIMPLE | {"Images": "https://i.example/a.jpg, front.jpg"})
    assert told(parsed_) == [(2, "Images", "front.jpg", True)]
    assert ([*record(parsed_)["media"]], record(parsed_)["source"]) == (
        [{"source_url": "https://i.example/a.jpg", "alt": ""}],
        {"Images": "https://i.example/a.jpg, front.jpg"},
    )


def test_tags_are_slugs_and_their_spelling_is_kept_where_it_says_more(tmp_path: Path) -> None:
    assert [
        (p["tags"], p["source"]) for p in [product(tmp_path, SIMPLE | {"Tags": t}) for t in ("new, on-sale", "On sale")]
    ] == [
        (["new", "on-sale"], None),
        (["on-sale"], {"Tags": "On sale"}),
    ]


def test_a_barcode_has_a_home(tmp_path: Path) -> None:
    variant_ = variant(tmp_path, **{"GTIN, UPC, EAN, or ISBN": "4006381333931"})
    assert (variant_["barcode"], variant_["source"]) == ("4006381333931", None)


def test_a_variation_without_a_weight_has_its_products(tmp_path: Path) -> None:
    product_ = product(tmp_path, VARIABLE | {"Weight (kg)": "0.3"}, VARIATION, GREEN | {"Weight (kg)": "0.4"})
    assert [v["weight_grams"] for v in product_["variants"]] == [300, 400]


def test_what_has_no_home_is_kept_where_it_belongs(tmp_path: Path) -> None:
    of_variant = {
        "Length (cm)": "3",
        "Shipping class": "bulky",
        "Low stock amount": "2",
        "Download 1 name": "Manual",
        "Cost of goods": "4",
    }
    of_product = {
        "Is featured?": "1",
        "Sold individually?": "1",
        "Purchase note": "Thanks",
        "Upsells": "a, b",
        "Allow customer reviews?": "0",
        "Meta: _x": "1",
    }
    usual = {"Tax status": "taxable", "In stock?": "1", "Position": "0"}
    product_ = product(tmp_path, SIMPLE | of_variant | of_product | usual)
    assert (product_["source"], product_["variants"][0]["source"]) == (of_product, of_variant)
    product_ = product(
        tmp_path,
        VARIABLE | of_variant | of_product | usual,
        VARIATION | of_variant | usual | {"Description": "a\\nb", "Meta: _x": "2"},
    )
    assert product_["source"].items() >= (of_product | of_variant).items()
    assert product_["variants"][0]["source"] == of_variant | {"Description": "a\\nb", "Meta: _x": "2"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize(("delimiter", "end"), [(",", "\n"), (";", "\r\n"), ("\t", "\r")])
def test_a_file_says_the_same_however_it_was_saved(tmp_path: Path, encoding: str, delimiter: str, end: str) -> None:
    rows = [
        VARIABLE | {"Name": "Tée", "Description": 'two\nlines, "quoted"'},
        VARIATION | {"Regular price": "1299.00"},
        GREEN | {"Regular price": "1,299.00"},
    ]
    wanted = product(tmp_path, *rows)
    cells = [*csv.reader(io.StringIO(sheet(*rows)))]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(
        [cells[0], [], *cells[1:2], cells[0], *cells[2:]]
    )
    [parsed_] = drafts_of(tmp_path, out.getvalue().encode(encoding))
    assert parsed_.product == wanted


def test_what_is_cut_is_kept_whole_where_its_row_is(tmp_path: Path) -> None:
    long = "x" * 201
    row = VARIABLE | {"Categories": f"A > {long}", "Attribute 2 name": "Note", "Attribute 2 value(s)": "y" * 5001}
    parsed_ = draft(tmp_path, row, VARIATION | {"ID": long, "Images": "photo.jpg", "Position": "first"})
    assert [(line, column) for line, column, _, mended in told(parsed_) if mended] == [
        (2, "Categories"), (2, "Attribute 2 value(s)"), (3, "Position"), (3, "ID"), (3, "Images"),
    ]  # fmt: skip
    [one] = record(parsed_)["variants"]
    assert one["source"] == {"ID": long, "Images": "photo.jpg", "Position": "first"}
    assert {c for c in record(parsed_)["source"] if not c.startswith("Attribute 1")} == {
        "SKU",
        "Categories",
        "Attribute 2 name",
        "Attribute 2 value(s)",
    }
