"""What may follow what with tasks, when they are due, and how work is shared out. Pure.

The same input gives the same answer: who is shown how work will be shared out gets just that.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from flask_babel import gettext as _
from flask_babel import ngettext

from crm.core.errors import Refused
from crm.outreach.rules import spread

Item = TypeVar("Item")

#: Members one form hands out to, pieces of one target in a task, steps of a sequence.
MOST_PEOPLE = 500
MOST_TARGETS = 1_000
MOST_PIECES = 10_000
MOST_STEPS = 8
#: Tasks one form makes, and lines of tasks with targets.
MOST_TASKS = 2_000
MOST_LINES = 40_000
MOST_MINUTES = 1_440
MOST_DAYS = 730


class State(StrEnum):
    """Where a task stands, in iCalendar's words."""

    NEEDS_ACTION = "needs-action"
    IN_PROCESS = "in-process"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


OPEN = (State.NEEDS_ACTION.value, State.IN_PROCESS.value)

#: What may come after what.
_NEXT: Mapping[State, frozenset[State]] = {
    State.NEEDS_ACTION: frozenset({State.IN_PROCESS, State.COMPLETED, State.CANCELLED}),
    State.IN_PROCESS: frozenset({State.NEEDS_ACTION, State.COMPLETED, State.CANCELLED}),
    State.COMPLETED: frozenset({State.NEEDS_ACTION, State.IN_PROCESS}),
    State.CANCELLED: frozenset({State.NEEDS_ACTION, State.IN_PROCESS}),
}


def may_follow(now: str, then: str) -> bool:
    """Whether a task may come from one state to the other."""
    return State(then) in _NEXT[State(now)]


def refuse_closed(state: str) -> None:
    """Raise `Refused` where nothing is to be done any more."""
    if not may_follow(state, State.COMPLETED):
        is_done = state == State.COMPLETED
        raise Refused(_("This is done already.") if is_done else _("This was called off."))


def state_of(pieces: int, done: int, *, started: bool) -> State:
    """What the numbers of a task say of it."""
    if pieces and done >= pieces:
        return State.COMPLETED
    return State.IN_PROCESS if done or started else State.NEEDS_ACTION


# When


class Due(StrEnum):
    """How near the day is."""

    OVERDUE = "overdue"
    TODAY = "today"
    WEEK = "week"
    LATER = "later"
    NONE = "none"


def due_of(due_on: date | None, today: date) -> Due:
    """How near a day is; a week is seven days from today, whatever day that is."""
    if due_on is None:
        return Due.NONE
    days = (due_on - today).days
    if days < 0:
        return Due.OVERDUE
    if days == 0:
        return Due.TODAY
    return Due.WEEK if days < 7 else Due.LATER


def due_words(due_on: date | None, today: date) -> str:
    """The day as people say it: `3 days late`, `today`, `in 2 days`; empty for none and later."""
    if due_on is None:
        return ""
    days = (due_on - today).days
    if days < 0:
        return ngettext("%(num)s day late", "%(num)s days late", -days)
    if days == 0:
        return _("today")
    if days == 1:
        return _("tomorrow")
    return ngettext("in %(num)s day", "in %(num)s days", days) if days < 7 else ""


class Repeats(StrEnum):
    """How often a task comes again."""

    WEEKLY = "weekly"
    TWO_WEEKLY = "two-weekly"
    MONTHLY = "monthly"


def next_due(
    first: date, due: date, repeats: str, *, after: date, until: date | None = None
) -> date | None:
    """The next day of a series later than `due` and not before `after`; None once it is over.

    Months are counted from the first day, so that the 31st comes back after February.
    """
    if repeats == Repeats.MONTHLY:
        number = max(0, (due.year - first.year) * 12 + due.month - first.month)
        found = _months_after(first, number)
        while found <= due or found < after:
            number += 1
            found = _months_after(first, number)
    else:
        days = 7 if repeats == Repeats.WEEKLY else 14
        missing = max(1, -(-(after - due).days // days))
        found = due + timedelta(days=days * missing)
    return None if until is not None and found > until else found


def _months_after(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def step_due(step: Mapping[str, Any], finished_on: date) -> date:
    """When a step of a sequence is due, once the one before it is done."""
    return finished_on + timedelta(days=int(step["days"]))


# Sharing out


class How(StrEnum):
    """How targets are shared out to people."""

    ALL = "all"
    SPREAD = "spread"
    ONE = "one"
    PIECES = "pieces"


def deal(items: Sequence[Item], people: int) -> list[list[Item]]:
    """Items in the order they have, as evenly as whole numbers allow: 5 to 2 → 3 and 2."""
    if people < 1:
        raise ValueError("nobody to deal to")
    if len(items) < people:
        return [[item] for item in items] + [[] for _none in range(people - len(items))]
    rest = iter(items)
    return [[next(rest) for _one in range(number)] for number in spread(len(items), people)]


def share(
    targets: Sequence[int], people: int, how: str, *, pieces: int = 1
) -> list[dict[int, int]]:
    """What each of the people gets: target → pieces. Who would get nothing gets `{}`.

    - all: everybody each target, `pieces` of each;
    - spread: each target to one person, `pieces` of each;
    - one: everybody one target, in turn, `pieces` of it;
    - pieces: everybody `pieces`, spread over the targets so that all of them get alike.
    """
    if not targets:
        return [{} for _one in range(people)]
    if how == How.ALL:
        return [dict.fromkeys(targets, pieces) for _one in range(people)]
    if how == How.SPREAD:
        return [dict.fromkeys(part, pieces) for part in deal(targets, people)]
    if how == How.ONE:
        return [{targets[place % len(targets)]: pieces} for place in range(people)]
    return [_in_turn(targets, place * pieces, pieces) for place in range(people)]


def _in_turn(targets: Sequence[int], first: int, pieces: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for number in range(first, first + pieces):
        target = targets[number % len(targets)]
        found[target] = found.get(target, 0) + 1
    return found


# Doing


def check_done(left: Mapping[int, int], now: Mapping[int, int]) -> dict[int, int]:
    """What was done now, by target, without noughts. Raises `Refused` beyond what is left."""
    if any(number < 0 for number in now.values()):
        raise Refused(_("A number of pieces cannot be below zero."), "done")
    if any(number > left.get(target, 0) for target, number in now.items()):
        raise Refused(
            _("That is more than was left to do. Somebody may have logged some meanwhile."), "done"
        )
    found = {target: number for target, number in now.items() if number}
    if not found:
        raise Refused(_("Say how many were done."), "done")
    return found


def check_steps(steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The steps of a sequence, checked."""
    if len(steps) > MOST_STEPS:
        raise Refused(_("At most %(most)s steps can follow.", most=MOST_STEPS), "then")
    for step in steps:
        title, days = str(step.get("title") or "").strip(), step.get("days")
        if not title or len(title) > 200 or "\x00" in title:
            raise Refused(_("Say what is to follow."), "then")
        if not isinstance(days, int) or not 0 <= days <= MOST_DAYS:
            raise Refused(_("Give the days as a whole number."), "then")
    return [{"title": str(step["title"]).strip(), "days": step["days"]} for step in steps]


def check_day(day: date | None, field: str = "due_on") -> None:
    """Refuse days that are slips of the finger, and from which no series could go on."""
    if day is not None and not 2000 <= day.year <= 2100:
        raise Refused(_("Is the year right?"), field)


def check_minutes(minutes: int | None) -> None:
    """Refuse more minutes than a day has."""
    if minutes is not None and not 0 <= minutes <= MOST_MINUTES:
        raise Refused(_("Give the minutes as a whole number."), "minutes")
