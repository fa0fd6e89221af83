"""CSV files: encodings, delimiters, line ends, quotes and line numbers; and the spool of rows."""

import csv
import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.areas.catalog.formats import Issue, UnreadableError
from tradepost.areas.catalog.formats.csv_file import MAX_CELL_LENGTH, CsvFile
from tradepost.areas.catalog.formats.spool import ROWS_PER_INSERT, Spool

type NumberedRows = list[tuple[int, list[str]]]


def read_csv(folder: Path, content: str | bytes) -> tuple[CsvFile, NumberedRows, list[Issue]]:
    """Read a file with this content: the file, its valid rows, and its issues."""
    path = folder / "sheet.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    file, issues = CsvFile(path), list[Issue]()
    return file, [(line, cells) for line, cells, error in file.rows(issues) if not error], issues


def invalid_rows(folder: Path, content: str) -> list[tuple[int, list[str], str]]:
    """Return line, cells and error of the invalid rows."""
    (folder / "sheet.csv").write_text(content, "utf-8", newline="")
    return [row for row in CsvFile(folder / "sheet.csv").rows([]) if row[2]]


@pytest.mark.parametrize(
    ("encoding", "encoding_name"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("cp1252", "Windows-1252"),
    ],
)
@pytest.mark.parametrize(("delimiter", "delimiter_name"), [(",", "commas"), (";", "semicolons"), ("\t", "tabs")])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encoding_delimiter_and_line_ends_are_detected(
    tmp_path: Path, encoding: str, encoding_name: str, delimiter: str, delimiter_name: str, end: str
) -> None:
    text = ("\ufeff" if encoding == "utf-16-be" else "") + f"Näme|Größe{end}Tür|1 €{end}Öl|{end}".replace(
        "|", delimiter
    )
    file, rows, issues = read_csv(tmp_path, text.encode(encoding))
    assert (file.header, file.columns) == (["Näme", "Größe"], {"näme": 0, "grösse": 1})
    assert (rows, issues, file.description) == (
        [(2, ["Tür", "1 €"]), (3, ["Öl", ""])],
        [],
        f"{encoding_name}, {delimiter_name}",
    )


def test_windows_1252_is_detected_even_if_only_the_end_shows_it(tmp_path: Path) -> None:
    file, rows, _ = read_csv(tmp_path, b"a,b\n" + b"x,y\n" * 50_000 + b"caf\xe9,\x80\n")
    assert (file.encoding_name, rows[-1]) == ("Windows-1252", (50_002, ["café", "€"]))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_numbers_count_newlines_in_quotes(tmp_path: Path, end: str) -> None:
    text = f'a,"b{end}c"{end}1,"two{end}{end}lines"{end}{end}2,"say ""hi"", ok"{end}3,4'
    file, rows, issues = read_csv(tmp_path, text)
    assert (file.header, issues) == (["a", f"b{end}c"], [])
    assert rows == [(3, ["1", f"two{end}{end}lines"]), (7, ["2", 'say "hi", ok']), (8, ["3", "4"])]


def test_blank_lines_are_skipped(tmp_path: Path) -> None:
    file, rows, issues = read_csv(tmp_path, "\n , \na,b\n\n,\n  , \t \n1,2\n\n")
    assert (file.header, rows, issues) == (["a", "b"], [(7, ["1", "2"])], [])


def test_a_repeated_header_is_skipped_and_reported(tmp_path: Path) -> None:
    _, rows, issues = read_csv(tmp_path, "a,b\n1,2\n a ,b\n3,4\n")
    assert rows == [(2, ["1", "2"]), (4, ["3", "4"])]
    assert [(f.line, f.repaired) for f in issues] == [(3, True)]


@pytest.mark.parametrize(("hint", "delimiter"), [("sep=;", ";"), ("SEP=,", ","), ("sep=\t", "\t")])
def test_the_delimiter_hint_for_excel_is_not_a_row(tmp_path: Path, hint: str, delimiter: str) -> None:
    file, rows, issues = read_csv(tmp_path, f"{hint}\na|b\n1|2\n".replace("|", delimiter))
    assert (file.header, rows, issues) == (["a", "b"], [(3, ["1", "2"])], [])


def test_a_comma_in_a_quoted_header_is_not_detected_as_the_delimiter(tmp_path: Path) -> None:
    file, rows, _ = read_csv(tmp_path, '"GTIN, UPC, or ISBN";Price\n1;2,50\n')
    assert (file.header, rows) == (["GTIN, UPC, or ISBN", "Price"], [(2, ["1", "2,50"])])


def test_a_row_with_too_many_cells_is_invalid(tmp_path: Path) -> None:
    text = "a,b\n1,2,3\n4,5,,\n6\n"
    assert read_csv(tmp_path, text)[1] == [(3, ["4", "5", "", ""]), (4, ["6"])]
    assert [
        (line, cells, "has 3 cells but the header has 2" in error)
        for line, cells, error in invalid_rows(tmp_path, text)
    ] == [(2, ["1", "2"], True)]


