"""Demo variants: one for each combination of the option values of a product."""

import re
from itertools import product as combinations
from random import Random

import msgspec

from .goods import Kind
from .products import DemoProduct, former_price, price

MAX_VARIANTS = 12


class DemoVariant(msgspec.Struct, frozen=True):
    """A variant before it becomes a row. Prices are in hundredths; digital goods have no weight."""

    sku: str
    name: str
    options: dict[str, str]
    price: int
    former_price: int | None
    weight: int | None


def compose(product: DemoProduct, serial: int, rng: Random) -> list[DemoVariant]:
    """Compose 1 to 12 variants with distinct options. Some products have one without options."""
    kind = product.kind
    weight = rng.randrange(kind.weight[0], kind.weight[1] + 1, 5)
    stem = f"{kind.code}-{serial:05d}"
    if rng.random() < 0.08:
        amount = price(product, 0)
        return [DemoVariant(stem, "Standard", {}, amount, former_price(product, amount), weight)]
    options = _options(kind, rng)
    return [
        _variant(product, stem, dict(zip(options, values, strict=True)), weight)
        for values in combinations(*options.values())
    ]


def code(value: str) -> str:
    """Return an option value as a part of a SKU: its digits and units, or initials of its words."""
    if re.search(r"\d", value):
        return re.sub(r"[^0-9A-Z]|CM$", "", value.upper())
    words = re.findall(r"[A-Z]+", value.upper())
    return words[0][:3] + "".join([word[0] for word in words[1:]])


def _options(kind: Kind, rng: Random) -> dict[str, list[str]]:
    """Choose the values of each option, at most 12 combinations. The last option is the size."""
    options: dict[str, list[str]] = {}
    remaining = MAX_VARIANTS
    for i, (name, values) in enumerate(reversed(kind.options.items())):
        count = min(
            len(values), remaining, rng.randint(1, 3) if i else rng.randint((len(values) + 1) // 2, len(values))
        )
        is_size = i == 0 and name != "colour"
        options[name] = _neighbours(values, count, rng) if is_size else _sample(values, count, rng)
        remaining //= count
    return dict(reversed(options.items()))


def _neighbours(values: tuple[str, ...], count: int, rng: Random) -> list[str]:
    """Choose consecutive values: sizes without a gap."""
    start = rng.randint(0, len(values) - count)
    return list(values[start : start + count])


def _sample(values: tuple[str, ...], count: int, rng: Random) -> list[str]:
    """Choose any values, in their order."""
    chosen = set(rng.sample(range(len(values)), count))
    return [value for i, value in enumerate(values) if i in chosen]


def _variant(product: DemoProduct, stem: str, options: dict[str, str], weight: int) -> DemoVariant:
    """Compose the variant with these options."""
    kind = product.kind
    size_option, size = next(reversed(options.items()))
    index = kind.options[size_option].index(size)
    amount = price(product, index)
    return DemoVariant(
        sku="-".join([stem, *map(code, options.values())]),
        name=" / ".join(options.values()),
        options=options,
        price=amount,
        former_price=former_price(product, amount),
        weight=None if size in kind.digital else round(weight * max(0.2, 1 + kind.step * index / 120)),
    )
