"""Opening a file: which format it is, then its products one after another. Nothing of the file stays in memory."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from .csv_file import Row, Sheet
from .format import Draft, Format, Misplaced
from .issues import Finding, UnreadableError
from .numbers import Evidence, Sign
from .round_trip import read_noted
from .row_reader import Reading
from .spool import Spool

LINES = "our own NDJSON: a product as JSON on each line"

type Progress = Callable[[int], None]


class Opened(Protocol):
    """A file whose products can be read. `size` is how many there are, `findings` what was found before the first."""

    name: str
    note: str
    size: int
    findings: list[Finding]

    @property
    def made_skus(self) -> int:
        """How many variants had no SKU and were given one."""
        ...

    def drafts(self) -> Iterator[Draft]:
        """The products, one by one."""
        ...

    def close(self) -> None:
        """Gives back what it holds."""
        ...


class OpenedSheet(AbstractContextManager["OpenedSheet"]):
    """A CSV file of a known format, its rows grouped on disk."""

    def __init__(self, sheet: Sheet, format: Format, *, currency: str, sign: Sign | None, moment: datetime) -> None:
        self.sheet, self.format, self.name = sheet, format, format.title
        self.findings: list[Finding] = []
        self.spool = Spool()
        self.loose: list[Draft] = []
        try:
            evidence = self._group()
            self.sign = sign or _settled(evidence, format)
        except BaseException:
            self.close()
            raise
        names = {folded: sheet.header[at].strip() for folded, at in sheet.columns.items()}
        self.reading = Reading(names, currency=currency, sign=self.sign, moment=moment, spool=self.spool)
        self.columns = {
            m: names[c]
            for m, columns in format.members.items()
            if (c := next((c for c in columns if c in names), None))
        }
        self.note = f"{sheet.note}, decimal sign `{self.sign}`" if evidence.matters else sheet.note
        self.size = self.spool.size

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Removes the spool."""
        self.spool.close()

    @property
    def made_skus(self) -> int:
        """How many variants had no SKU and were given one."""
        return self.reading.made_skus

    def _group(self) -> Evidence:
        """Reads all rows into the spool, and hears every price on the way."""
        evidence = Evidence()
        prices = [c for c in self.sheet.columns if self.format.prices(c)]
        for line, cells, fault in self.sheet.rows(self.findings):
            row = self.sheet.row(line, cells)
            for column in prices:
                if not fault and (cell := row[column]):
                    evidence.add(cell)
            place = self.format.place(row)
            if isinstance(place, Misplaced):
                self.findings.append(
                    self._loose(row, *(("", fault, cells[0]) if fault else (place.column, place.said)))
                )
            else:
                self.spool.add(line, cells, place.key, place.names, place.parent, fault)
        self.spool.close_rows()
        for line, parent, cells in self.spool.orphans():
            self.findings.append(self._loose(self.sheet.row(line, cells), "", self.format.orphan, parent))
        return evidence

    def _loose(self, row: Row, column: str, said: str, stood: str | None = None) -> Finding:
        at = self.sheet.columns.get(column)
        return Finding(
            line=row.line,
            column=self.sheet.header[at] if at is not None else "",
            stood=row[column] if stood is None else stood,
            said=f"{said} The row is left out.",
        )

    def drafts(self) -> Iterator[Draft]:
        """The products in the order of their first rows."""
        for group in self.spool.products():
            if any(fault for *_, fault in group):
                yield _broken(group)
                continue
            rows = [self.sheet.row(line, cells) for line, cells, _ in group]
            product = read_noted(self.format, rows, self.reading)
            taken = self.reading.take()
            yield Draft(
                line=taken.line or rows[0].line,
                product=None if taken.refused else product,
                findings=taken.findings,
                others=taken.others,
                lines=taken.lines,
                columns=self.columns,
            )


def _broken(group: Sequence[tuple[int, Sequence[str], str]]) -> Draft:
    """A product one of whose rows is none: it would come in without something, so it does not come in."""
    faults = [(line, cells[-1], fault) for line, cells, fault in group if fault]
    findings = [
        Finding(line=line, column="", stood=last, said=f"{fault} The product is left out.")
        for line, last, fault in faults
    ]
    return Draft(line=group[0][0], product=None, findings=findings)


def _settled(evidence: Evidence, format: Format) -> Sign:
    """The decimal sign of a file: what its prices show; where they leave it open, a dot if the format always writes one."""
    if (shown := evidence.sign()) is not None:
        return shown
    if evidence.open is None or format.dot:
        return "."
    raise UnreadableError(
        f"the prices leave open whether `{evidence.open}` means a whole number of thousands or has decimals; say `--decimal .` or `--decimal ,`."
    )


def recognised(sheet: Sheet, formats: Sequence[Format]) -> Format:
    """The format whose needed columns the header has, the most demanding one first."""
    fits = [f for f in formats if not f.missing(sheet.columns)]
    if fits:
        return max(fits, key=lambda f: len(f.needs))
    near = max(formats, key=lambda f: (1 - len(f.missing(sheet.columns)) / len(f.needs), len(f.needs)))
    known = "".join([f"\n  {f.title}: {f.example}" for f in formats])
    lacks = ", ".join([f"`{c}`" for c in near.missing(sheet.columns)])
    shown = ", ".join(sheet.header)[:300]
    raise UnreadableError(
        f"the header is of no known format: {shown}\nNearest is {near.title}; it lacks {lacks}. Known are:{known}\n  {LINES}"
    )
