"""From every number of a report to the records behind it, under the same filter."""

from collections.abc import Mapping
from typing import Any

from flask import url_for

from crm.core.tables import Column, Row
from crm.reports.catalogue import Report
from crm.reports.comparing import Compared
from crm.reports.forms import Asked

#: What an address keeps of a report's question that lists of records know nothing of.
_OF_REPORTS = ("outcome",)


class Links:
    """The links of one report; `given` is its filter as an address has it, days written out."""

    def __init__(self, report: Report, given: Mapping[str, str]):
        self.report = report
        self.given = given

    def record(self, row: Row) -> str | None:
        """The page of what the row is about."""
        found = self.report.record(row) if self.report.record else None
        return url_for(found[0], **found[1]) if found else None

    def records(self, column: Column, row: Row | None) -> str | None:
        """The list behind a number; of the total without a row."""
        report = self.report
        if column.key in report.plain:
            return None
        narrow: Mapping[str, str] | None = {}
        if row is not None and report.narrow is not None:
            narrow = report.narrow(row)
        if narrow is None:
            return None
        values: dict[str, Any] = {**self.given, **report.always, **narrow}
        if report.leads is not None:
            found = report.leads(column.key, row, values)
            if found is not None:
                return url_for(found[0], **found[1])
        if report.narrow is None and (row is not None or report.leads is not None):
            # Where rows are no outreach, the list of that is not what is behind a total.
            return self.record(row) if row is not None else None
        if outcome := report.lists_outcomes.get(column.key):
            return url_for("reports.page", name="answers", **{"outcome": outcome} | values)
        for name in _OF_REPORTS:
            values.pop(name, None)
        return url_for("outreach.index", **{**values, **report.parts.get(column.key, {})})


class ComparedLinks:
    """The links of two periods side by side: each number leads to its own period's records."""

    def __init__(self, report: Compared, now: Mapping[str, str], then: Mapping[str, str]):
        self.report = report
        self.of_now = Links(report.base, now)
        self.of_then = Links(report.base, then)

    def record(self, row: Row) -> str | None:
        """The page of what the row is about."""
        return self.of_now.record(row[-1].any)

    def records(self, column: Column, row: Row | None) -> str | None:
        """The list behind a number of now or before; a change has none of its own."""
        source = self.report.source(column.key)
        if source is None:
            return None
        key, is_before = source
        own = self.report.base.columns[self.report.base.place(key)]
        pair = row[-1] if row is not None else None
        if pair is not None and (pair.then if is_before else pair.now) is None:
            return None
        if is_before:
            return self.of_then.records(own, pair.then if pair else None)
        return self.of_now.records(own, pair.now if pair else None)


def links_of(asked: Asked) -> Links | ComparedLinks:
    """The links of an answer to this."""
    if isinstance(asked.shown, Compared):
        return ComparedLinks(asked.shown, asked.written, asked.written_before)
    return Links(asked.shown, asked.written)
