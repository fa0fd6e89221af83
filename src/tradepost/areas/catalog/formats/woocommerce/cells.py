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


def tidy(row: Row) -> Row:
    """The row without the apostrophes that the exporter sets before `= + - @`, lest a spreadsheet takes the cell for a formula."""
    if "\0'" not in "\0".join(["", *row.cells.values()]):
        return row
    return Row(
        row.line, {c: cell[1:] if cell.startswith(MARKED) else cell for c, cell in row.cells.items()}, row.columns
    )


def listed(cell: str) -> list[str]:
    """The values of a list; a comma inside of one is written `\\,`."""
    if "," not in cell:
        return [cell] if cell else []
    return [plain for value in COMMA.split(cell) if (plain := value.replace("\\,", ",").strip())]


def named(text: str) -> str:
    """A name as people read it: exporters leave `&amp;` in some."""
    return ENTITY.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text


def broken(text: str) -> str:
    """A description with its line breaks, which the exporter writes as `\\n`, and what stood as `\\n` in it as `\\\\n`."""
    return BREAK.sub(lambda found: "\\n" if found[1] else "\n", text) if "\\n" in text else text


def words_of(row: Row) -> list[str]:
    """The words of a row's type."""
    return [word.casefold() for word in listed(row[TYPE])]


def type_of(row: Row) -> str:
    """What a row is: the first word of its type that is more than an extra; nothing said means simple."""
    return next((word for word in words_of(row) if word not in EXTRA), "simple")
