"""Text cells of Tradepost's own CSV format.

Any text survives the round trip, and no cell can be taken for a spreadsheet formula.
"""

import msgspec

# A cell that starts with one of these may be evaluated by a spreadsheet.
FORMULA_STARTS = frozenset("=+-@\t\r")


def encode_cell(text: str | None) -> str:
    """Return the cell for a text.

    A text that could be a formula gets a leading `'`. A text that would lose whitespace, or be read
    as an empty cell, is written as a JSON string.
    """
    if text is None:
        return ""
    if _needs_quoting(text):
        return msgspec.json.encode(text).decode()
    return f"'{text}" if text.lstrip("'")[:1] in FORMULA_STARTS else text


def decode_cell(cell: str) -> str:
    """Return the text of a cell, whether `encode_cell` or a person wrote it."""
    if cell.startswith("'") and cell.lstrip("'")[:1] in FORMULA_STARTS:
        return cell[1:]
    text = _unquote(cell)
    return cell if text is None else text


def _needs_quoting(text: str) -> bool:
    """Whether the text cannot be written as a plain cell."""
    return not text or text != text.strip() or _unquote(text) is not None


def _unquote(cell: str) -> str | None:
    """Decode a cell that holds a JSON string written by `encode_cell`; None for all others.

    A title that is merely in quotes is not decoded.
    """
    if len(cell) < 2 or not (cell[0] == cell[-1] == '"'):
        return None
    try:
        text = msgspec.json.decode(cell, type=str)
    except msgspec.DecodeError:
        return None
    return text if _needs_quoting(text) else None
