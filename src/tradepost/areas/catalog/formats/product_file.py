"""A product file that has been opened: its format, and its products one by one."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from tradepost.kit.schema.money import exponent

from .csv_file import CsvFile, Row
from .detect import AMBIGUOUS_DECIMALS, detect_decimal_separator
from .format import Format, ParsedProduct, UngroupedRow
from .issues import Issue
from .numbers import DecimalSeparator, SeparatorEvidence
from .round_trip import read_with_notes
from .row_reader import RowReader
from .scopes import ScopeBuilder
from .spool import Spool

CURRENCY_COLUMNS = ("currency", "currency code", "variant currency")


class ProductFile(Protocol):
    """A file of products.

    description: how it is read (encoding, delimiter), to show to the user.
    issues: those found while opening the file; each product has its own.
    """

    format_title: str
    description: str
    product_count: int
    issues: list[Issue]

    @property
    def generated_skus(self) -> int:
        """Number of variants without a SKU for which one was generated."""
        ...

    def products(self) -> Iterator[ParsedProduct]:
        """Yield the products one by one."""
        ...

    def close(self) -> None:
        """Release its temporary files."""
        ...


class CsvProductFile(AbstractContextManager["CsvProductFile"]):
    """A CSV file of a known format. Its rows are grouped by product on disk, not in memory."""

    def __init__(
        self,
        csv_file: CsvFile,
        format: Format,
        *,
        currency: str,
        decimal_separator: DecimalSeparator | None,
        now: datetime,
    ) -> None:
        self.csv_file, self.format, self.format_title = csv_file, format, format.title
        self.issues: list[Issue] = []
        self.spool = Spool()
        try:
            price_evidence, number_evidence = self._group_rows()
            decimals = exponent(currency) if format.has_all_decimals else None
            self.decimal_separator = decimal_separator or detect_decimal_separator(
                price_evidence, csv_file, decimals=decimals
            )
            number_separator = self.decimal_separator
            if number_evidence is not price_evidence:
                number_separator = (number_evidence.separator() or decimal_separator) or detect_decimal_separator(
                    number_evidence, csv_file, decimals=AMBIGUOUS_DECIMALS
                )
        except BaseException:
            self.close()
            raise
        names = {column: csv_file.header[index].strip() for column, index in csv_file.columns.items()}
        self.reader = RowReader(
            names,
            currency=currency,
            decimal_separator=self.decimal_separator,
            number_separator=number_separator,
            now=now,
            claims=self.spool,
        )
        self.scopes = ScopeBuilder(format, names)
        self.currency_columns = [column for column in CURRENCY_COLUMNS if column in names]
        self.member_columns = {
            member: names[column]
            for member, spellings in format.member_columns.items()
            if (column := next((c for c in spellings if c in names), None))
        }
        self.description = csv_file.description
        if price_evidence.is_relevant:
            self.description += f", decimal separator `{self.decimal_separator}`"
        self.product_count = self.spool.product_count

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete the spool."""
        self.spool.close()

    @property
    def generated_skus(self) -> int:
        """Number of variants without a SKU for which one was generated."""
        return self.reader.generated_skus

    def _group_rows(self) -> tuple[SeparatorEvidence, SeparatorEvidence]:
        """Read all rows into the spool; return the evidence of their prices and other numbers."""
        prices = SeparatorEvidence()
        numbers = SeparatorEvidence() if self.format.has_local_prices else prices
        columns = self.csv_file.columns
        evidence_of = {column: numbers for column in columns if self.format.is_number_column(column)}
        evidence_of |= {column: prices for column in columns if self.format.is_price_column(column)}
        for line, cells, fault in self.csv_file.rows(self.issues):
            row = self.csv_file.row(line, cells)
            for column, evidence in evidence_of.items():
                if not fault and (cell := row[column]):
                    evidence.add(cell, line)
            group = self.format.group_row(row)
            if not isinstance(group, UngroupedRow):
                self.spool.add(line, cells, group.key, group.aliases, group.parent, fault)
            elif fault:
                self._reject_row(row, "", fault, cells[0])
            else:
                self._reject_row(row, group.column, group.message, row[group.column])
        self.spool.finish()
        for line, parent, cells in self.spool.orphans():
            self._reject_row(self.csv_file.row(line, cells), "", self.format.orphan_message, parent)
        return prices, numbers

    def _reject_row(self, row: Row, column: str, message: str, value: str) -> None:
        index = self.csv_file.columns.get(column)
        name = "" if index is None else self.csv_file.header[index]
        self.issues.append(Issue(line=row.line, column=name, value=value, message=f"{message} The row was rejected."))

    def products(self) -> Iterator[ParsedProduct]:
        """Yield the products in the order of their first rows."""
        for group in self.spool.products():
            if any(fault for *_, fault in group):
                yield _rejected(group)
                continue
            rows = [self.csv_file.row(line, cells) for line, cells, _ in group]
            self._check_currency(rows)
            product = read_with_notes(self.format, rows, self.reader)
            result = self.reader.finish_product()
            line = result.product_line or rows[0].line
            product = None if result.rejected else product
            yield ParsedProduct(
                line=line,
                product=product,
                scope=None if product is None else self.scopes.build(product, line, result),
                issues=result.issues,
                other_rejected=result.other_rejected,
                variant_lines=result.variant_lines,
                member_columns=self.member_columns,
            )

    def _check_currency(self, rows: Sequence[Row]) -> None:
        """Reject a product with prices in a currency that the shop does not sell in."""
        for row in rows:
            for column in self.currency_columns:
                if row[column] and row[column].upper() != self.reader.currency:
                    message = f"This shop sells in {self.reader.currency}."
                    fix = f"Convert the prices to {self.reader.currency}, and change this cell."
                    self.reader.reject(row, column, message, fix=fix)


def _rejected(group: Sequence[tuple[int, Sequence[str], str]]) -> ParsedProduct:
    """Reject a product that has a broken row, because its data would be incomplete."""
    issues = [
        Issue(line=line, column="", value=cells[-1], message=f"{fault} The product was rejected.")
        for line, cells, fault in group
        if fault
    ]
    return ParsedProduct(line=group[0][0], product=None, issues=issues)
