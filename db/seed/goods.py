"""The assortment of the demo shop, read from the TOML files in `goods/`."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path(__file__).parent / "goods"


class Material(msgspec.Struct, frozen=True, array_like=True):
    """A material: its word in product names, a sentence about it, and its factor on the price."""

    name: str
    text: str
    factor: float


class Category(msgspec.Struct, frozen=True):
    """A category. `parent` is the slug of its parent, which comes before it."""

    slug: str
    name: str
    description: str
    parent: str | None = None


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of product, such as a table lamp, and the parts its products are composed of.

    name: pattern of the product names, with slots in braces.
    repeat_suffix: added to a name in round `n` of the combinations, from the second round on.
    step: by how many per cent each larger size is more expensive.
    digital: values of the size option that have no weight.
    price: lowest and highest price in units of the currency.    weight: in grams.
    """

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
    repeat_suffix: str = " {n}"

    @property
    def pattern(self) -> str:
        """The pattern of the product names."""
        return self.name or (
            "{brand} {series}{repeat_suffix} {material} {noun}"
            if self.materials
            else "{brand} {series}{repeat_suffix} {noun}"
        )


class Goods(msgspec.Struct, frozen=True):
    """The whole assortment."""

    categories: tuple[Category, ...]
    kinds: tuple[Kind, ...]
    materials: dict[str, Material]


def read() -> Goods:
    """Read all departments, ordered by file name. `shared.toml` holds what several of them use."""
    shared = tomllib.loads((FOLDER / "shared.toml").read_text("utf-8"))
    categories: list[Any] = []
    kinds: list[Any] = []
    for file in sorted(FOLDER.glob("*.toml")):
        department = tomllib.loads(file.read_text("utf-8"))
        categories += department.pop("category", [])
        types = department.pop("type", [])
        kinds += [{**department, **kind, "options": _options(kind["options"], shared["choices"])} for kind in types]
    return msgspec.convert(
        {"categories": _parents_first(categories), "kinds": kinds, "materials": shared["materials"]}, Goods
    )


def _options(options: dict[str, Any], choices: dict[str, list[str]]) -> dict[str, list[str]]:
    """Replace the names of shared choices by their values."""
    return {name: choices[values] if isinstance(values, str) else values for name, values in options.items()}


def _parents_first(categories: list[dict[str, str]]) -> list[dict[str, str]]:
    """Sort categories by their depth in the tree."""
    by_slug = {category["slug"]: category for category in categories}

    def depth(category: dict[str, str]) -> int:
        return 1 + depth(by_slug[category["parent"]]) if "parent" in category else 0

    return sorted(categories, key=depth)
