"""Reads tables of events that somebody gives: a file or a folder, without trust.

Two shapes are understood. Events, a row each: `date,treaty,iso_alpha3,event`. And a treaty a file,
a row a state: `iso_alpha3,signature_date,consent_date,consent_type,entry_into_force,
withdrawal_notice,withdrawal_effective,provisional_application`, where the file's name tells the
treaty. What is wrong is said by file, row and field, and then nothing of it is used.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from flask_babel import gettext as _

from crm.core.errors import Refused
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.rules import CONSENTS, KINDS

#: Bytes of one file. The real ones have 60,000.
MAX_BYTES = 5 * 1024 * 1024
#: Sentences told at once.
MOST_TOLD = 5
#: What other tables call an event.
_ALSO = {"withdrawal_notice": "withdrawal_deposited"}
#: Heads that mean the same.
_HEADS = {"iso3": "iso_alpha3", "kind": "event"}
_EVENTS = frozenset({"date", "treaty", "iso_alpha3", "event"})
_WIDE = frozenset({"iso_alpha3", "consent_date", "consent_type"})
#: Columns of a wide table that are a day, and what happened on it.
_DAYS = (
    ("signature_date", "signature"),
    ("entry_into_force", "entry_into_force"),
    ("withdrawal_notice", "withdrawal_deposited"),
    ("withdrawal_effective", "withdrawal_effective"),
    ("provisional_application", "provisional_application"),
)


class Row(NamedTuple):
    """An event as a table gives it, and where."""

    file: str
    line: int
    #: The column of the day.
    field: str
    treaty: str
    state: str
    kind: str
    #: None where the table says that it happened and gives no day at all.
    on: date | None
    day_known: bool = True
    until: date | None = None
    article: str | None = None
    year: int | None = None
    source: str | None = None
    note: str | None = None

    def wrong(self, what: str, column: str | None = None) -> str:
        """The sentence for something wrong with it."""
        return told(self.file, self.line, column or self.field, what)


@dataclass
class Table:
    """All rows of a source, and where they came from."""

    origin: str
    rows: list[Row] = field(default_factory=list)


def told(file: str, line: int, column: str, what: str) -> str:
    """A sentence on a cell."""
    return _("%(file)s, row %(row)s, %(field)s: %(what)s", file=file, row=line, field=column,
             what=what)  # fmt: skip


def refuse(wrong: list[str]) -> None:
    """Raise `Refused` with the first of the sentences, where there are any."""
    if not wrong:
        return
    lines = wrong[:MOST_TOLD]
    if len(wrong) > MOST_TOLD:
        lines.append(_("And %(number)s more.", number=len(wrong) - MOST_TOLD))
    lines.append(_("Nothing was written."))
    raise Refused("\n".join(lines))


def read(place: str, states: Iterable[str]) -> Table:
    """Read a file, or every table of a folder. Raises `Refused`; `states` are the codes known."""
    path = Path(place).expanduser()
    if path.is_dir():
        files = sorted(path.glob("*.csv"))
    elif path.is_file():
        files = [path]
    else:
        raise Refused(_("There is no folder or file %(place)s.", place=place))
    known = frozenset(states)
    table = Table(origin=place)
    wrong: list[str] = []
    seen: set[tuple[object, ...]] = set()
    read_any = False
    for file in files:
        lines = _lines(file, must_be=path.is_file())
        if lines is None:
            continue
        read_any = True
        ours: set[tuple[object, ...]] = set()
        for row in _rows(file.name, lines, known, wrong):
            what = (row.treaty, row.state, row.kind, row.on, row.article, row.year, row.until)
            if what in ours:
                wrong.append(row.wrong(_("this stands in the file twice.")))
            ours.add(what)
            # The same fact in two tables of a folder is one fact.
            if what not in seen:
                seen.add(what)
                table.rows.append(row)
    if not read_any:
        raise Refused(_("%(place)s holds no table of treaty events.", place=place))
    refuse(wrong)
    if not table.rows:
        raise Refused(_("%(place)s holds no events.", place=place))
    return table


Line = tuple[int, dict[str, str]]


def _lines(file: Path, *, must_be: bool) -> list[Line] | None:
    """The rows of a file with their line numbers; None for a table of something else."""
    with file.open("rb") as handle:
        content = handle.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise Refused(
            _("%(file)s is larger than %(most)s MB.", file=file.name, most=MAX_BYTES // 2**20)
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(
            _("%(file)s is not UTF-8 text (byte %(byte)s).", file=file.name, byte=error.start)
        ) from error
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        head = [_HEADS.get(name.strip().lower(), name.strip().lower()) for name in next(reader, [])]
        if not (set(head) >= _EVENTS or set(head) >= _WIDE):
            if not must_be:
                return None
            raise Refused(
                _("%(file)s has not the columns of a table of treaty events: %(columns)s.",
                  file=file.name, columns="date, treaty, iso_alpha3, event")
            )  # fmt: skip
        if twice := next((name for name in head if name and head.count(name) > 1), None):
            raise Refused(_("%(file)s has two columns %(column)s.", file=file.name, column=twice))
        lines: list[Line] = []
        for cells in reader:
            if len(cells) > len(head):
                what = _("there are more cells than in the head.")
                refuse([told(file.name, reader.line_num, _("row"), what)])
            if any(cell.strip() for cell in cells):
                values = dict.fromkeys(head, "")
                values.update(zip(head, (cell.strip() for cell in cells), strict=False))
                lines.append((reader.line_num, values))
    except csv.Error as error:
        raise Refused(
            _("%(file)s is broken at line %(line)s: %(why)s.",
              file=file.name, line=reader.line_num, why=error)
        ) from error  # fmt: skip
    return lines


def _rows(
    file: str, lines: Iterable[Line], states: frozenset[str], wrong: list[str]
) -> Iterator[Row]:
    for line, values in lines:
        state = values["iso_alpha3"].upper()
        if state not in states:
            wrong.append(told(file, line, "iso_alpha3", _unknown(values["iso_alpha3"], _("state"))))
            continue
        treaty = values.get("treaty", "").upper() or _treaty_of(file)
        if treaty not in INSTRUMENTS:
            wrong.append(told(file, line, "treaty", _unknown(treaty or "", _("treaty"))))
            continue
        cells = _Cells(file, line, values, wrong)
        found = _event if "event" in values and "date" in values else _wide
        yield from found(cells, treaty, state)


def _treaty_of(file: str) -> str | None:
    return next(
        (key for key, treaty in INSTRUMENTS.items() if file.lower().startswith(treaty.slug)), None
    )


def _unknown(value: str, what: str) -> str:
    return _("there is no %(what)s “%(value)s”.", what=what, value=value[:40])


class _Cells:
    """The cells of a row; what is wrong with one is noted and it counts as empty."""

    def __init__(self, file: str, line: int, values: Mapping[str, str], wrong: list[str]):
        self.file, self.line, self.values, self.wrong = file, line, values, wrong

    def text(self, name: str) -> str | None:
        value = self.values.get(name, "")
        if any(not (c.isprintable() or c in "\n\t") for c in value):
            self.note(name, _("it holds a character that cannot be kept."))
            return None
        return value[:1000] or None

    def day(self, name: str) -> date | None:
        value = self.values.get(name, "")
        if not value:
            return None
        try:
            if len(value) != 10 or value[7] != "-":
                raise ValueError(value)
            return date.fromisoformat(value)
        except ValueError:
            self.note(name, _("“%(value)s” is not a date such as 2020-08-06.", value=value[:40]))
            return None

    def note(self, name: str, what: str) -> None:
        self.wrong.append(told(self.file, self.line, name, what))


def _event(cells: _Cells, treaty: str, state: str) -> Iterator[Row]:
    kind = cells.values["event"].lower()
    kind = _ALSO.get(kind, kind)
    if kind not in KINDS or kind == "retraction":
        cells.note("event", _unknown(cells.values["event"], _("event")))
        return
    on = cells.day("date")
    if on is None:
        if not cells.values["date"]:
            cells.note("date", _("it is missing."))
        return
    year = cells.text("year")
    if year is not None and not (year.isdecimal() and len(year) == 4):
        cells.note("year", _("“%(value)s” is not a year.", value=year[:40]))
        return
    yield Row(
        cells.file, cells.line, "date", treaty, state, kind, on,
        day_known=cells.values.get("day", "") != "unknown",
        until=cells.day("until"), article=cells.text("article"),
        year=int(year) if year else None, source=cells.text("source"), note=cells.text("note"),
    )  # fmt: skip


def _wide(cells: _Cells, treaty: str, state: str) -> Iterator[Row]:
    source = cells.text("source")
    kind = cells.values["consent_type"].lower()
    on = cells.day("consent_date")
    found = [(column, what, cells.day(column)) for column, what in _DAYS]
    if kind and kind not in CONSENTS:
        cells.note("consent_type", _unknown(cells.values["consent_type"], _("way to join")))
    elif kind:
        yield Row(
            cells.file, cells.line, "consent_date", treaty, state, kind, on,
            day_known=on is not None, source=source,
        )  # fmt: skip
    elif on:
        cells.note("consent_type", _("it is missing, and consent_date is not."))
    for column, what, day in found:
        if day:
            yield Row(cells.file, cells.line, column, treaty, state, what, day, source=source)
