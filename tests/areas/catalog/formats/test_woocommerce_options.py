"""WooCommerce categories, attributes, options, images, and cells without a member."""

import csv
import io
from pathlib import Path

import pytest

from tests.areas.catalog.formats.parsing import parse_products
from tests.areas.catalog.formats.woocommerce import (
    GREEN,
    SIMPLE,
    VARIABLE,
    VARIATION,
    csv_text,
    issues_of,
    parse_first,
    parse_product,
    parse_variant,
    product_of,
)


def test_categories_are_paths_and_the_first_is_the_main_category(tmp_path: Path) -> None:
    product = parse_product(
        tmp_path, SIMPLE | {"Categories": "Clothing > Tees>Short, Sale, Clothing > Tees > Short, > "}
    )
    assert product["categories"] == [["Clothing", "Tees", "Short"], ["Sale"]]


def test_attributes_used_by_variations_are_options_and_others_are_attributes(tmp_path: Path) -> None:
    size = {
        "Attribute 2 name": "Size",
        "Attribute 2 value(s)": "L, M",
        "Attribute 12 name": "Wood",
        "Attribute 12 value(s)": "Oak",
        "Attribute 12 visible": "1",
    }
    any_size = {"Attribute 2 name": "Size", "Attribute 2 value(s)": ""}
    product = parse_product(tmp_path, VARIABLE | size, VARIATION | any_size, GREEN | any_size)
    assert [v["options"] for v in product["variants"]] == [{"Colour": "Blue"}, {"Colour": "Green"}]
    assert product["attributes"] == {"Size": ["L", "M"], "Wood": "Oak"}
    assert {c: cell for c, cell in product["source"].items() if c.startswith("Attribute")} == {
        "Attribute 1 name": "Colour",
        "Attribute 1 value(s)": "Blue, Green",
        "Attribute 2 name": "Size",
        "Attribute 12 name": "Wood",
        "Attribute 12 visible": "1",
    }


def test_an_empty_option_means_any_and_is_omitted_from_its_variation(tmp_path: Path) -> None:
    size = {"Attribute 2 name": "Size", "Attribute 2 value(s)": "L, M"}
    product = parse_product(
        tmp_path,
        VARIABLE | size,
        VARIATION | size | {"Attribute 2 value(s)": ""},
        GREEN | size | {"Attribute 2 value(s)": "M"},
    )
    assert [v["options"] for v in product["variants"]] == [{"Colour": "Blue"}, {"Colour": "Green", "Size": "M"}]
    assert product["attributes"] == {}


def test_options_have_the_names_and_order_of_the_parent(tmp_path: Path) -> None:
    first = {
        "Attribute 1 name": "SIZE",
        "Attribute 1 value(s)": "M",
        "Attribute 2 name": "colour",
        "Attribute 2 value(s)": "Blue",
    }
    product = parse_product(
        tmp_path, VARIABLE | {"Attribute 2 name": "Size", "Attribute 2 value(s)": "M"}, VARIATION | first
    )
    assert [[*v["options"].items()] for v in product["variants"]] == [[("Colour", "Blue"), ("Size", "M")]]


def test_an_option_has_only_one_value(tmp_path: Path) -> None:
    assert parse_product(tmp_path, VARIABLE, VARIATION | {"Attribute 1 value(s)": "Blue\\, dark"})["variants"][0][
        "options"
    ] == {"Colour": "Blue, dark"}
    parsed = parse_first(tmp_path, VARIABLE, VARIATION | {"Attribute 1 value(s)": "Blue, dark"})
    assert issues_of(parsed) == [(3, "Attribute 1 value(s)", "Blue, dark", True)]
    assert [(v["options"], v["source"]) for v in product_of(parsed)["variants"]] == [
        ({"Colour": "Blue"}, {"Attribute 1 name": "Colour", "Attribute 1 value(s)": "Blue, dark"})
    ]


def test_an_attribute_with_a_reserved_name_is_renamed(tmp_path: Path) -> None:
    attribute = {"Attribute 1 name": "short_description", "Attribute 1 value(s)": "Own"}
    product = parse_product(tmp_path, SIMPLE | {"Short description": "A tee."} | attribute)
    assert product["attributes"] == {"short_description (attribute)": "Own", "short_description": "A tee."}


def test_two_variations_with_the_same_options_are_rejected(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, VARIABLE, VARIATION, GREEN | {"Attribute 1 value(s)": "Blue"})
    assert (parsed.product, issues_of(parsed)) == (None, [(4, "Attribute 1 value(s)", "Blue", False)])
    assert "line 3" in parsed.issues[0].message


def test_more_than_a_hundred_variations_are_rejected_with_a_clear_message(tmp_path: Path) -> None:
    rows = [VARIATION | {"ID": str(n), "SKU": f"s{n}", "Attribute 1 value(s)": str(n)} for n in range(101)]
    parsed = parse_first(tmp_path, VARIABLE, *rows)
    assert (parsed.product, issues_of(parsed)) == (None, [(2, "Type", "variable", False)])
    assert "has 101 variations; at most 100 are supported." in parsed.issues[0].message
    assert len(parse_product(tmp_path, VARIABLE, *rows[1:])["variants"]) == 100


