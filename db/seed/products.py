"""Demo products: name, description, tags and price, composed from the parts of a kind."""

import re
import unicodedata
from functools import cached_property
from random import Random
from typing import Any

import msgspec

from .goods import Goods, Kind, Material
from .random_values import nth_combination, shop_price

PRICE_ENDINGS = (0, 90, 95)
STATUSES = ("draft",) * 6 + ("archived",) * 2 + ("active",) * 92


class Names:
    """The distinct names of the products of a kind."""

    def __init__(self, kind: Kind, materials: dict[str, Material]) -> None:
        words = {"brand": kind.brands, "series": kind.series, "material": kind.materials, **kind.words}
        self.kind, self.materials = kind, materials
        self.slots = [slot for slot in re.findall(r"{(\w+)}", kind.pattern) if slot in words]
        self.words = tuple([words[slot] for slot in self.slots])

    def nth(self, n: int) -> dict[str, str]:
        """Return the words of the n-th product by slot, and its `name`."""
        round_number, combination = nth_combination(self.words, n)
        words = dict(zip(self.slots, combination, strict=True)) | {"noun": self.kind.noun}
        suffix = self.kind.repeat_suffix.format(n=round_number) if round_number > 1 else ""
        material = self.materials[words["material"]].name if "material" in words else ""
        return words | {"name": self.kind.pattern.format_map(words | {"repeat_suffix": suffix, "material": material})}


class DemoProduct(msgspec.Struct, dict=True):
    """A product before it becomes rows.

    words: the words of its name by slot.    price: in units of the currency.
    price_ending: see `shop_price`.    sale_factor: former price / price, or None if not on sale.
    """

    kind: Kind
    words: dict[str, str]
    material: Material | None
    status: str
    sentences: list[str]
    brand: str
    attributes: dict[str, Any]
    tags: list[str]
    price: float
    price_ending: int
    sale_factor: float | None

    @cached_property
    def name(self) -> str:
        """Its name."""
        return self.words["name"]

    @cached_property
    def slug(self) -> str:
        """The slug of its name."""
        plain = "".join(
            [
                c
                for c in unicodedata.normalize("NFKD", self.name.lower())
                if not unicodedata.combining(c) and c not in "'\u2019"
            ]
        )
        return "-".join(re.findall(r"[a-z0-9]+", plain))


def compose(kind: Kind, names: Names, n: int, rng: Random, goods: Goods, *, is_new: bool) -> DemoProduct:
    """Compose the n-th product of a kind. A new product is tagged `new`."""
    words = names.nth(n)
    material = goods.materials[words["material"]] if "material" in words else None
    low, high = kind.price
    sale_factor = 1.15 + rng.random() * 0.3 if rng.random() < 0.15 else None
    return DemoProduct(
        kind=kind,
        words=words,
        material=material,
        status=STATUSES[int(rng.random() * 100)],
        sentences=_sentences(kind, words, material, rng),
        brand=words.get("brand") or rng.choice(kind.brands),
        attributes=_attributes(kind, material, rng),
        tags=_tags(kind, rng) + ["new"] * is_new + ["sale"] * (sale_factor is not None),
        price=(low + (high - low) * rng.random() ** 1.6) * (material.factor if material else 1),
        price_ending=PRICE_ENDINGS[int(rng.random() * 3)],
        sale_factor=sale_factor,
    )


def price(product: DemoProduct, size: int) -> int:
    """Return the price of a variant in hundredths; `size` is the index of its size."""
    return shop_price(product.price * (1 + product.kind.step * size / 100), product.price_ending)


def former_price(product: DemoProduct, amount: int) -> int | None:
    """Return the higher former price in hundredths if the product is on sale, else None."""
    return shop_price(amount / 100 * product.sale_factor + 2, product.price_ending) if product.sale_factor else None


def _sentences(kind: Kind, words: dict[str, str], material: Material | None, rng: Random) -> list[str]:
    """Choose two to four sentences: a lead, the material, a detail, a closing."""
    sentences = [rng.choice(kind.lead)]
    if material:
        sentences.append(material.text)
    if not material or rng.random() < 0.7:
        sentences.append(rng.choice(kind.detail))
    if rng.random() < 0.5:
        sentences.append(rng.choice(kind.closing))
    return [_filled(sentence, words) for sentence in sentences]


def _filled(sentence: str, words: dict[str, str]) -> str:
    """Fill the slots of a sentence."""
    if "{" not in sentence:
        return sentence
    text = sentence.format_map(words)
    return text[0].upper() + text[1:]


def _attributes(kind: Kind, material: Material | None, rng: Random) -> dict[str, Any]:
    """Choose attributes: the material first, then most of those of the kind."""
    attributes: dict[str, Any] = {"material": material.name.lower()} if material else {}
    return attributes | {name: rng.choice(values) for name, values in kind.attributes.items() if rng.random() < 0.9}


def _tags(kind: Kind, rng: Random) -> list[str]:
    """Choose some tags of the kind, in its order; always the first."""
    return [tag for i, tag in enumerate(kind.tags) if i == 0 or rng.random() < 0.6]
