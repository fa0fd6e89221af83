"""WooCommerce's cells: the exporter's marks, lists, line breaks, status, tax and stock."""

from pathlib import Path

import pytest

from tests.areas.catalog.formats.woocommerce import (
    GREEN,
    SIMPLE,
    VARIABLE,
    VARIATION,
    Cells,
    draft,
    product,
    record,
    told,
    variant,
)


def test_the_exporters_apostrophe_is_removed_from_any_cell_and_no_other(tmp_path: Path) -> None:
    row = SIMPLE | {
        "SKU": "'-tee",
        "Name": "'@home",
        "Published": "'-1",
        "Stock": "'-3",
        "Short description": "'=1+1",
        "Meta: a": "'+49",
        "Meta: b": "'s",
    }
    found = product(tmp_path, row)
    assert (found["name"], found["status"], found["attributes"]) == ("@home", "draft", {"short_description": "=1+1"})
    assert [(v["sku"], v["imported_quantity"]) for v in found["variants"]] == [("-tee", -3)]
    assert found["source"] == {"Meta: a": "+49", "Meta: b": "'s"}


def test_a_parent_is_found_by_a_marked_sku(tmp_path: Path) -> None:
    assert len(product(tmp_path, VARIABLE | {"SKU": "'=tee"}, VARIATION | {"Parent": "'=tee"})["variants"]) == 1


def test_lists_are_split_at_commas_that_have_no_backslash(tmp_path: Path) -> None:
    row = SIMPLE | {
        "Tags": "new, Very\\, very red ,,",
        "Categories": "Cups\\, mugs > Tea,Sale",
        "Images": "https://i.example/a\\,b.jpg,https://i.example/2.jpg",
    }
    found = product(tmp_path, row | {"Attribute 1 name": "Sizes", "Attribute 1 value(s)": "1\\,5 l, 2 l"})
    assert found["tags"] == ["new", "very-red"]
    assert found["categories"] == [["Cups, mugs", "Tea"], ["Sale"]]
    assert [m["source_url"] for m in found["media"]] == ["https://i.example/a,b.jpg", "https://i.example/2.jpg"]
    assert found["attributes"] == {"Sizes": ["1,5 l", "2 l"]}


def test_a_backslash_n_in_descriptions_is_a_line_break(tmp_path: Path) -> None:
    found = product(
        tmp_path, SIMPLE | {"Description": "one\\ntwo\nthree C:\\\\new", "Short description": "<b>a</b>\\nb"}
    )
    assert found["description"] == "one\ntwo\nthree C:\\new"
    assert found["attributes"] == {"short_description": "<b>a</b>\nb"}


def test_scripts_are_taken_out_of_both_descriptions(tmp_path: Path) -> None:
    found = draft(
        tmp_path,
        SIMPLE | {"Description": "a<script>x()</script>", "Short description": "<a href='javascript:x()'>b</a>"},
    )
    assert [column for _, column, _, mended in told(found) if mended] == ["Description", "Short description"]
    assert (record(found)["description"], record(found)["attributes"]["short_description"]) == (
        "a",
        '<a rel="noopener noreferrer">b</a>',
    )


def test_names_that_an_exporter_left_escaped_are_read(tmp_path: Path) -> None:
    row = SIMPLE | {"Name": "Salt &amp; Pepper &copy", "Categories": "A &gt; B &amp; C > D&#8217;s", "Tags": "q&amp;a"}
    found = product(tmp_path, row | {"Attribute 1 name": "R&amp;D", "Attribute 1 value(s)": "&lt;1"})
    assert (found["name"], found["attributes"], found["tags"]) == ("Salt & Pepper &copy", {"R&D": "<1"}, ["q-a"])
    assert found["categories"] == [["A > B & C", "D\u2019s"]]


@pytest.mark.parametrize(
    ("published", "status", "kept"),
    [
        ("1", "active", False),
        ("true", "active", False),
        ("TRUE", "active", False),
        ("0", "draft", True),
        ("-1", "draft", False),
        ("false", "draft", False),
    ],
)
def test_published_is_the_status_and_private_is_remembered(
    tmp_path: Path, published: str, status: str, kept: bool
) -> None:
    found = product(tmp_path, SIMPLE | {"Published": published})
    assert (found["status"], found["source"]) == (status, {"Published": published} if kept else None)


@pytest.mark.parametrize("published", ["2", "yes", ""])
def test_any_other_published_is_a_draft_and_told(tmp_path: Path, published: str) -> None:
    found = draft(tmp_path, SIMPLE | {"Published": published})
    assert told(found) == [(2, "Published", published, True)]
    assert record(found)["status"] == "draft"


def test_a_hidden_product_is_a_draft_and_told(tmp_path: Path) -> None:
    found = draft(tmp_path, SIMPLE | {"Visibility in catalog": "hidden"})
    assert told(found) == [(2, "Visibility in catalog", "hidden", True)]
    assert (record(found)["status"], record(found)["source"]) == (
        "draft",
        {"Published": "1", "Visibility in catalog": "hidden"},
    )


