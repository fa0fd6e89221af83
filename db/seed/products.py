"""A product of the demo shop: its name, text, tags and price, composed of what its kind offers."""

import re
import unicodedata
from functools import cached_property
from random import Random
from typing import Any

import msgspec

from .chance import neat, nth
from .goods import Goods, Kind, Material

ENDINGS = (0, 90, 95)
STATUSES = ("draft",) * 6 + ("archived",) * 2 + ("active",) * 92


class Names:
    """The names of one kind's products, all different."""

    def __init__(self, kind: Kind, materials: dict[str, Material]) -> None:
        words = {"brand": kind.brands, "series": kind.series, "material": kind.materials, **kind.words}
        self.kind, self.materials = kind, materials
        self.slots = [slot for slot in re.findall(r"{(\w+)}", kind.pattern) if slot in words]
        self.words = tuple([words[slot] for slot in self.slots])

    def nth(self, n: int) -> dict[str, str]:
        """The words of the n-th product by their slots, and its `name`."""
        turn, found = nth(self.words, n)
        told = dict(zip(self.slots, found, strict=True)) | {"noun": self.kind.noun}
        again = self.kind.again.format(n=turn) if turn > 1 else ""
        material = self.materials[told["material"]].name if "material" in told else ""
        return told | {"name": self.kind.pattern.format_map(told | {"again": again, "material": material})}


class Draft(msgspec.Struct, dict=True):
    """A product before it becomes rows."""

    kind: Kind
    told: dict[str, str]
    material: Material | None
    status: str
    sentences: list[str]
    attributes: dict[str, Any]
    tags: list[str]
    price: float
    ending: int
    raised: float | None

    @cached_property
    def name(self) -> str:
        """What it is called."""
        return self.told["name"]

    @cached_property
    def slug(self) -> str:
        """Its name in an address."""
        plain = "".join(
            [
                c
                for c in unicodedata.normalize("NFKD", self.name.lower())
                if not unicodedata.combining(c) and c not in "'\u2019"
            ]
        )
        return "-".join(re.findall(r"[a-z0-9]+", plain))


def draft(kind: Kind, names: Names, n: int, chance: Random, goods: Goods, *, fresh: bool) -> Draft:
    """The n-th product of its kind; one of the last months is tagged as new."""
    told = names.nth(n)
    material = goods.materials[told["material"]] if "material" in told else None
    low, high = kind.price
    raised = 1.15 + chance.random() * 0.3 if chance.random() < 0.15 else None
    return Draft(
        kind=kind,
        told=told,
        material=material,
        status=STATUSES[int(chance.random() * 100)],
        sentences=_sentences(kind, told, material, chance),
        attributes=_attributes(kind, told, material, chance),
        tags=_tags(kind, chance) + ["new"] * fresh + ["sale"] * (raised is not None),
        price=(low + (high - low) * chance.random() ** 1.6) * (material.factor if material else 1),
        ending=ENDINGS[int(chance.random() * 3)],
        raised=raised,
    )


def price(draft: Draft, step: int) -> int:
    """What its variant costs in hundredths; each size up costs the kind's `step` per cent more."""
    return neat(draft.price * (1 + draft.kind.step * step / 100), draft.ending)


def price_before(draft: Draft, now: int) -> int | None:
    """What it cost before, if it is on sale: always more."""
    return neat(now / 100 * draft.raised + 2, draft.ending) if draft.raised else None


def _sentences(kind: Kind, told: dict[str, str], material: Material | None, chance: Random) -> list[str]:
    """Two to four sentences: what it is for, what it is made of, what else there is to say."""
    found = [chance.choice(kind.lead)]
    if material:
        found.append(material.text)
    if not material or chance.random() < 0.7:
        found.append(chance.choice(kind.detail))
    if chance.random() < 0.5:
        found.append(chance.choice(kind.closing))
    return [_told(sentence, told) for sentence in found]


def _told(sentence: str, told: dict[str, str]) -> str:
    """The sentence with its product's own words."""
    if "{" not in sentence:
        return sentence
    text = sentence.format_map(told)
    return text[0].upper() + text[1:]


def _attributes(kind: Kind, told: dict[str, str], material: Material | None, chance: Random) -> dict[str, Any]:
    """Maker and material first, then most of what the kind can tell."""
    found: dict[str, Any] = {kind.brand_as: told.get("brand") or chance.choice(kind.brands)}
    if material:
        found["material"] = material.name.lower()
    return found | {name: chance.choice(values) for name, values in kind.attributes.items() if chance.random() < 0.9}


def _tags(kind: Kind, chance: Random) -> list[str]:
    """Some of the kind's tags, in the kind's order."""
    return [tag for i, tag in enumerate(kind.tags) if i == 0 or chance.random() < 0.6]
