"""WooCommerce cells: escapes, lists, line breaks, status, tax and stock."""

from pathlib import Path

import pytest

from tests.areas.catalog.formats.woocommerce import (
    GREEN,
    SIMPLE,
    VARIABLE,
    VARIATION,
    Cells,
    issues_of,
    parse_first,
    parse_product,
    parse_variant,
    product_of,
)


def test_only_the_apostrophe_of_a_formula_escape_is_removed(tmp_path: Path) -> None:
    row = SIMPLE | {
        "SKU": "'-tee",
        "Name": "'@home",
        "Published": "'-1",
        "Stock": "'-3",
        "Short description": "'=1+1",
        "Meta: a": "'+49",
        "Meta: b": "'s",
    }
    product = parse_product(tmp_path, row)
    assert (product["name"], product["status"], product["attributes"]) == (
        "@home",
        "draft",
        {"short_description": "=1+1"},
    )
    assert [(v["sku"], v["imported_quantity"]) for v in product["variants"]] == [("-tee", -3)]
    assert product["source"] == {"Meta: a": "+49", "Meta: b": "'s"}


def test_a_parent_is_matched_by_an_escaped_sku(tmp_path: Path) -> None:
    assert len(parse_product(tmp_path, VARIABLE | {"SKU": "'=tee"}, VARIATION | {"Parent": "'=tee"})["variants"]) == 1


def test_lists_are_split_at_unescaped_commas(tmp_path: Path) -> None:
    row = SIMPLE | {
        "Tags": "new, Very\\, very red ,,",
        "Categories": "Cups\\, mugs > Tea,Sale",
        "Images": "https://i.example/a\\,b.jpg,https://i.example/2.jpg",
    }
    product = parse_product(tmp_path, row | {"Attribute 1 name": "Sizes", "Attribute 1 value(s)": "1\\,5 l, 2 l"})
    assert product["tags"] == ["new", "very-red"]
    assert product["categories"] == [["Cups, mugs", "Tea"], ["Sale"]]
    assert [m["source_url"] for m in product["media"]] == ["https://i.example/a,b.jpg", "https://i.example/2.jpg"]
    assert product["attributes"] == {"Sizes": ["1,5 l", "2 l"]}


def test_a_backslash_n_in_descriptions_is_a_line_break(tmp_path: Path) -> None:
    product = parse_product(
        tmp_path, SIMPLE | {"Description": "one\\ntwo\nthree C:\\\\new", "Short description": "<b>a</b>\\nb"}
    )
    assert product["description"] == "one\ntwo\nthree C:\\new"
    assert product["attributes"] == {"short_description": "<b>a</b>\nb"}


def test_scripts_are_removed_from_both_descriptions(tmp_path: Path) -> None:
    parsed = parse_first(
        tmp_path,
        SIMPLE | {"Description": "a<script>x()</script>", "Short description": "<a href='javascript:x()'>b</a>"},
    )
    assert [column for _, column, _, mended in issues_of(parsed) if mended] == ["Description", "Short description"]
    assert (product_of(parsed)["description"], product_of(parsed)["attributes"]["short_description"]) == (
        "a",
        '<a rel="noopener noreferrer">b</a>',
    )


def test_html_entities_in_names_are_decoded(tmp_path: Path) -> None:
    row = SIMPLE | {"Name": "Salt &amp; Pepper &copy", "Categories": "A &gt; B &amp; C > D&#8217;s", "Tags": "q&amp;a"}
    product = parse_product(tmp_path, row | {"Attribute 1 name": "R&amp;D", "Attribute 1 value(s)": "&lt;1"})
    assert (product["name"], product["attributes"], product["tags"]) == ("Salt & Pepper &copy", {"R&D": "<1"}, ["q-a"])
    assert product["categories"] == [["A > B & C", "D\u2019s"]]


@pytest.mark.parametrize(
    ("published", "status", "preserved"),
    [
        ("1", "active", False),
        ("true", "active", False),
        ("TRUE", "active", False),
        ("0", "draft", True),
        ("-1", "draft", False),
        ("false", "draft", False),
    ],
)
def test_published_sets_the_status_and_a_private_product_keeps_its_cell(
    tmp_path: Path, published: str, status: str, preserved: bool
) -> None:
    product = parse_product(tmp_path, SIMPLE | {"Published": published})
    assert (product["status"], product["source"]) == (status, {"Published": published} if preserved else None)


@pytest.mark.parametrize("published", ["2", "yes", ""])
def test_any_other_value_of_published_is_a_reported_draft(tmp_path: Path, published: str) -> None:
    parsed = parse_first(tmp_path, SIMPLE | {"Published": published})
    assert issues_of(parsed) == [(2, "Published", published, True)]
    assert product_of(parsed)["status"] == "draft"


