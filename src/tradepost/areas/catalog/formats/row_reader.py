"""Reads the cells of a row: cleans text, parses prices exactly and reports issues."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from tradepost.kit.schema.money import exponent, format_money
from tradepost.kit.schema.validation import CONTROL_CHARACTERS
from tradepost.kit.text.slugs import slugify

from ..schemas import MAX_PRICE
from .csv_file import Row
from .identifiers import MAX_SKU_LENGTH, generate_sku
from .issues import Issue, Severity
from .numbers import DecimalSeparator, parse_decimal, to_minor_units
from .records import MAX_URL_LENGTH
from .spool import Claims

MAX_TAG_LENGTH, MAX_NAME_LENGTH = 60, 200
MAX_TAGS, MAX_IMAGES, MAX_GRAMS = 100, 100, 100_000_000
URL_PATTERN = re.compile(r"https?://[^\s\x00-\x1f\x7f-\x9f]+")
MARKUP = re.compile(r"<[a-zA-Z/!?]|&[a-zA-Z#]")

ONE, HALF = Decimal(1), Decimal("0.5")

type JsonObject = dict[str, Any]


class RowReaderResult(msgspec.Struct):
    """The data that the reader collected from the rows of one product.

    other_rejected: number of other products among its rows that were rejected.
    variant_lines: the line of each variant.
    product_line: the line of the product's own row if that is not the first of its rows.
    preserved: line, column and text of cells that fit no member of the record.
    kept: line and column of cells whose members an existing product keeps.
    attribute_keys: the attributes that the columns decide; None for all.
    noted: the members that a note sets.
    has_regular_prices_only: whether the file has no column for reduced prices.
    """

    rejected: bool
    other_rejected: int
    issues: list[Issue]
    variant_lines: list[int]
    product_line: int | None
    preserved: list[tuple[int, str, str]]
    kept: set[tuple[int, str]]
    attribute_keys: set[str] | None
    noted: set[str]
    has_regular_prices_only: bool


class RowReader:
    """Reads the cells of one file; `finish_product` separates one product from the next.

    column_names: the columns as the header writes them, by column key.
    claims: the SKUs and references that are already used in the file.
    number_separator: the decimal separator of counts and weights.
    now: decides which dated sale prices apply.
    """

    def __init__(
        self,
        column_names: Mapping[str, str],
        *,
        currency: str,
        decimal_separator: DecimalSeparator,
        number_separator: DecimalSeparator,
        now: datetime,
        claims: Claims,
    ) -> None:
        self.column_names, self.currency, self.now, self.claims = column_names, currency, now, claims
        self.decimal_separator: DecimalSeparator = decimal_separator
        self.number_separator: DecimalSeparator = number_separator
        self.decimals = exponent(currency)
        self._columns_by_spellings: dict[Sequence[str], str] = {}
        self.generated_skus = 0
        self._start_product()

    def _start_product(self) -> None:
        self.issues: list[Issue] = []
        self.variant_lines: list[int] = []
        self.product_line: int | None = None
        self.preserved: list[tuple[int, str, str]] = []
        self.rejected, self.other_rejected = False, 0
        self.kept = set[tuple[int, str]]()
        self.attribute_keys: set[str] | None = None
        self.noted = set[str]()
        self.has_regular_prices_only = False

    def finish_product(self) -> RowReaderResult:
        """Return what was collected for the current product, and start the next one."""
        result = RowReaderResult(
            rejected=self.rejected,
            other_rejected=self.other_rejected,
            issues=self.issues,
            variant_lines=self.variant_lines,
            product_line=self.product_line,
            preserved=self.preserved,
            kept=self.kept,
            attribute_keys=self.attribute_keys,
            noted=self.noted,
            has_regular_prices_only=self.has_regular_prices_only,
        )
        self._start_product()
        return result

    def find_column(self, spellings: Sequence[str]) -> str:
        """Return the one of these alternative columns that the file has, else the first."""
        if (column := self._columns_by_spellings.get(spellings)) is None:
            column = next((c for c in spellings if c in self.column_names), spellings[0])
            self._columns_by_spellings[spellings] = column
        return column

    def repair(
        self,
        row: Row,
        column: str,
        message: str,
        value: str | None = None,
        *,
        fix: str = "",
        preserve: bool = False,
    ) -> None:
        """Report an issue that does not reject the product.

        `value` is the text at fault, if not the whole cell. With `preserve` the cell is kept in
        `source`, because no member of the record holds it.
        """
        self._report(row, column, message, value, "warning", fix)
        if preserve:
            self.preserved.append((row.line, column, row[column]))

    def keep(self, row: Row, *columns: str) -> None:
        """Let an existing product keep what these cells stand for."""
        self.kept.update([(row.line, column) for column in columns])

    def reject(self, row: Row, column: str, message: str, value: str | None = None, *, fix: str = "") -> None:
        """Report an issue that rejects the product."""
        self.rejected = True
        self._report(row, column, f"{message} The product was rejected.", value, "error", fix)

    def reject_other(self, row: Row, column: str, message: str, *, fix: str = "") -> None:
        """Report an issue that rejects another product among the rows of this one."""
        self.other_rejected += 1
        self._report(row, column, f"{message} That product was rejected.", None, "error", fix)

    def _report(self, row: Row, column: str, message: str, value: str | None, severity: Severity, fix: str) -> None:
        self.issues.append(
            Issue(
                line=row.line,
                column=self.column_names.get(column, column),
                value=row[column] if value is None else value,
                message=message,
                fix=fix,
                severity=severity,
            )
        )

    def text(self, row: Row, column: str, max_length: int = MAX_NAME_LENGTH, value: str | None = None) -> str:
        """Return a cell, or the part of it in `value`, as one line without control characters."""
        value = row[column] if value is None else value
        if value.isascii() and value.isprintable():
            return self._truncate(row, column, value, max_length)
        text = " ".join(value.translate(CONTROL_CHARACTERS).split())
        if "\ufffd" in text:
            message = "Contains a character that could not be decoded."
            self.repair(row, column, message, value, fix="Check the encoding of the file.")
        return self._truncate(row, column, text, max_length)

    def _truncate(self, row: Row, column: str, text: str, max_length: int) -> str:
        if len(text) <= max_length:
            return text
        message = f"Longer than {max_length} characters; truncated. The full text was kept in `source`."
        self.repair(row, column, message, preserve=True)
        return text[:max_length].strip()

    def html(self, row: Row, column: str, value: str | None = None) -> str:
        """Return a cell, or the part of it in `value`, as sanitised HTML.

        Text without markup is returned unchanged.
        """
        value = row[column] if value is None else value
        if not (value.isascii() and value.isprintable()):
            value = value.replace("\r\n", "\n").replace("\r", "\n").translate(CONTROL_CHARACTERS)
        if not MARKUP.search(value):
            return value
        import nh3  # 2 MB, for imports with markup only

        clean = nh3.clean(value).strip()
        if "<script" in value.lower() or "javascript:" in value.lower():
            self.repair(row, column, "Contains a script, which was removed.", value)
        return clean

    def price(self, row: Row, column: str) -> JsonObject | None:
        """Return a price as Money; None if the cell is empty or rejected."""
        text = row[column]
        if not text:
            return None
        number = parse_decimal(text, self.decimal_separator)
        if number is None:
            example = 12.5 if self.decimals else 12
            fix = f"Write it like {example}, with the decimal separator `{self.decimal_separator}` and no currency."
            self.reject(row, column, "Not a price.", fix=fix)
            return None
        amount = to_minor_units(number, self.decimals)
        if amount is None:
            self.reject(row, column, f"Too many decimals: {self.currency} has {self.decimals}.")
            return None
        return self.limited_price(row, column, amount)

    def limited_price(self, row: Row, column: str, amount: int) -> JsonObject | None:
        """Return an amount as Money; reject it if it is above the limit of prices."""
        if amount > MAX_PRICE:
            self.reject(row, column, f"Above the largest price, {format_money(MAX_PRICE, self.currency)}.")
            return None
        return {"amount": amount, "currency": self.currency}

    def integer(self, row: Row, column: str) -> int | None:
        """Return a 32-bit integer such as a stock quantity; None if empty or not one."""
        text = row[column]
        if not text:
            return None
        sign, digits = (text[0], text[1:]) if text[0] in "+-" else ("", text)
        number = parse_decimal(digits, self.number_separator)
        if number is not None and number <= 2**31 and number == number.to_integral_value():
            whole = -int(number) if sign == "-" else int(number)
            if -(2**31) <= whole < 2**31:
                return whole
        self.keep(row, column)
        self.repair(row, column, "Not a whole number; ignored. The value was kept in `source`.", preserve=True)
        return None

    def grams(self, row: Row, column: str, grams_per_unit: Decimal = ONE) -> int | None:
        """Return a weight in whole grams, rounding halves up; None if empty or not a weight."""
        text = row[column]
        if not text:
            return None
        number = parse_decimal(text, self.number_separator)
        weight = None if number is None else int(number * grams_per_unit + HALF)
        if weight is None or weight > MAX_GRAMS:
            self.keep(row, column)
            self.repair(row, column, "Not a weight; ignored. The value was kept in `source`.", preserve=True)
            return None
        return weight

    def tags(self, row: Row, column: str, names: Sequence[str]) -> list[str]:
        """Return the slugs of some names as tags, without duplicates and at most 100."""
        tags = dict.fromkeys([tag for name in names if (tag := slugify(name, "")[:MAX_TAG_LENGTH].strip("-"))])
        if without_slug := [name for name in names if name and not slugify(name, "")]:
            self.repair(row, column, "Not a tag in Latin letters; kept only in `source`.", without_slug[0])
        if len(tags) > MAX_TAGS:
            self.repair(row, column, f"{len(tags)} tags; only the first {MAX_TAGS} were imported.", row[column])
        return [*tags][:MAX_TAGS]

    def url(self, row: Row, column: str, value: str | None = None) -> str:
        """Return the URL in a cell, or in the part of it in `value`; empty if it is not one."""
        value = row[column] if value is None else value
        if not value or (URL_PATTERN.fullmatch(value) and len(value) <= MAX_URL_LENGTH):
            return value
        self.repair(row, column, "Not an http or https URL; kept only in `source`.", value, preserve=True)
        return ""

    def images(self, images: Sequence[JsonObject], row: Row) -> list[JsonObject]:
        """Return the images without duplicate URLs, at most 100."""
        by_url: dict[str, JsonObject] = {}
        for image in images:
            by_url.setdefault(image["source_url"], image)
        if len(by_url) > MAX_IMAGES:
            message = f"The product has {len(by_url)} images; only the first {MAX_IMAGES} were imported."
            self.repair(row, "", message)
        return [*by_url.values()][:MAX_IMAGES]

    def by_column_name(self, cells: Mapping[str, str]) -> JsonObject:
        """Return cells by their column's name in the header, without control characters."""
        return {
            self.column_names[c]: cell if cell.isascii() and cell.isprintable() else cell.translate(CONTROL_CHARACTERS)
            for c, cell in cells.items()
        }

    def sku(self, row: Row, column: str, product: str, options: Mapping[str, str]) -> tuple[str, bool]:
        """Return the SKU of a variant, and whether it is the one in the file.

        If it is blank or already used in the file, one is generated from product and options, so
        that every import of the file gives the same; a variant that exists keeps its own.
        """
        given_sku = self.text(row, column, MAX_SKU_LENGTH)
        if given_sku and self.claims.claim_sku(given_sku):
            return given_sku, True
        self.keep(row, column)
        sku = generate_sku(self.claims, product, options)
        if given_sku:
            self.repair(row, column, f"Already used by another variant in this file; replaced by `{sku}`.")
        self.generated_skus += not given_sku
        return sku, False
