"""WooCommerce's prices: the regular one, and the sale price within its dates."""

import re
from datetime import UTC, date

from msgspec import Struct

from ..csv_file import Row
from ..row_reader import JsonObject, RowReader
from . import columns as col

DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T].*)?")


class Prices(Struct, frozen=True):
    """What something costs now, what it is compared with, and the columns that these two prices do not tell whole."""

    price: JsonObject | None
    compare_at_price: JsonObject | None
    unconsumed: tuple[str, ...]


def has_price(row: Row) -> bool:
    """Whether a row says what it costs."""
    return bool(row[col.REGULAR] or row[col.SALE])


def read_prices(row: Row, reading: RowReader) -> Prices:
    """The prices of a row at the time of import. Of a sale that is over or to come, `source` keeps the price, and of each its dates."""
    regular, sale = reading.price(row, col.REGULAR), reading.price(row, col.SALE)
    if sale is None:
        return Prices(regular, None, (col.STARTS, col.ENDS))
    if regular is None:
        return Prices(sale, None, (col.SALE, col.STARTS, col.ENDS))
    if sale["amount"] >= regular["amount"]:
        reading.repair(row, col.SALE, "is not below the regular price; it is not used, and kept in `source`.")
        return Prices(regular, None, (col.SALE, col.STARTS, col.ENDS))
    if not _on_sale(row, reading):
        return Prices(regular, None, (col.SALE, col.STARTS, col.ENDS))
    return Prices(sale, regular, (col.STARTS, col.ENDS))


def _on_sale(row: Row, reading: RowReader) -> bool:
    """Whether today is one of the days of the sale. They are whole days in UTC, the last one too; a missing date sets no bound."""
    today = reading.now.astimezone(UTC).date()
    starts, ends = _day(row[col.STARTS]), _day(row[col.ENDS])
    for column, day in ((col.STARTS, starts), (col.ENDS, ends)):
        if row[column] and day is None:
            reading.repair(row, column, "is no date like 2026-11-27; the sale price is not used, and kept in `source`.")
            return False
    return (starts is None or starts <= today) and (ends is None or today <= ends)


def _day(text: str) -> date | None:
    """The day of a date, whatever time stands behind it."""
    try:
        return date.fromisoformat(found[1]) if (found := DAY.fullmatch(text)) else None
    except ValueError:
        return None
