"""What the demo shop sells: departments, categories and kinds of goods, read from the TOML files in `goods/`."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path(__file__).parent / "goods"


class Material(msgspec.Struct, frozen=True, array_like=True):
    """What a thing is made of: how it stands in a name, what is told of it, what it does to the price."""

    name: str
    text: str
    factor: float


class Place(msgspec.Struct, frozen=True):
    """A category; its parent is named by its slug and stands before it."""

    slug: str
    name: str
    description: str
    parent: str | None = None


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of goods, such as a table lamp: all that its products are composed of. Prices are in whole units of the currency, weights in grams."""

    category: str
    code: str
    noun: str
    name: str = ""
    brands: tuple[str, ...]
    series: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()
    words: dict[str, tuple[str, ...]] = {}
    options: dict[str, tuple[str, ...]]
    digital: tuple[str, ...] = ()
    step: int = 0
    price: tuple[int, int]
    weight: tuple[int, int]
    tax: str = "standard"
    tags: tuple[str, ...]
    attributes: dict[str, tuple[str | int | bool, ...]]
    lead: tuple[str, ...]
    detail: tuple[str, ...]
    closing: tuple[str, ...]
    brand_as: str = "brand"
    again: str = " {n}"

    @property
    def pattern(self) -> str:
        """How a name is put together."""
        return self.name or (
            "{brand} {series}{again} {material} {noun}" if self.materials else "{brand} {series}{again} {noun}"
        )


class Goods(msgspec.Struct, frozen=True):
    """All of it."""

    places: tuple[Place, ...]
    kinds: tuple[Kind, ...]
    materials: dict[str, Material]


def read() -> Goods:
    """The goods of all files, in the files' order of names; `words.toml` holds what they share."""
    shared = tomllib.loads((FOLDER / "words.toml").read_text("utf-8"))
    places: list[Any] = []
    kinds: list[Any] = []
    for file in sorted(FOLDER.glob("*.toml")):
        department = tomllib.loads(file.read_text("utf-8"))
        places += department.pop("category", [])
        found = department.pop("type", [])
        kinds += [{**department, **kind, "options": _options(kind["options"], shared["choices"])} for kind in found]
    return msgspec.convert({"places": _parents_first(places), "kinds": kinds, "materials": shared["materials"]}, Goods)


def _options(options: dict[str, Any], choices: dict[str, list[str]]) -> dict[str, list[str]]:
    """The options with named choices replaced by their values."""
    return {name: choices[values] if isinstance(values, str) else values for name, values in options.items()}


def _parents_first(places: list[dict[str, str]]) -> list[dict[str, str]]:
    """The categories in their order, roots before their children."""
    known = {place["slug"]: place for place in places}

    def depth(place: dict[str, str]) -> int:
        return 1 + depth(known[place["parent"]]) if "parent" in place else 0

    return sorted(places, key=depth)
