"""Names of settings that are misspelt: found at the start, with the nearest name that exists.

`.env` belongs to Tradepost, so a misspelt name there stops the start. The environment holds the
variables of other programs too, so a similar name there only causes a warning.
"""

from collections.abc import Collection, Iterable

PREFIX = "TRADEPOST_"
SHORT = 8
"""Names below this length may differ in one place, longer ones in two."""


def misspelt_names(names: Iterable[str], settings: Collection[str]) -> dict[str, str]:
    """Return the names that are no settings but similar to one, each with that setting."""
    unknown = [name for name in names if name not in settings]
    return {name: nearest for name in unknown if (nearest := nearest_name(name, settings)) is not None}


def nearest_name(name: str, settings: Collection[str]) -> str | None:
    """Return the setting that a name probably means, or None."""
    word = name.upper().removeprefix(PREFIX)
    if word in settings:
        return word
    limit = 1 if len(word) < SHORT else 2
    distances = [
        (distance(word, setting), setting)
        for setting in settings
        # Cheap conditions first: each change alters at most one character on either side.
        if abs(len(word) - len(setting)) <= limit and len(set(word) ^ set(setting)) <= 2 * limit
    ]
    smallest, setting = min(distances, default=(limit + 1, ""))
    return setting if smallest <= limit else None


def distance(one: str, other: str) -> int:
    """Return how many characters must be inserted, removed, replaced or swapped with the next."""
    before, above = [0] * (len(other) + 1), list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b)))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[j] = min(row[j], before[j - 2] + 1)
        before, above = above, row
    return above[-1]
