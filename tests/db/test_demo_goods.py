"""What stands in the demo shop holds together as a real shop's goods would."""

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
async def shop(demo: ModuleType, anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop of 400 products."""
    folder: Path = tmp_path_factory.mktemp("demo")
    await demo.seed(sqlite_url(folder), 400)
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def count(shop: Shop, condition: str) -> int:
    """How many rows `FROM ...` has."""
    return int(shop.execute(f"SELECT count(*) FROM {condition}").fetchone()[0])


def test_every_id_names_its_kind_and_its_time(demo: ModuleType, shop: Shop) -> None:
    for table, number in demo.rows.NUMBERS.items():
        for id, created, updated in shop.execute(f"SELECT id, created_at, updated_at FROM {table}"):
            assert (id[14], type_number(id), id[19] in "89ab") == ("7", number, True)
            assert "2024-10-01" <= created <= updated < "2026-10-01"
            assert not created.endswith(".000000Z")
            assert len(created) == len(updated) == 27


def test_ids_of_products_sort_by_time(shop: Shop) -> None:
    order = [row["created_at"] for row in shop.execute("SELECT created_at FROM product ORDER BY id")]
    assert order == sorted(order)


def test_no_text_is_empty_or_unfinished(shop: Shop) -> None:
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


def test_names_and_slugs_are_unlike(shop: Shop) -> None:
    assert (
        count(shop, "product")
        == count(shop, "(SELECT DISTINCT name FROM product)")
        == count(shop, "(SELECT DISTINCT slug FROM product)")
    )
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", slug) for (slug,) in shop.execute("SELECT slug FROM product"))


def test_names_never_repeat(demo: ModuleType) -> None:
    goods = demo.rows.goods.read()
    made = [
        names.nth(n)["name"]
        for kind in goods.kinds
        for names in [demo.rows.products.Names(kind, goods.materials)]
        for n in range(0, 6000, 3)
    ]
    assert len(made) == len(set(made))


def test_values_of_an_option_have_codes_of_their_own(demo: ModuleType) -> None:
    kinds = demo.rows.goods.read().kinds
    assert len({kind.code for kind in kinds}) == len(kinds)
    for values in [values for kind in kinds for values in kind.options.values()]:
        codes = [demo.rows.variants.code(value) for value in values]
        assert len(set(codes)) == len(codes)
        assert all(codes)


def test_barcodes_are_internal_and_right(shop: Shop) -> None:
    codes = [row["barcode"] for row in shop.execute("SELECT barcode FROM variant WHERE barcode IS NOT NULL")]
    assert len(set(codes)) == len(codes) > 0
    for code in codes:
        assert len(code) == 13
        assert code[0] == "2"
        assert sum(int(digit) * (1, 3)[i % 2] for i, digit in enumerate(code)) % 10 == 0


def test_prices_end_as_shop_prices_do_and_start_at_the_cheapest(shop: Shop) -> None:
    assert (
        count(
            shop, "variant WHERE price_amount % 100 NOT IN (0, 90, 95) OR price_amount <= 0 OR price_currency <> 'EUR'"
        )
        == 0
    )
    assert count(shop, "variant WHERE compare_at_price_amount <= price_amount") == 0
    assert count(shop, "variant WHERE compare_at_price_amount > 0") > 0
    assert (
        count(
            shop,
            "product p WHERE price_from_amount IS NOT (SELECT min(price_amount) FROM variant WHERE product_id = p.id)",
        )
        == 0
    )


def test_variants_are_one_to_twelve_and_unlike(shop: Shop) -> None:
    sizes = [
        row[0] for row in shop.execute("SELECT (SELECT count(*) FROM variant WHERE product_id = p.id) FROM product p")
    ]
    assert (min(sizes), max(sizes)) == (1, 12)
    for options, key in shop.execute("SELECT options, options_key FROM variant"):
        assert key == json.dumps(json.loads(options), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_categories_are_a_tree_and_contain_the_main_one(shop: Shop) -> None:
    for row in shop.execute(
        "SELECT c.id, c.path, c.parent_id, p.path AS above FROM category c LEFT JOIN category p ON p.id = c.parent_id"
    ):
        assert row["path"] == f"{row['above'] or ''}{row['id']}/"
    assert {path.count("/") for (path,) in shop.execute("SELECT path FROM category")} == {1, 2, 3}
    places = "SELECT 1 FROM product_category WHERE product_id = p.id AND category_id = p.category_id"
    assert count(shop, f"product p WHERE category_id IS NOT NULL AND NOT EXISTS ({places})") == 0
    assert 0 < count(shop, "product WHERE category_id IS NULL") < 40


def test_tags_are_kept_twice_alike(shop: Shop) -> None:
    for id, tags in shop.execute("SELECT id, tags FROM product"):
        rows = [
            row[0]
            for row in shop.execute(
                "SELECT t.slug FROM product_tag pt JOIN tag t ON t.id = pt.tag_id WHERE product_id = ? ORDER BY pt.rowid",
                [id],
            )
        ]
        assert rows == json.loads(tags)
    assert count(shop, "tag WHERE id NOT IN (SELECT tag_id FROM product_tag)") == 0


def test_statuses_and_references_are_mixed(shop: Shop) -> None:
    found = dict(shop.execute("SELECT status, count(*) FROM product GROUP BY status").fetchall())
    assert found["active"] > 340
    assert found["draft"] > found["archived"] > 0
    assert 100 < count(shop, "product WHERE external_reference IS NOT NULL") < 220
    assert count(shop, "variant WHERE weight_grams IS NULL AND track_inventory") == 0


def test_search_finds_every_product_by_its_words(shop: Shop) -> None:
    shop.execute("INSERT INTO product_search_fts(product_search_fts) VALUES ('integrity-check')")
    for row in shop.execute(
        "SELECT p.id, p.name, p.description, p.tags, s.name AS plain, s.words FROM product p JOIN product_search s USING (id)"
    ):
        skus = [
            sku
            for (sku,) in shop.execute("SELECT sku FROM variant WHERE product_id = ? ORDER BY position", [row["id"]])
        ]
        assert row["plain"] == normalize(row["name"])
        assert row["words"] == normalize(row["name"], *skus, *json.loads(row["tags"]), row["description"])
    found = shop.execute(
        'SELECT count(*) FROM product_search_fts WHERE product_search_fts MATCH \'words : ("lam"* AND "oak"*)\''
    ).fetchone()[0]
    assert found == count(shop, "product_search WHERE ' ' || words LIKE '% lam%' AND ' ' || words LIKE '% oak%'") > 0


def test_the_planner_knows_the_tables(shop: Shop) -> None:
    assert count(shop, "sqlite_stat1 WHERE tbl = 'product'") > 5
