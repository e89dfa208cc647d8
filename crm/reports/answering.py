"""A report asked and answered: for a page, for a file, for a command, from the same rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from flask import Flask

from crm.core import db
from crm.core.charts import Chart
from crm.core.streams import stream
from crm.core.tables import Row, Table
from crm.reports.catalogue import Question, Report, in_order, totals
from crm.reports.rules import Reckoning

#: Rows a page shows; of a streamed report only the first ones, its files have all.
SHOWN = 100


@dataclass(frozen=True)
class Answer:
    """What a page shows of a report."""

    rows: Sequence[Row]
    #: Whether there are more than `rows`.
    is_cut: bool
    totals: Row
    reckoning: Reckoning
    chart: Chart | None

    @property
    def repeats(self) -> bool:
        """Whether the rows add up to something else than the total."""
        return self.reckoning.sums.rows_total != self.reckoning.sums.total


def answer(app: Flask, report: Report, question: Question, sort: str | None = None) -> Answer:
    """Rows, totals and reconciliation, all from one snapshot, so that they agree."""
    with db.apart(app):
        if report.streamed:
            rows, rows_total = list(islice(report.rows(question), SHOWN + 1)), None
        else:
            rows = list(in_order(report, report.rows(question), sort))
            rows_total = sum(row[report.place(report.counts)] for row in rows)
        reckoning = report.reckon(question, rows_total)
    is_cut = report.streamed and len(rows) > SHOWN
    return Answer(
        rows=rows[:SHOWN] if is_cut else rows,
        is_cut=is_cut,
        totals=totals(report, rows, reckoning),
        reckoning=reckoning,
        chart=report.chart(rows) if report.chart and rows else None,
    )


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
        """`activity-by-target-2026-11-23.csv`."""
        return f"{self.report.name}-{self.made_at:%Y-%m-%d}.{self.format}"


def file_of(app: Flask, order: Order) -> Iterator[bytes]:
    """The file, piece by piece, from one snapshot of its own."""
    return stream(app, lambda: _table(order), format=order.format, locale=order.locale)


def _table(order: Order) -> Table:
    report, question = order.report, order.question
    counted, at = [0], report.place(report.counts)

    def rows() -> Iterator[Row]:
        for row in in_order(report, report.rows(question), order.sort):
            counted[0] += row[at]
            yield report.cells(row)

    return Table(
        name=report.name,
        title=str(report.title),
        columns=report.columns,
        rows=rows(),
        facts=order.facts,
        made_at=order.made_at,
        made_by=order.made_by,
        closing=lambda: str(report.reckon(question, counted[0])),
    )
