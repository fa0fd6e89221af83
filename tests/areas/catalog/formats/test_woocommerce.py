"""WooCommerce exports: header, parents of variations, product types, and references."""

from pathlib import Path

import pytest

from tests.areas.catalog.formats.parsing import parse_products, parse_valid_products
from tests.areas.catalog.formats.woocommerce import (
    GREEN,
    SIMPLE,
    VARIABLE,
    VARIATION,
    Cells,
    csv_text,
    issues_of,
    parse_first,
    parse_product,
    parse_variant,
    product_of,
    unattached_issues,
)
from tradepost.areas.catalog.formats import UnreadableError


def test_columns_may_be_in_any_order_and_case_and_the_id_is_optional(tmp_path: Path) -> None:
    [product] = parse_valid_products(tmp_path, "regular PRICE, sku ,NAME,published,TYPE\n5,a,Cup,1,simple\n")
    assert (product["name"], product["external_reference"], product["status"], product["source"]) == (
        "Cup",
        "a",
        "active",
        None,
    )
    assert product["variants"][0]["price"] == {"amount": 500, "currency": "EUR"}


def test_a_header_in_another_language_is_refused_with_advice_to_use_english(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="set it to English"):
        parse_products(tmp_path, "ID,Typ,Artikelnummer,Name,Veröffentlicht,Regulärer Preis\n1,simple,a,Tasse,1,5\n")


@pytest.mark.parametrize(
    ("column", "cell", "grams"),
    [
        ("Weight (lbs)", ".5", 227),
        ("Weight (kg)", "0,5", 500),
        ("Weight (g)", "12.5", 13),
        ("Weight (oz)", "1", 28),
        ("weight (KG)", "1.2345", 1235),
        ("Weight (kg)", "", None),
        ("Weight (stone)", "1", None),
    ],
)
def test_the_unit_of_a_weight_is_read_from_the_header(
    tmp_path: Path, column: str, cell: str, grams: int | None
) -> None:
    variant = parse_variant(tmp_path, **{column: cell})
    assert variant["weight_grams"] == grams
    assert variant["source"] == (None if not cell or cell == "0,5" else {column: cell})


@pytest.mark.parametrize("parent", ["tee", "TEE", "id:44", "ID: 44"])
def test_a_variation_is_matched_to_its_parent_by_sku_or_id_in_any_order(tmp_path: Path, parent: str) -> None:
    first, last = (
        parse_first(tmp_path, VARIABLE, VARIATION | {"Parent": parent}),
        parse_first(tmp_path, VARIATION | {"Parent": parent}, VARIABLE),
    )
    assert first.product == last.product
    assert [v["sku"] for v in product_of(first)["variants"]] == ["tee-blue"]
    assert (last.locate("/name"), last.locate("/variants/0/price")) == ((3, "Name"), (2, "Regular price"))


def test_the_name_and_sku_of_a_variation_are_optional(tmp_path: Path) -> None:
    product = parse_product(tmp_path, VARIABLE, VARIATION | {"SKU": "", "Name": ""})
    assert [(v["sku"], v["options"], "name" in v) for v in product["variants"]] == [
        ("tee-blue", {"Colour": "Blue"}, False)
    ]


def test_generated_skus_do_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    twins = [VARIABLE | {"ID": n, "SKU": ""} for n in ("1", "2")]
    rows = [VARIATION | {"SKU": "", "Parent": f"id:{n}"} for n in ("1", "2")]
    forwards = parse_valid_products(tmp_path, csv_text(*twins, *rows))
    backwards = parse_valid_products(tmp_path, csv_text(*rows[::-1], *twins[::-1]))
    expected = ["tee-1-blue", "tee-2-blue"]
    assert [p["variants"][0]["sku"] for p in forwards] == expected
    assert [p["variants"][0]["sku"] for p in backwards[::-1]] == expected


def test_a_variation_without_a_parent_is_reported_and_rejected_alone(tmp_path: Path) -> None:
    [no_parent, orphan], size = unattached_issues(
        tmp_path, SIMPLE, VARIATION | {"Parent": "id:9"}, VARIATION | {"Parent": ""}
    )
    assert (no_parent.line, no_parent.column, no_parent.repaired) == (4, "Parent", False)
    assert (orphan.line, orphan.value, orphan.repaired, size) == (3, "id:9", False, 1)
    assert "not in this file" in orphan.message


@pytest.mark.parametrize(
    ("type", "preserved"),
    [
        ("", None),
        ("simple", None),
        ("Simple", None),
        ("simple, downloadable, virtual", "*"),
        ("virtual", "*"),
        ("virtual, simple", "*"),
    ],
)
def test_a_simple_product_is_one_variant_without_options(tmp_path: Path, type: str, preserved: str | None) -> None:
    product = parse_product(tmp_path, SIMPLE | {"Type": type})
    [one] = product["variants"]
    assert (one["sku"], one["options"], one["source"], one.get("external_reference")) == ("tee", {}, None, None)
    assert product["source"] == ({"Type": type} if preserved else None)


