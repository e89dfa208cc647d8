"""Periods that have a name, and what each is compared with. Pure.

A name moves with the day it is asked on: `last-month` in a saved address is another month in May
than in June. Terms are the two halves of a school year, to the end of December and from January on.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l

from crm.members.rules import school_year_starts


class Days(NamedTuple):
    """From one day to another, both included; None where there is no end."""

    first: date | None
    last: date | None

    @property
    def is_bounded(self) -> bool:
        """Whether it has both ends, and so a length."""
        return self.first is not None and self.last is not None


#: In the order they are offered.
NAMES: Mapping[str, Any] = {
    "this-month": _l("This month"),
    "last-month": _l("Last month"),
    "this-quarter": _l("This quarter"),
    "last-quarter": _l("Last quarter"),
    "this-term": _l("This term"),
    "last-term": _l("Last term"),
    "this-school-year": _l("This school year"),
    "last-school-year": _l("Last school year"),
    "this-year": _l("This year"),
    "last-year": _l("Last year"),
    "last-12-months": _l("Last 12 months"),
    "last-week": _l("Last week"),
    "all": _l("From the beginning"),
}
#: What a period may be compared with.
COMPARED: Mapping[str, Any] = {
    "before": _l("The period before"),
    "year": _l("A year earlier"),
}
#: What lies before a period that goes on, in a sentence; of days by hand `BEFORE`.
BEFORE = _l("the period before")
BEFORE_THIS: Mapping[str, Any] = {
    "this-month": _l("the month before"),
    "this-quarter": _l("the quarter before"),
    "this-term": _l("the term before"),
    "this-school-year": _l("the school year before"),
    "this-year": _l("the year before"),
}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def days_of(name: str, on: date) -> Days:
    """The days of a named period, asked on a day. Raises `KeyError` for no name of ours."""
    return _days(name, on, 0)


def before(name: str | None, days: Days, on: date) -> Days:
    """The period just before, of the same kind; of days by hand as many months, where they are
    whole ones, else as many days.
    """
    if name is not None and name != "all":
        return _days(name, on, 1)
    if days.first is None or days.last is None:
        raise ValueError("a period without both ends has none before it")
    after, last = days.last + timedelta(days=1), days.first - timedelta(days=1)
    months = (after.year - days.first.year) * 12 + after.month - days.first.month
    if months > 0 and after == _months_back(days.first, -months):
        return Days(_months_back(days.first, months), last)
    return Days(days.first - (after - days.first), last)


def year_before(days: Days) -> Days:
    """The same days a year earlier; the end of a month stays the end of that month."""
    return Days(
        None if days.first is None else _a_year_back(days.first),
        None if days.last is None else _a_year_back(days.last, to_the_end=True),
    )


def goes_on(days: Days, on: date) -> bool:
    """Whether a day lies in it and its last one is still to come."""
    return days.first is not None and days.last is not None and days.first <= on < days.last


def as_far(then: Days, days: Days, on: date, compare: str) -> Days:
    """Of the days that a period is compared with those that lie beside it up to a day on which it
    goes on: as many from the first, a year earlier up to the same date; never more than there are.

    What is begun would else be held against what is whole.
    """
    if not goes_on(days, on) or then.first is None or then.last is None or days.first is None:
        return then
    last = _a_year_back(on) if compare == "year" else then.first + (on - days.first)
    return Days(then.first, min(last, then.last))


def _days(name: str, on: date, back: int) -> Days:
    which, _dash, unit = name.partition("-")
    back += which == "last"
    if name == "all":
        return Days(None, None)
    if name == "last-12-months":
        last = _months_back(on, 12 * (back - 1))
        return Days(_months_back(last, 12) + timedelta(days=1), last)
    if unit == "week":
        monday = on - timedelta(days=on.weekday() + 7 * back)
        return Days(monday, monday + timedelta(days=6))
    if unit == "term":
        first = _term_starts(on)
        for _step in range(back):
            first = _term_starts(first - timedelta(days=1))
        return Days(first, _term_ends(first))
    if unit == "school-year":
        first = school_year_starts(on)
        for _step in range(back):
            first = school_year_starts(first - timedelta(days=1))
        return Days(first, _year_on(first) - timedelta(days=1))
    months = _MONTHS[unit]
    begins = on.replace(day=1, month=(on.month - 1) // months * months + 1)
    first = _months_back(begins, months * back)
    return Days(first, _month_end(_months_back(first, 1 - months)))


def _term_starts(on: date) -> date:
    """1 January where the school year began in the year before, else its first day."""
    return max(school_year_starts(on), on.replace(month=1, day=1))


def _term_ends(first: date) -> date:
    year_ends = _year_on(school_year_starts(first)) - timedelta(days=1)
    return min(year_ends, first.replace(month=12, day=31))


def _year_on(first: date) -> date:
    return first.replace(year=first.year + 1)


def _months_back(day: date, months: int) -> date:
    """So many months before (after, below 0), on that day or the last there is."""
    at = day.year * 12 + day.month - 1 - months
    first = date(at // 12, at % 12 + 1, 1)
    return first.replace(day=min(day.day, _month_end(first).day))


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _a_year_back(day: date, *, to_the_end: bool = False) -> date:
    then = _months_back(day, 12)
    return _month_end(then) if to_the_end and day == _month_end(day) else then
