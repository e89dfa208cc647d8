"""Tables that leave as files: CSV, JSON and XLSX from the same rows, a few at a time.

Nothing here holds more than some hundred rows, so a file of a million costs what one of a hundred
does. A writer that fails in the middle raises: a file that looks whole is whole.
"""

import csv
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from flask_babel import gettext as _
from rustpy_xlsxwriter import FastExcel
from rustpy_xlsxwriter import Format as NumberFormat

from crm.core.shell import numbers

#: Rows in one piece of a stream.
CHUNK = 500
#: A text that begins so may be run as a formula by a spreadsheet that opens a CSV.
RISKY = frozenset("=+-@\t\r\n＝＋－＠")
#: Characters a cell of a workbook holds at most.
CELL = 32_767


class Kind(StrEnum):
    """What a column's cells are."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    #: A date that stands for its month: the first day of it.
    MONTH = "month"
    #: A `Share`; in files three columns of numbers (`flat`).
    SHARE = "share"


class Share(NamedTuple):
    """A rate that never goes without its n: `4 of 20 (20%)`."""

    n: int
    of: int

    @property
    def ratio(self) -> float:
        """Part of the whole; 0 of nothing is 0."""
        return self.n / self.of if self.of else 0.0

    def __str__(self) -> str:
        if self.of == 0:
            return ""
        return f"{self.counted} ({self.part})"

    @property
    def counted(self) -> str:
        """How many of how many."""
        return counting()(self)

    @property
    def part(self) -> str:
        """In per cent; a decimal where 0% would say that there is none."""
        if 0 < self.ratio < 0.0005:
            return "<0.1%"
        return f"{self.ratio:.1%}" if 0 < self.ratio < 0.0095 else f"{self.ratio:.0%}"


def counting() -> Callable[[Share], str]:
    """What says how many of how many. A table asks for it once, and not for each cell."""
    write, words = numbers(), _("%(n)s of %(of)s")
    return lambda share: words % {"n": write(share.n), "of": write(share.of)}


Row = tuple[Any, ...]


@dataclass(frozen=True)
class Column:
    """A column of a table. `width` is in characters."""

    key: str
    label: Any
    kind: Kind = Kind.TEXT
    width: int = 14
    #: How a workbook writes its numbers, such as `0.0%`; by itself as they are.
    written: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """What is written: the rows, and what tells a later reader where they come from."""

    #: Stem of the file's name.
    name: str
    title: str
    columns: Sequence[Column]
    rows: Iterable[Row]
    #: What was asked for, as label and value.
    facts: Sequence[tuple[str, str]] = ()
    #: What of it whoever asked may not see, in sentences.
    limits: Sequence[str] = ()
    made_at: datetime
    made_by: str
    #: Asked when all rows have been read: how they add up.
    closing: Callable[[], str] = lambda: ""

    @property
    def labels(self) -> list[str]:
        """The heads, in the reader's language."""
        return [str(column.label) for column in self.columns]


def flat(table: Table) -> Table:
    """The table with each share as three columns a spreadsheet can reckon with: the rate between
    0 and 1, the part, and what it is part of. A rate never goes without its n in a file either.
    """
    places = [at for at, column in enumerate(table.columns) if column.kind is Kind.SHARE]
    if not places:
        return table
    columns: list[Column] = []
    for column in table.columns:
        if column.kind is not Kind.SHARE:
            columns.append(column)
            continue
        label = str(column.label)
        n, of = _("%(rate)s: n", rate=label), _("%(rate)s: of", rate=label)
        columns += [
            Column(column.key, label, Kind.NUMBER, 12, written="0.0%"),
            Column(f"{column.key}_n", n, Kind.NUMBER, 10),
            Column(f"{column.key}_of", of, Kind.NUMBER, 10),
        ]
    return replace(table, columns=columns, rows=(_flat(row, places) for row in table.rows))


def _flat(row: Row, places: Sequence[int]) -> Row:
    cells = list(row)
    # From the last one on, so that the places before stay what they are.
    for at in reversed(places):
        share = cells[at]
        whole = share is not None and share.of
        cells[at : at + 1] = (
            [round(share.ratio, 4) if whole else None, share.n, share.of]
            if share is not None
            else [None, None, None]
        )
    return tuple(cells)


