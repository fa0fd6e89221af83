"""The variants of a product: one for each pairing of the options that it is offered in."""

import re
from itertools import product
from random import Random

import msgspec

from .goods import Kind
from .products import Draft, price, price_before

MOST = 12


class Choice(msgspec.Struct, frozen=True):
    """One variant before it becomes a row. Its weight is None where there is nothing to weigh."""

    sku: str
    name: str
    options: dict[str, str]
    price: int
    price_before: int | None
    weight: int | None


def choices(draft: Draft, serial: int, chance: Random) -> list[Choice]:
    """One to twelve variants, all with different options; some products come in one form only and have none."""
    kind = draft.kind
    weight = chance.randrange(kind.weight[0], kind.weight[1] + 1, 5)
    stem = f"{kind.code}-{serial:05d}"
    if chance.random() < 0.08:
        now = price(draft, 0)
        return [Choice(stem, "Standard", {}, now, price_before(draft, now), weight)]
    offered = _offered(kind, chance)
    return [
        _choice(draft, stem, dict(zip(offered, values, strict=True)), weight) for values in product(*offered.values())
    ]


def code(value: str) -> str:
    """A value in a SKU: the digits and units of a size, else the first letters of its words."""
    if re.search(r"\d", value):
        return re.sub(r"[^0-9A-Z]|CM$", "", value.upper())
    words = re.findall(r"[A-Z]+", value.upper())
    return words[0][:3] + "".join([word[0] for word in words[1:]])


def _offered(kind: Kind, chance: Random) -> dict[str, list[str]]:
    """The values of each option that this product comes in, at most twelve pairings; the last option is the one with the sizes."""
    found: dict[str, list[str]] = {}
    room = MOST
    for i, (name, values) in enumerate(reversed(kind.options.items())):
        count = min(
            len(values), room, chance.randint(1, 3) if i else chance.randint((len(values) + 1) // 2, len(values))
        )
        found[name] = _run(values, count, chance) if i == 0 and name != "colour" else _some(values, count, chance)
        room //= count
    return dict(reversed(found.items()))


def _run(values: tuple[str, ...], count: int, chance: Random) -> list[str]:
    """Neighbours: sizes without a gap."""
    start = chance.randint(0, len(values) - count)
    return list(values[start : start + count])


def _some(values: tuple[str, ...], count: int, chance: Random) -> list[str]:
    """Any of them, in their order."""
    taken = set(chance.sample(range(len(values)), count))
    return [value for i, value in enumerate(values) if i in taken]


def _choice(draft: Draft, stem: str, options: dict[str, str], weight: int) -> Choice:
    """The variant with these options."""
    kind = draft.kind
    sized, size = next(reversed(options.items()))
    step = kind.options[sized].index(size)
    now = price(draft, step)
    return Choice(
        sku="-".join([stem, *map(code, options.values())]),
        name=" / ".join(options.values()),
        options=options,
        price=now,
        price_before=price_before(draft, now),
        weight=None if size in kind.digital else round(weight * max(0.2, 1 + kind.step * step / 120)),
    )
