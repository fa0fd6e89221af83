"""Encodes WooCommerce's cells: lists, line breaks, entities, options and attributes."""

from collections.abc import Sequence
from typing import cast

from ..row_reader import JsonObject
from ..woocommerce.attributes import MAX_NAME_LENGTH, MAX_VALUE_LENGTH
from ..woocommerce.cells import ENTITY
from .option_columns import OptionColumns, build_option_columns, display_key

MAX_ATTRIBUTES = 50
# Attributes with columns of their own.
NAMED_ATTRIBUTES = frozenset({"short_description", "grouped_products", "external_url", "button_text", "price"})


def option_columns(record: JsonObject) -> OptionColumns:
    """Return the options of a product's variants as columns."""
    return build_option_columns(record.get("variants", []), MAX_ATTRIBUTES)


def text_attributes(record: JsonObject) -> dict[str, list[str]]:
    """Return the attributes that are texts or lists of texts, and not options."""
    attributes: JsonObject = record.get("attributes") or {}
    used_names, texts = set(map(display_key, option_columns(record).names)), dict[str, list[str]]()
    for name, value in attributes.items():
        key = display_key(name)
        if (
            (values := text_values(value))
            and name not in NAMED_ATTRIBUTES
            and 0 < len(name) <= MAX_NAME_LENGTH
            and key
            and key not in used_names
        ):
            used_names.add(key)
            texts[name] = values
    return texts


def text_values(value: object) -> list[str]:
    """Return a text, or the texts of a list, as a list; empty for any other value."""
    values = cast(list[object], value) if isinstance(value, list) else [value]
    texts = [v for v in values if isinstance(v, str)]
    return [t for t in texts if t.strip() and len(t) <= MAX_VALUE_LENGTH] if len(texts) == len(values) else []


def join_list(values: Sequence[str]) -> str:
    """Return a list as one cell."""
    return ", ".join([value.replace(",", "\\,") for value in values])


def encode_entities(text: str) -> str:
    """Escape `&` if the text contains anything that looks like an HTML entity."""
    return text.replace("&", "&amp;") if ENTITY.search(text) else text


def encode_line_breaks(text: str) -> str:
    """Escape the line breaks of a description."""
    return text.replace("\\n", "\\\\n").replace("\n", "\\n")