def test_variations_are_ordered_by_position_and_then_as_in_the_file(tmp_path: Path) -> None:
    rows = [
        VARIATION | {"ID": str(n), "SKU": f"s{n}", "Attribute 1 value(s)": str(n), "Position": position}
        for n, position in enumerate(["2", "", "1", "0", "1"])
    ]
    product = parse_product(tmp_path, VARIABLE, *rows)
    assert [(v["sku"], v["position"]) for v in product["variants"]] == [
        ("s1", 0),
        ("s3", 1),
        ("s2", 2),
        ("s4", 3),
        ("s0", 4),
    ]


def test_the_name_of_a_variation_is_imported_only_if_it_has_no_options(tmp_path: Path) -> None:
    plain = VARIATION | {"Attribute 1 value(s)": "", "Name": "Tee - any"}
    product = parse_product(
        tmp_path,
        VARIABLE,
        GREEN | {"Name": "Tee - Green"},
        VARIATION | {"Name": "The blue one"},
        plain | {"ID": "9", "SKU": "any"},
    )
    assert [v.get("name") for v in product["variants"]] == [None, None, "Tee - any"]
    assert [v["source"] for v in product["variants"]] == [None, {"Name": "The blue one"}, None]


def test_images_of_the_product_precede_those_of_its_variations(tmp_path: Path) -> None:
    a, b, c = (f"https://i.example/{n}.jpg" for n in "abc")
    product = parse_product(
        tmp_path, VARIATION | {"Images": c}, VARIABLE | {"Images": f"{a}, {b}"}, GREEN | {"Images": a}
    )
    assert [m["source_url"] for m in product["media"]] == [a, b, c]
    assert [v["source"] for v in product["variants"]] == [{"Images": c}, {"Images": a}]
    assert "Images" not in product["source"]


def test_an_image_without_an_address_is_reported_and_preserved(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, SIMPLE | {"Images": "https://i.example/a.jpg, front.jpg"})
    assert issues_of(parsed) == [(2, "Images", "front.jpg", True)]
    assert ([*product_of(parsed)["media"]], product_of(parsed)["source"]) == (
        [{"source_url": "https://i.example/a.jpg"}],
        {"Images": "https://i.example/a.jpg, front.jpg"},
    )


def test_tags_are_slugs_and_another_spelling_is_preserved(tmp_path: Path) -> None:
    assert [
        (p["tags"], p["source"])
        for p in [parse_product(tmp_path, SIMPLE | {"Tags": t}) for t in ("new, on-sale", "On sale")]
    ] == [
        (["new", "on-sale"], None),
        (["on-sale"], {"Tags": "On sale"}),
    ]


def test_a_gtin_is_the_barcode(tmp_path: Path) -> None:
    variant = parse_variant(tmp_path, **{"GTIN, UPC, EAN, or ISBN": "4006381333931"})
    assert (variant["barcode"], variant["source"]) == ("4006381333931", None)


def test_a_variation_without_a_weight_has_that_of_its_product(tmp_path: Path) -> None:
    product = parse_product(tmp_path, VARIABLE | {"Weight (kg)": "0.3"}, VARIATION, GREEN | {"Weight (kg)": "0.4"})
    assert [v["weight_grams"] for v in product["variants"]] == [300, 400]


def test_cells_without_a_member_are_preserved_in_the_source_of_their_row(tmp_path: Path) -> None:
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
    product = parse_product(tmp_path, SIMPLE | of_variant | of_product | usual)
    assert (product["source"], product["variants"][0]["source"]) == (of_product, of_variant)
    product = parse_product(
        tmp_path,
        VARIABLE | of_variant | of_product | usual,
        VARIATION | of_variant | usual | {"Description": "a\\nb", "Meta: _x": "2"},
    )
    assert product["source"].items() >= (of_product | of_variant).items()
    assert product["variants"][0]["source"] == of_variant | {"Description": "a\\nb", "Meta: _x": "2"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize(("delimiter", "end"), [(",", "\n"), (";", "\r\n"), ("\t", "\r")])
def test_encoding_delimiter_and_line_ends_do_not_change_the_result(
    tmp_path: Path, encoding: str, delimiter: str, end: str
) -> None:
    rows = [
        VARIABLE | {"Name": "Tée", "Description": 'two\nlines, "quoted"'},
        VARIATION | {"Regular price": "1299.00"},
        GREEN | {"Regular price": "1,299.00"},
    ]
    expected = parse_product(tmp_path, *rows)
    cells = [*csv.reader(io.StringIO(csv_text(*rows)))]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(
        [cells[0], [], *cells[1:2], cells[0], *cells[2:]]
    )
    [parsed] = parse_products(tmp_path, out.getvalue().encode(encoding))
    assert parsed.product == expected


def test_a_truncated_value_is_preserved_in_full_in_the_source_of_its_row(tmp_path: Path) -> None:
    long = "x" * 201
    row = VARIABLE | {"Categories": f"A > {long}", "Attribute 2 name": "Note", "Attribute 2 value(s)": "y" * 5001}
    parsed = parse_first(tmp_path, row, VARIATION | {"ID": long, "Images": "photo.jpg", "Position": "first"})
    assert [(line, column) for line, column, _, repaired in issues_of(parsed) if repaired] == [
        (2, "Categories"), (2, "Attribute 2 value(s)"), (3, "Position"), (3, "ID"), (3, "Images"),
    ]  # fmt: skip
    [one] = product_of(parsed)["variants"]
    assert one["source"] == {"ID": long, "Images": "photo.jpg", "Position": "first"}
    assert {c for c in product_of(parsed)["source"] if not c.startswith("Attribute 1")} == {
        "SKU",
        "Categories",
        "Attribute 2 name",
        "Attribute 2 value(s)",
    }
