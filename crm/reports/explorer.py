"""Lines × columns × what is counted, chosen by the person: a report nobody had to write.

Every number is counted by the rule of `outreach.queries` under the filter it leads to: a cell is
what its link lists, and a total is counted anew where lines or columns repeat something. The
address is the query, so an exploration is kept, shared and asked again as a link.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core import db
from crm.core.charts import Bar, Chart, bars, lines, split, stacked
from crm.core.i18n import day
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row, Share
from crm.members.disclosure import Exit, Viewer
from crm.outreach.filters import LABELS, Choices, parse_filter
from crm.outreach.queries import ActionFilter
from crm.outreach.rules import Reconciliation
from crm.reports.dimensions import DAYS, DIMENSIONS, Dimension, Told, channel_place, period_name
from crm.reports.extracts import Extract
from crm.reports.measures import MEASURES, Measure, Values
from crm.reports.queries import other_teams_did, tally
from crm.reports.rules import Reckoning, once

NAME = "explorer"
#: Columns a table has at most; the totals count all of them.
MOST_COLUMNS = 40
#: Lines of a chart, and series in it.
_BARS, _SERIES, _HEADS = 12, 8, 24
#: What is shown to somebody who has chosen nothing yet.
FIRST = {"rows": "month", "columns": "channel", "measure": "pieces"}
#: What an address says for a table of totals alone.
NO_COLUMNS = "none"


@dataclass(frozen=True)
class Asked:
    """What was asked for, what of it cannot be, and the words it came in."""

    wanted: ActionFilter
    viewer: Viewer
    problems: Sequence[str]
    #: The filters as the address has them, and the choice of lines, columns and measure.
    given: Mapping[str, str]
    chosen: Mapping[str, str]
    choices: Choices
    rows: Dimension
    columns: Dimension | None
    measure: Measure

    @property
    def query(self) -> dict[str, str]:
        """The address that asks this again."""
        return {**self.chosen, **self.given}

    @property
    def title(self) -> str:
        """What is counted by what, in words."""
        if self.columns is None:
            return _("%(measure)s by %(rows)s", measure=self.measure.label,
                     rows=str(self.rows.label).lower())  # fmt: skip
        return _(
            "%(measure)s by %(rows)s and %(columns)s",
            measure=self.measure.label,
            rows=str(self.rows.label).lower(),
            columns=str(self.columns.label).lower(),
        )

    def told(self, exit: Exit) -> list[tuple[str, str]]:
        """What was asked for, in words that may leave this way."""
        said = [(str(_("Lines")), str(self.rows.label))]
        if self.columns is not None:
            said.append((_("Columns"), str(self.columns.label)))
        said.append((_("Counted"), str(self.measure.label)))
        return [*said, *self.filters(exit)]

    def filters(self, exit: Exit) -> list[tuple[str, str]]:
        """The filters alone."""
        said = []
        days = {"since": self.wanted.since, "until": self.wanted.until}
        for name, value in self.given.items():
            words = day(days[name]) if name in days else self.choices.said(name, value, exit)
            said.append((str(LABELS[name]), words or value))
        return said


def parse(args: Mapping[str, str], viewer: Viewer) -> Asked:
    """Read an address. Combinations that cannot be are problems, and then nothing is counted."""
    asked = parse_filter(args, viewer)
    problems, chosen = list(asked.problems), dict[str, str]()
    for name, known in (("rows", DIMENSIONS), ("columns", DIMENSIONS), ("measure", MEASURES)):
        value = (args.get(name) or "").strip()
        if (name == "columns" and value == NO_COLUMNS) or value in known:
            chosen[name] = value
        else:
            if value:
                problems.append(
                    _("“%(value)s” cannot be chosen for %(what)s.", value=value[:80],
                      what=str(CHOICES[name]).lower())
                )  # fmt: skip
            chosen[name] = FIRST[name] if not any(args.get(each) for each in FIRST) else ""
    # What is left out is the first thing that fits.
    chosen["rows"] = chosen["rows"] or FIRST["rows"]
    chosen["columns"] = chosen["columns"] or NO_COLUMNS
    chosen["measure"] = chosen["measure"] or FIRST["measure"]
    rows, measure = DIMENSIONS[chosen["rows"]], MEASURES[chosen["measure"]]
    columns = DIMENSIONS.get(chosen["columns"])
    problems += _impossible(rows, columns, measure, asked.given)
    return Asked(
        asked.wanted, viewer, problems, asked.given, chosen, asked.choices, rows, columns, measure
    )


CHOICES = {"rows": _l("Lines"), "columns": _l("Columns"), "measure": _l("Counted")}


def _impossible(
    rows: Dimension, columns: Dimension | None, measure: Measure, given: Mapping[str, str]
) -> list[str]:
    found = []
    if columns is not None and rows.name == columns.name:
        found.append(
            _("Lines and columns are both “%(what)s”: choose two different things.",
              what=rows.label)
        )  # fmt: skip
    apart = next((each for each in (rows, columns) if each is not None and each.of_outcomes), None)
    if apart is not None and not measure.of_outcomes:
        found.append(
            _(
                "“%(what)s” tells apart what came back, so only “%(outcomes)s” can be counted by "
                "it.",
                what=apart.label,
                outcomes=MEASURES["outcomes"].label,
            )
        )
    if "outcome" in given and not measure.of_outcomes and (measure.lists or measure.report):
        found.append(
            _(
                "“%(measure)s” cannot be narrowed by what came back. Count “%(outcomes)s” instead, "
                "or take that filter away.",
                measure=measure.label,
                outcomes=MEASURES["outcomes"].label,
            )
        )
    return found


@dataclass(frozen=True)
class Line:
    """One line: what it is of, its numbers, and its total, counted anew."""

    key: Any
    told: Told
    cells: Sequence[Any]
    total: Any


@dataclass(frozen=True)
class Found:
    """What an exploration gives."""

    asked: Asked
    heads: Sequence[tuple[Any, Told]]
    lines: Sequence[Line]
    #: Of each column, counted anew; and of all.
    foot: Sequence[Any]
    total: Any
    reckoning: Reckoning
    chart: Chart | None
    #: Columns that are not shown.
    left_out: int

    @property
    def told(self) -> str:
        """How it adds up, in words."""
        return str(self.reckoning)

    @property
    def repeats(self) -> bool:
        """Whether the lines add up to something else than the total."""
        sums = self.reckoning.sums
        return self.asked.measure.kind is not Kind.SHARE and sums.rows_total != sums.total

    @property
    def table_columns(self) -> tuple[Column, ...]:
        """The columns of the table, as files and extracts have them."""
        asked, kind = self.asked, self.asked.measure.kind
        width = 18 if kind is Kind.SHARE else 12
        name = asked.columns.name if asked.columns else ""
        return (
            Column("line", str(asked.rows.label), width=36),
            *(Column(f"{name}:{key}", told.label, kind, width) for key, told in self.heads),
            Column("total", _("Total") if self.heads else str(asked.measure.label), kind, width),
        )

    def row(self, line: Line) -> Row:
        """One line as files have it."""
        return (line.told.label, *line.cells, line.total)

    @property
    def total_row(self) -> Row:
        """The last line of the table."""
        return (_("Total, each counted once"), *self.foot, self.total)


def explore(app: Flask, asked: Asked, sort: str | None = None) -> Found:
    """Count it, from one snapshot: at most eight statements."""
    with db.apart(app):
        return _explored(asked, sort)


def _explored(asked: Asked, sort: str | None) -> Found:
    measure, wanted, viewer = asked.measure, asked.wanted, asked.viewer
    of_rows = asked.rows.part_for(viewer)
    of_columns = asked.columns.part_for(viewer) if asked.columns else None
    cells: Values = {}
    if of_columns is None:
        totals = measure.by(wanted, [of_rows])
        foot: Values = {}
    else:
        cells = measure.by(wanted, [of_rows, of_columns])
        totals = _over(cells, 0, measure, of_columns) or measure.by(wanted, [of_rows])
        foot = _over(cells, 1, measure, of_rows) or measure.by(wanted, [of_columns])
    total, said_total = _total(asked)
    row_words = asked.rows.told({key for (key,) in totals}, viewer)
    heads, left_out = _heads(asked, foot)
    found = [
        Line(
            key,
            row_words.get(key) or Told(str(key), None),
            [cells.get((key, head)) for head, _told in heads],
            value,
        )
        for (key,), value in totals.items()
    ]
    return Found(
        asked=asked,
        heads=heads,
        lines=_sorted(asked, found, heads, sort),
        foot=[foot.get((head,)) for head, _told in heads],
        total=total,
        reckoning=_reckoned(asked, totals, total, said_total, left_out),
        chart=_chart(asked, found, heads, whole=not left_out) if found else None,
        left_out=left_out,
    )


def _over(cells: Values, place: int, measure: Measure, gone: Any) -> Values | None:
    """The totals over a part by adding, where that is what counting gives; None where it is not."""
    if not measure.adds_up(gone):
        return None
    found: Values = {}
    for keys, value in cells.items():
        key = (keys[place],)
        found[key] = _plus(found.get(key), value)
    return found


def _plus(one: Any, other: Any) -> Any:
    if one is None:
        return other
    if isinstance(one, Share):
        return Share(one.n + other.n, one.of + other.of)
    return one + other


def _total(asked: Asked) -> tuple[Any, str]:
    """The whole, never made of the lines; and in words, with its channels where it has any."""
    if asked.measure.name == "pieces":
        # By the rule itself: what the lines are held against.
        told = tally(asked.wanted)
        return told.total, once(told)
    value = asked.measure.by(asked.wanted, []).get((), asked.measure.nothing)
    return value, str(value) if isinstance(value, Share) else number(value)


def _heads(asked: Asked, foot: Values) -> tuple[list[tuple[Any, Told]], int]:
    if asked.columns is None:
        return [], 0
    told = asked.columns.told({key for (key,) in foot}, asked.viewer)
    known = [(key, told.get(key) or Told(str(key), None)) for (key,) in foot]
    if asked.columns.is_time:
        known.sort(key=lambda head: head[0])
        shown = known[-MOST_COLUMNS:]
    else:
        known.sort(key=lambda head: _by_size(foot[head[0],], head[1]))
        shown = known[:MOST_COLUMNS]
        if asked.columns.name == "channel":
            shown.sort(key=lambda head: channel_place(head[0]))
    return shown, len(known) - len(shown)


def _size(value: Any) -> float:
    return value.ratio if isinstance(value, Share) else float(value or 0)


def _drawn(value: Any) -> float:
    """A number as charts have it: a rate in percent."""
    return round(100 * value.ratio, 1) if isinstance(value, Share) else float(value or 0)


def _by_size(value: Any, told: Told) -> tuple[Any, ...]:
    return (-_size(value), -value.of if isinstance(value, Share) else 0, told.label.casefold())


def _sorted(
    asked: Asked, found: list[Line], heads: Sequence[tuple[Any, Told]], sort: str | None
) -> list[Line]:
    """The latest period first, else the largest; or by a column (`-key`: largest first)."""
    if asked.rows.is_time:
        found.sort(key=lambda line: line.key, reverse=True)
    else:
        found.sort(key=lambda line: _by_size(line.total, line.told))
    key, down = (sort or "").removeprefix("-"), (sort or "").startswith("-")
    if key == "line":
        place = (lambda line: line.key) if asked.rows.is_time else _label
        return sorted(found, key=place, reverse=down)
    if key == "total":
        return sorted(found, key=lambda line: _size(line.total), reverse=down)
    at = next((at for at, (head, _told) in enumerate(heads) if sort_key(head) == key), None)
    if at is None:
        return found
    full = [line for line in found if line.cells[at]]
    full.sort(key=lambda line: _size(line.cells[at]), reverse=down)
    return full + [line for line in found if not line.cells[at]]


def _label(line: Line) -> str:
    return line.told.label.casefold()


def sort_key(head: Any) -> str:
    """What an address calls a column that is sorted by."""
    return f"c-{head}"


# In words


def _reckoned(
    asked: Asked, totals: Values, total: Any, said_total: str, left_out: int
) -> Reckoning:
    measure = asked.measure
    said = []
    if measure.kind is Kind.SHARE:
        sums = Reconciliation(0, 0, 0, 0)
        said.append(
            _("Rates are not added: %(total)s is counted of all together.", total=said_total)
            if total.of
            else _("Nothing waits for an answer here.")
        )
    elif measure.distinct:
        sums = Reconciliation(int(total), 0, 0, int(total))
        said.append(
            _(
                "%(total)s different targets were reached. One may stand in several lines, so the "
                "lines are not added.",
                total=said_total,
            )
        )
    else:
        sums = _sums(asked, sum(totals.values()), int(total))
        said += _sentences(asked, sums, said_total)
    if asked.columns is not None and not measure.adds_up(asked.columns.part):
        said.append(_("A line's total is counted anew, and not its columns added."))
        if asked.columns.why_more and not measure.distinct:
            said.append(str(asked.columns.why_more))
    if left_out:
        said.append(
            _(
                "%(shown)s columns are shown and %(more)s are not; the totals count all of them.",
                shown=number(MOST_COLUMNS),
                more=number(left_out),
            )
        )
    return Reckoning(sums, said)


def _sums(asked: Asked, rows_total: int, total: int) -> Reconciliation:
    """How lines and total fit. Where nothing repeats and nothing is left out, they must agree."""
    measure, rows = asked.measure, asked.rows
    if measure.adds_up(rows.part) and rows.covered is None:
        return Reconciliation(rows_total, 0, 0, total)
    in_lines = total
    if rows.covered is not None and (measure.of_actions or not rows.covered.of_targets):
        in_lines = measure.by(asked.wanted, [rows.covered]).get((1,), 0)
    if measure.adds_up(rows.part):
        return Reconciliation(rows_total, 0, total - in_lines, total)
    return Reconciliation(rows_total, rows_total - in_lines, total - in_lines, total)


def _sentences(asked: Asked, sums: Reconciliation, said_total: str) -> list[str]:
    if not sums.shared and not sums.untold:
        if not sums.total:
            return [_("Nothing was done that this asks for.")]
        return [
            _("Each is counted once and stands in one line. That is %(total)s.", total=said_total)
        ]
    said = [_("The lines add up to %(sum)s.", sum=number(sums.rows_total))]
    if sums.shared:
        why = asked.rows.why_more or _("What reached several targets counts in the line of each.")
        said.append(
            _("%(shared)s of these repeat what stands in other lines.", shared=number(sums.shared))
        )
        said.append(str(why))
    if sums.untold:
        said.append(_("%(untold)s more stand in none.", untold=number(sums.untold)))
        said.append(str(asked.rows.why_less))
    said.append(_("Counted once that is %(total)s.", total=said_total))
    return said


# As a picture


def _chart(
    asked: Asked, found: Sequence[Line], heads: Sequence[tuple[Any, Told]], *, whole: bool
) -> Chart:
    """Periods lie side by side, stacked where that adds up; anything else is bars by size."""
    rows, columns, measure = asked.rows, asked.columns, asked.measure
    is_rate = measure.kind is Kind.SHARE
    title = _("%(what)s, in percent", what=asked.title) if is_rate else asked.title
    if rows.is_time:
        shown = sorted(found, key=lambda line: line.key)[-_HEADS:]
        names = [period_name(rows.name, line.key, short=True) for line in shown]
        if columns is None or not heads:
            return lines(title, names, [
                (str(measure.label), [_drawn(line.total) for line in shown])
            ]) if is_rate else stacked(title, names, [
                (str(measure.label), [line.total for line in shown])
            ])  # fmt: skip
        series = [
            (told.label, [_drawn(line.cells[at]) for line in shown])
            for at, (_key, told) in enumerate(heads)
        ]
        return _of_series(asked, title, names, series, columns)
    if columns is not None and columns.is_time:
        times = list(enumerate(heads))[-_HEADS:]
        names = [period_name(columns.name, key, short=True) for _at, (key, _told) in times]
        most = sorted(found, key=lambda line: _by_size(line.total, line.told))
        series = [
            (line.told.label, [_drawn(line.cells[at]) for at, _head in times]) for line in most
        ]
        return _of_series(asked, title, names, series, rows)
    most = sorted(found, key=lambda line: _by_size(line.total, line.told))[:_BARS]
    if columns is not None and heads and not is_rate and measure.adds_up(columns.part):
        return _divided(title, most, heads, str(rows.label))
    return bars(
        title,
        [
            Bar(line.told.label, _drawn(line.total),
                str(line.total) if isinstance(line.total, Share) else "")
            for line in most
        ],
    )  # fmt: skip


def _divided(
    title: str, most: Sequence[Line], heads: Sequence[tuple[Any, Told]], head: str
) -> Chart:
    """A bar each line, divided by the columns; those that hold least are one part."""
    series = [
        (told.label, [_drawn(line.cells[at]) for line in most])
        for at, (_key, told) in enumerate(heads)
    ]
    if len(series) > _SERIES + 1:
        series.sort(key=lambda each: -sum(each[1]))
        rest = [sum(cells) for cells in zip(*(each for _n, each in series[_SERIES:]), strict=True)]
        series = [*series[:_SERIES], (_("All others"), rest)]
    return split(title, [line.told.label for line in most], series, head=head)


def _of_series(
    asked: Asked,
    title: str,
    names: Sequence[str],
    series: list[tuple[str, list[float]]],
    apart: Dimension,
) -> Chart:
    if not asked.measure.adds_up(apart.part) or asked.measure.kind is Kind.SHARE:
        return lines(title, names, series[:_SERIES])
    if len(series) > _SERIES + 1:
        rest = [sum(numbers) for numbers in zip(*(each for _n, each in series[_SERIES:]),
                                                strict=True)]  # fmt: skip
        series = [*series[:_SERIES], (_("All others"), rest)]
    return stacked(title, names, series)


# For files, frozen reports and pages


def extract(app: Flask, asked: Asked, sort: str | None = None, exit: Exit = Exit.EXPORT) -> Extract:
    """The whole of it free of the database. Its filters are told as they may leave this way."""
    found = explore(app, asked, sort)
    return Extract(
        name=NAME,
        title=asked.title,
        columns=found.table_columns,
        rows=[found.row(line) for line in found.lines],
        keys=[json.dumps(line.key, default=str) for line in found.lines],
        totals=found.total_row,
        told=found.told,
        holds=found.reckoning.sums.holds,
        facts=asked.told(exit),
        limits=limits(asked),
        counts="total",
        more={"query": asked.query},
    )


#: What lines are of that stand for a day: the first of it.
_DAYS = {"week": Kind.DATE, "month": Kind.MONTH}


def for_files(
    of: str, columns: Sequence[Column], lines_of: Iterable[tuple[Any, Row]]
) -> tuple[Sequence[Column], Iterable[Row]]:
    """A table as files have it, of lines by what they are of and their keys: weeks and months are
    dates there, as in every other report.
    """
    if of not in _DAYS:
        return columns, (row for _key, row in lines_of)
    first = replace(columns[0], kind=_DAYS[of], width=14)
    return [first, *columns[1:]], ((DAYS[of](key)[0], *row[1:]) for key, row in lines_of)


def limits(asked: Asked) -> list[str]:
    """What of it the viewer may not see, in sentences."""
    shows_teams = "team" in (asked.rows.name, asked.columns.name if asked.columns else "")
    sees = asked.viewer.sees
    if not shows_teams or sees.everywhere or not other_teams_did(asked.wanted, sees):
        return []
    return [_("Teams of chapters you do not see are one line.")]


def narrowed(asked: Asked, *told: Told) -> dict[str, str] | None:
    """The filters that list what is behind a number: those asked for, and those of its line and
    column; None where this viewer may not have the list.
    """
    values = dict(asked.given)
    for each in told:
        if each.narrow is None:
            return None
        for name, value in each.narrow.items():
            if name == "since" and name in values:
                value = max(value, values[name])
            if name == "until" and name in values:
                value = min(value, values[name])
            values[name] = value
    return values
