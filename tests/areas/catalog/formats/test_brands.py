"""The brand of a product in each file format."""

from pathlib import Path

from tests.areas.catalog.formats.parsing import parse_products, parse_valid_products
from tests.areas.catalog.formats.woocommerce import SIMPLE, csv_text, issues_of, parse_first, parse_product, product_of

SHOPIFY = "Handle,Title,Vendor,Variant Price\nlamp,Lamp,{},10\n"


def test_shopify_vendor_is_the_brand_and_not_kept_twice(tmp_path: Path) -> None:
    [product] = parse_valid_products(tmp_path, SHOPIFY.format("Kjeld & Son"))
    assert (product["brand"], product["attributes"], product["source"]) == ("Kjeld & Son", {}, None)
    [product] = parse_valid_products(tmp_path, SHOPIFY.format(""))
    assert product["brand"] is None


def test_a_long_vendor_is_truncated_and_kept_in_source(tmp_path: Path) -> None:
    vendor = "x" * 201
    [parsed] = parse_products(tmp_path, SHOPIFY.format(vendor))
    assert [(issue.column, issue.repaired) for issue in parsed.issues] == [("Vendor", True)]
    product = product_of(parsed)
    assert (product["brand"], product["source"]) == ("x" * 200, {"Vendor": vendor})


def test_woocommerce_brands_with_one_brand_is_the_brand(tmp_path: Path) -> None:
    product = parse_product(tmp_path, SIMPLE | {"Brands": "Kjeld &amp; Son\\, Aarhus"})
    assert (product["brand"], product["attributes"], product["source"]) == ("Kjeld & Son, Aarhus", {}, None)
    assert parse_product(tmp_path, SIMPLE)["brand"] is None


def test_of_several_woocommerce_brands_the_first_is_imported_and_all_are_kept_in_source(tmp_path: Path) -> None:
    parsed = parse_first(tmp_path, SIMPLE | {"Brands": "Acme, Bolt"})
    assert issues_of(parsed) == [(2, "Brands", "Acme, Bolt", True)]
    product = product_of(parsed)
    assert (product["brand"], product["source"]) == ("Acme", {"Brands": "Acme, Bolt"})


def test_an_attribute_called_brand_stays_an_attribute(tmp_path: Path) -> None:
    attribute = {"Attribute 1 name": "brand", "Attribute 1 value(s)": "Own"}
    [product] = parse_valid_products(tmp_path, csv_text(SIMPLE | {"Brands": "Acme"} | attribute))
    assert (product["brand"], product["attributes"]) == ("Acme", {"brand": "Own"})


def test_tradepost_csv_has_a_column_for_the_brand(tmp_path: Path) -> None:
    text = "product,name,brand,sku,price\na,Lamp,Kjeld & Son,A,1\nb,Lamp,,B,1\n"
    products = parse_valid_products(tmp_path, text)
    assert [product.get("brand") for product in products] == ["Kjeld & Son", None]
