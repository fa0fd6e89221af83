"""Sheets as people save them: encodings, delimiters, line ends, quotes, and the lines that faults are told with; and rows grouped on disk."""

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

type Found = list[tuple[int, list[str]]]


def found(folder: Path, content: str | bytes) -> tuple[CsvFile, Found, list[Issue]]:
    """A sheet with this content, its rows, and what is told of them."""
    file = folder / "sheet.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    sheet, findings = CsvFile(file), list[Issue]()
    return sheet, [(line, cells) for line, cells, fault in sheet.rows(findings) if not fault], findings


def broken(folder: Path, content: str) -> list[tuple[int, list[str], str]]:
    """The rows that are none: line, cells and what is wrong."""
    (folder / "sheet.csv").write_text(content, "utf-8", newline="")
    return [row for row in CsvFile(folder / "sheet.csv").rows([]) if row[2]]


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("cp1252", "Windows-1252"),
    ],
)
@pytest.mark.parametrize(("delimiter", "named"), [(",", "commas"), (";", "semicolons"), ("\t", "tabs")])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_sheet_is_read_however_it_was_saved(
    tmp_path: Path, encoding: str, said: str, delimiter: str, named: str, end: str
) -> None:
    text = ("\ufeff" if encoding == "utf-16-be" else "") + f"Näme|Größe{end}Tür|1 €{end}Öl|{end}".replace(
        "|", delimiter
    )
    sheet, rows, findings = found(tmp_path, text.encode(encoding))
    assert (sheet.header, sheet.columns) == (["Näme", "Größe"], {"näme": 0, "grösse": 1})
    assert (rows, findings, sheet.description) == ([(2, ["Tür", "1 €"]), (3, ["Öl", ""])], [], f"{said}, {named}")


def test_a_file_is_windows_1252_also_if_that_shows_only_at_its_end(tmp_path: Path) -> None:
    sheet, rows, _ = found(tmp_path, b"a,b\n" + b"x,y\n" * 50_000 + b"caf\xe9,\x80\n")
    assert (sheet.encoding_name, rows[-1]) == ("Windows-1252", (50_002, ["café", "€"]))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_newlines_in_quotes_keep_the_lines_right(tmp_path: Path, end: str) -> None:
    text = f'a,"b{end}c"{end}1,"two{end}{end}lines"{end}{end}2,"say ""hi"", ok"{end}3,4'
    sheet, rows, findings = found(tmp_path, text)
    assert (sheet.header, findings) == (["a", f"b{end}c"], [])
    assert rows == [(3, ["1", f"two{end}{end}lines"]), (7, ["2", 'say "hi", ok']), (8, ["3", "4"])]


def test_blank_lines_are_skipped_wherever_they_stand(tmp_path: Path) -> None:
    sheet, rows, findings = found(tmp_path, "\n , \na,b\n\n,\n  , \t \n1,2\n\n")
    assert (sheet.header, rows, findings) == (["a", "b"], [(7, ["1", "2"])], [])


def test_a_repeated_header_is_skipped_and_told(tmp_path: Path) -> None:
    _, rows, findings = found(tmp_path, "a,b\n1,2\n a ,b\n3,4\n")
    assert rows == [(2, ["1", "2"]), (4, ["3", "4"])]
    assert [(f.line, f.repaired) for f in findings] == [(3, True)]


@pytest.mark.parametrize(("hint", "delimiter"), [("sep=;", ";"), ("SEP=,", ","), ("sep=\t", "\t")])
def test_the_line_that_tells_excel_the_delimiter_is_no_row(tmp_path: Path, hint: str, delimiter: str) -> None:
    sheet, rows, findings = found(tmp_path, f"{hint}\na|b\n1|2\n".replace("|", delimiter))
    assert (sheet.header, rows, findings) == (["a", "b"], [(3, ["1", "2"])], [])


def test_a_delimiter_in_the_texts_of_a_header_is_not_taken_for_the_files(tmp_path: Path) -> None:
    sheet, rows, _ = found(tmp_path, '"GTIN, UPC, or ISBN";Price\n1;2,50\n')
    assert (sheet.header, rows) == (["GTIN, UPC, or ISBN", "Price"], [(2, ["1", "2,50"])])


