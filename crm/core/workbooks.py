"""XLSX and ODS: packed files that may unfold into far more than they weigh.

What a file holds is unpacked once, a piece at a time, before the library may open it, because the
library lays a sheet out in full: every cell of the rectangle round what is filled.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile, ZipInfo

from flask_babel import gettext as _
from python_calamine import (
    CalamineError,
    CalamineSheet,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    load_workbook,
)

from crm.core.errors import Refused

#: Bytes all parts of a workbook unpack to; how many times its own size, where that is much.
MAX_UNPACKED = 500 * 1024 * 1024
MAX_RATIO = 150
MUCH = 20 * 1024 * 1024
#: Parts of a workbook, and cells of the rectangle that holds what is filled.
MAX_PARTS = 5_000
MAX_CELLS = 12_000_000

_PIECE = 1 << 20
_CELL = re.compile(rb"""\br\s*=\s*["']([A-Z]{0,4})([0-9]{1,9})["']""")
_ODS = b"application/vnd.oasis.opendocument.spreadsheet"


@dataclass
class Workbook:
    """A sheet of a workbook, opened."""

    kind: str
    sheet: str
    sheets: list[str]
    name: str
    _sheet: CalamineSheet

    def rows(self) -> Iterator[list[str]]:
        """All rows from the first on, as text; formulas are what they came to."""
        try:
            for cells in self._sheet.iter_rows():
                yield [_text(cell) for cell in cells]
        except CalamineError as error:
            raise _broken(self.name) from error


def is_wide(start: bytes) -> bool:
    """Whether this is UTF-16 without a mark: every other byte of plain letters is zero."""
    return max(start[0::2].count(0), start[1::2].count(0)) * 5 > len(start)


def refuse_other_files(start: bytes, name: str) -> None:
    """Refuse what is no text, by the way it begins."""
    known = (
        (b"\xd0\xcf\x11\xe0", _("%(file)s is an old Excel file (.xls), or one with a password. "
                                "Save it as XLSX or CSV without a password.", file=name)),
        (b"%PDF", _("%(file)s is a PDF. Give the table it was made from, or copy its rows into "
                    "a spreadsheet.", file=name)),
        (b"{\\rtf", _("%(file)s is a text document. Give a spreadsheet or a CSV.", file=name)),
    )  # fmt: skip
    for magic, sentence in known:
        if start.lstrip().startswith(magic):
            raise Refused(sentence)
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|table|\?xml)", start, re.IGNORECASE):
        raise Refused(
            _("%(file)s is a web page or XML, whatever it is called. Open it in a spreadsheet and "
              "save it as XLSX or CSV.", file=name)
        )  # fmt: skip
    if start[:2] in (b"\xff\xfe", b"\xfe\xff") or is_wide(start):
        # UTF-16 is full of zeros; one that is not will say so when it is read.
        return
    strange = sum(byte < 32 and byte not in b"\t\n\r\x0b\x0c\x1a" for byte in start)
    if strange * 20 > len(start):
        raise Refused(_("%(file)s is neither a table of text nor a workbook.", file=name))


def open_workbook(path: Path, name: str, sheet: str | None) -> Workbook:
    """Open the sheet named, or the first that shows and holds anything."""
    kind = _checked(path, name)
    try:
        book = load_workbook(str(path))
        shown = [
            each.name
            for each in book.sheets_metadata
            if each.typ == SheetTypeEnum.WorkSheet and each.visible == SheetVisibleEnum.Visible
        ]
        if not shown:
            raise Refused(_("%(file)s has no sheet that shows.", file=name))
        if sheet is not None and sheet not in shown:
            raise Refused(
                _("%(file)s has no sheet %(sheet)s, but %(sheets)s.",
                  file=name, sheet=sheet, sheets=", ".join(shown)),
                "sheet",
            )  # fmt: skip
        for each in [sheet] if sheet else shown:
            found = book.get_sheet_by_name(each)
            if found.height or each == sheet:
                return Workbook(kind, each, shown, name, found)
        raise Refused(_("%(file)s is empty.", file=name))
    except PasswordError as error:
        raise _locked(name) from error
    except (CalamineError, OSError, ValueError) as error:
        raise _broken(name) from error
    except BaseException as error:
        # What goes wrong inside the library past its own errors comes out as a `PanicException`.
        if type(error).__name__ != "PanicException":
            raise
        raise _broken(name) from error


def _broken(name: str) -> Refused:
    return Refused(_("%(file)s is broken. Open it in a spreadsheet and save it anew.", file=name))


def _locked(name: str) -> Refused:
    return Refused(_("%(file)s has a password. Save it without one.", file=name))


def _text(value: Any) -> str:
    if value.__class__ is str:
        return value  # type: ignore[no-any-return]
    if value.__class__ is float:
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if value.__class__ is bool:
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


# What it unfolds into


