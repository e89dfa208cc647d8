"""Two periods of one report, joined row by row: now, before, and what changed.

What comes out is a report itself: page, files, documents and frozen answers take it as any other.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, NamedTuple

from flask_babel import gettext as _

from crm.core.charts import Chart, grouped
from crm.core.tables import Column, Kind, Row, Share
from crm.outreach.queries import ActionFilter
from crm.reports.catalogue import Question, Report, totals
from crm.reports.rules import Reckoning, month_back, written

#: What follows a column's key, of each column it becomes.
BEFORE, CHANGE, PERCENT = "_before", "_change", "_percent"
#: How a workbook writes the last of them.
_SIGNED = "+0%;-0%;0%"
#: Rows its chart has room for.
CHARTED = 12


class Pair(NamedTuple):
    """One thing's rows in both periods; None where it is in one alone."""

    key: str
    now: Row | None
    then: Row | None

    @property
    def any(self) -> Row:
        """The row that says what it is."""
        return self.now or self.then or ()


@dataclass(frozen=True)
class Both(Reckoning):
    """How two periods add up, one after the other."""

    parts: tuple[Reckoning, ...] = ()

    def __str__(self) -> str:
        now, then = self.parts
        return _("%(now)s In the period before: %(then)s", now=now, then=then)


@dataclass(frozen=True, kw_only=True)
class Compared(Report):
    """A report beside itself in another period."""

    base: Report
    then: ActionFilter
    #: The sums of the counted column, of now and before, once the rows were read.
    read: list[int] = field(default_factory=list)

    def key_of(self, row: Row) -> str:
        """What makes the row the same in two answers: what does in the report itself."""
        key: str = row[-1].key
        return key

    def weight(self, row: Row, place: int) -> Any:
        """Of a change in per cent the number, and not its signs; what is new rose most."""
        if place not in _percents(self.columns):
            return row[place]
        now, then = row[place - 3], row[place - 2]
        return _relative(now, then) if then else inf

    def source(self, key: str) -> tuple[str, bool] | None:
        """The report's column that one of these shows, and whether before; None of a change."""
        if key.endswith((CHANGE, PERCENT)) and key not in _keys(self.base):
            return None
        if key.endswith(BEFORE) and key not in _keys(self.base):
            return key.removesuffix(BEFORE), True
        return key, False

    def sums(self, rows: Sequence[Row], reckoning: Reckoning) -> Row:
        """The last line: the totals of both periods, and how they changed."""
        of_now, of_then = _parts(reckoning)
        pairs: list[Pair] = [row[-1] for row in rows]
        now = totals(self.base, [each.now for each in pairs if each.now], of_now)
        then = totals(self.base, [each.then for each in pairs if each.then], of_then)
        return _cells(self.base, now, then)

    def of_lines(self, reckoning: Reckoning) -> dict[str, int]:
        """The sums of the lines of both periods, by column."""
        now, then = _parts(reckoning)
        return {
            self.counts: now.sums.rows_total,
            f"{self.counts}{BEFORE}": then.sums.rows_total,
        }


def _parts(reckoning: Reckoning) -> tuple[Reckoning, Reckoning]:
    if not isinstance(reckoning, Both):
        raise TypeError("a comparison adds up twice")
    now, then = reckoning.parts
    return now, then


def compared(report: Report, then: ActionFilter) -> Compared:
    """The report, compared with itself under another filter."""
    kept = {column.key for column in _told(report)} | set(_both(report))
    columns = tuple(_columns(report))
    given: dict[str, Any] = {name: getattr(report, name) for name in Report.__dataclass_fields__}
    sums: list[int] = []

    def rows(asked: Question) -> Iterator[Row]:
        before = replace(asked, wanted=then)
        pairs = _paired(
            report, list(report.rows(asked)), list(report.rows(before)), asked.wanted, then
        )
        place = report.place(report.counts)
        sums[:] = [
            sum(each.now[place] for each in pairs if each.now),
            sum(each.then[place] for each in pairs if each.then),
        ]
        for pair in pairs:
            yield (*_cells(report, pair.now, pair.then), pair)

    def reckon(asked: Question, _rows_total: int) -> Reckoning:
        now = report.reckon(asked, sums[0])
        before = report.reckon(replace(asked, wanted=then), sums[1])
        worst = now if not now.sums.holds else before if not before.sums.holds else now
        return Both(worst.sums, [str(now), str(before)], now.actions, parts=(now, before))

    changes = {c.key for c in columns if c.key not in kept and not c.key.endswith(BEFORE)}
    record = report.record
    return Compared(
        **given
        | {
            "columns": columns,
            "rows": rows,
            "reckon": reckon,
            "chart": lambda shown: _chart(report, shown),
            "chart_title": _chart_title(report),
            "plain": report.plain | changes,
            "record": (lambda row: record(row[-1].any)) if record else None,
            "beneath": {
                below: at for below, at in report.beneath.items() if {below, at} <= kept
            },
            "key": lambda row: row[-1].key,
        },
        base=report,
        then=then,
        read=sums,
    )  # fmt: skip


def _chart_title(report: Report) -> str:
    """Whose numbers, and which: of a rate it is what the rate rests on."""
    label = report.columns[report.place(report.counts)].label
    return _("%(title)s: %(what)s, now and before", title=report.title, what=label)


def _chart(report: Report, shown: Sequence[Row]) -> Chart:
    """The rows with most of either, now beside before."""
    place, pairs = report.place(report.counts), [row[-1] for row in shown]
    values = [
        (
            written(report.columns[0], pair.any[0]),
            float(pair.now[place] or 0) if pair.now else 0.0,
            float(pair.then[place] or 0) if pair.then else 0.0,
        )
        for pair in pairs
    ]
    if report.columns[0].kind not in (Kind.DATE, Kind.MONTH):
        values = sorted(values, key=lambda each: -max(each[1:]))
    return grouped(_chart_title(report), values[:CHARTED], (_("Now"), _("Before")))


