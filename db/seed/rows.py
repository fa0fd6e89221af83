"""The demo shop as rows, in parts of a few hundred products, so that a large shop needs no more memory than a small one."""

import json
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any

from tradepost.kit.schema.money import exponent
from tradepost.kit.text.words import normalize

from . import goods, products, variants
from .chance import BEGIN, END, barcode, moment, new_id, written

type Row = tuple[Any, ...]
type Part = dict[str, list[Row]]

START = ("id", "created_at", "updated_at")
PRODUCT = "slug name description status attributes tags price_from_amount price_from_currency rating_count rating_sum category_id external_reference"
VARIANT = (
    "product_id position sku name options options_key price_amount price_currency compare_at_price_amount compare_at_price_currency"
    " weight_grams barcode attributes tax_class track_inventory allow_backorder external_reference"
)
# Columns of each table, referred tables first; a column that is not here stays empty.
COLUMNS = {
    "category": (*START, "version", "slug", "name", "description", "position", "parent_id", "path"),
    "product": (*START, "version", *PRODUCT.split()),
    "variant": (*START, "version", *VARIANT.split()),
    "tag": (*START, "slug"),
    "product_category": (*START, "product_id", "category_id"),
    "product_tag": (*START, "product_id", "tag_id"),
    "product_search": ("id", "name", "words"),
}
NUMBERS = {"category": 1, "product": 2, "variant": 3, "tag": 4, "product_category": 240, "product_tag": 241}
PART = 500


def compact(value: Any) -> str:
    """JSON as the shop stores it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Shop:
    """Makes the rows of a shop of so many products, always the same ones."""

    def __init__(self, count: int, seed: int, currency: str) -> None:
        self.count, self.chance, self.currency = count, Random(f"tradepost {seed}"), currency
        # Prices are thought of in hundredths; a currency without decimals takes them as they are.
        self.scale = 10 ** max(0, exponent(currency) - 2)
        self.goods = goods.read()
        self.names = [products.Names(kind, self.goods.materials) for kind in self.goods.kinds]
        self.made = [0] * len(self.names)
        self.categories: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.barcodes = 0

    def parts(self) -> Iterator[Part]:
        """All rows; a part refers to no later one."""
        part = self._empty()
        self._put_categories(part)
        for i in range(self.count):
            self._put_product(part, i)
            if len(part["product"]) == PART:
                yield part
                part = self._empty()
        yield part

    def _empty(self) -> Part:
        return {table: [] for table in COLUMNS}

    def _id(self, table: str, at: datetime) -> str:
        return new_id(self.chance, at, NUMBERS[table])

    def _put_categories(self, part: Part) -> None:
        """The tree, made on the shop's first day."""
        at = BEGIN.replace(microsecond=1)
        paths: dict[str | None, str] = {None: ""}
        children: dict[str | None, int] = {}
        for place in self.goods.places:
            id = self.categories[place.slug] = self._id("category", at)
            paths[place.slug] = path = f"{paths[place.parent]}{id}/"
            position = children[place.parent] = children.get(place.parent, -1) + 1
            parent = self.categories[place.parent] if place.parent else None
            part["category"].append(
                (id, written(at), written(at), 1, place.slug, place.name, place.description, position, parent, path)
            )

    def _put_product(self, part: Part, i: int) -> None:
        """The i-th product with all that belongs to it; later ones are younger."""
        chance, k = self.chance, int(self.chance.random() * len(self.names))
        at = moment(chance, BEGIN + (END - BEGIN) * i / self.count, BEGIN + (END - BEGIN) * (i + 1) / self.count)
        n, self.made[k] = self.made[k], self.made[k] + 1
        draft = products.draft(self.goods.kinds[k], self.names[k], n, chance, self.goods, fresh=(END - at).days < 60)
        id, external = self._id("product", at), f"ERP-{100_000 + i}" if chance.random() < 0.4 else None
        forms = variants.choices(draft, n + 1, chance)
        changed = moment(chance, at, END) if chance.random() < 0.4 else at
        version = chance.randint(2, 6) if changed is not at else 1
        born, main = written(at), None if chance.random() < 0.03 else self.categories[draft.kind.category]
        description = " ".join(draft.sentences)
        described = (draft.slug, draft.name, description, draft.status, compact(draft.attributes), compact(draft.tags))
        cheapest = min(form.price for form in forms) * self.scale
        part["product"].append(
            (id, born, written(changed), version, *described, cheapest, self.currency, 0, 0, main, external)
        )
        self._put_variants(part, id, at, born, draft, forms, external)
        self._put_places(part, id, at, born, main, draft)
        self._put_tags(part, id, at, born, draft.tags)
        part["product_search"].append(
            (id, normalize(draft.name), normalize(draft.name, *[form.sku for form in forms], *draft.tags, description))
        )

    def _put_variants(
        self,
        part: Part,
        product: str,
        at: datetime,
        born: str,
        draft: products.Draft,
        forms: list[variants.Choice],
        external: str | None,
    ) -> None:
        """Its variants, in the order of their options."""
        coded, backorder = self.chance.random() < 0.95, self.chance.random() < 0.06
        for position, form in enumerate(forms):
            self.barcodes += 1
            before = form.price_before and form.price_before * self.scale
            key = json.dumps(form.options, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            told = (product, position, form.sku, form.name, compact(form.options), key)
            money = (form.price * self.scale, self.currency, before, self.currency if before else None)
            bar, tracked = barcode(self.barcodes) if coded and form.weight else None, form.weight is not None
            rest = (
                form.weight,
                bar,
                "{}",
                draft.kind.tax,
                tracked,
                backorder and tracked,
                external and f"{external}-{position + 1}",
            )
            part["variant"].append((self._id("variant", at), born, born, 1, *told, *money, *rest))

    def _put_places(
        self, part: Part, product: str, at: datetime, born: str, main: str | None, draft: products.Draft
    ) -> None:
        """Its categories: the main one, and sometimes the gifts. Of products without a main one half stand nowhere at all."""
        places = [main] if main else [self.categories[draft.kind.category]] * (self.chance.random() < 0.5)
        if "gift-idea" in draft.tags and self.chance.random() < 0.5:
            places.append(self.categories["gifts"])
        part["product_category"] += [(self._id("product_category", at), born, born, product, place) for place in places]

    def _put_tags(self, part: Part, product: str, at: datetime, born: str, tags: list[str]) -> None:
        """Its tags; a tag comes into being with the first product that has it."""
        for tag in tags:
            if tag not in self.tags:
                self.tags[tag] = self._id("tag", at)
                part["tag"].append((self.tags[tag], born, born, tag))
            part["product_tag"].append((self._id("product_tag", at), born, born, product, self.tags[tag]))
