"""Spreadsheets read without trust: what people send, and what nobody should."""

import csv
import struct
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from io import StringIO
from pathlib import Path

import openpyxl
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.core.errors import Refused
from crm.core.sheets import MAX_BYTES, Reading, Table, clean, open_table

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, app: Flask) -> Write:
    """Give a file with this text or these bytes."""

    def write(content: str | bytes, encoding: str = "utf-8", name: str = "table.csv") -> Path:
        path = tmp_path / name
        data = content if isinstance(content, bytes) else content.encode(encoding)
        path.write_bytes(data)
        return path

    return write


def opened(path: Path, **reading: object) -> Table:
    return open_table(path, path.name, Reading(**reading))  # type: ignore[arg-type]


def cells(table: Table) -> list[list[str]]:
    return [row.cells for row in table.rows()]


def refusal(path: Path, **reading: object) -> str:
    with pytest.raises(Refused) as told:
        list(opened(path, **reading).rows())
    return str(told.value)


def test_it_works(write: Write) -> None:
    table = opened(write("Name,E-mail\nAda Alder,ada@example.org\n\nBea Birch,\n"))
    assert table.head == ["Name", "E-mail"]
    assert [(row.number, row.cells, row.fault) for row in table.rows()] == [
        (2, ["Ada Alder", "ada@example.org"], None),
        (4, ["Bea Birch", ""], None),
    ]


# Encodings and delimiters


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8-sig"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16"), ("utf-16-be", "utf-16"), ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
    ],
)  # fmt: skip
def test_encodings_are_found_out(write: Write, encoding: str, found: str) -> None:
    table = opened(write("Name;Town\nRenée Érable;Orléans\n", encoding))
    assert table.encoding == found
    assert cells(table) == [["Renée Érable", "Orléans"]]


@pytest.mark.parametrize("encoding", ["iso-8859-2", "cp1250"])
def test_another_encoding_may_be_chosen(write: Write, encoding: str) -> None:
    path = write("Name;Town\nŁucja Wąż;Łódź\n", encoding)
    assert opened(path).encoding == "cp1252"
    assert cells(opened(path, encoding=encoding)) == [["Łucja Wąż", "Łódź"]]


def test_a_file_not_in_the_chosen_encoding(write: Write) -> None:
    path = write("Name\nÉrable\n", "cp1252")
    assert "is not written in Unicode" in refusal(path, encoding="utf-8-sig")
    assert "no encoding" in refusal(path, encoding="rot13")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found_out(write: Write, delimiter: str) -> None:
    text = StringIO(newline="")
    rows = [["Name", "Address", "Note"], ["Alder, Ada", "1 Mill Lane; Aldertown", "a|b\tc"]] * 3
    csv.writer(text, delimiter=delimiter).writerows(rows)
    table = opened(write(text.getvalue()))
    assert table.delimiter == delimiter
    # The repeated head is no row.
    assert cells(table) == [["Alder, Ada", "1 Mill Lane; Aldertown", "a|b c"]] * 3


def test_excel_names_its_delimiter_in_a_first_line(write: Write) -> None:
    table = opened(write("sep=;\nName;Town\nAlder, Ada;X\n"))
    assert table.head == ["Name", "Town"]
    assert [row.number for row in table.rows()] == [3]


_CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cf", "Zs", "Zl", "Zp", "Cn")),
    max_size=12,
)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "iso-8859-2"])
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(_CELLS, _CELLS, _CELLS), min_size=1, max_size=8))
def test_what_was_written_is_read(
    write: Write, encoding: str, delimiter: str, rows: list[tuple[str, str, str]]
) -> None:
    head = ("First", "Second", "Third")
    known = [tuple(c.encode(encoding, "ignore").decode(encoding) for c in row) for row in rows]
    text = StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([head, *known])
    table = opened(write(text.getvalue(), encoding), encoding=encoding.replace("utf-8", "utf-8-sig")
                   .replace("-sig-sig", "-sig"), delimiter=delimiter, head_row=1)  # fmt: skip
    kept = [list(row) for row in known if any(row) and [c.lower() for c in row] != list(head)]
    assert cells(table) == kept


# The shape of rows


