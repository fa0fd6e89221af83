"""Cells of WooCommerce's export as they are written: lists, line breaks, names, and which attributes can be cells at all."""

from collections.abc import Sequence
from typing import cast

from ..row_reader import JsonObject
from ..woocommerce.cells import ENTITY
from .option_columns import OptionColumns, build_option_columns, display_key

MOST_ATTRIBUTES = 50
# Attributes with columns of their own.
NAMED = frozenset({"short_description", "brand", "grouped_products", "external_url", "button_text", "price"})


def option_columns(record: JsonObject) -> OptionColumns:
    """The options of a product's variants."""
    return build_option_columns(record.get("variants", []), MOST_ATTRIBUTES)


def text_attributes(record: JsonObject) -> dict[str, list[str]]:
    """The attributes that are texts, or lists of texts, and no options."""
    attributes: JsonObject = record.get("attributes") or {}
    seen, found = set(map(display_key, option_columns(record).names)), dict[str, list[str]]()
    for name, value in attributes.items():
        if (
            (values := text_values(value))
            and name not in NAMED
            and 0 < len(name) <= 60
            and display_key(name)
            and display_key(name) not in seen
        ):
            seen.add(display_key(name))
            found[name] = values
    return found


def text_values(value: object) -> list[str]:
    """A text or several; nothing where there is anything else."""
    several = cast(list[object], value) if isinstance(value, list) else [value]
    return (
        [v for v in several if isinstance(v, str) and v.strip() and len(v) <= 5000]
        if all(isinstance(v, str) for v in several)
        else []
    )


def join_list(values: Sequence[str]) -> str:
    """A list in one cell."""
    return ", ".join([v.replace(",", "\\,") for v in values])


def encode_entities(text: str) -> str:
    """A name that reads as it is: what looks like an entity is written as one."""
    return text.replace("&", "&amp;") if ENTITY.search(text) else text


def encode_line_breaks(text: str) -> str:
    """A description on one line."""
    return text.replace("\\n", "\\\\n").replace("\n", "\\n")
