"""Opening a file: which format it is, then its products one after another. Nothing of the file stays in memory."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from .csv_file import CsvFile, Row
from .format import Format, ParsedProduct, UngroupedRow
from .issues import Issue, UnreadableError
from .numbers import DecimalSeparator, SeparatorEvidence
from .round_trip import read_with_notes
from .row_reader import RowReader
from .spool import Spool

LINES = "our own NDJSON: a product as JSON on each line"

type Progress = Callable[[int], None]


class ProductFile(Protocol):
    """A file whose products can be read. `size` is how many there are, `findings` what was found before the first."""

    format_title: str
    description: str
    product_count: int
    issues: list[Issue]

    @property
    def generated_skus(self) -> int:
        """How many variants had no SKU and were given one."""
        ...

    def products(self) -> Iterator[ParsedProduct]:
        """The products, one by one."""
        ...

    def close(self) -> None:
        """Gives back what it holds."""
        ...


class CsvProductFile(AbstractContextManager["CsvProductFile"]):
    """A CSV file of a known format, its rows grouped on disk."""

    def __init__(
        self, sheet: CsvFile, format: Format, *, currency: str, sign: DecimalSeparator | None, moment: datetime
    ) -> None:
        self.csv_file, self.format, self.format_title = sheet, format, format.title
        self.issues: list[Issue] = []
        self.spool = Spool()
        self.loose: list[ParsedProduct] = []
        try:
            evidence = self._group()
            self.decimal_separator = sign or _settled(evidence, format)
        except BaseException:
            self.close()
            raise
        names = {folded: sheet.header[at].strip() for folded, at in sheet.columns.items()}
        self.reader = RowReader(names, currency=currency, sign=self.decimal_separator, moment=moment, spool=self.spool)
        self.member_columns = {
            m: names[c]
            for m, columns in format.member_columns.items()
            if (c := next((c for c in columns if c in names), None))
        }
        self.description = (
            f"{sheet.description}, decimal sign `{self.decimal_separator}`"
            if evidence.is_relevant
            else sheet.description
        )
        self.product_count = self.spool.product_count

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Removes the spool."""
        self.spool.close()

    @property
    def generated_skus(self) -> int:
        """How many variants had no SKU and were given one."""
        return self.reader.generated_skus

    def _group(self) -> SeparatorEvidence:
        """Reads all rows into the spool, and hears every price on the way."""
        evidence = SeparatorEvidence()
        prices = [c for c in self.csv_file.columns if self.format.is_price_column(c)]
        for line, cells, fault in self.csv_file.rows(self.issues):
            row = self.csv_file.row(line, cells)
            for column in prices:
                if not fault and (cell := row[column]):
                    evidence.add(cell)
            place = self.format.group_row(row)
            if isinstance(place, UngroupedRow):
                self.issues.append(
                    self._loose(row, *(("", fault, cells[0]) if fault else (place.column, place.message)))
                )
            else:
                self.spool.add(line, cells, place.key, place.aliases, place.parent, fault)
        self.spool.finish()
        for line, parent, cells in self.spool.orphans():
            self.issues.append(self._loose(self.csv_file.row(line, cells), "", self.format.orphan_message, parent))
        return evidence

    def _loose(self, row: Row, column: str, said: str, stood: str | None = None) -> Issue:
        at = self.csv_file.columns.get(column)
        return Issue(
            line=row.line,
            column=self.csv_file.header[at] if at is not None else "",
            value=row[column] if stood is None else stood,
            message=f"{said} The row is left out.",
        )

    def products(self) -> Iterator[ParsedProduct]:
        """The products in the order of their first rows."""
        for group in self.spool.products():
            if any(fault for *_, fault in group):
                yield _broken(group)
                continue
            rows = [self.csv_file.row(line, cells) for line, cells, _ in group]
            product = read_with_notes(self.format, rows, self.reader)
            taken = self.reader.finish_product()
            yield ParsedProduct(
                line=taken.product_line or rows[0].line,
                product=None if taken.rejected else product,
                issues=taken.issues,
                other_rejected=taken.other_rejected,
                variant_lines=taken.variant_lines,
                member_columns=self.member_columns,
            )


def _broken(group: Sequence[tuple[int, Sequence[str], str]]) -> ParsedProduct:
    """A product one of whose rows is none: it would come in without something, so it does not come in."""
    faults = [(line, cells[-1], fault) for line, cells, fault in group if fault]
    findings = [
        Issue(line=line, column="", value=last, message=f"{fault} The product is left out.")
        for line, last, fault in faults
    ]
    return ParsedProduct(line=group[0][0], product=None, issues=findings)


def _settled(evidence: SeparatorEvidence, format: Format) -> DecimalSeparator:
    """The decimal sign of a file: what its prices show; where they leave it open, a dot if the format always writes one."""
    if (shown := evidence.separator()) is not None:
        return shown
    if evidence.ambiguous is None or format.defaults_to_dot:
        return "."
    raise UnreadableError(
        f"the prices leave open whether `{evidence.ambiguous}` means a whole number of thousands or has decimals; say `--decimal .` or `--decimal ,`."
    )


def detect_format(sheet: CsvFile, formats: Sequence[Format]) -> Format:
    """The format whose needed columns the header has, the most demanding one first."""
    fits = [f for f in formats if not f.missing_columns(sheet.columns)]
    if fits:
        return max(fits, key=lambda f: len(f.required_columns))
    near = max(
        formats,
        key=lambda f: (1 - len(f.missing_columns(sheet.columns)) / len(f.required_columns), len(f.required_columns)),
    )
    known = "".join([f"\n  {f.title}: {f.example}" for f in formats])
    lacks = ", ".join([f"`{c}`" for c in near.missing_columns(sheet.columns)])
    shown = ", ".join(sheet.header)[:300]
    raise UnreadableError(
        f"the header is of no known format: {shown}\nNearest is {near.title}; it lacks {lacks}. Known are:{known}\n  {LINES}"
    )
