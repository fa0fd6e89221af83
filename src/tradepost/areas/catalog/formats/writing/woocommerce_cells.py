"""Cells of WooCommerce's export as they are written: lists, line breaks, names, and which attributes can be cells at all."""

from collections.abc import Sequence
from typing import cast

from ..row_reader import Plain
from ..woocommerce.cells import ENTITY
from .option_columns import Choices, choices_of, coarse

MOST_ATTRIBUTES = 50
# Attributes with columns of their own.
NAMED = frozenset({"short_description", "brand", "grouped_products", "external_url", "button_text", "price"})


def options_of(record: Plain) -> Choices:
    """The options of a product's variants."""
    return choices_of(record.get("variants", []), MOST_ATTRIBUTES)


def attributes_of(record: Plain) -> dict[str, list[str]]:
    """The attributes that are texts, or lists of texts, and no options."""
    attributes: Plain = record.get("attributes") or {}
    seen, found = set(map(coarse, options_of(record).names)), dict[str, list[str]]()
    for name, value in attributes.items():
        if (
            (values := texts(value))
            and name not in NAMED
            and 0 < len(name) <= 60
            and coarse(name)
            and coarse(name) not in seen
        ):
            seen.add(coarse(name))
            found[name] = values
    return found


def texts(value: object) -> list[str]:
    """A text or several; nothing where there is anything else."""
    several = cast(list[object], value) if isinstance(value, list) else [value]
    return (
        [v for v in several if isinstance(v, str) and v.strip() and len(v) <= 5000]
        if all(isinstance(v, str) for v in several)
        else []
    )


def listed(values: Sequence[str]) -> str:
    """A list in one cell."""
    return ", ".join([v.replace(",", "\\,") for v in values])


def entity(text: str) -> str:
    """A name that reads as it is: what looks like an entity is written as one."""
    return text.replace("&", "&amp;") if ENTITY.search(text) else text


def breaks(text: str) -> str:
    """A description on one line."""
    return text.replace("\\n", "\\\\n").replace("\n", "\\n")