def test_a_hidden_product_is_a_reported_draft(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, SIMPLE | {"Visibility in catalog": "hidden"})
    assert issues_of(parsed) == [(2, "Visibility in catalog", "hidden", True)]
    assert (product_of(parsed)["status"], product_of(parsed)["source"]) == (
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
    product = parse_product(tmp_path, SIMPLE | {"Visibility in catalog": cell})
    assert (product["status"], product["source"]) == ("active", source)


@pytest.mark.parametrize("published", ["0", "false", "maybe"])
def test_a_disabled_variation_is_omitted_and_reported(tmp_path: Path, published: str) -> None:
    parsed = parse_first(tmp_path, VARIABLE, VARIATION, GREEN | {"Published": published})
    assert issues_of(parsed) == [(4, "Published", published, True)]
    assert [v["sku"] for v in product_of(parsed)["variants"]] == ["tee-blue"]


@pytest.mark.parametrize("published", ["-1", "true", ""])
def test_a_variation_of_a_draft_is_imported_with_it(tmp_path: Path, published: str) -> None:
    product = parse_product(tmp_path, VARIABLE | {"Published": "-1"}, VARIATION | {"Published": published})
    assert (product["status"], len(product["variants"])) == ("draft", 1)


@pytest.mark.parametrize(
    ("cell", "tax_class", "preserved"),
    [
        ("", "standard", False),
        ("standard", "standard", False),
        ("reduced-rate", "reduced-rate", False),
        ("Reduced rate", "reduced-rate", True),
    ],
)
def test_a_tax_class_is_a_slug(tmp_path: Path, cell: str, tax_class: str, preserved: bool) -> None:
    variant = parse_variant(tmp_path, Tax_class=cell, Tax_status="taxable")
    assert (variant["tax_class"], variant["source"]) == (tax_class, {"Tax class": cell} if preserved else None)


def test_a_tax_class_that_cannot_be_a_slug_is_reported(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, SIMPLE | {"Tax class": "軽減"})
    assert issues_of(parsed) == [(2, "Tax class", "軽減", True)]
    assert [(v["tax_class"], v["source"]) for v in product_of(parsed)["variants"]] == [
        ("standard", {"Tax class": "軽減"})
    ]


def test_the_tax_class_parent_is_that_of_the_parent(tmp_path: Path) -> None:
    product = parse_product(tmp_path, VARIABLE | {"Tax class": "zero-rate"}, VARIATION | {"Tax class": "parent"}, GREEN)
    assert [v["tax_class"] for v in product["variants"]] == ["zero-rate", "standard"]


def test_a_tax_status_other_than_taxable_is_preserved(tmp_path: Path) -> None:
    assert parse_variant(tmp_path, Tax_status="shipping")["source"] == {"Tax status": "shipping"}


@pytest.mark.parametrize(
    ("cell", "tracked", "quantity"),
    [("", False, None), ("7", True, 7), ("0", True, 0), ("-2", True, -2), ("4.0", True, 4)],
)
def test_inventory_is_tracked_if_there_is_a_stock_level(
    tmp_path: Path, cell: str, tracked: bool, quantity: int | None
) -> None:
    variant = parse_variant(tmp_path, Stock=cell, **{"In stock?": "1"})
    assert (variant["track_inventory"], variant["imported_quantity"], variant["source"]) == (tracked, quantity, None)


def test_a_stock_level_that_is_not_a_number_is_reported_and_preserved(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, SIMPLE | {"Stock": "some"})
    assert issues_of(parsed) == [(2, "Stock", "some", True)]
    [one] = product_of(parsed)["variants"]
    assert (one["track_inventory"], one["imported_quantity"], one["source"]) == (True, None, {"Stock": "some"})


def test_a_stock_level_shared_by_variations_is_not_multiplied(tmp_path: Path) -> None:
    parsed = parse_first(
        tmp_path, VARIABLE | {"Stock": "12"}, VARIATION | {"Stock": "parent"}, GREEN | {"Stock": "parent"}
    )
    assert issues_of(parsed) == [(2, "Stock", "12", True)]
    shared = [(v["track_inventory"], v["imported_quantity"], v["source"]) for v in product_of(parsed)["variants"]]
    assert shared == [(True, None, {"Stock": "parent"})] * 2
    assert product_of(parsed)["source"]["Stock"] == "12"


def test_out_of_stock_without_a_level_is_reported_and_preserved(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, SIMPLE | {"In stock?": "0"})
    assert issues_of(parsed) == [(2, "In stock?", "0", True)]
    assert product_of(parsed)["variants"][0]["source"] == {"In stock?": "0"}
    assert parse_variant(tmp_path, Stock="0", **{"In stock?": "0"})["source"] == {"In stock?": "0"}


@pytest.mark.parametrize(
    ("cell", "allowed", "preserved"),
    [("1", True, False), ("notify", True, True), ("0", False, False), ("", False, False)],
)
def test_backorders_are_allowed_with_and_without_notification(
    tmp_path: Path, cell: str, allowed: bool, preserved: bool
) -> None:
    variant = parse_variant(tmp_path, **{"Backorders allowed?": cell})
    assert (variant["allow_backorder"], variant["source"]) == (
        allowed,
        {"Backorders allowed?": cell} if preserved else None,
    )


def test_an_unknown_value_of_backorders_is_reported(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, SIMPLE | {"Backorders allowed?": "sometimes"})
    assert issues_of(parsed) == [(2, "Backorders allowed?", "sometimes", True)]