def test_mixed_line_ends_and_ragged_rows(write: Write) -> None:
    table = opened(write("Name,Town,Note\r\nAda,X\nBea,Y,z,\rCai,Y,z,more\n\n,,\n"))
    rows = list(table.rows())
    assert [row.cells for row in rows[:2]] == [["Ada", "X", ""], ["Bea", "Y", "z"]]
    assert rows[2].fault == "has 4 cells where the head names 3 columns"
    assert len(rows) == 3


def test_the_head_is_below_titles(write: Write) -> None:
    path = write("Members of the Assembly\n\nName,Town,Party\nAda,X,Green\n")
    assert opened(path).head == ["Name", "Town", "Party"]
    assert opened(path, head_row=1).head == ["Members of the Assembly"]
    assert "Row 2 holds no names" in refusal(path, head_row=2)


def test_names_of_columns_are_made_different(write: Write) -> None:
    table = opened(write("Phone,Phone,,Phone (2)\n1,2,3,4\n"))
    assert table.head == ["Phone", "Phone (2)", "Column 3", "Phone (2) (2)"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "table.csv is empty."),
        (b" \n\n", "table.csv is empty."),
        (b",,\n,,\n", "table.csv is empty."),
        (b"%PDF-1.7 whatever", "table.csv is a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "is an old Excel file (.xls)"),
        (b"<html><table><tr><td>Name</td></tr></table>", "is a web page or XML"),
        (bytes(range(256)) * 4, "is neither a table of text nor a workbook"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(32)) * 9, "is neither a table of text nor a workbook"),
        (b'Name,Town\n"Ada,X\nBea,Y\n', "row 2: a quotation mark is not closed"),
        (b"PK\x03\x04 nothing of the kind", "is broken"),
    ],
)
def test_what_is_no_table(write: Write, content: bytes, sentence: str) -> None:
    assert sentence in refusal(write(content))


def test_too_many_columns(write: Write) -> None:
    assert len(opened(write(",".join(f"c{n}" for n in range(200)) + "\n1\n")).head) == 200
    path = write(",".join(f"c{n}" for n in range(201)) + "\n1\n")
    assert "has 201 columns; at most 200 are read" in refusal(path)


def test_a_file_that_is_too_large(write: Write) -> None:
    path = write("Name\n")
    with path.open("r+b") as file:
        file.truncate(MAX_BYTES + 1)
    assert refusal(path) == "table.csv is larger than 50 MB."


def test_cells_that_cannot_be_kept_are_told_by_row(write: Write) -> None:
    rows = list(opened(write("Name,Note\nAda,a\x00b\n" + "B" * 5001 + ",x\nCai,ok\n")).rows())
    assert [(row.number, row.fault) for row in rows] == [
        (2, "Note holds a character that cannot be kept"),
        (3, "Name is longer than 5,000 characters"),
        (4, None),
    ]


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("  Ada \u00a0 Alder ", "Ada Alder"),
        ("\u200fعلي\u200e حسن", "علي حسن"),
        ("Ada 👩🏽\u200d💻", "Ada 👩🏽\u200d💻"),
        ("1 Mill Lane\r\n\r\n Aldertown ", "1 Mill Lane\nAldertown"),
        ("a\x07b", "ab"),
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
    ],
)
def test_cells_lose_what_nobody_sees(cell: str, kept: str) -> None:
    assert clean(cell) == kept


# Workbooks


def book(path: Path, *rows: list[object]) -> Path:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    made.save(path)
    return path


def test_a_workbook(tmp_path: Path, app: Flask) -> None:
    path = book(
        tmp_path / "table.xlsx",
        ["Missions", None, None, None],
        ["Name", "Phone", "Since", "Active"],
        ["Ada", 2025550101, date(2024, 4, 3), True],
        ["Bea", 1.5, datetime(2024, 4, 3, 9, 30), None],  # noqa: DTZ001 - as a cell is
        [None, None, None, None],
        ["=cmd", "=1+1", None, None],
    )
    table = opened(path)
    assert (table.kind, table.head_row, table.sheets) == ("xlsx", 2, ["Sheet"])
    assert [(row.number, row.cells) for row in table.rows()] == [
        (3, ["Ada", "2025550101", "2024-04-03", "TRUE"]),
        (4, ["Bea", "1.5", "2024-04-03 09:30:00", ""]),
    ]


