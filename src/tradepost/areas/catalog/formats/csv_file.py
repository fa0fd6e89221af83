"""Sheets: from the bytes of a CSV file, however it was saved, to rows under a header."""

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
UNCLOSED = 'a quote (") is opened in this row and never closed.'
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


class Row:
    """One row: the line where it begins (1 is the header's), and its cells that are not blank, by folded column name, without blanks around them."""

    __slots__ = ("cells", "columns", "line")

    def __init__(self, line: int, cells: dict[str, str], columns: Mapping[str, int]) -> None:
        self.line, self.cells, self.columns = line, cells, columns

    def __getitem__(self, column: str) -> str:
        """The cell; empty where the file or the row has none."""
        return self.cells.get(column, "")

    def first(self, *columns: str) -> str:
        """The first cell among these columns that is not empty."""
        for column in columns:
            if column in self.cells:
                return self.cells[column]
        return ""


def is_delimiter_hint(text: str) -> bool:
    """Whether this is the line by which Excel is told the delimiter (`sep=;`)."""
    return text.lstrip().lower().startswith("sep=")


def column_key(name: str) -> str:
    """A column's name in the form that is compared: letter case and blanks do not count."""
    return " ".join(name.casefold().split())


class CsvFile:
    """A file that was looked at: its encoding, its delimiter and its header. `rows` reads it from the beginning."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.encoding, self.encoding_name = detect_encoding(path)
        self.delimiter = self._delimiter()
        self.header = next(
            (
                cells
                for _, cells, _ in self._read()
                if any(c.strip() for c in cells) and not is_delimiter_hint(cells[0])
            ),
            list[str](),
        )
        self.columns: dict[str, int] = {}
        for at, name in enumerate(self.header):
            self.columns.setdefault(column_key(name), at)
        self.cell_keys = [
            name if self.columns[name] == at else "" for at, name in enumerate(map(column_key, self.header))
        ]

    @property
    def description(self) -> str:
        """How it is read, in words."""
        return f"{self.encoding_name}, {DELIMITERS[self.delimiter]}"

    def row(self, line: int, cells: Sequence[str]) -> Row:
        """A row from its cells. Of two columns with one name the first is read."""
        filled = {
            name: text
            for name, cell in zip(self.cell_keys, cells, strict=False)
            if cell and name and (text := cell.strip())
        }
        return Row(line, filled, self.columns)

    def rows(self, findings: list[Issue]) -> Iterator[tuple[int, list[str], str]]:
        """Line and cells of the rows below the header, and what is wrong with a row that is none. Blank ones and a repeated header are skipped."""
        known, header = len(self.header), [c.strip() for c in self.header]
        seen = False
        for line, cells, complete in self._read():
            plain = [c.strip() for c in cells]
            if not any(plain) or (not seen and is_delimiter_hint(plain[0])):
                continue
            if not complete:
                yield line, [*cells[:known]], UNCLOSED
            elif len(cells) > known and any(plain[known:]):
                yield (
                    line,
                    cells[:known],
                    f"the row has {len(cells)} cells and the header {known}; look for a quote or a delimiter too many.",
                )
            elif plain != header:
                yield line, cells, ""
            elif seen:
                findings.append(
                    Issue(line=line, column="", value="", message="the header once more; skipped.", repaired=True)
                )
            seen = seen or plain == header

    def _read(self) -> Iterator[tuple[int, list[str], bool]]:
        """The line where a row begins, its cells, and whether its quotes are closed. Behind a line that opens one for good it goes on with the next."""
        skip: int | None = 0
        for _ in range(MAX_UNCLOSED_QUOTES):
            skip = yield from self._read_behind(skip)
            if skip is None:
                return
        raise UnreadableError(
            f'{MAX_UNCLOSED_QUOTES} quotes (") are opened and never closed, the last in line {skip}; is it a CSV file?'
        )

    def _read_behind(self, skip: int) -> Generator[tuple[int, list[str], bool], None, int | None]:
        """The same behind so many lines, until a row is not complete: the line of that one, or None at the end."""
        csv.field_size_limit(MAX_CELL_LENGTH)
        with self.path.open(encoding=self.encoding, errors="replace", newline="") as file:
            lines = _Lines(islice(file, skip, None), skip)
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            while True:
                line, lines.first = lines.count + 1, ""
                try:
                    yield line, next(reader), True
                except StopIteration:
                    return None
                except csv.Error:
                    if lines.ended or lines.count > line:
                        yield line, [lines.first.split(self.delimiter)[0].strip('"')], False
                        return line
                    # A quote too many in a line of its own (`"12" ,`): it is clear what is meant.
                    yield line, next(csv.reader([lines.first], delimiter=self.delimiter)), True
                    reader = csv.reader(lines, delimiter=self.delimiter, strict=True)

    def _delimiter(self) -> str:
        """The delimiter that cuts the first line that is not blank into the most cells."""
        with self.path.open(encoding=self.encoding, errors="replace", newline="") as file:
            first = next(
                (
                    line
                    for line in iter(lambda: file.readline(MAX_CELL_LENGTH), "")
                    if line.strip() and not is_delimiter_hint(line)
                ),
                "",
            )
        return max(DELIMITERS, key=lambda d: len(next(csv.reader([first], delimiter=d), list[str]())))


class _Lines(Iterator[str]):
    """Lines, counted on from a number; `first` is the first since it was emptied."""

    def __init__(self, lines: Iterator[str], count: int) -> None:
        self.lines, self.count, self.ended, self.first = lines, count, False, ""

    def __next__(self) -> str:
        line = next(self.lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.count += 1
        self.first = self.first or line
        return line


def detect_encoding(path: Path) -> tuple[str, str]:
    """The encoding of a text file for Python and for people: by its mark, else UTF-8 if all of it is, else Windows-1252."""
    with path.open("rb") as file:
        head = file.read(4)
        for mark, encoding, said in MARKS:
            if head.startswith(mark):
                return encoding, said
        file.seek(0)
        try:
            with TextIOWrapper(file, encoding="utf-8", newline="") as text:
                for _ in text:
                    pass
        except UnicodeDecodeError:
            return "cp1252", "Windows-1252"
    return "utf-8", "UTF-8"