def test_a_row_that_is_too_long_is_left_out_and_told(tmp_path: Path) -> None:
    text = "a,b\n1,2,3\n4,5,,\n6\n"
    assert found(tmp_path, text)[1] == [(3, ["4", "5", "", ""]), (4, ["6"])]
    assert [
        (line, cells, "has 3 cells but the header has 2" in fault) for line, cells, fault in broken(tmp_path, text)
    ] == [(2, ["1", "2"], True)]


def test_a_quote_that_is_never_closed_is_told_where_it_opens_and_the_next_line_is_a_row(tmp_path: Path) -> None:
    text = 'a,b\n1,2\n3,"4\n5,6\n'
    assert found(tmp_path, text)[1] == [(2, ["1", "2"]), (4, ["5", "6"])]
    assert [(line, cells[0], "never closed" in fault) for line, cells, fault in broken(tmp_path, text)] == [
        (3, "3", True)
    ]
    assert found(tmp_path, 'a,b\n1,2\n3,"4\n"5","6"\n')[1] == [(2, ["1", "2"]), (4, ["5", "6"])]


def test_quotes_inside_of_a_text_open_nothing(tmp_path: Path) -> None:
    _, rows, findings = found(tmp_path, 'a,b\n5" pipe,1\n"6"" pipe",2\n"x" ,"y"\n7" pipe,3')
    assert (rows, findings) == (
        [(2, ['5" pipe', "1"]), (3, ['6" pipe', "2"]), (4, ["x ", "y"]), (5, ['7" pipe', "3"])],
        [],
    )


def test_a_cell_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    text = 'a,b\n1,"' + "x\n" * (MAX_CELL_LENGTH // 2 + 1)
    assert [(line, cells) for line, cells, _ in broken(tmp_path, text)] == [(2, ["1"])]
    with pytest.raises(UnreadableError, match="never closed"):
        broken(tmp_path, "a,b\n" + '1,"x""\n' * 300)


def test_an_empty_file_has_neither_header_nor_rows(tmp_path: Path) -> None:
    for content in (b"", b"\n\n", b"\xef\xbb\xbf"):
        sheet, rows, findings = found(tmp_path, content)
        assert (sheet.header, rows, findings) == ([], [], [])


def test_a_rows_cells_have_folded_names_and_no_blanks_around_them(tmp_path: Path) -> None:
    sheet, [(line, cells)], _ = found(tmp_path, " Variant  SKU ,b,B,c\n x , ,2, 3\n")
    row = sheet.row(line, cells)
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
def test_any_sheet_that_is_written_is_read_again(rows: list[list[str]], delimiter: str, end: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([["first", "second"], *rows])
    with TemporaryDirectory() as folder:
        _, read, findings = found(Path(folder), out.getvalue())
    wanted = [r for r in rows if any(c.strip() for c in r) and (r[0].strip(), r[1].strip()) != ("first", "second")]
    assert [cells for _, cells in read] == wanted
    assert all(f.repaired for f in findings)


# The spool.


@pytest.fixture
def spool() -> Iterator[Spool]:
    with closing(Spool()) as made:
        yield made


def test_rows_of_one_product_need_not_be_adjacent(spool: Spool) -> None:
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


def test_a_row_finds_its_parent_wherever_it_stands(spool: Spool) -> None:
    spool.add(2, ["child"], None, parent="sku:a")
    spool.add(3, ["product"], "row:3", ("id:1", "sku:a"))
    spool.add(4, ["twin"], "row:4", ("id:2", "sku:a"))
    spool.add(5, ["child"], None, parent="id:2")
    spool.add(6, ["orphan"], None, parent="id:9")
    spool.finish()
    assert [[line for line, *_ in rows] for rows in spool.products()] == [[2, 3], [4, 5]]
    assert list(spool.orphans()) == [(6, "id:9", ["orphan"])]


def test_a_name_is_given_once(spool: Spool) -> None:
    assert [
        spool.claim_sku("a"),
        spool.claim_sku("A"),
        spool.claim_sku("a"),
        spool.claim_reference("a"),
        spool.claim_reference("a"),
    ] == [True, True, False, True, False]


def test_a_spool_leaves_nothing_behind() -> None:
    with closing(Spool()) as spool:
        spool.add(1, ["a"], "k")
        folder = Path(spool.folder.name)
        assert folder.exists()
    assert not folder.exists()
