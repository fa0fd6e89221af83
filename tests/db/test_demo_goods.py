"""The demo data is consistent and realistic."""

import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from tests.db.conftest import sqlite_url
from tradepost.kit.ids import type_number
from tradepost.kit.text.words import normalize

pytestmark = pytest.mark.anyio

type Shop = sqlite3.Connection


@pytest.fixture(scope="module")
async def shop(
    demo: ModuleType, anyio_backend: object, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    """A shop of 400 products."""
    folder: Path = tmp_path_factory.mktemp("demo")
    await demo.seed(sqlite_url(folder), 400)
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def count(shop: Shop, condition: str) -> int:
    """Return the number of rows of `SELECT ... FROM {condition}`."""
    return int(shop.execute(f"SELECT count(*) FROM {condition}").fetchone()[0])


def test_every_id_contains_its_type_number_and_every_row_its_times(demo: ModuleType, shop: Shop) -> None:
    for table, number in demo.rows.NUMBERS.items():
        for id, created, updated in shop.execute(f"SELECT id, created_at, updated_at FROM {table}"):
            assert (id[14], type_number(id), id[19] in "89ab") == ("7", number, True)
            assert "2024-10-01" <= created <= updated < "2026-10-01"
            assert not created.endswith(".000000Z")
            assert len(created) == len(updated) == 27


def test_ids_of_products_sort_by_time(shop: Shop) -> None:
    order = [row["created_at"] for row in shop.execute("SELECT created_at FROM product ORDER BY id")]
    assert order == sorted(order)


def test_no_text_is_empty_or_has_a_placeholder(shop: Shop) -> None:
    texts = [
        "SELECT name, slug, description FROM category",
        "SELECT name, slug, description FROM product",
        "SELECT name, sku FROM variant",
    ]
    for text in [text for statement in texts for row in shop.execute(statement) for text in row]:
        assert text == " ".join(text.split())
        assert text
        assert "{" not in text


def test_descriptions_have_two_to_four_sentences(shop: Shop) -> None:
    for (description,) in shop.execute("SELECT description FROM product"):
        assert 2 <= description.count(".") <= 5
        assert description.endswith(".")


def test_names_and_slugs_are_unique(shop: Shop) -> None:
    distinct = [count(shop, f"(SELECT DISTINCT {column} FROM product)") for column in ("name", "slug")]
    assert distinct == [count(shop, "product")] * 2
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", slug) for (slug,) in shop.execute("SELECT slug FROM product"))


def test_generated_names_never_repeat(demo: ModuleType) -> None:
    goods = demo.rows.goods.read()
    generated = [
        names.nth(n)["name"]
        for kind in goods.kinds
        for names in [demo.rows.products.Names(kind, goods.materials)]
        for n in range(0, 6000, 3)
    ]
    assert len(generated) == len(set(generated))


def test_every_value_of_an_option_has_its_own_code(demo: ModuleType) -> None:
    kinds = demo.rows.goods.read().kinds
    assert len({kind.code for kind in kinds}) == len(kinds)
    for values in [values for kind in kinds for values in kind.options.values()]:
        codes = [demo.rows.variants.code(value) for value in values]
        assert len(set(codes)) == len(codes)
        assert all(codes)


def test_barcodes_are_in_the_internal_range_with_a_valid_check_digit(shop: Shop) -> None:
    codes = [row["barcode"] for row in shop.execute("SELECT barcode FROM variant WHERE barcode IS NOT NULL")]
    assert len(set(codes)) == len(codes) > 0
    for code in codes:
        assert len(code) == 13
        assert code[0] == "2"
        assert sum(int(digit) * (1, 3)[i % 2] for i, digit in enumerate(code)) % 10 == 0


def test_prices_have_usual_endings_and_price_from_is_the_lowest(shop: Shop) -> None:
    unusual = "price_amount % 100 NOT IN (0, 90, 95) OR price_amount <= 0 OR price_currency <> 'EUR'"
    assert count(shop, f"variant WHERE {unusual}") == 0
    assert count(shop, "variant WHERE compare_at_price_amount <= price_amount") == 0
    assert count(shop, "variant WHERE compare_at_price_amount > 0") > 0
    lowest = "SELECT min(price_amount) FROM variant WHERE product_id = p.id"
    assert count(shop, f"product p WHERE price_from_amount IS NOT ({lowest})") == 0


def test_products_have_one_to_twelve_variants_with_canonical_option_keys(shop: Shop) -> None:
    sizes = [
        row[0] for row in shop.execute("SELECT (SELECT count(*) FROM variant WHERE product_id = p.id) FROM product p")
    ]
    assert (min(sizes), max(sizes)) == (1, 12)
    for options, key in shop.execute("SELECT options, options_key FROM variant"):
        assert key == json.dumps(json.loads(options), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_categories_are_a_tree_and_products_are_in_their_main_category(shop: Shop) -> None:
    for row in shop.execute(
        "SELECT c.id, c.path, c.parent_id, p.path AS above FROM category c LEFT JOIN category p ON p.id = c.parent_id"
    ):
        assert row["path"] == f"{row['above'] or ''}{row['id']}/"
    assert {path.count("/") for (path,) in shop.execute("SELECT path FROM category")} == {1, 2, 3}
    places = "SELECT 1 FROM product_category WHERE product_id = p.id AND category_id = p.category_id"
    assert count(shop, f"product p WHERE category_id IS NOT NULL AND NOT EXISTS ({places})") == 0
    assert 0 < count(shop, "product WHERE category_id IS NULL") < 40


def test_every_product_has_a_brand_which_its_name_begins_with_if_it_names_one(demo: ModuleType, shop: Shop) -> None:
    assert count(shop, "product WHERE brand_id IS NULL") == 0
    brands = {brand for kind in demo.rows.goods.read().kinds for brand in kind.brands}
    assert {name for (name,) in shop.execute("SELECT name FROM brand")} == brands
    for name, brand in shop.execute("SELECT p.name, b.name FROM product p JOIN brand b ON b.id = p.brand_id"):
        assert name.startswith(brand) or not name.startswith(tuple(brands))
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", slug) for (slug,) in shop.execute("SELECT slug FROM brand"))


def test_both_copies_of_the_tags_agree(shop: Shop) -> None:
    for id, tags in shop.execute("SELECT id, tags FROM product"):
        slugs = (
            "SELECT t.slug FROM product_tag pt JOIN tag t ON t.id = pt.tag_id WHERE product_id = ? ORDER BY pt.rowid"
        )
        assert [slug for (slug,) in shop.execute(slugs, [id])] == json.loads(tags)
    assert count(shop, "tag WHERE id NOT IN (SELECT tag_id FROM product_tag)") == 0


def test_statuses_and_references_are_mixed(shop: Shop) -> None:
    counts = dict(shop.execute("SELECT status, count(*) FROM product GROUP BY status").fetchall())
    assert counts["active"] > 340
    assert counts["draft"] > counts["archived"] > 0
    assert 100 < count(shop, "product WHERE external_reference IS NOT NULL") < 220
    assert count(shop, "variant WHERE weight_grams IS NULL AND track_inventory") == 0


def test_the_search_index_has_the_words_of_every_product(shop: Shop) -> None:
    shop.execute("INSERT INTO product_search_fts(product_search_fts) VALUES ('integrity-check')")
    rows = "SELECT p.id, p.name, p.description, p.tags, s.name AS indexed_name, s.words FROM product p"
    for row in shop.execute(f"{rows} JOIN product_search s USING (id)"):
        variants = shop.execute("SELECT sku FROM variant WHERE product_id = ? ORDER BY position", [row["id"]])
        skus = [sku for (sku,) in variants]
        assert row["indexed_name"] == normalize(row["name"])
        assert row["words"] == normalize(row["name"], *skus, *json.loads(row["tags"]), row["description"])
    matches = count(shop, 'product_search_fts WHERE product_search_fts MATCH \'words : ("lam"* AND "oak"*)\'')
    assert matches == count(shop, "product_search WHERE ' ' || words LIKE '% lam%' AND ' ' || words LIKE '% oak%'") > 0


def test_the_tables_are_analyzed(shop: Shop) -> None:
    assert count(shop, "sqlite_stat1 WHERE tbl = 'product'") > 5
