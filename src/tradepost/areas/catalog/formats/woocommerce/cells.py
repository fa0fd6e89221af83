"""WooCommerce's cells: formula marks, lists, line breaks, entities and types."""

import html
import re

from ..csv_file import Row
from .columns import TYPE

PRODUCT_TYPES, TYPE_FLAGS = ("simple", "variable", "grouped", "external"), frozenset({"virtual", "downloadable"})
MARKED = ("'=", "'+", "'-", "'@")
COMMA = re.compile(r"(?<!\\),")
ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);")
ESCAPED_BREAK = re.compile(r"(\\?)\\n")


def without_formula_marks(row: Row) -> Row:
    """Remove the apostrophe that the exporter puts before `= + - @` to prevent formulas."""
    if "\0'" not in "\0".join(["", *row.cells.values()]):
        return row
    cells = {column: cell[1:] if cell.startswith(MARKED) else cell for column, cell in row.cells.items()}
    return Row(row.line, cells, row.columns)


def split_list(cell: str) -> list[str]:
    """Return the values of a list. A comma within a value is escaped as `\\,`."""
    if "," not in cell:
        return [cell] if cell else []
    return [text for value in COMMA.split(cell) if (text := value.replace("\\,", ",").strip())]


def decode_entities(text: str) -> str:
    """Decode HTML entities such as `&amp;`, which exporters leave in some names."""
    return ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def decode_line_breaks(text: str) -> str:
    """Decode the line breaks of a description.

    The exporter writes a line break as `\\n`, and a literal `\\n` as `\\\\n`.
    """
    return ESCAPED_BREAK.sub(lambda match: "\\n" if match[1] else "\n", text) if "\\n" in text else text


def type_words(row: Row) -> list[str]:
    """Return the words of a row's type."""
    return [word.casefold() for word in split_list(row[TYPE])]


def product_type(row: Row) -> str:
    """Return the type of a row without flags such as `virtual`; "simple" if there is none."""
    return next((word for word in type_words(row) if word not in TYPE_FLAGS), "simple")
