"""The stock of the demo shop, at the location that the migrations create."""

from random import Random

MAIN_LOCATION = "01990000-0000-7000-8000-000000000016"
"""The id of the location `main`, as in the migration 0012."""


def units(rng: Random) -> int:
    """Return the units of a variant: mostly plenty, at times few, and some are sold out."""
    kind = rng.random()
    if kind < 0.05:
        return 0
    return rng.randint(1, 5) if kind < 0.15 else rng.randint(6, 120)
