"""WooCommerce's export: its header, which row belongs to what, its types, and how a product is known again."""

from pathlib import Path

import pytest

from tests.areas.catalog.formats.drafts import drafts_of, products_of
from tests.areas.catalog.formats.woocommerce import (
    GREEN,
    SIMPLE,
    VARIABLE,
    VARIATION,
    Cells,
    draft,
    loose,
    product,
    record,
    sheet,
    told,
    variant,
)
from tradepost.areas.catalog.formats import UnreadableError


def test_columns_stand_in_any_order_and_letter_case_and_there_need_be_no_id(tmp_path: Path) -> None:
    [found] = products_of(tmp_path, "regular PRICE, sku ,NAME,published,TYPE\n5,a,Cup,1,simple\n")
    assert (found["name"], found["external_reference"], found["status"], found["source"]) == (
        "Cup",
        "a",
        "active",
        None,
    )
    assert found["variants"][0]["price"] == {"amount": 500, "currency": "EUR"}


def test_a_header_in_another_language_is_refused_and_the_english_one_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="set it to English"):
        drafts_of(tmp_path, "ID,Typ,Artikelnummer,Name,Veröffentlicht,Regulärer Preis\n1,simple,a,Tasse,1,5\n")


@pytest.mark.parametrize(
    ("column", "cell", "grams"),
    [
        ("Weight (lbs)", ".5", 227), ("Weight (kg)", "0,5", 500), ("Weight (g)", "12.5", 13), ("Weight (oz)", "1", 28), ("weight (KG)", "1.2345", 1235),
        ("Weight (kg)", "", None), ("Weight (stone)", "1", None),
    ],
)  # fmt: skip
def test_the_unit_of_a_weight_stands_in_the_header(tmp_path: Path, column: str, cell: str, grams: int | None) -> None:
    found = variant(tmp_path, **{column: cell})
    assert found["weight_grams"] == grams
    assert found["source"] == (None if not cell or cell == "0,5" else {column: cell})


@pytest.mark.parametrize("parent", ["tee", "TEE", "id:44", "ID: 44"])
def test_a_variation_finds_its_parent_by_sku_or_id_also_behind_it(tmp_path: Path, parent: str) -> None:
    first, last = (
        draft(tmp_path, VARIABLE, VARIATION | {"Parent": parent}),
        draft(tmp_path, VARIATION | {"Parent": parent}, VARIABLE),
    )
    assert first.product == last.product
    assert [v["sku"] for v in record(first)["variants"]] == ["tee-blue"]
    assert (last.locate("/name"), last.locate("/variants/0/price")) == ((3, "Name"), (2, "Regular price"))


def test_a_variation_needs_neither_name_nor_sku(tmp_path: Path) -> None:
    found = product(tmp_path, VARIABLE, VARIATION | {"SKU": "", "Name": ""})
    assert [(v["sku"], v["options"], "name" in v) for v in found["variants"]] == [
        ("tee-blue", {"Colour": "Blue"}, False)
    ]


def test_skus_are_made_alike_whatever_stands_around(tmp_path: Path) -> None:
    twins = [VARIABLE | {"ID": n, "SKU": ""} for n in ("1", "2")]
    rows = [VARIATION | {"SKU": "", "Parent": f"id:{n}"} for n in ("1", "2")]
    there, back = products_of(tmp_path, sheet(*twins, *rows)), products_of(tmp_path, sheet(*rows[::-1], *twins[::-1]))
    assert (
        [p["variants"][0]["sku"] for p in there]
        == ["tee-1-blue", "tee-2-blue"]
        == [p["variants"][0]["sku"] for p in back[::-1]]
    )


def test_a_variation_without_its_parent_is_told_and_takes_nothing_with_it(tmp_path: Path) -> None:
    [no_parent, orphan], size = loose(tmp_path, SIMPLE, VARIATION | {"Parent": "id:9"}, VARIATION | {"Parent": ""})
    assert (no_parent.line, no_parent.column, no_parent.repaired) == (4, "Parent", False)
    assert (orphan.line, orphan.value, orphan.repaired, size) == (3, "id:9", False, 1)
    assert "not in this file" in orphan.message


@pytest.mark.parametrize(
    ("type", "kept"),
    [
        ("", None),
        ("simple", None),
        ("Simple", None),
        ("simple, downloadable, virtual", "*"),
        ("virtual", "*"),
        ("virtual, simple", "*"),
    ],
)
def test_a_simple_product_is_one_variant_without_options(tmp_path: Path, type: str, kept: str | None) -> None:
    found = product(tmp_path, SIMPLE | {"Type": type})
    [one] = found["variants"]
    assert (one["sku"], one["options"], one["source"], one.get("external_reference")) == ("tee", {}, None, None)
    assert found["source"] == ({"Type": type} if kept else None)


