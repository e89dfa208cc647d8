"""A report's cells as a page tells them: in the reader's language, and leading to what is counted.

A table has a thousand cells. So what holds for a column is looked up once a table, and what holds
for a row once a row.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from crm.core.tables import Column, Kind, Row, counting
from crm.reports.catalogue import Report
from crm.reports.drilling import ComparedLinks, Links
from crm.reports.rules import is_right, teller

#: A rate and its n: a line may break between the two, and within neither.
_SHARE = Markup('<span class="nowrap">%s</span> <span class="nowrap">(%s)</span>')
#: Kinds of cells that count records, and so lead to them.
_COUNTS = (Kind.NUMBER, Kind.SHARE)


class Told(NamedTuple):
    """One cell: its words, and where they lead."""

    words: str
    url: str | None
    #: What stands small below them; None where nothing of the column ever does.
    below: Sequence[str] | None
    #: The head of its column, for screens that have no room for heads.
    label: str
    is_right: bool


def on_page(column: Column) -> Callable[[Any], str]:
    """What tells the cells of a column on a page."""
    if column.kind is not Kind.SHARE:
        return teller(column.kind)
    counted = counting()
    return lambda share: (
        _SHARE % (counted(share), share.part) if share is not None and share.of else ""
    )


def cell(column: Column, value: Any) -> str:
    """One cell alone."""
    return on_page(column)(value)


def lines(
    report: Report, rows: Iterable[Row], links: Links | ComparedLinks
) -> Iterator[list[Told]]:
    """The rows, told and linked."""
    tell = [on_page(column) for column in report.columns]
    across = [
        (place, column, below, str(column.label), is_right(column), column.kind in _COUNTS)
        for place, column, below in report.across
    ]
    for row in rows:
        behind, line = links.of(row), list[Told]()
        for place, column, below, label, right, counts in across:
            value = row[place]
            words = tell[place](value)
            url = None
            if not line:
                url = behind.record or behind.to(column)
            elif counts and value and words:
                url = behind.to(column)
            small = [tell[at](row[at]) for at in below if row[at]] if below else None
            line.append(Told(words, url, small, label, right))
        yield line


def total_line(report: Report, totals: Row, links: Links | ComparedLinks) -> list[Told]:
    """What all of it adds up to. Its first cell stands below what the rows are about."""
    behind, line = links.of(None), list[Told]()
    for place, column, _below in report.across:
        value = totals[place]
        words = cell(column, value)
        url = behind.to(column) if line and value and words else None
        line.append(Told(words, url, None, str(column.label), is_right(column)))
    return line