def _checked(path: Path, name: str) -> str:
    """`xlsx` or `ods`, once it is known what the file unfolds into."""
    try:
        with ZipFile(path) as packed:
            parts = packed.infolist()
            kind = _kind(packed, name)
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _broken(name) from error
    if len(parts) > MAX_PARTS:
        raise _bomb(name)
    if any(part.flag_bits & 1 for part in parts):
        raise _locked(name)
    most = min(MAX_UNPACKED, max(MUCH, MAX_RATIO * path.stat().st_size))
    if sum(part.file_size for part in parts) > most:
        raise _bomb(name)
    total = 0
    with path.open("rb") as file:
        for part in parts:
            measure = _measure(kind, part.filename, name)
            try:
                for piece in _unpacked(file, part):
                    total += len(piece)
                    if total > most:
                        raise _bomb(name)
                    if measure:
                        measure.take(piece)
                if measure:
                    measure.end()
            except (zlib.error, struct.error, expat.ExpatError, EOFError) as error:
                raise _broken(name) from error
    return kind


def _bomb(name: str) -> Refused:
    return Refused(
        _("%(file)s unpacks into far more than it weighs, and is not opened. Save it as CSV.",
          file=name)
    )  # fmt: skip


def _kind(packed: ZipFile, name: str) -> str:
    names = set(packed.namelist())
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "mimetype" in names and packed.getinfo("mimetype").file_size < 200:
        with packed.open("mimetype") as file:
            if file.read(200).strip() == _ODS and "content.xml" in names:
                return "ods"
    raise Refused(
        _("%(file)s is neither an XLSX nor an ODS workbook. Save it as one of them, or as CSV.",
          file=name)
    )  # fmt: skip


def _unpacked(file: Any, part: ZipInfo) -> Iterator[bytes]:
    """What a part unpacks to, whatever size it claims."""
    file.seek(part.header_offset)
    header = struct.unpack("<4s5H3L2H", file.read(30))
    if header[0] != b"PK\x03\x04" or part.compress_type not in (0, 8):
        raise EOFError
    file.seek(header[9] + header[10], 1)
    left = part.compress_size
    inflate = zlib.decompressobj(-15) if part.compress_type == 8 else None
    while left > 0 and (packed := file.read(min(_PIECE, left))):
        left -= len(packed)
        if inflate is None:
            yield packed
            continue
        while packed and not inflate.eof:
            yield inflate.decompress(packed, _PIECE)
            packed = inflate.unconsumed_tail


def _measure(kind: str, part: str, name: str) -> "_Cells | _Tables | None":
    if kind == "xlsx" and part.startswith("xl/worksheets/") and part.endswith(".xml"):
        return _Cells(name)
    return _Tables(name) if kind == "ods" and part == "content.xml" else None


def _refuse_many(rows: int, columns: int, name: str) -> None:
    if rows * columns > MAX_CELLS:
        raise Refused(
            _("%(file)s reaches over %(rows)s rows and %(columns)s columns, more than can be laid "
              "out. Save it as CSV.", file=name, rows=f"{rows:,}", columns=f"{columns:,}")
        )  # fmt: skip


class _Cells:
    """Last row and column that a sheet of an XLSX names."""

    def __init__(self, name: str):
        self.name, self.rest, self.rows, self.columns = name, b"", 0, b""

    def take(self, piece: bytes) -> None:
        text = self.rest + piece
        found = _CELL.findall(text)
        if found:
            letters = {column for column, _row in found}
            self.columns = max(letters | {self.columns}, key=lambda c: (len(c), c))
            self.rows = max(self.rows, max(map(int, {row for _column, row in found})))
            _refuse_many(self.rows, _number(self.columns), self.name)
        self.rest = text[-40:]

    def end(self) -> None:
        return


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return max(1, number)


class _Tables:
    """What the repetitions of an ODS come to."""

    def __init__(self, name: str):
        self.name = name
        self.row = self.rows = self.column = self.columns = self.total = 0
        self.row_repeats = self.cell_repeats = 1
        self.row_is_filled = self.cell_is_open = False
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._entity

    def take(self, piece: bytes) -> None:
        self.parser.Parse(piece, False)

    def end(self) -> None:
        self.parser.Parse(b"", True)

    def _entity(self, *_args: Any) -> None:
        raise _broken(self.name)

    def _start(self, tag: str, given: dict[str, str]) -> None:
        if tag in ("table:table-cell", "table:covered-table-cell"):
            self.cell_repeats = _repeats(given, "columns")
            self.column += self.cell_repeats
            self.cell_is_open = True
            if "office:value-type" in given:
                self._fill()
        elif tag == "table:table-row":
            self.row_repeats, self.column, self.row_is_filled = _repeats(given, "rows"), 0, False
        elif tag == "table:table":
            self.row = self.rows = self.columns = 0

    def _text(self, text: str) -> None:
        if self.cell_is_open and not text.isspace():
            self._fill()

    def _fill(self) -> None:
        self.row_is_filled = True
        self.columns = max(self.columns, self.column)

    def _end(self, tag: str) -> None:
        if tag in ("table:table-cell", "table:covered-table-cell"):
            self.cell_is_open = False
        elif tag == "table:table-row":
            self.row += self.row_repeats
            if self.row_is_filled:
                self.rows = self.row
                _refuse_many(
                    self.rows + self.total // max(1, self.columns), self.columns, self.name
                )
        elif tag == "table:table":
            self.total += self.rows * self.columns


def _repeats(given: dict[str, str], what: str) -> int:
    text = given.get(f"table:number-{what}-repeated", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
