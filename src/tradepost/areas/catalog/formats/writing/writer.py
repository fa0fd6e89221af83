"""The protocol of a writer, and what several writers need."""

import csv
from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import StringIO
from typing import Protocol

import xxhash

from tradepost.kit.schema.money import exponent
from tradepost.kit.text.slugs import slugify

from ..row_reader import JsonObject

# Spreadsheets recognise UTF-8 by its byte order mark.
UTF8_BOM = b"\xef\xbb\xbf"


class Writer(Protocol):
    """Writes product records, given as builtins.

    First `scan` every record, then write the `header`, then `encode_product` for each record in the
    same order.
    """

    def scan(self, record: JsonObject) -> None:
        """Collect what the header and other products depend on."""
        ...

    def header(self) -> bytes:
        """Return the beginning of the file."""
        ...

    def encode_product(self, record: JsonObject) -> bytes:
        """Return one product."""
        ...

    def close(self) -> None:
        """Release temporary files."""
        ...


def encode_csv(rows: Iterable[Sequence[str]]) -> bytes:
    """Encode rows of cells as CSV."""
    out = StringIO(newline="")
    # With both characters in the line terminator, a cell that contains either of them is quoted.
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


def sku_cell(sku: str) -> str:
    """Return the SKU as it can be written to a cell and read back.

    A SKU with unusual whitespace or a leading `'` is replaced by a slug and a digest.
    """
    plain = " ".join(sku.split()) == sku and not sku.startswith("'")
    return sku if plain else f"{slugify(sku, 'sku')[:80]}-{xxhash.xxh3_64_hexdigest(sku.encode())}"


def format_amount(amount: int, decimals: int) -> str:
    """Format an amount in minor units with a dot before its decimals."""
    return f"{Decimal(amount).scaleb(-decimals):.{decimals}f}"


def format_price(money: JsonObject | None) -> str:
    """Format a price without its currency; empty for None."""
    return format_amount(money["amount"], exponent(money["currency"])) if money else ""
