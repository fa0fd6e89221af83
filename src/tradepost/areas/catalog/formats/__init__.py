"""Product files: the formats that are read and written, one file each, and what they share."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from .csv_file import Sheet
from .detect import Opened, OpenedSheet, recognised
from .format import Draft, Format
from .issues import Finding, UnreadableError
from .native_csv import OWN
from .ndjson import OpenedLines, is_ndjson
from .numbers import Sign
from .shopify import SHOPIFY
from .woocommerce import WOOCOMMERCE

__all__ = ["Draft", "Finding", "Opened", "Sign", "UnreadableError", "open_file"]

SHEETS: Sequence[Format] = (SHOPIFY, WOOCOMMERCE, OWN)


def open_file(path: Path, *, currency: str, sign: Sign | None, moment: datetime) -> Opened:
    """A product file of any known format. `sign` settles a decimal sign that its prices leave open; `moment` is now, for prices with dates."""
    if is_ndjson(path):
        return OpenedLines(path)
    sheet = Sheet(path)
    return OpenedSheet(sheet, recognised(sheet, SHEETS), currency=currency, sign=sign, moment=moment)
