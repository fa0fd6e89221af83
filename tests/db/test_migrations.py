"""The migrations can be undone, agree with the models, and keep the search index up to date."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from tests.db.conftest import run, sqlite_url
from tradepost.migrations import head, runner

pytestmark = pytest.mark.anyio

ID = "01890a5d-ac96-774b-bcce-b302099a8002"
TIMES = "'2026-01-01T00:00:00.000001Z', '2026-01-01T00:00:00.000001Z'"
PRODUCT = f"""INSERT INTO product (
        id, created_at, updated_at, version, slug, name, description, status, attributes, tags, rating_count, rating_sum
    ) VALUES ('{ID}', {TIMES}, 1, 'lamp', 'Lamp', '', 'active', '{{}}', '[]', 0, 0)"""

OTHER_ID = ID.replace("8002", "8003")


def insert(table: str, id: str, **values: object) -> str:
    """Return the statement that inserts a row."""
    texts = [str(value).lower() if isinstance(value, bool) else repr(value) for value in values.values()]
    columns = ", ".join(["id", "created_at", "updated_at", *values])
    return f"INSERT INTO \"{table}\" ({columns}) VALUES ('{id}', {TIMES}, {', '.join(texts)})"


def variant(id: str, **values: object) -> str:
    """Return the statement that inserts a variant of PRODUCT."""
    texts = {"product_id": ID, "sku": id, "name": "", "options": "{}", "options_key": id, "attributes": "{}"}
    prices = {"price_amount": 1, "price_currency": "EUR", "tax_class": "standard"}
    counts = {"version": 1, "position": 0, "track_inventory": True, "allow_backorder": False, "requires_shipping": True}
    return insert("variant", id, **texts, **prices, **counts, **values)


def order(id: str, number: str) -> str:
    """Return the statement that inserts a completed order."""
    amounts = ("subtotal", "discount_total", "shipping_total", "tax_total", "grand_total", "cancelled_total")
    zeros = {f"{name}_amount": 0 for name in (*amounts, "authorized", "captured", "refunded")}
    statuses = {"status": "completed", "payment_status": "paid", "fulfilment_status": "fulfilled"}
    texts = {
        "number": number,
        "cart_id": id,
        "email": "kim@shop.example",
        "locale": "en",
        "currency": "EUR",
        "note": "",
    }
    values = {"tax_lines": "[]", "promotions": "[]", "payment_methods": "[]", "attributes": "{}"}
    placed = {"version": 1, "prices_include_tax": True, "placed_at": "2026-01-01T00:00:00.000001Z"}
    return insert("order", id, **texts, **statuses, **zeros, **values, **placed)


def order_line(id: str, variant_id: str, position: int) -> str:
    """Return the statement that inserts a line of the order with the id ID."""
    zeros = {f"{name}_amount": 0 for name in ("unit_price", "discount", "tax", "total")}
    texts = {"sku": "L", "product_name": "Lamp", "variant_name": "", "options": "{}", "currency": "EUR"}
    counts = {"quantity": 1, "tax_percentage": 0, "shipped": 1, "cancelled": 0, "returned": 0, "version": 1}
    place = {"order_id": ID, "variant_id": variant_id, "position": position, "requires_shipping": True}
    return insert("order_line", id, **place, **texts, **counts, **zeros)


def delivery(id: str, type: str, day: int) -> str:
    """Return the statement that inserts a timeline entry of the order with the id ID."""
    entry = insert("order_event", id, order_id=ID, type=type, actor="staff", data="{}")
    return entry.replace("2026-01-01", f"2026-01-0{day}")


async def matches(url: str, prefix: str, column: str = "words") -> bool:
    """Whether the search index has a word with this prefix."""
    if url.startswith("sqlite"):
        condition = f"product_search_fts MATCH '{column} : (\"{prefix}\"*)'"
        return bool(await run(url, f"SELECT rowid FROM product_search_fts WHERE {condition}"))
    condition = f"{column}_vector @@ CAST('''{prefix}'':*' AS tsquery)"
    return bool(await run(url, f"SELECT seq FROM product_search WHERE {condition}"))


def test_after_up_down_and_up_the_tables_agree_with_the_models(empty_url: str) -> None:
    runner.upgrade(empty_url)
    assert runner.drift(empty_url) == []
    runner.downgrade(empty_url, "base")
    assert any("category" in change for change in runner.drift(empty_url))
    runner.upgrade(empty_url)
    assert runner.drift(empty_url) == []


async def test_a_downgrade_to_base_leaves_no_table(empty_url: str) -> None:
    runner.upgrade(empty_url)
    runner.downgrade(empty_url, "base")
    tables = (
        "SELECT name FROM sqlite_master"
        if empty_url.startswith("sqlite")
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    assert [name for (name,) in await run(empty_url, tables) if "alembic_version" not in name] == []


async def test_is_at_head_is_false_before_the_upgrade_and_true_after_it(empty_url: str) -> None:
    engine = create_async_engine(empty_url, poolclass=NullPool)
    before = await head.is_at_head(engine)
    runner.upgrade(empty_url)
    assert (before, await head.is_at_head(engine)) == (False, True)
    await engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "DROP INDEX product_name",
        "ALTER TABLE tag ADD COLUMN colour VARCHAR",
        "CREATE TABLE stray (id INTEGER PRIMARY KEY)",
    ],
)
async def test_drift_finds_a_change_that_no_migration_made(migrated_url: str, change: str) -> None:
    await run(migrated_url, change)
    assert len(runner.drift(migrated_url)) == 1


async def test_the_search_index_follows_its_rows(migrated_url: str) -> None:
    await run(
        migrated_url,
        PRODUCT,
        f"INSERT INTO product_search (id, name, words) VALUES ('{ID}', 'oak lamp', 'oak lamp bedside')",
    )
    assert [
        await matches(migrated_url, "oa"),
        await matches(migrated_url, "bedside", "name"),
        await matches(migrated_url, "ak"),
    ] == [True, False, False]
    await run(migrated_url, "UPDATE product_search SET name = 'brass lamp', words = 'brass lamp'")
    assert [await matches(migrated_url, "oak"), await matches(migrated_url, "bra", "name")] == [False, True]
    await run(migrated_url, f"DELETE FROM product WHERE id = '{ID}'")
    assert not await matches(migrated_url, "brass")


async def test_the_database_refuses_to_delete_the_brand_of_a_product(migrated_url: str) -> None:
    brand = f"INSERT INTO brand VALUES ('{ID}', {TIMES}, 1, 'kjeld', 'Kjeld', '')"
    await run(migrated_url, brand, PRODUCT, f"UPDATE product SET brand_id = '{ID}'")
    with pytest.raises(IntegrityError):
        await run(migrated_url, "DELETE FROM brand")
    await run(migrated_url, "DELETE FROM product", "DELETE FROM brand")
    assert await run(migrated_url, "SELECT count(*) FROM brand") == [(0,)]


@pytest.mark.parametrize(
    ("source", "is_shipped"),
    [
        ("NULL", True),
        ('\'{"Variant Requires Shipping": "FALSE"}\'', False),
        ('\'{"Requires shipping": "false"}\'', False),
        ('\'{"Variant Requires Shipping": "perhaps"}\'', True),
    ],
)
async def test_variants_imported_without_shipping_are_not_shipped(
    empty_url: str, source: str, is_shipped: bool
) -> None:
    runner.upgrade(empty_url, "0010")
    variant = f"""INSERT INTO variant (
        id, created_at, updated_at, version, product_id, position, sku, name, options, options_key, price_amount,
        price_currency, attributes, tax_class, track_inventory, allow_backorder, source
    ) VALUES ('{ID}', {TIMES}, 1, '{ID}', 0, 'L', '', '{{}}', '{{}}', 1, 'EUR', '{{}}', 'standard', true, false,
        {source})"""
    await run(empty_url, PRODUCT, variant)
    runner.upgrade(empty_url)
    assert await run(empty_url, "SELECT requires_shipping, withdrawal_excluded FROM variant") == [(is_shipped, False)]


async def test_orders_get_the_time_of_their_delivery_and_the_exclusions_of_their_variants(empty_url: str) -> None:
    runner.upgrade(empty_url, "0016b")
    await run(
        empty_url,
        PRODUCT,
        variant(ID, withdrawal_excluded=True),
        variant(OTHER_ID, withdrawal_excluded=False),
        order(ID, "1001"),
        order(OTHER_ID, "1002"),
        order_line(ID, ID, 0),
        order_line(OTHER_ID, OTHER_ID, 1),
        delivery(ID, "fulfilment_delivered", 3),
        delivery(OTHER_ID, "units_delivered", 2),
    )
    runner.upgrade(empty_url)
    times = await run(empty_url, 'SELECT CAST(delivered_at AS VARCHAR) FROM "order" ORDER BY number')
    assert [time and time[:10] for (time,) in times] == ["2026-01-03", None]
    lines = await run(empty_url, "SELECT withdrawal_excluded FROM order_line ORDER BY position")
    assert [bool(excluded) for (excluded,) in lines] == [True, False]


@pytest.mark.parametrize("words", ["", " ", "two  spaces", "x" * 300])
async def test_the_search_index_accepts_any_words(migrated_url: str, words: str) -> None:
    await run(migrated_url, PRODUCT, f"INSERT INTO product_search (id, name, words) VALUES ('{ID}', '', '{words}')")
    assert [await matches(migrated_url, word) for word in words.split()] == [True] * len(words.split())


@pytest.mark.parametrize("word", ["ελιας", "ᦰᦱ", "𞤀𞤁", "лампа", "灯"])
async def test_words_of_any_script_are_indexed_whole(migrated_url: str, word: str) -> None:
    await run(
        migrated_url, PRODUCT, f"INSERT INTO product_search (id, name, words) VALUES ('{ID}', 'a{word}b', 'a{word}b')"
    )
    assert [await matches(migrated_url, f"a{word}"), await matches(migrated_url, "b")] == [True, False]


def test_an_upgrade_that_leaves_orphaned_rows_fails(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute(f"INSERT INTO product_search (id, name, words) VALUES ('{ID}', '', '')")
        connection.commit()
    with pytest.raises(RuntimeError, match="a row of `product_search` that refers to a missing row of `product`"):
        runner.upgrade(url)


def test_head_revision_is_the_one_that_alembic_finds() -> None:
    config = Config(toml_file=head.project_root() / "pyproject.toml")
    assert head.head_revision() == ScriptDirectory.from_config(config).get_current_head()


async def test_the_quantities_of_earlier_imports_become_receipts_at_the_location_main(empty_url: str) -> None:
    runner.upgrade(empty_url, "0011")
    variants = (("a", "7", "true", "false"), ("b", "0", "true", "true"), ("c", "NULL", "true", "false"))
    variants += (("d", "-2", "true", "true"), ("e", "4", "false", "false"), ("f", "3", "true", "true"))
    inserts = [
        f"""INSERT INTO variant (
            id, created_at, updated_at, version, product_id, position, sku, name, options, options_key, price_amount,
            price_currency, attributes, tax_class, track_inventory, allow_backorder, imported_quantity
        ) VALUES ('01890a5d-ac96-774b-bcce-b302099a{n:02d}03', {TIMES}, 1, '{ID}', 0, '{sku}', '', '{{}}', '{sku}', 1,
            'EUR', '{{}}', 'standard', {tracked}, {backorder}, {quantity})"""
        for n, (sku, quantity, tracked, backorder) in enumerate(variants)
    ]
    await run(empty_url, PRODUCT, *inserts)
    runner.upgrade(empty_url)
    levels = await run(
        empty_url,
        "SELECT sku, on_hand, reserved, backorder, code FROM stock_level"
        " JOIN variant ON variant.id = variant_id JOIN stock_location ON stock_location.id = location_id ORDER BY sku",
    )
    assert levels == [("a", 7, 0, False, "main"), ("f", 3, 0, True, "main")]
    movements = await run(
        empty_url,
        "SELECT sku, kind, on_hand_delta, reserved_delta, reference FROM stock_movement"
        " JOIN variant ON variant.id = variant_id ORDER BY sku",
    )
    assert movements == [("a", "receive", 7, 0, "import"), ("f", "receive", 3, 0, "import")]


@pytest.mark.parametrize("has_order", [False, True])
async def test_a_shop_with_orders_has_used_the_pricing_that_it_has(empty_url: str, has_order: bool) -> None:
    runner.upgrade(empty_url, "0015")
    rate = f"""INSERT INTO tax_rate (id, created_at, updated_at, version, country, tax_class, percentage, active)
        VALUES ('{ID}', {TIMES}, 1, 'DE', 'standard', 190000, true)"""
    method = f"""INSERT INTO shipping_method (
        id, created_at, updated_at, version, code, name, description, countries, price_amount, price_currency,
        min_weight_grams, position, active
    ) VALUES ('{ID}', {TIMES}, 1, 'standard', 'Standard', '', '[]', 490, 'EUR', 0, 0, true)"""
    order = f"""INSERT INTO "order" (
        id, created_at, updated_at, placed_at, version, number, cart_id, email, locale, currency, status,
        payment_status, fulfilment_status, subtotal_amount, discount_total_amount, shipping_total_amount,
        tax_total_amount, grand_total_amount, cancelled_total_amount, authorized_amount, captured_amount,
        refunded_amount, prices_include_tax, tax_lines, promotions, payment_methods, note, attributes
    ) VALUES ('{ID}', {TIMES}, '2026-01-01T00:00:00.000001Z', 1, '1001', '{ID}', 'kim@shop.example', 'en', 'EUR',
        'cancelled', 'unpaid', 'unfulfilled', 0, 0, 0, 0, 0, 0, 0, 0, 0, true, '[]', '[]', '[]', '', '{{}}')"""
    await run(empty_url, rate, method, *([order] if has_order else []))
    runner.upgrade(empty_url)
    for table in ("tax_rate", "shipping_method"):
        assert await run(empty_url, f"SELECT used FROM {table}") == [(has_order,)]