@pytest.mark.parametrize(
    ("cell", "source"),
    [
        ("visible", None),
        ("search", {"Visibility in catalog": "search"}),
        ("catalog", {"Visibility in catalog": "catalog"}),
    ],
)
def test_any_other_visibility_changes_nothing(tmp_path: Path, cell: str, source: Cells | None) -> None:
    found = product(tmp_path, SIMPLE | {"Visibility in catalog": cell})
    assert (found["status"], found["source"]) == ("active", source)


@pytest.mark.parametrize("published", ["0", "false", "maybe"])
def test_a_variation_that_is_switched_off_is_left_out_and_told(tmp_path: Path, published: str) -> None:
    found = draft(tmp_path, VARIABLE, VARIATION, GREEN | {"Published": published})
    assert told(found) == [(4, "Published", published, True)]
    assert [v["sku"] for v in record(found)["variants"]] == ["tee-blue"]


@pytest.mark.parametrize("published", ["-1", "true", ""])
def test_a_variation_of_a_draft_stays_with_it(tmp_path: Path, published: str) -> None:
    found = product(tmp_path, VARIABLE | {"Published": "-1"}, VARIATION | {"Published": published})
    assert (found["status"], len(found["variants"])) == ("draft", 1)


@pytest.mark.parametrize(
    ("cell", "tax_class", "kept"),
    [
        ("", "standard", False),
        ("standard", "standard", False),
        ("reduced-rate", "reduced-rate", False),
        ("Reduced rate", "reduced-rate", True),
    ],
)
def test_a_tax_class_is_a_slug(tmp_path: Path, cell: str, tax_class: str, kept: bool) -> None:
    found = variant(tmp_path, Tax_class=cell, Tax_status="taxable")
    assert (found["tax_class"], found["source"]) == (tax_class, {"Tax class": cell} if kept else None)


def test_a_tax_class_that_can_be_no_slug_is_told(tmp_path: Path) -> None:
    found = draft(tmp_path, SIMPLE | {"Tax class": "軽減"})
    assert told(found) == [(2, "Tax class", "軽減", True)]
    assert [(v["tax_class"], v["source"]) for v in record(found)["variants"]] == [("standard", {"Tax class": "軽減"})]


def test_parent_as_a_tax_class_is_the_parents(tmp_path: Path) -> None:
    found = product(tmp_path, VARIABLE | {"Tax class": "zero-rate"}, VARIATION | {"Tax class": "parent"}, GREEN)
    assert [v["tax_class"] for v in found["variants"]] == ["zero-rate", "standard"]


def test_a_tax_status_is_kept_unless_it_is_the_usual_one(tmp_path: Path) -> None:
    assert variant(tmp_path, Tax_status="shipping")["source"] == {"Tax status": "shipping"}


@pytest.mark.parametrize(
    ("cell", "tracked", "quantity"),
    [("", False, None), ("7", True, 7), ("0", True, 0), ("-2", True, -2), ("4.0", True, 4)],
)
def test_a_stock_that_is_given_is_counted(tmp_path: Path, cell: str, tracked: bool, quantity: int | None) -> None:
    found = variant(tmp_path, Stock=cell, **{"In stock?": "1"})
    assert (found["track_inventory"], found["imported_quantity"], found["source"]) == (tracked, quantity, None)


def test_a_stock_that_is_no_number_is_told_and_kept(tmp_path: Path) -> None:
    found = draft(tmp_path, SIMPLE | {"Stock": "some"})
    assert told(found) == [(2, "Stock", "some", True)]
    [one] = record(found)["variants"]
    assert (one["track_inventory"], one["imported_quantity"], one["source"]) == (True, None, {"Stock": "some"})


def test_a_stock_that_variations_share_is_not_multiplied(tmp_path: Path) -> None:
    found = draft(tmp_path, VARIABLE | {"Stock": "12"}, VARIATION | {"Stock": "parent"}, GREEN | {"Stock": "parent"})
    assert told(found) == [(2, "Stock", "12", True)]
    shared = [(v["track_inventory"], v["imported_quantity"], v["source"]) for v in record(found)["variants"]]
    assert shared == [(True, None, {"Stock": "parent"})] * 2
    assert record(found)["source"]["Stock"] == "12"


def test_out_of_stock_without_a_count_is_told_and_kept(tmp_path: Path) -> None:
    found = draft(tmp_path, SIMPLE | {"In stock?": "0"})
    assert told(found) == [(2, "In stock?", "0", True)]
    assert record(found)["variants"][0]["source"] == {"In stock?": "0"}
    assert variant(tmp_path, Stock="0", **{"In stock?": "0"})["source"] == {"In stock?": "0"}


@pytest.mark.parametrize(
    ("cell", "allowed", "kept"), [("1", True, False), ("notify", True, True), ("0", False, False), ("", False, False)]
)
def test_backorders_are_allowed_with_and_without_a_note(tmp_path: Path, cell: str, allowed: bool, kept: bool) -> None:
    found = variant(tmp_path, **{"Backorders allowed?": cell})
    assert (found["allow_backorder"], found["source"]) == (allowed, {"Backorders allowed?": cell} if kept else None)


def test_other_backorders_are_told(tmp_path: Path) -> None:
    found = draft(tmp_path, SIMPLE | {"Backorders allowed?": "sometimes"})
    assert told(found) == [(2, "Backorders allowed?", "sometimes", True)]
