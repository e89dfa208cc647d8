"""Every report. Each is one file here that sets `REPORT`; nothing else names them all.

The same rows serve the page, the files and the command. A report counts by the rule of
`crm.outreach.rules` and says in words how its rows and its total fit.
"""

import json
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import import_module
from typing import Any

from crm.core.charts import Chart
from crm.core.i18n import today
from crm.core.tables import Column, Kind, Row, Share
from crm.members.disclosure import Exit, Viewer
from crm.outreach.plain import Plain, without_members
from crm.outreach.queries import ActionFilter
from crm.reports.rules import Reckoning


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a report is asked: which actions, for whose eyes, to leave for what."""

    wanted: ActionFilter
    viewer: Viewer
    exit: Exit = Exit.PAGE
    #: Of `answers`: one kind of outcome alone.
    outcome: str | None = None
    #: The day states are told of (overdue, stale, not contacted since): the day whose knowledge is
    #: asked for, or today.
    on: date = field(default_factory=today)
    #: The day as whose end all of it is told, from the record (`reports.as_of`); None: as it is.
    as_of: date | None = None

    def plain(self, action_ids: Iterable[int]) -> Plain:
        """What takes members' names out of texts about these actions, before they are shown."""
        leaves = self.exit is not Exit.PAGE and not self.viewer.exports_people
        return without_members(set(action_ids), to=None if leaves else self.viewer)


Leads = Callable[[str, Row | None, Mapping[str, str]], tuple[str, dict[str, Any]] | None]


@dataclass(frozen=True, kw_only=True)
class Report:
    """One report. Rows are tuples with a cell for each column, then the row's key if it has one."""

    #: In addresses.
    name: str
    order: int
    icon: str
    title: Any
    #: One line: what it tells, and what it does not.
    description: Any
    columns: tuple[Column, ...]
    rows: Callable[[Question], Iterable[Row]]
    #: From the sum of the counted column over all rows to how it fits the total.
    reckon: Callable[..., Reckoning]
    #: The column whose rows and total `reckon` speaks of.
    counts: str = "pieces"
    #: Columns whose rows must not be added: a latest day, a median, a progress.
    unsummed: frozenset[str] = frozenset()
    chart: Callable[[Sequence[Row]], Chart] | None = None
    chart_title: Any = ""
    #: Narrows the filter's address to the records behind a row; None: the viewer has no list.
    narrow: Callable[[Row], dict[str, str] | None] | None = None
    #: What all of it is narrowed by, whatever is asked: for the lists behind its numbers.
    always: Mapping[str, str] = field(default_factory=dict)
    #: The endpoint and values of the page of what a row is about.
    record: Callable[[Row], tuple[str, dict[str, Any]] | None] | None = None
    #: Columns that count outcomes, and which: their numbers lead to those.
    lists_outcomes: Mapping[str, str] = field(default_factory=dict)
    #: Columns of numbers without records of their own: minutes, a median, a progress.
    plain: frozenset[str] = frozenset()
    shows_people: bool = False
    #: Of one that shows people: the members a file of it names.
    named: Callable[[Question], Iterable[int]] | None = None
    #: Columns a screen has no room for: shown small below another column's value. Files keep them.
    beneath: Mapping[str, str] = field(default_factory=dict)
    #: Other things its rows may be about, by the word of the address: the same sums by post.
    ways: Mapping[str, "Report"] = field(default_factory=dict)
    #: What its rows are about.
    about: Any = ""
    #: Filters it heeds (names of `outreach.filters`); others are not offered, and asked for they
    #: are a problem, never ignored. None: all.
    uses: frozenset[str] | None = None
    #: What a page says where there is no row, of one that tells of something else than outreach.
    nothing: Any = ""
    #: What of the answer the viewer may not see, in sentences; nothing where they see all.
    limits: Callable[[Question], Sequence[str]] | None = None
    #: The endpoint and values behind a number, where that is no list of outreach: of a column's
    #: key, the row (None: the total), and the filters as the address has them.
    leads: (
        Callable[[str, Row | None, Mapping[str, str]], tuple[str, dict[str, Any]] | None] | None
    ) = None
    #: Of each column that counts a part of the outreach: what narrows the list to that part.
    parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: Columns a comparison of two periods shows both values of; None: the counted one.
    compares: tuple[str, ...] | None = None
    #: Whether it counts what lies ahead, such as days something is due: compared before its end, a
    #: period is then counted up to that day alone.
    counts_ahead: bool = False
    #: What makes a row the same in two answers; as JSON holds it. By itself the row's last cell.
    key: Callable[[Row], Any] | None = None
    #: One row a record, as many as there are: read a few at a time, in its own order. Its
    #: `reckon` sums the rows itself where it is given None.
    streamed: bool = False

    def asked_by(self, way: str | None) -> "Report":
        """The report with rows about something else; itself without a word, or with its own."""
        return self.ways.get(way, self) if way else self

    def key_of(self, row: Row) -> str:
        """What makes the row the same in two answers, as a text."""
        if self.key is not None:
            return json.dumps(self.key(row), default=str)
        own = row[-1] if len(row) > len(self.columns) else row[0]
        return json.dumps(own, default=str)

    def place(self, key: str) -> int:
        """Where in a row a column's cell stands."""
        return [column.key for column in self.columns].index(key)

    @property
    def across(self) -> list[tuple[int, Column, list[int]]]:
        """The columns of the screen: place in a row, column, places of what is shown below it."""
        below: dict[str, list[int]] = {}
        for place, column in enumerate(self.columns):
            if column.key in self.beneath:
                below.setdefault(self.beneath[column.key], []).append(place)
        return [
            (place, column, below.get(column.key, []))
            for place, column in enumerate(self.columns)
            if column.key not in self.beneath
        ]

    def weight(self, row: Row, place: int) -> Any:
        """What a row is sorted by under a column: what stands there."""
        return row[place]

    def cells(self, row: Row) -> Row:
        """The row without its key."""
        return row[: len(self.columns)]


