"""Files as the programs of others read them."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from crm.core.tables import FORMATS, Column, Kind, Share, Table, defused, write_xlsx

COLUMNS = (
    Column("who", "Target", width=28),
    Column("many", "Pieces", Kind.NUMBER, 10),
    Column("day", "Last contact", Kind.DATE),
    Column("rate", "Answer rate", Kind.SHARE),
)
ROWS: list[tuple[Any, ...]] = [
    ("Núñez, Zoë 漢字", 31, date(2025, 10, 7), Share(4, 20)),
    ("=cmd|' /C calc'!A0", -5, None, Share(0, 0)),
    ('comma, "quote"\nand line', 0, date(2026, 2, 28), None),
    ("007", None, None, None),
    ("https://example.org/", 2, None, None),
]
#: A share is three columns of numbers.
HEADS = ["Target", "Pieces", "Last contact", "Answer rate", "Answer rate: n", "Answer rate: of"]
FORMULAS = ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"]


def table(rows: Any = ROWS, **more: Any) -> Table:
    values: dict[str, Any] = {
        "name": "activity",
        "title": "Activity",
        "columns": COLUMNS,
        "rows": rows,
        "facts": [("Campaign", "=Postcards")],
        "made_at": datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        "made_by": "Ines Admin",
        "closing": lambda: "It adds up.",
    }
    return Table(**{**values, **more})


def whole(format: str, **more: Any) -> bytes:
    return b"".join(FORMATS[format].write(table(**more)))


def test_it_works(app: Flask) -> None:
    data = whole("csv")
    assert data.startswith(
        b"\xef\xbb\xbfTarget,Pieces,Last contact,Answer rate,Answer rate: n,Answer rate: of\r\n"
    )
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert rows[1] == ["Núñez, Zoë 漢字", "31", "2025-10-07", "0.2", "4", "20"]
    assert rows[2] == ["'=cmd|' /C calc'!A0", "-5", "", "", "0", "0"]
    assert rows[3][0] == 'comma, "quote"\nand line'
    assert rows[4] == ["007", "", "", "", "", ""]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_csv_cell_that_looks_like_a_formula_is_text(app: Flask, text: str) -> None:
    data = whole("csv", rows=[(text, 1, None, None)]).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(data, newline="")))[1][0] == f"'{text}"


@given(st.text())
def test_no_text_begins_like_a_formula(text: str) -> None:
    assert defused(text)[:1] not in set("=+-@\t\r\n＝＋－＠") or not text


def test_json_holds_what_was_asked_and_how_it_adds_up(app: Flask) -> None:
    found = json.loads(whole("json"))
    assert found["rows"][0] == {
        "who": "Núñez, Zoë 漢字",
        "many": 31,
        "day": "2025-10-07",
        "rate": 0.2,
        "rate_n": 4,
        "rate_of": 20,
    }
    assert found["rows"][1]["who"] == "=cmd|' /C calc'!A0"
    assert found["filters"] == {"Campaign": "=Postcards"}
    assert found["columns"][1] == {"key": "many", "label": "Pieces", "kind": "number"}
    assert found["reconciliation"] == "It adds up."
    assert json.loads(whole("json", rows=[]))["rows"] == []


def test_a_workbook_keeps_types_and_runs_nothing(app: Flask, tmp_path: Path) -> None:
    path = tmp_path / "table.xlsx"
    texts = [(text, 1, date(2026, 1, 2), None) for text in FORMULAS]
    write_xlsx(table([*ROWS, *texts]), path)
    book = openpyxl.load_workbook(path)
    sheet = book["Rows"]
    assert [cell.value for cell in sheet[1]] == HEADS
    first = sheet[2]
    assert first[1].value == 31
    assert first[1].data_type == "n"
    assert first[2].value.date() == date(2025, 10, 7)
    assert first[2].number_format == "yyyy-mm-dd"
    assert [cell.value for cell in first[3:]] == [0.2, 4, 20]
    assert {cell.data_type for cell in first[3:]} == {"n"}
    assert [cell.number_format for cell in first[3:]] == ["0.0%", "General", "General"]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d"}
    assert all(cell.hyperlink is None for row in sheet.iter_rows() for cell in row)
    assert sheet["A5"].value == "007"
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:F14")
    assert sheet.column_dimensions["A"].width > 25
    about = {row[0].value: row[1] for row in book["About"].iter_rows(min_row=2)}
    assert about["Campaign"].value == "=Postcards"
    assert about["Campaign"].data_type == "s"
    assert about["How it adds up"].value == "It adds up."
    assert about["Made by"].value == "Ines Admin"
    read = CalamineWorkbook.from_path(path).get_sheet_by_name("Rows").to_python()
    assert read[1][:3] == ["Núñez, Zoë 漢字", 31.0, date(2025, 10, 7)]
    assert [row[0] for row in read[6:]] == FORMULAS


def test_what_its_reader_does_not_see_is_said_in_every_form(app: Flask, tmp_path: Path) -> None:
    limits = ["Only what Alder High did."]
    assert whole("csv", limits=limits).decode().endswith("\r\nOnly what Alder High did.\r\n")
    assert json.loads(whole("json", limits=limits))["limits"] == limits
    write_xlsx(table(limits=limits), tmp_path / "table.xlsx")
    about = openpyxl.load_workbook(tmp_path / "table.xlsx")["About"]
    assert ("Not in it", "Only what Alder High did.") in list(about.iter_rows(values_only=True))


def test_notes_that_stand_twice_are_one_text_of_json(app: Flask) -> None:
    facts = [("Note", "This."), ("Note", "And that.")]
    assert json.loads(whole("json", facts=facts))["filters"] == {"Note": "This. And that."}


def test_a_workbook_without_rows_has_its_heads(app: Flask, tmp_path: Path) -> None:
    write_xlsx(table([]), tmp_path / "table.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "table.xlsx")["Rows"]
    assert [cell.value for cell in sheet[1]] == HEADS


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.text(st.characters(exclude_categories=["Cs"])),
            st.none() | st.integers(-(2**50), 2**50),
            st.none() | st.dates(min_value=date(1900, 3, 1)),
            st.none(),
        ),
        min_size=1,
    )
)
def test_any_row_comes_back_from_the_workbook(
    app: Flask, tmp_path: Path, rows: list[tuple[Any, ...]]
) -> None:
    path = tmp_path / "table.xlsx"
    write_xlsx(table(rows), path)
    read = (
        CalamineWorkbook.from_path(path)
        .get_sheet_by_name("Rows")
        .to_python(skip_empty_area=False)[1:]
    )
    for row, cells in zip(rows, read, strict=False):
        assert cells[1] == ("" if row[1] is None else row[1])
        assert cells[2] == ("" if row[2] is None else row[2])
        if row[0] and row[0].isprintable():
            assert cells[0] == row[0]


def test_too_long_a_text_is_cut_not_refused(app: Flask, tmp_path: Path) -> None:
    write_xlsx(table([("x" * 40_000, 1, date(1850, 1, 1), None)]), tmp_path / "table.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "table.xlsx")["Rows"]
    assert len(sheet["A2"].value) == 32_767
    assert sheet["C2"].value == "1850-01-01"


def test_two_columns_with_one_head_are_a_mistake(app: Flask, tmp_path: Path) -> None:
    twice = (COLUMNS[0], Column("other", "Target"))
    with pytest.raises(ValueError, match="the same head"):
        write_xlsx(table([], columns=twice), tmp_path / "table.xlsx")


@pytest.mark.parametrize("format", list(FORMATS))
def test_what_goes_wrong_on_the_way_is_raised(app: Flask, format: str) -> None:
    def rows() -> Iterator[tuple[Any, ...]]:
        yield from ROWS
        raise LookupError("the database went away")

    with pytest.raises(LookupError):
        whole(format, rows=rows())


@pytest.mark.parametrize("format", list(FORMATS))
def test_memory_stays_flat(app: Flask, format: str) -> None:
    def most_held(many: int) -> int:
        rows = (ROWS[0] for _each in range(many))
        tracemalloc.start()
        for _piece in FORMATS[format].write(table(rows)):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    most_held(10)
    assert most_held(20_000) < 2 * most_held(2_000) + 200_000
