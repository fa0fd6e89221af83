"""Shipping methods and tax rates of the demo shop, which is in Germany.

The tax rates are those of 2026 in Germany and the countries around it, standard and reduced.
"""

from typing import NamedTuple

from tradepost.kit.schema.rate import parts_per_million


class DemoMethod(NamedTuple):
    """A shipping method. `price` and `free_from` are in hundredths of the currency."""

    code: str
    name: str
    description: str
    countries: list[str]
    price: int
    free_from: int | None


METHODS = (
    DemoMethod("standard", "Standard delivery", "2 to 4 working days.", [], 490, 5000),
    DemoMethod("express", "Express delivery", "The next working day.", ["DE", "AT"], 990, None),
    DemoMethod("pickup", "Pick up in the shop", "Ready within a day.", ["DE"], 0, None),
)

RATES = {
    "DE": ("19", "7"),
    "AT": ("20", "10"),
    "BE": ("21", "6"),
    "CH": ("8.1", "2.6"),
    "CZ": ("21", "12"),
    "DK": ("25", "25"),
    "FR": ("20", "5.5"),
    "LU": ("17", "8"),
    "NL": ("21", "9"),
    "PL": ("23", "8"),
}
"""Country -> the rate of the class `standard` and that of `reduced`."""


def tax_rates() -> list[tuple[str, str, int]]:
    """Return country, tax class and parts per million of each rate."""
    return [
        (country, tax_class, parts_per_million(rate))
        for country, rates in RATES.items()
        for tax_class, rate in zip(("standard", "reduced"), rates, strict=True)
    ]
