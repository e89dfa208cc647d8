"""A report asked and answered: for a page, for a file, for a command, from the same rows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from operator import itemgetter

from flask import Flask
from flask_babel import gettext as _

from crm.core.bulk import batched
from crm.core.charts import Chart
from crm.core.errors import Refused
from crm.core.shell import number
from crm.core.streams import stream
from crm.core.tables import CHUNK, Row, Table
from crm.reports.as_of import hide_later, known
from crm.reports.catalogue import Question, Report, in_order, totals
from crm.reports.comparing import Compared, for_files
from crm.reports.extracts import Extract
from crm.reports.rules import Reckoning

#: Rows a page shows; of a streamed report only the first ones, its files have all.
SHOWN = 100
#: Rows one extract holds at most: it is kept, compared and set as one document.
MOST = 20_000


@dataclass(frozen=True)
class Answer:
    """What a page shows of a report."""

    rows: Sequence[Row]
    #: Whether there are more than `rows`.
    is_cut: bool
    totals: Row
    reckoning: Reckoning
    chart: Chart | None
    #: What of it the viewer may not see, in sentences.
    limits: Sequence[str] = ()
    #: What the lines add up to, by column, where that is something else than the total.
    of_lines: Mapping[str, int] = field(default_factory=dict)


def answer(
    app: Flask,
    report: Report,
    question: Question,
    sort: str | None = None,
    most: int = SHOWN,
) -> Answer:
    """Rows, totals and reconciliation, all from one snapshot, so that they agree.

    Of a streamed report the first `most` rows.
    """
    with known(app, question.as_of):
        if report.streamed:
            rows, rows_total = list(islice(report.rows(question), most + 1)), None
        else:
            rows = list(in_order(report, report.rows(question), sort))
            rows_total = sum(row[report.place(report.counts)] for row in rows)
        reckoning = report.reckon(question, rows_total)
        limits = limits_of(report, question)
    is_cut = report.streamed and len(rows) > most
    return Answer(
        rows=rows[:most] if is_cut else rows,
        is_cut=is_cut,
        totals=_totals(report, rows, reckoning),
        reckoning=reckoning,
        chart=report.chart(rows) if report.chart and rows else None,
        limits=limits,
        of_lines=_of_lines(report, reckoning),
    )


def _totals(report: Report, rows: Sequence[Row], reckoning: Reckoning) -> Row:
    if isinstance(report, Compared):
        return report.sums(rows, reckoning)
    return totals(report, rows, reckoning)


def _of_lines(report: Report, reckoning: Reckoning) -> dict[str, int]:
    """What the lines of the counted columns add up to, where that is not the total."""
    if isinstance(report, Compared):
        return report.of_lines(reckoning)
    sums = reckoning.sums
    return {report.counts: sums.rows_total} if sums.rows_total != sums.total else {}


@dataclass(frozen=True)
class Whole:
    """The whole answer, and the drawing of it."""

    extract: Extract
    chart: Chart | None


def extract(
    app: Flask,
    report: Report,
    question: Question,
    sort: str | None = None,
    facts: Sequence[tuple[str, str]] = (),
    most: int = MOST,
) -> Extract:
    """The whole answer free of the database, from one snapshot.

    Raises `Refused` where it has more than `most` rows: a file has all of them.
    """
    return whole(app, report, question, sort, facts, most).extract


def whole(
    app: Flask,
    report: Report,
    question: Question,
    sort: str | None = None,
    facts: Sequence[tuple[str, str]] = (),
    most: int = MOST,
) -> Whole:
    """The same with its chart."""
    with known(app, question.as_of):
        rows = list(islice(in_order(report, report.rows(question), sort), most + 1))
        if len(rows) > most:
            raise Refused(
                _(
                    "This is more than %(most)s lines. Narrow it, or take it as CSV.",
                    most=number(most),
                )
            )
        reckoning = report.reckon(question, sum(row[report.place(report.counts)] for row in rows))
        told = Extract(
            name=report.name,
            title=str(report.title),
            columns=[replace(each, label=str(each.label)) for each in report.columns],
            rows=[report.cells(row) for row in rows],
            keys=keys_of(report, rows),
            totals=_totals(report, rows, reckoning),
            told=str(reckoning),
            holds=reckoning.sums.holds,
            facts=facts,
            limits=limits_of(report, question),
            counts=report.counts,
            more={"of_lines": _of_lines(report, reckoning)},
        )
    return Whole(told, report.chart(rows) if report.chart and rows else None)


def keys_of(report: Report, rows: Sequence[Row]) -> list[str]:
    """What makes each row the same in two answers, each once: sums without a key of their own
    (whoever is not named) are told apart by their first cell.
    """
    keys: list[str] = []
    seen: set[str] = set()
    for row in rows:
        key = report.key_of(row)
        if key == "null":
            key = json.dumps([None, row[0]], default=str)
        plain, again = key, 1
        while key in seen:
            again += 1
            key = f"{plain}#{again}"
        seen.add(key)
        keys.append(key)
    return keys


def limits_of(report: Report, question: Question) -> list[str]:
    """What of the answer the viewer may not see, in sentences."""
    return [str(each) for each in report.limits(question)] if report.limits else []


@dataclass(frozen=True, kw_only=True)
class Order:
    """A file that is asked for: of what, in what form and language, by whom."""

    report: Report
    question: Question
    format: str
    sort: str | None = None
    #: The filter in words.
    facts: Sequence[tuple[str, str]] = ()
    made_at: datetime
    made_by: str
    locale: str

    @property
    def filename(self) -> str:
        """`activity-by-target-2026-11-23.csv`; as of an earlier day it names that."""
        as_of = self.question.as_of
        day = f"as-of-{as_of}" if as_of else f"{self.made_at:%Y-%m-%d}"
        return f"{self.report.name}-{day}.{self.format}"


def file_of(app: Flask, order: Order) -> Iterator[bytes]:
    """The file, piece by piece, from one snapshot of its own."""
    return stream(
        app,
        lambda: _table(order),
        format=order.format,
        locale=order.locale,
        temporary=order.question.as_of is not None,
    )


def _table(order: Order) -> Table:
    report, question = order.report, order.question
    if question.as_of is not None:
        hide_later(question.as_of)
    counted, counts = [0], itemgetter(report.place(report.counts))

    def rows() -> Iterator[Row]:
        # Some hundred at once: a file may have a million.
        for some in batched(in_order(report, report.rows(question), order.sort), CHUNK):
            counted[0] += sum(map(counts, some))
            yield from map(report.cells, some)

    columns, cells = for_files(report.columns, rows())
    return Table(
        name=report.name,
        title=str(report.title),
        columns=columns,
        rows=cells,
        facts=order.facts,
        limits=limits_of(report, question),
        made_at=order.made_at,
        made_by=order.made_by,
        closing=lambda: str(report.reckon(question, counted[0])),
    )
