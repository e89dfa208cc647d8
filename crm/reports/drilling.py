"""From every number of a report to the records behind it, under the same filter."""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urlencode

from flask import url_for

from crm.core.tables import Column, Row
from crm.reports.catalogue import Report
from crm.reports.comparing import Compared
from crm.reports.forms import Asked

#: What an address keeps of a report's question that lists of records know nothing of.
_OF_REPORTS = ("outcome",)
#: What `url_for` leaves as it is in a query.
_SAFE = "!$'()*,/:;?@"


class Links:
    """The links of one report; `given` is its filter as an address has it, days written out."""

    def __init__(self, report: Report, given: Mapping[str, str]):
        self.report = report
        self.asked = {**given, **report.always}
        #: Pages of lists, by endpoint and name: a table leads to two or three of them.
        self._pages: dict[tuple[str, ...], str] = {}

    def of(self, row: Row | None) -> "Behind":
        """The links of a row; of the total without one."""
        return Behind(self, row)

    def record(self, row: Row) -> str | None:
        """The page of what the row is about."""
        found = self.report.record(row) if self.report.record else None
        return url_for(found[0], **found[1]) if found else None

    def records(self, column: Column, row: Row | None) -> str | None:
        """The list behind one number alone."""
        return self.of(row).to(column)

    def address(self, values: Mapping[str, Any], endpoint: str, **where: str) -> str:
        """The address of a list: its page is looked up once, and not for each cell."""
        key = (endpoint, *where.values())
        if key not in self._pages:
            self._pages[key] = url_for(endpoint, **where)  # type: ignore[arg-type]
        query = "&".join(_written(*pair) for pair in values.items() if pair[1] is not None)
        return f"{self._pages[key]}?{query}" if query else self._pages[key]


@lru_cache(maxsize=1024, typed=True)
def _written(name: str, value: Any) -> str:
    # Nearly all of an address is the same in all of a table's.
    return urlencode([(name, value)], safe=_SAFE)


class Behind:
    """What is behind one row's numbers: what narrows to it is asked once."""

    def __init__(self, links: Links, row: Row | None):
        self._links, self._row, report = links, row, links.report
        narrow: Mapping[str, str] | None = {}
        if row is not None and report.narrow is not None:
            narrow = report.narrow(row)
        self._values = None if narrow is None else {**links.asked, **narrow}
        #: Lists, by the outcome and part they are narrowed to: several columns share one.
        self._lists: dict[tuple[str | None, str | None], str] = {}

    @cached_property
    def record(self) -> str | None:
        """The page of what the row is about."""
        return None if self._row is None else self._links.record(self._row)

    def to(self, column: Column) -> str | None:
        """The list behind the number of a column."""
        report, row, values = self._links.report, self._row, self._values
        if column.key in report.plain or values is None:
            return None
        if report.leads is not None:
            found = report.leads(column.key, row, values)
            if found is not None:
                return url_for(found[0], **found[1])
        if report.narrow is None and (row is not None or report.leads is not None):
            # Where rows are no outreach, the list of that is not what is behind a total.
            return self.record
        part = column.key if column.key in report.parts else None
        key = report.lists_outcomes.get(column.key), part
        if key not in self._lists:
            self._lists[key] = self._list(column, values)
        return self._lists[key]

    def _list(self, column: Column, values: Mapping[str, Any]) -> str:
        report, links = self._links.report, self._links
        if outcome := report.lists_outcomes.get(column.key):
            return links.address({"outcome": outcome, **values}, "reports.page", name="answers")
        kept = {name: value for name, value in values.items() if name not in _OF_REPORTS}
        return links.address({**kept, **report.parts.get(column.key, {})}, "outreach.index")


class ComparedLinks:
    """The links of two periods side by side: each number leads to its own period's records."""

    def __init__(self, report: Compared, now: Mapping[str, str], then: Mapping[str, str]):
        self.report = report
        self.of_now = Links(report.base, now)
        self.of_then = Links(report.base, then)

    def of(self, row: Row | None) -> "ComparedBehind":
        """The links of a row; of the total without one."""
        return ComparedBehind(self, row)

    def record(self, row: Row) -> str | None:
        """The page of what the row is about."""
        return self.of_now.record(row[-1].any)

    def records(self, column: Column, row: Row | None) -> str | None:
        """The list behind one number alone."""
        return self.of(row).to(column)


class ComparedBehind:
    """What is behind the numbers of a row that stands for two periods."""

    def __init__(self, links: ComparedLinks, row: Row | None):
        self._links, self._row = links, row
        pair = row[-1] if row is not None else None
        self._now = None if pair and pair.now is None else links.of_now.of(pair and pair.now)
        self._then = None if pair and pair.then is None else links.of_then.of(pair and pair.then)

    @cached_property
    def record(self) -> str | None:
        """The page of what the row is about."""
        return None if self._row is None else self._links.record(self._row)

    def to(self, column: Column) -> str | None:
        """The list behind a number of now or before; a change has none of its own."""
        report = self._links.report
        source = report.source(column.key)
        if source is None:
            return None
        key, is_before = source
        behind = self._then if is_before else self._now
        return behind.to(report.base.columns[report.base.place(key)]) if behind else None


def links_of(asked: Asked) -> Links | ComparedLinks:
    """The links of an answer to this."""
    if isinstance(asked.shown, Compared):
        return ComparedLinks(asked.shown, asked.written, asked.written_before)
    return Links(asked.shown, asked.written)
