"""The rows of the demo shop, in parts of 500 products: memory use does not depend on the count."""

import json
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any

from tradepost.kit.schema.money import exponent
from tradepost.kit.text.slugs import slugify
from tradepost.kit.text.words import normalize

from . import goods, pricing, products, stock, variants
from .products import DemoProduct
from .random_values import BEGIN, END, barcode, new_id, random_time, timestamp
from .variants import DemoVariant

type Row = tuple[Any, ...]
type Part = dict[str, list[Row]]
"""Rows by table."""

COMMON = ("id", "created_at", "updated_at")
PRODUCT = (
    "slug name description status attributes tags price_from_amount price_from_currency rating_count rating_sum"
    " category_id brand_id external_reference"
)
VARIANT = (
    "product_id position sku name options options_key price_amount price_currency compare_at_price_amount"
    " compare_at_price_currency weight_grams barcode attributes tax_class track_inventory allow_backorder"
    " low_stock_threshold requires_shipping withdrawal_excluded external_reference"
)
SHIPPING_METHOD = (
    "code name description countries price_amount price_currency free_from_amount free_from_currency min_weight_grams"
    " position active"
)
STOCK_MOVEMENT = "variant_id location_id kind on_hand_delta reserved_delta reason reference"
# Columns that are filled, referenced tables first. Other columns stay NULL.
COLUMNS = {
    "category": (*COMMON, "version", "slug", "name", "description", "position", "parent_id", "path"),
    "brand": (*COMMON, "version", "slug", "name", "description"),
    "tax_rate": (*COMMON, "version", "country", "tax_class", "percentage", "active"),
    "shipping_method": (*COMMON, "version", *SHIPPING_METHOD.split()),
    "product": (*COMMON, "version", *PRODUCT.split()),
    "variant": (*COMMON, "version", *VARIANT.split()),
    "stock_level": (*COMMON, "version", "variant_id", "location_id", "on_hand", "reserved", "backorder"),
    "stock_movement": (*COMMON, *STOCK_MOVEMENT.split()),
    "tag": (*COMMON, "slug"),
    "product_category": (*COMMON, "product_id", "category_id"),
    "product_tag": (*COMMON, "product_id", "tag_id"),
    "product_search": ("id", "name", "words"),
}
# Type numbers in ids (`__number__` of the models).
NUMBERS = {
    "category": 1, "product": 2, "variant": 3, "tag": 4, "brand": 6, "tax_rate": 20, "shipping_method": 21,
    "stock_level": 23, "stock_movement": 24,
    "product_category": 240, "product_tag": 241,
}  # fmt: skip
PART_SIZE = 500


