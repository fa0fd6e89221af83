"""Decides which locations the units of an order are taken from, and which are given back first."""

from collections.abc import Sequence

from .levels import Level, StockedVariant


def allocate(variant: StockedVariant, quantity: int, first_location: str | None) -> dict[str, int] | None:
    """Return the units to reserve at each level, by its id; None if there are not enough.

    Taken from the first location by priority that has them all, else from several in that order.
    What no location has is backordered at the first one, if the variant allows it.
    """
    levels = [level for level in variant.levels if level.is_active and level.available > 0]
    if (level := next((level for level in levels if level.available >= quantity), None)) is not None:
        return {level.id: quantity}
    units, missing = dict[str, int](), quantity
    for level in levels:
        taken = min(level.available, missing)
        units |= {level.id: taken} if taken else {}
        missing -= taken
    backorder = variant.level_at(first_location)
    if missing:
        if backorder is None or not backorder.backorder:
            return None
        units[backorder.id] = units.get(backorder.id, 0) + missing
    return units


def release_order(levels: Sequence[Level]) -> list[tuple[Level, int]]:
    """Return the levels in the order in which units are released, and how many at most.

    Backordered units first, then those at the locations that are last by priority.
    """
    backordered = [(level, -level.available) for level in levels if level.available < 0]
    last_first = sorted(levels, key=lambda level: (-level.priority, level.location_id))
    return [*backordered, *[(level, level.reserved) for level in last_first]]