def test_a_type_of_a_plugin_is_refused_with_all_its_rows(tmp_path: Path) -> None:
    rows = [
        VARIABLE | {"Type": "variable-subscription"},
        VARIATION | {"Type": "subscription_variation"},
        SIMPLE | {"ID": "1", "SKU": "other"},
    ]
    refused, other = drafts_of(tmp_path, sheet(*rows))
    assert (refused.product, other.product is None) == (None, False)
    assert told(refused) == [(2, "Type", "variable-subscription", False), (3, "Type", "subscription_variation", False)]
    assert "known are simple, variable, grouped, external" in refused.issues[0].message


def test_a_grouped_product_has_its_parts_and_no_variants(tmp_path: Path) -> None:
    found = product(
        tmp_path, SIMPLE | {"Type": "grouped", "Regular price": "", "Grouped products": "cup, id:12, a\\,b"}
    )
    assert (found["variants"], found["attributes"]) == ([], {"grouped_products": ["cup", "id:12", "a,b"]})
    assert found["source"] == {"SKU": "tee"}


def test_an_external_product_has_its_address_button_and_price_and_no_variants(tmp_path: Path) -> None:
    row = SIMPLE | {
        "Type": "external",
        "External URL": "https://e.example/buy",
        "Button text": "Buy there",
        "Sale price": "15",
    }
    found = product(tmp_path, row)
    money = {"amount": 1500, "currency": "EUR"}
    assert (found["variants"], found["attributes"]) == (
        [],
        {"external_url": "https://e.example/buy", "button_text": "Buy there", "price": money},
    )
    assert found["source"] == {"SKU": "tee", "Regular price": "20.00"}


def test_a_bad_address_of_an_external_product_is_told_and_kept(tmp_path: Path) -> None:
    found = draft(tmp_path, SIMPLE | {"Type": "external", "External URL": "e.example/buy"})
    assert told(found) == [(2, "External URL", "e.example/buy", True)]
    assert record(found)["source"] == {"Type": "external", "SKU": "tee", "External URL": "e.example/buy"}


def test_variations_make_a_simple_product_variable_and_no_other(tmp_path: Path) -> None:
    found = draft(tmp_path, VARIABLE | {"Type": "simple"}, VARIATION)
    assert told(found) == [(2, "Type", "simple", True)]
    assert [v["options"] for v in record(found)["variants"]] == [{"Colour": "Blue"}]
    refused = draft(tmp_path, VARIABLE | {"Type": "grouped"}, VARIATION)
    assert (refused.product, told(refused)) == (None, [(3, "Parent", "tee", False)])


@pytest.mark.parametrize(("id", "sku", "reference"), [("44", "tee", "44"), ("", "tee", "tee"), ("", "", "blue-tee")])
def test_a_product_is_known_again_by_id_else_sku_else_name(tmp_path: Path, id: str, sku: str, reference: str) -> None:
    assert product(tmp_path, SIMPLE | {"ID": id, "SKU": sku, "Name": "Blue tee"})["external_reference"] == reference


def test_a_variation_is_known_again_by_its_id(tmp_path: Path) -> None:
    assert [
        v["external_reference"] for v in product(tmp_path, VARIABLE, VARIATION, GREEN | {"ID": ""})["variants"]
    ] == ["45", None]


@pytest.mark.parametrize(("again", "column"), [({"SKU": "other"}, "ID"), ({"ID": "", "SKU": "44"}, "SKU")])
def test_the_second_product_with_one_reference_is_refused(tmp_path: Path, again: Cells, column: str) -> None:
    first, second = drafts_of(tmp_path, sheet(SIMPLE, SIMPLE | again))
    assert (first.product is None, first.issues, second.product) == (False, [], None)
    assert told(second) == [(3, column, "44", False)]


def test_a_refused_product_keeps_no_other_out(tmp_path: Path) -> None:
    refused, taken = drafts_of(tmp_path, sheet(SIMPLE | {"Type": "bundle"}, SIMPLE))
    assert (refused.product, taken.issues) == (None, [])


def test_a_sku_that_is_taken_is_made_and_the_given_one_kept(tmp_path: Path) -> None:
    first, second = drafts_of(tmp_path, sheet(SIMPLE, SIMPLE | {"ID": "2", "Name": "Tea"}))
    assert (first.issues, told(second)) == ([], [(3, "SKU", "tee", True)])
    [one] = record(second)["variants"]
    assert (one["sku"] != "tee", one["source"]) == (True, {"SKU": "tee"})


def test_a_product_needs_a_name(tmp_path: Path) -> None:
    found = draft(tmp_path, SIMPLE | {"Name": ""})
    assert (found.product, told(found)) == (None, [(2, "Name", "", False)])