#: Names that reports had, in addresses that are kept, and those they have now.
FORMER: Mapping[str, str] = {"activity-by-channel-and-month": "activity-by-period"}


def find_report(name: str) -> Report | None:
    """The report of an address, also of an old one."""
    return reports().get(FORMER.get(name, name))


@cache
def reports() -> dict[str, Report]:
    """All reports by name, in the order of their cards."""
    found = [
        import_module(f"{__name__}.{module.name}").REPORT
        for module in pkgutil.iter_modules(__path__)
    ]
    return {report.name: report for report in sorted(found, key=lambda each: each.order)}


def totals(report: Report, rows: Sequence[Row], reckoning: Reckoning) -> Row:
    """The last line of a table: things counted once, and sums where rows may be added."""
    return tuple(_total(report, column, rows, reckoning) for column in report.columns)


def _total(report: Report, column: Column, rows: Sequence[Row], reckoning: Reckoning) -> Any:
    if column.key == report.counts:
        return reckoning.sums.total
    if column.key in reckoning.whole:
        return reckoning.whole[column.key]
    if column.key == "actions":
        return reckoning.actions
    if report.streamed or column.key in report.unsummed:
        return None
    place = report.place(column.key)
    cells = [row[place] for row in rows if row[place] is not None]
    if cells and column.kind is Kind.NUMBER:
        return sum(cells)
    if cells and column.kind is Kind.SHARE:
        return Share(sum(cell.n for cell in cells), sum(cell.of for cell in cells))
    return None


def in_order(report: Report, rows: Iterable[Row], sort: str | None) -> Iterable[Row]:
    """The rows by a column (`-key`: largest first); the report's own order for anything else.

    Cells without a value come last either way. A streamed report keeps its order.
    """
    key = (sort or "").removeprefix("-")
    if report.streamed or key not in {column.key for column in report.columns}:
        return rows
    place = report.place(key)
    listed = list(rows)
    full = [row for row in listed if row[place] not in (None, "")]
    full.sort(
        key=lambda row: _sort_key(report.weight(row, place)), reverse=(sort or "").startswith("-")
    )
    return full + [row for row in listed if row[place] in (None, "")]


def _sort_key(cell: Any) -> Any:
    if isinstance(cell, Share):
        return (cell.ratio, cell.n, cell.of)
    return cell.casefold() if isinstance(cell, str) else cell