def test_a_sheet_may_be_chosen_and_hidden_ones_are_not(tmp_path: Path, app: Flask) -> None:
    made = openpyxl.Workbook()
    made.active.title = "Empty"
    made.create_sheet("People").append(["Name"])
    made["People"].append(["Ada"])
    made.create_sheet("Secret").sheet_state = "hidden"
    made.save(path := tmp_path / "table.xlsx")
    assert opened(path).sheet == "People"
    assert opened(path).sheets == ["Empty", "People"]
    assert "has no sheet Secret" in refusal(path, sheet="Secret")


_ODS = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body>'
    '<office:spreadsheet><table:table table:name="One">{rows}</table:table>'
    "</office:spreadsheet></office:body></office:document-content>"
)


def ods(path: Path, rows: str, before: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"'
            "/>",
        )
        packed.writestr("content.xml", f'<?xml version="1.0"?>{before}' + _ODS.format(rows=rows))
    return path


def ods_row(*values: str, repeat: int = 1, cell: int = 1) -> str:
    made = "".join(
        f'<table:table-cell office:value-type="string" table:number-columns-repeated="{cell}">'
        f"<text:p>{value}</text:p></table:table-cell>"
        for value in values
    )
    return f'<table:table-row table:number-rows-repeated="{repeat}">{made}</table:table-row>'


def test_an_open_document(tmp_path: Path, app: Flask) -> None:
    end = (
        '<table:table-row table:number-rows-repeated="1048570">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )
    path = ods(tmp_path / "t.ods", ods_row("Name", "Town") + ods_row("Ada", "Łódź") + end)
    table = opened(path)
    assert table.kind == "ods"
    assert cells(table) == [["Ada", "Łódź"]]


def test_repetitions_that_unfold(tmp_path: Path, app: Flask) -> None:
    path = ods(tmp_path / "t.ods", ods_row("x", repeat=1_000_000, cell=1000))
    assert "more than can be laid out" in refusal(path)


def test_entities_are_not_unfolded(tmp_path: Path, app: Flask) -> None:
    before = '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    assert "is broken" in refusal(ods(tmp_path / "t.ods", ods_row("&b;"), before))


def test_a_cell_far_out(tmp_path: Path, app: Flask) -> None:
    made = openpyxl.Workbook()
    made.active["A1"], made.active["XFD1048576"] = "Name", "x"
    made.save(path := tmp_path / "t.xlsx")
    assert "reaches over 1,048,576 rows and 16,384 columns" in refusal(path)


def test_a_zip_bomb(tmp_path: Path, app: Flask) -> None:
    path = book(tmp_path / "t.xlsx", ["Name"], ["Ada"])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/media/bomb.bin", b"\0" * 60_000_000)
    assert "unpacks into far more than it weighs" in refusal(path)


def test_a_zip_bomb_that_lies_about_its_size(tmp_path: Path, app: Flask) -> None:
    path = book(tmp_path / "t.xlsx", ["Name"], ["Ada"])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/media/bomb.bin", b"\0" * 60_000_000)
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<L", 60_000_000), struct.pack("<L", 100)))
    assert "unpacks into far more than it weighs" in refusal(path)


def test_a_packed_file_that_is_no_workbook(tmp_path: Path, app: Flask) -> None:
    with zipfile.ZipFile(path := tmp_path / "t.xlsx", "w") as packed:
        packed.writestr("word/document.xml", "<w/>")
    assert "is neither an XLSX nor an ODS workbook" in refusal(path)


def test_a_workbook_that_was_cut_off(tmp_path: Path, app: Flask) -> None:
    path = book(tmp_path / "t.xlsx", *([f"Name {n}", n] for n in range(500)))
    content = path.read_bytes()
    for size in (100, len(content) // 2, len(content) - 30):
        path.write_bytes(content[:size])
        assert "is broken" in refusal(path)


def test_parts_that_are_garbage(tmp_path: Path, app: Flask) -> None:
    path = book(tmp_path / "t.xlsx", ["Name"], ["Ada"])
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    for name in ("xl/worksheets/sheet1.xml", "xl/workbook.xml"):
        with zipfile.ZipFile(path, "w") as packed:
            for each, content in parts.items():
                packed.writestr(each, b"<<<>>>" if each == name else content)
        assert "table" not in refusal(path)
