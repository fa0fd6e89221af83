"""What writes a product file, whatever its format."""

import csv
from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import StringIO
from typing import Protocol

import xxhash

from tradepost.kit.schema.money import exponent
from tradepost.kit.text.slugs import slugify

from ..row_reader import JsonObject

# By this mark a spreadsheet knows UTF-8.
UTF8_BOM = b"\xef\xbb\xbf"


class Writer(Protocol):
    """Writes product records, as builtins. Each is seen before the head is written, then all are written in the same order."""

    def scan(self, record: JsonObject) -> None:
        """Looks at a record, for what the whole file has to know of it."""
        ...

    def header(self) -> bytes:
        """What stands before the first product."""
        ...

    def encode_product(self, record: JsonObject) -> bytes:
        """One product."""
        ...

    def close(self) -> None:
        """Gives back what it holds."""
        ...


def encode_csv(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows of cells as CSV."""
    out = StringIO(newline="")
    # With both characters in it, either of them inside of a cell puts that cell in quotes.
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


def sku_cell(sku: str) -> str:
    """A SKU as a sheet can show it without making it like another; one with odd blanks has a name made from it."""
    plain = " ".join(sku.split()) == sku and not sku.startswith("'")
    return sku if plain else f"{slugify(sku, 'sku')[:80]}-{xxhash.xxh3_64_hexdigest(sku.encode())}"


def format_amount(amount: int, decimals: int) -> str:
    """An amount of minor units with a dot before its decimals."""
    return f"{Decimal(amount).scaleb(-decimals):.{decimals}f}"


def format_price(money: JsonObject | None) -> str:
    """A price in its own currency; empty where there is none."""
    return format_amount(money["amount"], exponent(money["currency"])) if money else ""
