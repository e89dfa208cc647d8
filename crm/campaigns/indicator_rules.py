"""How far an indicator is on a day: from its baseline, by its milestones, to its last target. Pure.

The rule, which pages and papers say in words: a straight line leads from the baseline through each
target to the next. A value on the line or better is on course, else it is behind. An entered value
is compared with the line on the day it was measured, and told with its age.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise

from flask_babel import format_decimal
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core.errors import Refused

#: Beyond this a number is a slip of the finger.
MOST = 1_000_000_000_000


class Standing(StrEnum):
    """How an indicator stands on a day."""

    REACHED = "reached"
    ON_COURSE = "on course"
    BEHIND = "behind"
    #: The day of its last target has passed.
    MISSED = "missed"
    #: Nothing is known by that day.
    UNKNOWN = "unknown"
    #: It has no target to be held against.
    UNMEASURED = "unmeasured"


STANDINGS: dict[Standing, object] = {
    Standing.REACHED: _l("Reached"),
    Standing.ON_COURSE: _l("On course"),
    Standing.BEHIND: _l("Behind"),
    Standing.MISSED: _l("Not reached in time"),
    Standing.UNKNOWN: _l("No value yet"),
    Standing.UNMEASURED: _l("No target"),
}

RULE = _l(
    "A straight line leads from the baseline through each target to the next. On that line or "
    "better is on course, short of it is behind. A value is compared with the line on the day it "
    "was measured."
)


@dataclass(frozen=True)
class Point:
    """A value on a day."""

    on: date
    value: float


@dataclass(frozen=True)
class Course:
    """An indicator on a day: where it began, where it is to be and when, where it is."""

    on: date
    baseline: Point | None
    #: In the order of their days.
    targets: Sequence[Point]
    actual: Point | None
    #: Whether less is better.
    falls: bool = False

    @property
    def last(self) -> Point | None:
        """The target it ends at."""
        return self.targets[-1] if self.targets else None

    @property
    def next(self) -> Point | None:
        """The target that is due next; the last one once all days have passed."""
        return next((each for each in self.targets if each.on >= self.on), self.last)

    @property
    def gap(self) -> float | None:
        """What is missing to the last target; 0 once it is reached."""
        if self.last is None or self.actual is None:
            return None
        missing = self.last.value - self.actual.value
        return max(0.0, -missing if self.falls else missing)

    @property
    def start(self) -> float | None:
        """The value it began at: of one that rises nothing, where no baseline says more."""
        if self.baseline is not None:
            return self.baseline.value
        return None if self.falls else 0.0

    @property
    def part(self) -> float | None:
        """Part of the way from the baseline to the last target, from 0 to 1."""
        if self.last is None or self.actual is None or self.start is None:
            return None
        way = self.last.value - self.start
        if not way:
            return 1.0 if self._is_met(self.last) else 0.0
        return min(1.0, max(0.0, (self.actual.value - self.start) / way))

    def expected(self, day: date) -> float | None:
        """What the line says for a day; None before it begins and without a line."""
        line = [each for each in (self.baseline, *self.targets) if each is not None]
        if not self.targets or day < line[0].on:
            # Without a baseline nothing is asked before the first target's day.
            return None
        for before, after in pairwise(line):
            if day <= after.on:
                span = (after.on - before.on).days
                gone = (day - before.on).days / span if span else 1.0
                return before.value + (after.value - before.value) * gone
        return line[-1].value

    @property
    def standing(self) -> Standing:
        """Reached, on course, behind, missed; or that nothing can be said."""
        if self.last is None:
            return Standing.UNMEASURED
        if self.actual is None:
            return Standing.UNKNOWN
        if self._is_met(self.last):
            return Standing.REACHED
        if self.on > self.last.on:
            return Standing.MISSED
        due = self.expected(self.actual.on)
        if due is None or self._is_as_good(self.actual.value, due):
            return Standing.ON_COURSE
        return Standing.BEHIND

    def _is_met(self, target: Point) -> bool:
        return self.actual is not None and self._is_as_good(self.actual.value, target.value)

    def _is_as_good(self, value: float, wanted: float) -> bool:
        # Lines are floats: a hair's breadth is none.
        slack = 1e-9 * max(1.0, abs(wanted))
        return value <= wanted + slack if self.falls else value >= wanted - slack


def valid_on(points: Sequence[Point], day: date) -> Point | None:
    """The value that is known on a day: the last of those measured by then."""
    known = [each for each in points if each.on <= day]
    return max(known, key=lambda each: each.on) if known else None


def written(value: float | None, unit: str | None = None) -> str:
    """`1,500 postcards`, `12.5%`; a dash for nothing."""
    if value is None:
        return "–"
    number = str(format_decimal(round(value, 2)))
    if not unit:
        return number
    return f"{number}%" if unit == "%" else f"{number} {unit}"


def check_period(starts_on: date, ends_on: date) -> None:
    """A strategy has a first and a last day, in this order."""
    if ends_on < starts_on:
        raise Refused(_("The last day is before the first."), "ends_on")


def check_value(kind: str, value: float, source: str | None) -> None:
    """An actual value says where it comes from."""
    if kind not in KINDS:
        raise Refused(_("Choose what the value is."), "kind")
    if not abs(value) <= MOST:
        raise Refused(_("This number is too large."), "value")
    if kind == "actual" and not source:
        raise Refused(_("Say where the value comes from: a report, a page, a count."), "source")


#: What a value can be.
KINDS: dict[str, object] = {
    "actual": _l("Actual value"),
    "target": _l("Target or milestone"),
    "baseline": _l("Baseline"),
}
