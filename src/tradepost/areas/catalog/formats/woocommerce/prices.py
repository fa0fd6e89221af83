"""WooCommerce's prices: the regular price, and the sale price between its dates."""

import re
from datetime import UTC, date

from msgspec import Struct

from ..csv_file import Row
from ..row_reader import JsonObject, RowReader
from . import columns as col

DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T].*)?")


class Prices(Struct, frozen=True):
    """The prices of a row, and the price columns that they do not fully represent."""

    price: JsonObject | None
    compare_at_price: JsonObject | None
    unconsumed: tuple[str, ...]


def has_price(row: Row) -> bool:
    """Whether a row has a price."""
    return bool(row[col.REGULAR] or row[col.SALE])


def read_prices(row: Row, reader: RowReader) -> Prices:
    """Return the prices of a row at the time of the import.

    The dates of a sale are kept in `source`, and so is the price of a sale that is over or has not
    begun.
    """
    regular, sale = reader.price(row, col.REGULAR), reader.price(row, col.SALE)
    if sale is None:
        return Prices(regular, None, (col.STARTS, col.ENDS))
    if regular is None:
        return Prices(sale, None, (col.SALE, col.STARTS, col.ENDS))
    if sale["amount"] >= regular["amount"]:
        reader.repair(row, col.SALE, "Not below the regular price; ignored. The value was kept in `source`.")
        return Prices(regular, None, (col.SALE, col.STARTS, col.ENDS))
    if not _is_on_sale(row, reader):
        return Prices(regular, None, (col.SALE, col.STARTS, col.ENDS))
    return Prices(sale, regular, (col.STARTS, col.ENDS))


def _is_on_sale(row: Row, reader: RowReader) -> bool:
    """Whether today is between the dates of the sale, both inclusive.

    Dates are whole days in UTC; a missing date is no limit.
    """
    today = reader.now.astimezone(UTC).date()
    starts, ends = _parse_day(row[col.STARTS]), _parse_day(row[col.ENDS])
    for column, day in ((col.STARTS, starts), (col.ENDS, ends)):
        if row[column] and day is None:
            message = "Not a date like 2026-11-27; the sale price was ignored, and kept in `source`."
            reader.repair(row, column, message)
            return False
    return (starts is None or starts <= today) and (ends is None or today <= ends)


def _parse_day(text: str) -> date | None:
    """Return the date at the start of a text; a time after it is ignored."""
    try:
        return date.fromisoformat(match[1]) if (match := DAY.fullmatch(text)) else None
    except ValueError:
        return None
