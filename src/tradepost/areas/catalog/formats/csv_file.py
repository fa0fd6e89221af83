"""Reads CSV files of any common encoding, delimiter and line ending as rows under a header."""

import codecs
import csv
from collections.abc import Generator, Iterator, Mapping, Sequence
from io import TextIOWrapper
from itertools import islice
from pathlib import Path

from .issues import Issue, UnreadableError

MAX_UNCLOSED_QUOTES = 100
MAX_CELL_LENGTH = 4 * 1024 * 1024
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
UNCLOSED_QUOTE = 'A quote (") is opened in this row and never closed.'
# Byte order mark, Python's name of the encoding, and the name to show.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


class Row:
    """One row of a file.

    line: the line where the row begins; the header is usually line 1.
    cells: the nonblank cells by column key, without surrounding whitespace.
    """

    __slots__ = ("cells", "columns", "line")

    def __init__(self, line: int, cells: dict[str, str], columns: Mapping[str, int]) -> None:
        self.line, self.cells, self.columns = line, cells, columns

    def __getitem__(self, column: str) -> str:
        """Return the cell, or an empty string if the file or the row does not have it."""
        return self.cells.get(column, "")

    def first(self, *columns: str) -> str:
        """Return the first nonempty cell among these columns."""
        for column in columns:
            if column in self.cells:
                return self.cells[column]
        return ""


def is_delimiter_hint(text: str) -> bool:
    """Whether this is the line that sets the delimiter for Excel (`sep=;`)."""
    return text.lstrip().lower().startswith("sep=")


def column_key(name: str) -> str:
    """Return a column's name for comparison: letter case and extra whitespace are ignored."""
    return " ".join(name.casefold().split())


class CsvFile:
    """A CSV file with its encoding, delimiter and header. `rows` reads it from the beginning.

    columns: the index of each column by its key; of two columns with one name, the first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.encoding, self.encoding_name = detect_encoding(path)
        self.delimiter = self._detect_delimiter()
        self.header = next(
            (
                cells
                for _, cells, _ in self._read()
                if any(cell.strip() for cell in cells) and not is_delimiter_hint(cells[0])
            ),
            list[str](),
        )
        self.columns: dict[str, int] = {}
        for index, name in enumerate(self.header):
            self.columns.setdefault(column_key(name), index)
        # The column key of each cell of a row; empty for the second of two columns with one name.
        self.cell_keys = [
            key if self.columns[key] == index else "" for index, key in enumerate(map(column_key, self.header))
        ]

    @property
    def description(self) -> str:
        """The encoding and the delimiter, to show to the user."""
        return f"{self.encoding_name}, {DELIMITERS[self.delimiter]}"

    def row(self, line: int, cells: Sequence[str]) -> Row:
        """Return a Row from its cells."""
        filled = {
            key: text
            for key, cell in zip(self.cell_keys, cells, strict=False)
            if cell and key and (text := cell.strip())
        }
        return Row(line, filled, self.columns)

    def rows(self, issues: list[Issue]) -> Iterator[tuple[int, list[str], str]]:
        """Yield line, cells and fault of each row below the header; the fault is empty if valid.

        Blank rows are skipped, and so is a repeated header, which is added to `issues`.
        """
        width, header = len(self.header), [cell.strip() for cell in self.header]
        header_seen = False
        for line, cells, complete in self._read():
            stripped = [cell.strip() for cell in cells]
            if not any(stripped) or (not header_seen and is_delimiter_hint(stripped[0])):
                continue
            if not complete:
                yield line, [*cells[:width]], UNCLOSED_QUOTE
            elif len(cells) > width and any(stripped[width:]):
                fault = (
                    f"The row has {len(cells)} cells but the header has {width}. Look for an extra quote or delimiter."
                )
                yield line, cells[:width], fault
            elif stripped != header:
                yield line, cells, ""
            elif header_seen:
                issues.append(
                    Issue(line=line, column="", value="", message="Repeated header; skipped.", severity="warning")
                )
            header_seen = header_seen or stripped == header

    def _read(self) -> Iterator[tuple[int, list[str], bool]]:
        """Yield the first line of each row, its cells, and whether its quotes are closed.

        After a row with an unclosed quote, reading continues with the next line.
        """
        skip: int | None = 0
        for _ in range(MAX_UNCLOSED_QUOTES):
            skip = yield from self._read_after(skip)
            if skip is None:
                return
        raise UnreadableError(
            f'{MAX_UNCLOSED_QUOTES} quotes (") are opened and never closed, the last one in line {skip}. '
            "Is this a CSV file?"
        )

    def _read_after(self, skip: int) -> Generator[tuple[int, list[str], bool], None, int | None]:
        """Yield rows as `_read` does after skipping `skip` lines.

        Return the line of the first row with an unclosed quote, or None at the end of the file.
        """
        csv.field_size_limit(MAX_CELL_LENGTH)
        with self.path.open(encoding=self.encoding, errors="replace", newline="") as file:
            lines = _CountedLines(islice(file, skip, None), skip)
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            while True:
                line, lines.first_of_row = lines.count + 1, ""
                try:
                    yield line, next(reader), True
                except StopIteration:
                    return None
                except csv.Error:
                    if lines.ended or lines.count > line:
                        yield line, [lines.first_of_row.split(self.delimiter)[0].strip('"')], False
                        return line
                    # An extra quote within one line (`"12" ,`): read that line leniently.
                    yield line, next(csv.reader([lines.first_of_row], delimiter=self.delimiter)), True
                    reader = csv.reader(lines, delimiter=self.delimiter, strict=True)

    def _detect_delimiter(self) -> str:
        """Return the delimiter that splits the first nonblank line into the most cells."""
        with self.path.open(encoding=self.encoding, errors="replace", newline="") as file:
            lines = iter(lambda: file.readline(MAX_CELL_LENGTH), "")
            first_line = next((line for line in lines if line.strip() and not is_delimiter_hint(line)), "")
        return max(DELIMITERS, key=lambda d: len(next(csv.reader([first_line], delimiter=d), list[str]())))


class _CountedLines(Iterator[str]):
    """Lines with a running count.

    `first_of_row` is the first line read since it was last set to an empty string.
    """

    def __init__(self, lines: Iterator[str], count: int) -> None:
        self.lines, self.count, self.ended, self.first_of_row = lines, count, False, ""

    def __next__(self) -> str:
        line = next(self.lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.count += 1
        self.first_of_row = self.first_of_row or line
        return line


def detect_encoding(path: Path) -> tuple[str, str]:
    """Return the encoding of a text file, as Python names it and as it is shown.

    The byte order mark decides. Without one the file is UTF-8 if all of it can be decoded as such,
    else Windows-1252.
    """
    with path.open("rb") as file:
        head = file.read(4)
        for mark, encoding, shown_name in BYTE_ORDER_MARKS:
            if head.startswith(mark):
                return encoding, shown_name
        file.seek(0)
        try:
            with TextIOWrapper(file, encoding="utf-8", newline="") as text:
                for _ in text:
                    pass
        except UnicodeDecodeError:
            return "cp1252", "Windows-1252"
    return "utf-8", "UTF-8"