def test_an_unknown_product_type_is_rejected_with_all_its_rows(tmp_path: Path) -> None:
    rows = [
        VARIABLE | {"Type": "variable-subscription"},
        VARIATION | {"Type": "subscription_variation"},
        SIMPLE | {"ID": "1", "SKU": "other"},
    ]
    refused, other = parse_products(tmp_path, csv_text(*rows))
    assert (refused.product, other.product is None) == (None, False)
    assert issues_of(refused) == [
        (2, "Type", "variable-subscription", False),
        (3, "Type", "subscription_variation", False),
    ]
    assert "known are simple, variable, grouped, external" in refused.issues[0].message


def test_a_grouped_product_has_its_parts_as_attribute_and_no_variants(tmp_path: Path) -> None:
    product = parse_product(
        tmp_path, SIMPLE | {"Type": "grouped", "Regular price": "", "Grouped products": "cup, id:12, a\\,b"}
    )
    assert (product["variants"], product["attributes"]) == ([], {"grouped_products": ["cup", "id:12", "a,b"]})
    assert product["source"] == {"SKU": "tee"}


def test_an_external_product_has_address_button_and_price_as_attributes_and_no_variants(tmp_path: Path) -> None:
    row = SIMPLE | {
        "Type": "external",
        "External URL": "https://e.example/buy",
        "Button text": "Buy there",
        "Sale price": "15",
    }
    product = parse_product(tmp_path, row)
    money = {"amount": 1500, "currency": "EUR"}
    assert (product["variants"], product["attributes"]) == (
        [],
        {"external_url": "https://e.example/buy", "button_text": "Buy there", "price": money},
    )
    assert product["source"] == {"SKU": "tee", "Regular price": "20.00"}


def test_an_invalid_address_of_an_external_product_is_reported_and_preserved(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, SIMPLE | {"Type": "external", "External URL": "e.example/buy"})
    assert issues_of(parsed) == [(2, "External URL", "e.example/buy", True)]
    assert product_of(parsed)["source"] == {"Type": "external", "SKU": "tee", "External URL": "e.example/buy"}


def test_variations_make_a_simple_product_variable_but_not_a_grouped_one(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, VARIABLE | {"Type": "simple"}, VARIATION)
    assert issues_of(parsed) == [(2, "Type", "simple", True)]
    assert [v["options"] for v in product_of(parsed)["variants"]] == [{"Colour": "Blue"}]
    refused = parse_first(tmp_path, VARIABLE | {"Type": "grouped"}, VARIATION)
    assert (refused.product, issues_of(refused)) == (None, [(3, "Parent", "tee", False)])


@pytest.mark.parametrize(("id", "sku", "reference"), [("44", "tee", "44"), ("", "tee", "tee"), ("", "", "blue-tee")])
def test_the_reference_of_a_product_is_its_id_or_sku_or_name(tmp_path: Path, id: str, sku: str, reference: str) -> None:
    assert (
        parse_product(tmp_path, SIMPLE | {"ID": id, "SKU": sku, "Name": "Blue tee"})["external_reference"] == reference
    )


def test_the_reference_of_a_variation_is_its_id(tmp_path: Path) -> None:
    assert [
        v["external_reference"] for v in parse_product(tmp_path, VARIABLE, VARIATION, GREEN | {"ID": ""})["variants"]
    ] == ["45", None]


@pytest.mark.parametrize(("change", "column"), [({"SKU": "other"}, "ID"), ({"ID": "", "SKU": "44"}, "SKU")])
def test_a_second_product_with_the_same_reference_is_rejected(tmp_path: Path, change: Cells, column: str) -> None:
    first, second = parse_products(tmp_path, csv_text(SIMPLE, SIMPLE | change))
    assert (first.product is None, first.issues, second.product) == (False, [], None)
    assert issues_of(second) == [(3, column, "44", False)]


def test_a_rejected_product_does_not_reserve_its_reference(tmp_path: Path) -> None:
    refused, taken = parse_products(tmp_path, csv_text(SIMPLE | {"Type": "bundle"}, SIMPLE))
    assert (refused.product, taken.issues) == (None, [])


def test_a_taken_sku_is_replaced_and_preserved_in_source(tmp_path: Path) -> None:
    first, second = parse_products(tmp_path, csv_text(SIMPLE, SIMPLE | {"ID": "2", "Name": "Tea"}))
    assert (first.issues, issues_of(second)) == ([], [(3, "SKU", "tee", True)])
    [one] = product_of(second)["variants"]
    assert (one["sku"] != "tee", one["source"]) == (True, {"SKU": "tee"})


def test_a_product_without_a_name_is_rejected(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, SIMPLE | {"Name": ""})
    assert (parsed.product, issues_of(parsed)) == (None, [(2, "Name", "", False)])