def for_files(
    columns: Sequence[Column], rows: Iterable[Row]
) -> tuple[Sequence[Column], Iterable[Row]]:
    """A table as files have it: a change in per cent is a number there, which can be sorted and
    reckoned with; what is new or no more stays a word.
    """
    places = _percents(columns)
    if not places:
        return columns, rows
    told = list(columns)
    for at in places:
        # A CSV has no signs of per cent: 0.5 is no half of one.
        label = _("%(column)s, relative change", column=columns[at - 3].label)
        told[at] = replace(told[at], label=label, kind=Kind.NUMBER, written=_SIGNED)
    return told, (_in_numbers(row, places) for row in rows)


def _percents(columns: Sequence[Column]) -> list[int]:
    """Where changes in per cent stand: after the values of both periods, and the change."""
    return [
        at
        for at, column in enumerate(columns)
        if at > 2 and column.key.endswith(PERCENT) and columns[at - 2].key.endswith(BEFORE)
    ]


def _in_numbers(row: Row, places: Sequence[int]) -> Row:
    cells = list(row)
    for at in places:
        now, then = cells[at - 3], cells[at - 2]
        if now and then:
            cells[at] = round(_relative(now, then), 4)
        elif not cells[at]:
            cells[at] = None
    return tuple(cells)


def _keys(report: Report) -> set[str]:
    return {column.key for column in report.columns}


def _told(report: Report) -> list[Column]:
    """The columns that say what a row is about."""
    both = _both(report)
    return [
        column
        for place, column in enumerate(report.columns)
        if column.key not in both and (place == 0 or column.kind is Kind.TEXT)
    ]


def _both(report: Report) -> list[str]:
    """The columns shown of both periods, the counted one always."""
    asked = report.compares if report.compares is not None else (report.counts,)
    return [each.key for each in report.columns if each.key in {*asked, report.counts}]


def _columns(report: Report) -> Iterator[Column]:
    both = _both(report)
    yield from _told(report)
    for column in report.columns:
        if column.key not in both:
            continue
        label = str(column.label)
        yield column
        yield replace(
            column, key=f"{column.key}{BEFORE}", label=_("%(column)s before", column=label)
        )
        if column.kind is Kind.SHARE:
            yield Column(
                f"{column.key}{CHANGE}", _("%(column)s, change in points", column=label),
                Kind.NUMBER, 12,
            )  # fmt: skip
            continue
        if column.kind is Kind.DATE:
            yield Column(
                f"{column.key}{CHANGE}", _("%(column)s, change in days", column=label),
                Kind.NUMBER, 12,
            )  # fmt: skip
            continue
        yield Column(
            f"{column.key}{CHANGE}", _("%(column)s, change", column=label), Kind.NUMBER, 12
        )
        yield Column(f"{column.key}{PERCENT}", _("%(column)s, in %%", column=label), width=10)


def _paired(
    report: Report, now: list[Row], then: list[Row], asked: ActionFilter, before: ActionFilter
) -> list[Pair]:
    """What is in both periods or one: in the order of now, then what was before alone."""
    earlier: dict[str, list[Row]] = {}
    for row in then:
        earlier.setdefault(_key(report, row, asked, before), []).append(row)
    pairs = []
    for row in now:
        key = _key(report, row)
        same = earlier.get(key)
        pairs.append(Pair(key, row, same.pop(0) if same else None))
    return pairs + [Pair(key, None, row) for key, rows in earlier.items() for row in rows]


def _key(
    report: Report,
    row: Row,
    asked: ActionFilter | None = None,
    before: ActionFilter | None = None,
) -> str:
    """What makes rows the same. Of months it is their place: the first month beside the first."""
    if report.columns[0].kind is Kind.MONTH and row[0]:
        shift = 0
        if asked and before and asked.since and before.since:
            shift = (asked.since.year - before.since.year) * 12
            shift += asked.since.month - before.since.month
        # Its own key says which month it is: the other words of the row tell the rest.
        words = [row[report.place(each.key)] for each in _told(report)[1:]]
        return f"{month_back(row[0], -shift)} {words}"
    key = report.key_of(row)
    return f"null {row[0]}" if key == "null" else key


def _cells(report: Report, now: Row | None, then: Row | None) -> Row:
    cells: list[Any] = []
    there = now or then or ()
    cells += [there[report.place(column.key)] for column in _told(report)]
    for key in _both(report):
        place = report.place(key)
        kind = report.columns[place].kind
        nothing: Any = None if kind in (Kind.SHARE, Kind.DATE) else 0
        a = now[place] if now else nothing
        b = then[place] if then else nothing
        if kind is Kind.SHARE:
            cells += [a, b, _points(a, b)]
        elif kind is Kind.DATE:
            cells += [a, b, (a - b).days if a and b else None]
        else:
            cells += [a, b, None if a is None or b is None else a - b, _percent(a, b)]
    return tuple(cells)


def _points(now: Share | None, then: Share | None) -> int | None:
    """By how many percent points a share changed; None where one has no whole."""
    if not (now and now.of and then and then.of):
        return None
    return round(now.ratio * 100) - round(then.ratio * 100)


def _percent(now: int | None, then: int | None) -> str:
    """`+20%`; in words where nothing was before, or nothing is now."""
    if now is None or then is None or now == then == 0:
        return ""
    if then == 0:
        return _("new")
    if now == 0:
        return _("no more")
    return "0%" if now == then else f"{_relative(now, then):+.0%}"


def _relative(now: float, then: float) -> float:
    return (now - then) / then
