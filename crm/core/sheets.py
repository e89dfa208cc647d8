"""Tables people keep in spreadsheets, read row by row and without trust: CSV, XLSX and ODS.

A CSV costs the same memory whatever its length. A workbook is unpacked by the library that reads it
as a whole sheet, so what it may unfold into is measured before it is opened (`workbooks`).
"""

import csv
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from codecs import getincrementaldecoder as decoder_of
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core import workbooks
from crm.core.days import Ambiguous, Order, order_of, parse_day
from crm.core.errors import Refused
from crm.core.text import fold, many_lines

#: Bytes of a file, rows and columns of a table, characters of a cell.
MAX_BYTES = 50 * 1024 * 1024
MAX_ROWS = 1_000_000
MAX_COLUMNS = 200
MAX_CELL = 5_000
#: Rows among which the head is looked for, and rows a page shows.
LOOKED_AT = 40

#: Encodings a person may choose, by Python's name.
ENCODINGS = {
    "utf-8-sig": _l("Unicode (UTF-8)"),
    "utf-16": _l("Unicode (UTF-16)"),
    "cp1252": _l("Western (Windows-1252)"),
    "iso-8859-15": _l("Western (Latin-9)"),
    "cp1250": _l("Central European (Windows-1250)"),
    "iso-8859-2": _l("Central European (Latin-2)"),
    "cp1251": _l("Cyrillic (Windows-1251)"),
    "koi8-r": _l("Cyrillic (KOI8-R)"),
    "cp1253": _l("Greek (Windows-1253)"),
    "cp1254": _l("Turkish (Windows-1254)"),
    "cp1255": _l("Hebrew (Windows-1255)"),
    "cp1256": _l("Arabic (Windows-1256)"),
    "cp1257": _l("Baltic (Windows-1257)"),
    "mac-roman": _l("Western (old Mac)"),
    "gb18030": _l("Chinese (GB 18030)"),
    "big5": _l("Chinese (Big5)"),
    "shift-jis": _l("Japanese (Shift JIS)"),
    "euc-kr": _l("Korean (EUC-KR)"),
}
DELIMITERS = {
    ",": _l("Comma"),
    ";": _l("Semicolon"),
    "\t": _l("Tab"),
    "|": _l("Vertical bar"),
}
_BOMS = (
    # UTF-32 first: its mark begins with that of UTF-16.
    (BOM_UTF32_LE, "utf-32"), (BOM_UTF32_BE, "utf-32"), (BOM_UTF8, "utf-8-sig"),
    (BOM_UTF16_LE, "utf-16"), (BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_PIECE = 1 << 16
#: Of a cell goes what no text of ours holds (`many_lines`), and marks that order text or say
#: nothing, which come along from a page.
_UNSEEN = re.compile("[\u00ad\u200e\u200f\u2060]")
_BLANKS = re.compile(r"[^\S\n]+")

# One that is longer has swallowed the lines after a quotation mark that is not closed.
csv.field_size_limit(1 << 20)


class Row(NamedTuple):
    """A row by the number a spreadsheet shows, with as many cells as there are columns.

    `fault` says what is wrong with the row as a whole; its cells are not to be used then.
    """

    number: int
    cells: list[str]
    fault: str | None = None


@dataclass(frozen=True)
class Reading:
    """What a person chose about how a file is read; None is found out."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    #: Number of the row that names the columns.
    head_row: int | None = None


@dataclass
class Table:
    """A table that could be opened: its columns' names, made different, and its rows."""

    name: str
    #: `csv`, `xlsx` or `ods`.
    kind: str
    head: list[str]
    head_row: int
    #: The first rows as they are, by number: to choose the head from.
    beginning: list[tuple[int, list[str]]]
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    sheets: list[str] = field(default_factory=list)
    _raw: Any = field(default=None, repr=False)

    def rows(self) -> Iterator[Row]:
        """Rows below the head that hold anything; a head that is repeated is left out.

        Raises `Refused` in the middle where the file ends to be readable.
        """
        width = len(self.head)
        folded = [fold(cell) for cell in self.beginning_row(self.head_row)]
        for number, cells in self._raw():
            if number <= self.head_row or not any(cells):
                continue
            if number - self.head_row > MAX_ROWS:
                raise Refused(
                    _("%(file)s has more than %(most)s rows. Split it.",
                      file=self.name, most=f"{MAX_ROWS:,}")
                )  # fmt: skip
            if len(cells) != width:
                if any(cells[width:]):
                    told = _("has %(cells)s cells where the head names %(columns)s columns",
                             cells=len(cells), columns=width)  # fmt: skip
                    yield Row(number, cells[:width], told)
                    continue
                cells = [*cells[:width], *[""] * (width - len(cells))]
            if cells[0] and fold(cells[0]) == folded[0] and [fold(c) for c in cells] == folded:
                continue
            yield Row(number, cells, self._fault(cells))

    def beginning_row(self, number: int) -> list[str]:
        """A row of the beginning, as wide as the head."""
        cells = next(cells for each, cells in self.beginning if each == number)
        return [*cells[: len(self.head)], *[""] * (len(self.head) - len(cells))]

    def _fault(self, cells: Sequence[str]) -> str | None:
        whole = "".join(cells)
        if len(whole) <= MAX_CELL and whole.isascii() and "\x00" not in whole:
            return None
        for name, cell in zip(self.head, cells, strict=True):
            if len(cell) > MAX_CELL:
                return _("%(column)s is longer than %(most)s characters",
                         column=name, most=f"{MAX_CELL:,}")  # fmt: skip
            if (not cell.isascii() and not _can_be_kept(cell)) or "\x00" in cell:
                return _("%(column)s holds a character that cannot be kept", column=name)
        return None


def _can_be_kept(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def clean(cell: str) -> str:
    """A cell without what nobody sees: blanks around, doubled ones, marks of direction."""
    if cell.isascii() and cell.isprintable() and "  " not in cell:
        return cell.strip()
    # Of one that holds a NUL the row is told: such a file is damaged, and not pasted into.
    cell = "\x00".join(many_lines(_UNSEEN.sub("", part)) for part in cell.split("\x00"))
    lines = (_BLANKS.sub(" ", line).strip() for line in cell.split("\n"))
    return "\n".join(line for line in lines if line)


def open_table(path: Path, name: str, reading: Reading = Reading()) -> Table:
    """Open a file by what it holds, whatever it is called. Raises `Refused` with a sentence."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise Refused(_("%(file)s is larger than %(most)s MB.",
                        file=name, most=MAX_BYTES // 1024 // 1024))  # fmt: skip
    with path.open("rb") as file:
        start = file.read(8192)
    if not start.strip():
        raise Refused(_("%(file)s is empty.", file=name))
    if start.startswith(b"PK\x03\x04"):
        book = workbooks.open_workbook(path, name, reading.sheet)
        table = Table(name, book.kind, [], 0, [], sheet=book.sheet, sheets=book.sheets)
        table._raw = lambda: _cleaned(book.rows())
    else:
        workbooks.refuse_other_files(start, name)
        table = _text_table(path, name, start, reading)
    table.beginning = [(number, cells) for number, cells in islice(table._raw(), LOOKED_AT)]
    _find_head(table, reading.head_row)
    return table


def _cleaned(rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    for number, cells in enumerate(rows, start=1):
        yield number, _clean_all(cells)


def _clean_all(cells: list[str]) -> list[str]:
    """Each cell `clean`; a row of plain letters is looked at as a whole."""
    whole = "".join(cells)
    if whole.isascii() and whole.isprintable() and "  " not in whole:
        return list(map(str.strip, cells))
    return [clean(cell) if cell else cell for cell in cells]


# Dates


def order_in(table: Table, asked: Sequence[int], told: Sequence[int] = ()) -> Order | None:
    """Whether days or months come first in the dates of a table, as far as it matters.

    `asked` are the places of columns whose days are needed: where they leave it open, `Refused`
    asks. `told` are those of columns that may only tell.
    """
    if not asked and not told:
        return None
    found: dict[Order, int] = {}
    open_row: tuple[int, str] | None = None
    for row in table.rows():
        for place in (*asked, *told):
            cell = row.cells[place] if place < len(row.cells) else ""
            if order := order_of(cell):
                found.setdefault(order, row.number)
            elif open_row is None and cell and place in asked and _is_open(cell):
                open_row = row.number, cell
    if len(found) == 1:
        return next(iter(found))
    if open_row:
        raise Refused(
            _("%(file)s, row %(row)s: “%(date)s” may have the day or the month first. Say which "
              "the file has.", file=table.name, row=open_row[0], date=open_row[1]),
            "dates",
        )  # fmt: skip
    return None


def _is_open(cell: str) -> bool:
    try:
        parse_day(cell)
    except Ambiguous:
        return True
    except ValueError:
        return False
    return False


# Text


def _text_table(path: Path, name: str, start: bytes, reading: Reading) -> Table:
    encoding = reading.encoding or _encoding(path, start)
    if encoding not in ENCODINGS and encoding not in ("utf-32", "latin-1"):
        raise Refused(_("There is no encoding %(name)s.", name=encoding), "encoding")
    sample = _sample(path, name, encoding)
    skipped = 0
    if told := re.match(r"sep=(.)\r?\n?", sample):
        # Excel's own line about the delimiter.
        skipped, sample = 1, sample[told.end() :]
    delimiter = reading.delimiter or (told and told[1]) or _delimiter(sample)
    table = Table(name, "csv", [], 0, [], encoding=encoding, delimiter=delimiter)
    table._raw = lambda: _text_rows(path, name, encoding, delimiter, skipped)
    return table


def _encoding(path: Path, start: bytes) -> str:
    """By its mark, else UTF-8 if all of it is, else Windows' Western."""
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            return encoding
    if workbooks.is_wide(start):
        return "utf-16"
    for encoding in ("utf-8", "cp1252"):
        if _is_all(path, encoding):
            return {"utf-8": "utf-8-sig"}.get(encoding, encoding)
    return "latin-1"


def _is_all(path: Path, encoding: str) -> bool:
    decoder = decoder_of(encoding)()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _opened(path: Path, encoding: str) -> Any:
    if encoding == "utf-16":
        # Without a mark Python takes the machine's order; what other programs write is known by
        # where the zeros of plain letters stand.
        with path.open("rb") as file:
            start = file.read(8192)
        if start[:2] not in (BOM_UTF16_LE, BOM_UTF16_BE):
            is_big = start[0::2].count(0) > start[1::2].count(0)
            encoding = "utf-16-be" if is_big else "utf-16-le"
    return path.open(encoding=encoding, newline="")


def _sample(path: Path, name: str, encoding: str) -> str:
    try:
        with _opened(path, encoding) as file:
            text: str = file.read(_PIECE)
    except UnicodeError as error:
        raise _not_in(name, encoding) from error
    if len(text) < _PIECE:
        return text
    return text[: text.rfind("\n") + 1] or text


def _not_in(name: str, encoding: str) -> Refused:
    return Refused(
        _("%(file)s is not written in %(encoding)s. Choose another encoding.",
          file=name, encoding=ENCODINGS.get(encoding, encoding)),
        "encoding",
    )  # fmt: skip


def _delimiter(sample: str) -> str:
    """The one that parts most lines into the same number of cells, and into more than one."""
    best, most = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        try:
            rows = list(islice(csv.reader(StringIO(sample, newline=""), delimiter=delimiter), 50))
        except csv.Error:
            continue
        widths = Counter(len(row) for row in rows if any(row))
        parted = {width: count for width, count in widths.items() if width > 1}
        if not parted:
            continue
        width, count = max(parted.items(), key=lambda pair: (pair[1], pair[0]))
        if (score := (round(count / widths.total(), 2), width)) > most:
            best, most = delimiter, score
    return best


def _text_rows(
    path: Path, name: str, encoding: str, delimiter: str, skipped: int
) -> Iterator[tuple[int, list[str]]]:
    number = 0
    try:
        with _opened(path, encoding) as file:
            for number, cells in enumerate(
                csv.reader(file, delimiter=delimiter, strict=True), start=1
            ):
                if number > skipped:
                    yield number, _clean_all(cells)
    except UnicodeError as error:
        raise _not_in(name, encoding) from error
    except csv.Error as error:
        raise Refused(
            _("%(file)s, row %(row)s: a quotation mark is not closed, or stands within a cell. "
              "Save the file as XLSX, or mend the row.",
              file=name, row=number + 1)
        ) from error  # fmt: skip


# The head


def _find_head(table: Table, chosen: int | None) -> None:
    filled = {number: sum(map(bool, cells)) for number, cells in table.beginning}
    if not any(filled.values()):
        raise Refused(_("%(file)s is empty.", file=table.name))
    if chosen is None:
        chosen = _likely_head(filled)
    elif not filled.get(chosen):
        raise Refused(_("Row %(row)s holds no names of columns.", row=chosen), "head_row")
    table.head_row = chosen
    cells = next(cells for number, cells in table.beginning if number == chosen)
    while cells and not cells[-1]:
        cells = cells[:-1]
    if len(cells) > MAX_COLUMNS:
        raise Refused(
            _("%(file)s has %(columns)s columns; at most %(most)s are read. Take out what is not "
              "needed.", file=table.name, columns=len(cells), most=MAX_COLUMNS)
        )  # fmt: skip
    if any(len(cell) > MAX_CELL for cell in cells):
        raise Refused(
            _("%(file)s, row %(row)s: the name of a column is longer than %(most)s characters.",
              file=table.name, row=chosen, most=f"{MAX_CELL:,}")
        )  # fmt: skip
    if any("\x00" in cell or not _can_be_kept(cell) for cell in cells):
        raise Refused(
            _("%(file)s, row %(row)s: the name of a column holds a character that cannot be kept.",
              file=table.name, row=chosen)
        )  # fmt: skip
    table.head = _different([" ".join(cell.split()) for cell in cells])


def _likely_head(filled: dict[int, int]) -> int:
    """The first row that is about as full as the fullest: titles stand in a cell or two."""
    most = max(filled.values())
    return next(number for number, count in filled.items() if count * 2 > most)


def _different(names: list[str]) -> list[str]:
    """Names with a number behind those that were there before, and for those that are empty."""
    taken: set[str] = set()
    different = []
    for place, name in enumerate(names, start=1):
        wanted = name or _("Column %(number)s", number=place)
        candidate, number = wanted, 1
        while candidate in taken:
            number += 1
            candidate = f"{wanted} ({number})"
        taken.add(candidate)
        different.append(candidate)
    return different
