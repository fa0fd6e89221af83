"""WooCommerce's cells: the exporter's marks, lists, line breaks, names and types."""

import html
import re

from ..csv_file import Row
from .columns import TYPE

PRODUCT_TYPES, EXTRA = ("simple", "variable", "grouped", "external"), frozenset({"virtual", "downloadable"})
MARKED = ("'=", "'+", "'-", "'@")
COMMA = re.compile(r"(?<!\\),")
ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);")
BREAK = re.compile(r"(\\?)\\n")


def without_formula_marks(row: Row) -> Row:
    """The row without the apostrophes that the exporter sets before `= + - @`, lest a spreadsheet takes the cell for a formula."""
    if "\0'" not in "\0".join(["", *row.cells.values()]):
        return row
    return Row(
        row.line, {c: cell[1:] if cell.startswith(MARKED) else cell for c, cell in row.cells.items()}, row.columns
    )


def split_list(cell: str) -> list[str]:
    """The values of a list; a comma inside of one is written `\\,`."""
    if "," not in cell:
        return [cell] if cell else []
    return [plain for value in COMMA.split(cell) if (plain := value.replace("\\,", ",").strip())]


def decode_entities(text: str) -> str:
    """A name as people read it: exporters leave `&amp;` in some."""
    return ENTITY.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text


def decode_line_breaks(text: str) -> str:
    """A description with its line breaks, which the exporter writes as `\\n`, and what stood as `\\n` in it as `\\\\n`."""
    return BREAK.sub(lambda found: "\\n" if found[1] else "\n", text) if "\\n" in text else text


def type_words(row: Row) -> list[str]:
    """The words of a row's type."""
    return [word.casefold() for word in split_list(row[TYPE])]


def product_type(row: Row) -> str:
    """What a row is: the first word of its type that is more than an extra; nothing said means simple."""
    return next((word for word in type_words(row) if word not in EXTRA), "simple")
