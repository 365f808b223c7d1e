"""CSV files as spreadsheets, exports and strangers write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.sheets.sheet import LONGEST, Sheet, cell, new_file, open_sheet, plain

GERMAN = 'Name;E-Mail;Größe\r\n"Müller, Jörg";j@example.de;"zwei\r\nZeilen"\r\nZoë;z@example.de;\r\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def of(path: Path, contents: bytes | str, encoding: str | None = None) -> Sheet:
    path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return open_sheet(path, encoding)


def rows(sheet: Sheet) -> list[tuple[int, tuple[str, ...], str]]:
    return [(row.line, row.cells, row.problem) for row in sheet.rows([0])]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "windows-1252"])
def test_what_excel_writes_is_read_whatever_the_encoding(path: Path, encoding: str) -> None:
    sheet = of(path, GERMAN.encode(encoding))
    assert (sheet.encoding, sheet.separator) == (encoding, ";")
    assert sheet.columns == ("Name", "E-Mail", "Größe")
    assert rows(sheet) == [
        (2, ("Müller, Jörg", "j@example.de", "zwei\r\nZeilen"), ""),
        (4, ("Zoë", "z@example.de", ""), ""),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_each_separator_and_line_end_is_told(path: Path, separator: str) -> None:
    for end in ("\n", "\r\n", "\r"):
        sheet = of(path, end.join(separator.join(row) for row in (("a", "b; c, d"[:1]), ("1", "2"), ("3", "4"))))
        assert (sheet.separator, len(rows(sheet))) == (separator, 2)
    assert rows(of(path, f"sep={separator}\r\na{separator}b\r\n1{separator}2\r\n")) == [(3, ("1", "2"), "")]


def test_a_mark_at_the_beginning_counts_for_more_than_the_encoding_that_is_named(path: Path) -> None:
    sheet = of(path, '\ufeff"id","name"\n"1","Müller"\n', "utf-8")
    assert (sheet.encoding, sheet.columns) == ("utf-8-sig", ("id", "name"))


def test_another_encoding_can_be_named(path: Path) -> None:
    sheet = of(path, "Имя,email\nОльга,o@example.com\n".encode("windows-1251"), "windows-1251")
    assert rows(sheet)[0][1] == ("Ольга", "o@example.com")
    with pytest.raises(ConfigurationError, match="cannot be read as klingon"):
        of(path, "a,b\n", "klingon")


def test_columns_of_one_name_and_of_none_get_one_each(path: Path) -> None:
    sheet = of(path, "email,email,,phone,\n1,2,3,4\n")
    assert sheet.columns == ("email", "email 2", "column 3", "phone")
    assert sheet.renamed == ("email 2", "column 3")


def test_a_ragged_row_is_filled_up_and_one_with_too_much_is_told(path: Path) -> None:
    assert rows(of(path, "a,b,c\n1\n\n,,\n1,2,3,,,\n1,2,3,4\n")) == [
        (2, ("1", "", ""), ""),
        (5, ("1", "2", "3"), ""),
        (6, ("1", "2", "3", "4"), "it has 4 cells, and there are 3 columns"),
    ]


def test_an_open_quote_spoils_its_own_line_only(path: Path) -> None:
    found = rows(of(path, 'a,b\n1,"x\n3,4\n5,"6"\n7,"8" 9\n10,11\n'))
    assert [(line, problem) for line, _, problem in found] == [
        (2, "its quotes do not match"),
        (3, ""),
        (4, ""),
        (5, "its quotes do not match"),
        (6, ""),
    ]
    assert found[0][1] == ("1", '"x')


def test_a_quote_that_nothing_closes_takes_no_more_than_its_line(path: Path) -> None:
    found = rows(of(path, 'a,b\n1,"x\n' + "3,4\n" * 400_000))
    assert len(found) == 400_001
    assert [problem for *_, problem in found if problem] == ["its quotes do not match"]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_huge_cell_is_told_and_what_follows_is_read(path: Path, quote: str) -> None:
    found = rows(of(path, f"a,b\n1,{quote}{'x' * 3 * LONGEST}{quote}\n3,4\n"))
    assert [problem for *_, problem in found] == ["it is longer than 1,048,576 letters", ""]
    assert found[1][1] == ("3", "4")


def test_a_broken_letter_spoils_its_row_only(path: Path) -> None:
    found = rows(of(path, b"a,b\n" + "ü,1\n".encode() * 30 + b"\xff,2\n"))
    assert [problem for *_, problem in found if problem] == ["a letter in it is not utf-8"]


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (b"", "there is nothing in it"),
        (b"\n\n,,\n", "there is nothing in it"),
        (b"PK\x03\x04\x14\x00\x06\x00", "it is a workbook or an archive, no CSV. In Excel: Save as, CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a workbook of an old Excel"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)), "something binary"),
        (b"ada@example.com,Ada\n", "has to be the columns' names"),
    ],
)
def test_what_is_no_table_is_told_with_what_to_do(path: Path, contents: bytes, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        of(path, contents)


def test_a_file_that_is_not_there_is_told(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        open_sheet(path)


@pytest.mark.parametrize("text", ["=1", " =1", "' =1", "'=1", "''@x", "'a", "-", "+44", "\t", "\r\n", "＝1", "a=1", ""])
def test_a_cell_is_no_formula_and_says_the_same_when_it_is_read(text: str) -> None:
    assert not cell(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
    assert plain(cell(text)) == text


def test_a_new_file_is_there_when_it_is_whole_and_replaces_nothing(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_file(path) as out:
        out.write(f"{1 / 0}")
    assert list(path.parent.iterdir()) == []
    with new_file(path) as out:
        out.write("1")
        assert not path.exists()
    with pytest.raises(ConfigurationError, match="is there already"), new_file(path):
        pass
    path.with_name(f"{path.name}.part").write_text("left by one that was killed")
    with new_file(path, force=True) as out:
        out.write("2")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("2", 0o600)


def test_a_new_file_is_written_by_one_at_a_time(path: Path) -> None:
    with new_file(path) as out:
        out.write("the first")
        with pytest.raises(ConfigurationError, match="somebody is writing it"), new_file(path):
            pass
    assert path.read_text() == "the first"
