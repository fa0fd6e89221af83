"""Options as columns: the same names for all variants of a product, and never two variants alike."""

from collections.abc import Sequence

from msgspec import Struct

from ..row_reader import JsonObject

LONGEST_NAME, LONGEST_VALUE = 60, 200
JOINED = " / "


class OptionColumns(Struct):
    """The names of a product's options, and the value of each for each variant; empty where a variant has none."""

    names: list[str]
    values: list[list[str]]


def build_option_columns(variants: Sequence[JsonObject], most: int) -> OptionColumns:
    """The options of the variants in at most so many columns; what is more shares the last. Where a sheet would show two alike, one gets a number."""
    names = list(dict.fromkeys(name for v in variants for name in v["options"]))
    groups = [[n] for n in names] if len(names) <= most else [*[[n] for n in names[: most - 1]], names[most - 1 :]]
    values = [
        [
            JOINED.join([v["options"].get(n, "") for n in group])[:LONGEST_VALUE] if _has(v, group) else ""
            for group in groups
        ]
        for v in variants
    ]
    seen: set[tuple[str, ...]] = set()
    for number, row in enumerate(values, 1):
        while groups and tuple(map(display_key, row)) in seen:
            row[0] = f"{row[0][: LONGEST_VALUE - 10]} ({number})".strip()
        seen.add(tuple(map(display_key, row)))
    return OptionColumns(_distinct([JOINED.join(group) for group in groups]), values)


def _has(variant: JsonObject, group: Sequence[str]) -> bool:
    return any(name in variant["options"] for name in group)


def _distinct(names: Sequence[str]) -> list[str]:
    """The names as headings: none empty, none like another."""
    found: dict[str, str] = {}
    for number, name in enumerate(names, 1):
        heading = name[:LONGEST_NAME].strip()
        while not display_key(heading) or display_key(heading) in found:
            heading = f"{heading[: LONGEST_NAME - 10]} ({number})".strip()
        found[display_key(heading)] = heading
    return [*found.values()]


def display_key(text: str) -> str:
    """What two texts share that a sheet may show alike."""
    return " ".join(text.split()).casefold()