def defused(text: str) -> str:
    """The text so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text and text[0] in RISKY else text


def _csv_cell(value: Any) -> Any:
    if value.__class__ is str:
        return f"'{value}" if value and value[0] in RISKY else value
    # csv writes numbers as they are, dates in ISO form and None as nothing.
    if value is None or isinstance(value, int | float | date):
        return value
    return defused(str(value))


#: Classes of cells that csv writes as they should be.
_WRITTEN = frozenset({int, float, bool, date, datetime, type(None)})


def _csv_row(row: Sequence[Any]) -> Sequence[Any]:
    """The row itself, as nearly all are; a file may have a million."""
    for value in row:
        kind = value.__class__
        if kind is str:
            if value and value[0] in RISKY:
                break
        elif kind not in _WRITTEN:
            break
    else:
        return row
    return [_csv_cell(value) for value in row]


def _is_plain(chunk: Sequence[Sequence[Any]]) -> bool:
    """Whether csv writes all of these rows as they should be: each different cell is looked at
    once, as most of a column's are the same few.
    """
    try:
        cells = set().union(*chunk)
    except TypeError:
        return False
    for value in cells:
        kind = value.__class__
        if kind is str:
            if value and value[0] in RISKY:
                return False
        elif kind not in _WRITTEN:
            return False
    return True


def csv_bytes(table: Table) -> Iterator[bytes]:
    """UTF-8 with a byte order mark, so that Excel opens it right; CRLF; formulas defused."""
    table = flat(table)
    # A CSV has no other sheet: what its reader does not see is said below the rows.
    limits = ((sentence,) for sentence in table.limits)
    rows = chain([table.labels], table.rows, limits)
    yield b"\xef\xbb\xbf"
    while chunk := list(islice(rows, CHUNK)):
        text = StringIO(newline="")
        csv.writer(text).writerows(chunk if _is_plain(chunk) else map(_csv_row, chunk))
        yield text.getvalue().encode()


def json_bytes(table: Table) -> Iterator[bytes]:
    """One object: what was asked, the columns, the rows as objects, how they add up."""
    table = flat(table)
    head = {
        "report": table.name,
        "title": table.title,
        "made_at": table.made_at.isoformat(timespec="seconds"),
        "made_by": table.made_by,
        "filters": _as_object(table.facts),
        "limits": [str(each) for each in table.limits],
        "columns": [
            {"key": column.key, "label": label, "kind": str(column.kind)}
            for column, label in zip(table.columns, table.labels, strict=True)
        ],
    }
    keys = [column.key for column in table.columns]
    opening = json.dumps(head, ensure_ascii=False)[:-1] + ', "rows": ['
    rows = (
        json.dumps(dict(zip(keys, row, strict=True)), ensure_ascii=False, default=_json_cell)
        for row in table.rows
    )
    between = "\n"
    yield opening.encode()
    while chunk := list(islice(rows, CHUNK)):
        yield (between + ",\n".join(chunk)).encode()
        between = ",\n"
    yield f'\n], "reconciliation": {json.dumps(table.closing(), ensure_ascii=False)}}}\n'.encode()


def _as_object(facts: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Labels and values; what stands there twice, such as notes, is one text."""
    found: dict[str, str] = {}
    for label, value in facts:
        found[label] = f"{found[label]} {value}" if label in found else value
    return found


def _json_cell(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def write_xlsx(table: Table, path: Path) -> None:
    """A workbook of two sheets: the rows, and what they are. Never a formula, never a link.

    Raises what the rows raise, and leaves no file then.
    """
    table = flat(table)
    labels = table.labels
    if len(set(labels)) != len(labels):
        raise ValueError(f"two columns of {table.name} have the same head")
    rows = (dict(zip(labels, map(xlsx_cell, row), strict=True)) for row in table.rows)
    # Without a row the writer would leave the heads out.
    first = next(rows, dict.fromkeys(labels))
    (
        FastExcel(str(path))
        .format(datetime_format="yyyy-mm-dd", bold_headers=True)
        .freeze(row=1)
        .sheet(
            _("Rows"),
            chain([first], rows),
            column_widths=widths(table),
            column_formats={
                label: NumberFormat().set_num_format(each.written)
                for each, label in zip(table.columns, labels, strict=True)
                if each.written
            },
            autofilter=True,
        )
        .sheet(_("About"), _about(table), column_widths=[24.0, 100.0])
        .save()
    )


def widths(table: Table) -> list[float]:
    """Of a sheet's columns: no narrower than their heads, and the arrow that filters."""
    return [float(max(each.width, min(len(str(each.label)) + 4, 32))) for each in table.columns]


def xlsx_cell(value: Any) -> Any:
    """What a workbook takes of a cell."""
    if value.__class__ is str:
        return value if len(value) <= CELL else value[: CELL - 1] + "…"
    if isinstance(value, date):
        return value if value.year >= 1900 else value.isoformat()
    if value is None or value.__class__ in (int, float):
        return value
    return str(value)


def _about(table: Table) -> Iterator[dict[str, str]]:
    # A generator, so that `closing` is asked when the sheet of rows has been written.
    what, value = _("What"), _("Value")
    for label, text in (
        (_("Report"), table.title),
        *table.facts,
        *((_("Not in it"), sentence) for sentence in table.limits),
        (_("Made at"), table.made_at.isoformat(" ", timespec="minutes")),
        (_("Made by"), table.made_by),
        (_("How it adds up"), table.closing()),
    ):
        yield {what: str(label), value: str(text)}


def xlsx_bytes(table: Table) -> Iterator[bytes]:
    """The workbook, made in a temporary file and sent from there."""
    with tempfile.TemporaryDirectory(prefix="crm-") as folder:
        path = Path(folder) / "table.xlsx"
        write_xlsx(table, path)
        with path.open("rb") as file:
            while data := file.read(65_536):
                yield data


@dataclass(frozen=True)
class Format:
    """A kind of file a table can be."""

    name: str
    label: str
    mimetype: str
    write: Callable[[Table], Iterator[bytes]]


#: By the ending of the address.
FORMATS = {
    each.name: each
    for each in (
        Format("csv", "CSV", "text/csv", csv_bytes),
        Format(
            "xlsx",
            "Excel",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            xlsx_bytes,
        ),
        Format("json", "JSON", "application/json", json_bytes),
    )
}
