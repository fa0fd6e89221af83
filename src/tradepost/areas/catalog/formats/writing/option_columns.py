"""Options as columns: all variants of a product share them, and no two variants look the same."""

from collections.abc import Sequence

from msgspec import Struct

from ..row_reader import JsonObject

MAX_NAME_LENGTH, MAX_VALUE_LENGTH = 60, 200
# Space for a number in parentheses.
SUFFIX_LENGTH = 10
SEPARATOR = " / "


class OptionColumns(Struct):
    """The names of a product's options, and their values for each variant.

    A value is empty if the variant does not have the option.
    """

    names: list[str]
    values: list[list[str]]


def build_option_columns(variants: Sequence[JsonObject], max_columns: int) -> OptionColumns:
    """Return the options of some variants in at most `max_columns` columns.

    Surplus options share the last column. If two variants would look the same, a number is added
    to one.
    """
    names = list(dict.fromkeys(name for variant in variants for name in variant["options"]))
    groups = [[name] for name in names]
    if len(names) > max_columns:
        groups = [*groups[: max_columns - 1], names[max_columns - 1 :]]
    values = [[_group_value(variant, group) for group in groups] for variant in variants]
    seen: set[tuple[str, ...]] = set()
    for number, row in enumerate(values, 1):
        while groups and tuple(map(display_key, row)) in seen:
            row[0] = f"{row[0][: MAX_VALUE_LENGTH - SUFFIX_LENGTH]} ({number})".strip()
        seen.add(tuple(map(display_key, row)))
    return OptionColumns(_distinct_headings([SEPARATOR.join(group) for group in groups]), values)


def _group_value(variant: JsonObject, names: Sequence[str]) -> str:
    """Return the values of some options in one cell."""
    options = variant["options"]
    if not any(name in options for name in names):
        return ""
    return SEPARATOR.join([options.get(name, "") for name in names])[:MAX_VALUE_LENGTH]


def _distinct_headings(names: Sequence[str]) -> list[str]:
    """Return the names as headings that are not empty and differ from each other."""
    headings: dict[str, str] = {}
    for number, name in enumerate(names, 1):
        heading = name[:MAX_NAME_LENGTH].strip()
        while not display_key(heading) or display_key(heading) in headings:
            heading = f"{heading[: MAX_NAME_LENGTH - SUFFIX_LENGTH]} ({number})".strip()
        headings[display_key(heading)] = heading
    return [*headings.values()]


def display_key(text: str) -> str:
    """Return a key that is equal for texts that a spreadsheet may show alike."""
    return " ".join(text.split()).casefold()