def test_an_unclosed_quote_invalidates_only_the_row_that_opens_it(tmp_path: Path) -> None:
    text = 'a,b\n1,2\n3,"4\n5,6\n'
    assert read_csv(tmp_path, text)[1] == [(2, ["1", "2"]), (4, ["5", "6"])]
    assert [(line, cells[0], "never closed" in error) for line, cells, error in invalid_rows(tmp_path, text)] == [
        (3, "3", True)
    ]
    assert read_csv(tmp_path, 'a,b\n1,2\n3,"4\n"5","6"\n')[1] == [(2, ["1", "2"]), (4, ["5", "6"])]


def test_quotes_within_a_cell_are_literal(tmp_path: Path) -> None:
    _, rows, issues = read_csv(tmp_path, 'a,b\n5" pipe,1\n"6"" pipe",2\n"x" ,"y"\n7" pipe,3')
    assert (rows, issues) == (
        [(2, ['5" pipe', "1"]), (3, ['6" pipe', "2"]), (4, ["x ", "y"]), (5, ['7" pipe', "3"])],
        [],
    )


def test_the_length_of_a_cell_is_limited(tmp_path: Path) -> None:
    text = 'a,b\n1,"' + "x\n" * (MAX_CELL_LENGTH // 2 + 1)
    assert [(line, cells) for line, cells, _ in invalid_rows(tmp_path, text)] == [(2, ["1"])]
    with pytest.raises(UnreadableError, match="never closed"):
        invalid_rows(tmp_path, "a,b\n" + '1,"x""\n' * 300)


def test_an_empty_file_has_no_header_and_no_rows(tmp_path: Path) -> None:
    for content in (b"", b"\n\n", b"\xef\xbb\xbf"):
        file, rows, issues = read_csv(tmp_path, content)
        assert (file.header, rows, issues) == ([], [], [])


def test_column_names_are_case_insensitive_and_cells_are_trimmed(tmp_path: Path) -> None:
    file, [(line, cells)], _ = read_csv(tmp_path, " Variant  SKU ,b,B,c\n x , ,2, 3\n")
    row = file.row(line, cells)
    assert (row["variant sku"], row["b"], row["c"], row["nowhere"], row.cells) == (
        "x",
        "",
        "3",
        "",
        {"variant sku": "x", "c": "3"},
    )
    assert (row.first("b", "c", "variant sku"), row.first("b", "nowhere")) == ("3", "")


CELL = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=8)


@given(
    st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=6),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
)
def test_any_csv_file_is_read_as_it_was_written(rows: list[list[str]], delimiter: str, end: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([["first", "second"], *rows])
    with TemporaryDirectory() as folder:
        _, rows_read, issues = read_csv(Path(folder), out.getvalue())
    expected = [r for r in rows if any(c.strip() for c in r) and (r[0].strip(), r[1].strip()) != ("first", "second")]
    assert [cells for _, cells in rows_read] == expected
    assert all(f.repaired for f in issues)


# The spool.


@pytest.fixture
def spool() -> Iterator[Spool]:
    with closing(Spool()) as spool:
        yield spool


def test_rows_of_a_product_need_not_be_adjacent(spool: Spool) -> None:
    count = ROWS_PER_INSERT * 2 + 1
    for line in range(count):
        spool.add(line, [str(line)], f"p{line % 2}")
    spool.finish()
    even, odd = spool.products()
    assert (spool.product_count, even, odd) == (
        2,
        [(n, [str(n)], "") for n in range(0, count, 2)],
        [(n, [str(n)], "") for n in range(1, count, 2)],
    )


def test_a_row_is_matched_to_its_parent_in_any_order(spool: Spool) -> None:
    spool.add(2, ["child"], None, parent="sku:a")
    spool.add(3, ["product"], "row:3", ("id:1", "sku:a"))
    spool.add(4, ["twin"], "row:4", ("id:2", "sku:a"))
    spool.add(5, ["child"], None, parent="id:2")
    spool.add(6, ["orphan"], None, parent="id:9")
    spool.finish()
    assert [[line for line, *_ in rows] for rows in spool.products()] == [[2, 3], [4, 5]]
    assert list(spool.orphans()) == [(6, "id:9", ["orphan"])]


def test_a_sku_or_reference_can_be_claimed_once(spool: Spool) -> None:
    assert [
        spool.claim_sku("a"),
        spool.claim_sku("A"),
        spool.claim_sku("a"),
        spool.claim_reference("a"),
        spool.claim_reference("a"),
    ] == [True, True, False, True, False]


def test_a_closed_spool_deletes_its_folder() -> None:
    with closing(Spool()) as spool:
        spool.add(1, ["a"], "k")
        folder = Path(spool.folder.name)
        assert folder.exists()
    assert not folder.exists()