def to_json(value: Any) -> str:
    """Return JSON as the database stores it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class DemoShop:
    """Generates the rows of a shop: always the same for the same arguments."""

    def __init__(self, count: int, seed: int, currency: str) -> None:
        self.count, self.rng, self.currency = count, Random(f"tradepost {seed}"), currency
        # Prices are generated in hundredths. A currency with fewer decimals uses them as they are.
        self.scale = 10 ** max(0, exponent(currency) - 2)
        self.goods = goods.read()
        self.names = [products.Names(kind, self.goods.materials) for kind in self.goods.kinds]
        self.products_of_kind = [0] * len(self.names)
        self.categories: dict[str, str] = {}
        self.brands: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.barcodes = 0
        # A generator of its own, so that the products of a seed do not depend on it.
        self.thresholds = Random(f"tradepost thresholds {seed}")
        self.stock = Random(f"tradepost stock {seed}")

    def parts(self) -> Iterator[Part]:
        """Generate all rows. No part refers to a later one."""
        part = self._empty()
        self._add_categories(part)
        self._add_brands(part)
        self._add_pricing(part)
        for i in range(self.count):
            self._add_product(part, i)
            if len(part["product"]) == PART_SIZE:
                yield part
                part = self._empty()
        yield part

    def _empty(self) -> Part:
        return {table: [] for table in COLUMNS}

    def _id(self, table: str, time: datetime) -> str:
        return new_id(self.rng, time, NUMBERS[table])

    def _add_categories(self, part: Part) -> None:
        """Add the category tree, created on the first day."""
        time = BEGIN.replace(microsecond=1)
        created = timestamp(time)
        paths: dict[str | None, str] = {None: ""}
        last_positions: dict[str | None, int] = {}
        for category in self.goods.categories:
            slug, parent = category.slug, category.parent
            id = self.categories[slug] = self._id("category", time)
            paths[slug] = path = f"{paths[parent]}{id}/"
            position = last_positions[parent] = last_positions.get(parent, -1) + 1
            parent_id = self.categories[parent] if parent else None
            part["category"].append(
                (id, created, created, 1, slug, category.name, category.description, position, parent_id, path)
            )

    def _add_brands(self, part: Part) -> None:
        """Add all brands, created on the first day."""
        # A generator of its own, so that the products of a seed do not depend on the brands.
        rng, time = Random("tradepost brands"), BEGIN.replace(microsecond=1)
        created = timestamp(time)
        for name in sorted({brand for kind in self.goods.kinds for brand in kind.brands}):
            id = self.brands[name] = new_id(rng, time, NUMBERS["brand"])
            part["brand"].append((id, created, created, 1, slugify(name, "brand"), name, ""))

    def _add_pricing(self, part: Part) -> None:
        """Add tax rates and shipping methods, created on the first day."""
        rng, time = Random("tradepost pricing"), BEGIN.replace(microsecond=1)
        created = timestamp(time)
        for rate in pricing.tax_rates():
            id = new_id(rng, time, NUMBERS["tax_rate"])
            part["tax_rate"].append((id, created, created, 1, *rate, True))
        for position, method in enumerate(pricing.METHODS, 1):
            id = new_id(rng, time, NUMBERS["shipping_method"])
            free_from = (None, None) if method.free_from is None else (method.free_from * self.scale, self.currency)
            prices = (method.price * self.scale, self.currency, *free_from)
            texts = (method.code, method.name, method.description, to_json(method.countries))
            part["shipping_method"].append((id, created, created, 1, *texts, *prices, 0, position, True))

    def _add_product(self, part: Part, i: int) -> None:
        """Add the i-th product with everything that belongs to it. Later products are newer."""
        rng, k = self.rng, int(self.rng.random() * len(self.names))
        time = random_time(rng, BEGIN + (END - BEGIN) * i / self.count, BEGIN + (END - BEGIN) * (i + 1) / self.count)
        n, self.products_of_kind[k] = self.products_of_kind[k], self.products_of_kind[k] + 1
        is_new = (END - time).days < 60
        product = products.compose(self.goods.kinds[k], self.names[k], n, rng, self.goods, is_new=is_new)
        id, reference = self._id("product", time), f"ERP-{100_000 + i}" if rng.random() < 0.4 else None
        product_variants = variants.compose(product, n + 1, rng)
        updated = random_time(rng, time, END) if rng.random() < 0.4 else time
        version = rng.randint(2, 6) if updated is not time else 1
        created, main = timestamp(time), None if rng.random() < 0.03 else self.categories[product.kind.category]
        description = " ".join(product.sentences)
        content = (product.slug, product.name, description, product.status)
        json_columns = (to_json(product.attributes), to_json(product.tags))
        price_from = min(variant.price for variant in product_variants) * self.scale
        rest = (price_from, self.currency, 0, 0, main, self.brands[product.brand], reference)
        part["product"].append((id, created, timestamp(updated), version, *content, *json_columns, *rest))
        self._add_variants(part, id, time, product, product_variants, reference)
        self._add_to_categories(part, id, time, main, product)
        self._add_tags(part, id, time, product.tags)
        words = normalize(product.name, *[variant.sku for variant in product_variants], *product.tags, description)
        part["product_search"].append((id, normalize(product.name), words))

    def _add_variants(
        self,
        part: Part,
        product_id: str,
        time: datetime,
        product: DemoProduct,
        product_variants: list[DemoVariant],
        reference: str | None,
    ) -> None:
        """Add the variants of a product, in the order of their options."""
        created = timestamp(time)
        has_barcodes, allow_backorder = self.rng.random() < 0.95, self.rng.random() < 0.06
        low_stock_threshold = self.thresholds.choice((2, 10, 20)) if self.thresholds.random() < 0.1 else None
        for position, variant in enumerate(product_variants):
            self.barcodes += 1
            former = variant.former_price and variant.former_price * self.scale
            options_key = json.dumps(variant.options, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            content = (product_id, position, variant.sku, variant.name, to_json(variant.options), options_key)
            prices = (variant.price * self.scale, self.currency, former, self.currency if former else None)
            # E-books are not shipped, and there is no withdrawal from them once they are delivered.
            is_tracked = variant.weight is not None
            rest = (
                variant.weight,
                barcode(self.barcodes) if has_barcodes and variant.weight else None,
                "{}",
                product.kind.tax,
                is_tracked,
                allow_backorder and is_tracked,
                low_stock_threshold if is_tracked else None,
                is_tracked,
                not is_tracked,
                reference and f"{reference}-{position + 1}",
            )
            id = self._id("variant", time)
            part["variant"].append((id, created, created, 1, *content, *prices, *rest))
            if is_tracked:
                self._add_stock(part, id, time, backorder=allow_backorder)

    def _add_stock(self, part: Part, variant_id: str, time: datetime, *, backorder: bool) -> None:
        """Add the first delivery of a variant. Some variants are sold out."""
        units, created = stock.units(self.stock), timestamp(time)
        if units:
            level, movement, delivery = [
                new_id(self.stock, time, NUMBERS[table])
                for table in ("stock_level", "stock_movement", "stock_movement")
            ]
            place = (variant_id, stock.MAIN_LOCATION)
            part["stock_level"].append((level, created, created, 1, *place, units, 0, backorder))
            step = ("receive", units, 0, "First delivery", delivery)
            part["stock_movement"].append((movement, created, created, *place, *step))

    def _add_to_categories(
        self, part: Part, product_id: str, time: datetime, main: str | None, product: DemoProduct
    ) -> None:
        """Add a product to its main category and, if it is a gift idea, perhaps to the gifts.

        Of the products without a main category, half are in no category.
        """
        category_ids = [main] if main else [self.categories[product.kind.category]] * (self.rng.random() < 0.5)
        if "gift-idea" in product.tags and self.rng.random() < 0.5:
            category_ids.append(self.categories["gifts"])
        created = timestamp(time)
        part["product_category"] += [
            (self._id("product_category", time), created, created, product_id, category_id)
            for category_id in category_ids
        ]

    def _add_tags(self, part: Part, product_id: str, time: datetime, tags: list[str]) -> None:
        """Add the tags of a product. A tag is created with the first product that has it."""
        created = timestamp(time)
        for tag in tags:
            if tag not in self.tags:
                self.tags[tag] = self._id("tag", time)
                part["tag"].append((self.tags[tag], created, created, tag))
            part["product_tag"].append((self._id("product_tag", time), created, created, product_id, self.tags[tag]))
