"""Texts in the cells of our own sheets: whatever they hold, they come back as they were, and no spreadsheet takes one for a formula."""

import msgspec

# What makes a spreadsheet compute a cell.
FORMULA = frozenset("=+-@\t\r")


def encode_cell(text: str | None) -> str:
    """The cell of a text: itself, behind a `'` where it could be a formula, in JSON where reading it would lose blanks or find nothing."""
    if text is None:
        return ""
    if _odd(text):
        return msgspec.json.encode(text).decode()
    return f"'{text}" if text.lstrip("'")[:1] in FORMULA else text


def decode_cell(cell: str) -> str:
    """The text in a cell that `cell_of` or a person wrote."""
    if cell.startswith("'") and cell.lstrip("'")[:1] in FORMULA:
        return cell[1:]
    quoted = _quoted(cell)
    return cell if quoted is None else quoted


def _odd(text: str) -> bool:
    """Whether a plain cell could not hold it."""
    return not text or text != text.strip() or _quoted(text) is not None


def _quoted(cell: str) -> str | None:
    """The odd text that stands in a cell as JSON. A title that merely stands in quotes is none."""
    if len(cell) < 2 or not (cell[0] == cell[-1] == '"'):
        return None
    try:
        text = msgspec.json.decode(cell, type=str)
    except msgspec.DecodeError:
        return None
    return text if _odd(text) else None
