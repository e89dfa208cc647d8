"""What is done by the clock: once for all hosts, and what was missed once when somebody is back.

A room says with `add` what is to be done and when. A worker asks `tick` every minute; whoever sees
an occurrence first writes it down and asks the outbox for the work, in one commit.
"""

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from flask import Flask, current_app
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from crm.core import db, outbox


class ScheduleRun(db.Model):
    """The last occurrence that was asked for."""

    __tablename__ = "schedule_run"
    __audited__ = False

    name: Mapped[str] = mapped_column(primary_key=True)
    last_at: Mapped[datetime]


class When(Protocol):
    """A rule of the clock."""

    def last(self, now: datetime) -> datetime:
        """The latest occurrence at or before `now`, in the time zone of `now`."""
        ...


@dataclass(frozen=True)
class Every:
    """Every so many minutes, counted from midnight of UTC."""

    minutes: int

    def last(self, now: datetime) -> datetime:
        """The latest occurrence at or before `now`."""
        at = now.astimezone(UTC)
        passed = at.hour * 60 + at.minute
        start = at.replace(hour=0, minute=0, second=0, microsecond=0)
        return (start + timedelta(minutes=passed - passed % self.minutes)).astimezone(now.tzinfo)


@dataclass(frozen=True)
class Daily:
    """Every day at a time."""

    hour: int
    minute: int = 0

    def last(self, now: datetime) -> datetime:
        """The latest occurrence at or before `now`."""
        at = self._on(now.date(), now)
        return at if at <= now else self._on(now.date() - timedelta(days=1), now)

    def _on(self, day: date, now: datetime) -> datetime:
        return datetime.combine(day, time(self.hour, self.minute), now.tzinfo)


@dataclass(frozen=True)
class Weekly:
    """Once a week; Monday is 0."""

    weekday: int
    hour: int

    def last(self, now: datetime) -> datetime:
        """The latest occurrence at or before `now`."""
        day = now.date() - timedelta(days=(now.weekday() - self.weekday) % 7)
        at = datetime.combine(day, time(self.hour), now.tzinfo)
        return at if at <= now else at - timedelta(days=7)


@dataclass(frozen=True)
class Monthly:
    """Once a month; a day the month has not is its last."""

    day: int
    hour: int

    def last(self, now: datetime) -> datetime:
        """The latest occurrence at or before `now`."""
        at = self._in(now.year, now.month, now)
        if at <= now:
            return at
        before = now.replace(day=1) - timedelta(days=1)
        return self._in(before.year, before.month, now)

    def _in(self, year: int, month: int, now: datetime) -> datetime:
        day = min(self.day, monthrange(year, month)[1])
        return datetime(year, month, day, self.hour, tzinfo=now.tzinfo)


@dataclass(frozen=True)
class Schedule:
    """Something done by the clock. `do(on)` runs in one unit of work; `on` is the day it was due.

    Work that is longer than a moment asks the outbox for a job of its own.
    """

    name: str
    label: Any
    when: When
    do: Callable[[date], object]


#: An occurrence further ahead than this was written down by a clock that was wrong.
_AHEAD = timedelta(hours=1)


def init_app(app: Flask) -> None:
    """Make the registry, and the job that carries out an occurrence."""
    app.extensions["crm_schedules"] = {}
    outbox.job(app, outbox.Job("schedule", "Schedule", _carry_out))


def add(app: Flask, each: Schedule) -> None:
    """Let something be done by the clock."""
    app.extensions["crm_schedules"][each.name] = each


def schedules() -> Mapping[str, Schedule]:
    """All that is done by the clock, by name."""
    found: Mapping[str, Schedule] = current_app.extensions["crm_schedules"]
    return found


@dataclass(frozen=True)
class Stands:
    """When something is done by the clock."""

    label: Any
    last_at: datetime | None
    next_at: datetime


def standing() -> list[Stands]:
    """All that is done by the clock, the soonest first: one statement."""
    last, now = _last(), _local(db.now())
    found = [
        Stands(each.label, last.get(name), next_after(each.when, now))
        for name, each in schedules().items()
    ]
    return sorted(found, key=lambda each: each.next_at)


def next_after(when: When, now: datetime) -> datetime:
    """The first occurrence after `now`, to a minute: found by halving, as rules only look back."""
    last, early, late = when.last(now), now, now
    while when.last(late) <= last:
        early, late = late, _local(late.astimezone(UTC) + timedelta(days=1))
    while late.astimezone(UTC) - early.astimezone(UTC) > timedelta(seconds=30):
        middle = early.astimezone(UTC) + (late.astimezone(UTC) - early.astimezone(UTC)) / 2
        is_before = when.last(_local(middle)) <= last
        early, late = (_local(middle), late) if is_before else (early, _local(middle))
    return when.last(late)


def _local(moment: datetime) -> datetime:
    return moment.astimezone(ZoneInfo(str(current_app.config["BABEL_DEFAULT_TIMEZONE"])))


def tick(now: datetime | None = None) -> int:
    """Ask for all that is due since the last tick; how many things.

    Of several occurrences that were missed the last is done, once. What is seen for the first time
    is not made up for: a new installation sends no digest of last week.
    """
    local = _local(now or db.now())
    due = {each.name: each.when.last(local) for each in schedules().values()}
    ahead = local + _AHEAD
    if not _news(due, ahead):
        db.rollback()
        return 0
    asked = 0
    with db.unit_of_work():
        db.take_turn("schedule")
        last = _last()
        for name, at in _news(due, ahead).items():
            run = db.session.get(ScheduleRun, name)
            if run is None:
                db.session.add(ScheduleRun(name=name, last_at=at))
            else:
                run.last_at = at
            # A clock that was ahead, and was set back, has made up for nothing.
            if name in last and last[name] > ahead:
                continue
            if name in last or isinstance(schedules()[name].when, Every):
                outbox.put("schedule", {"name": name, "on": at.date().isoformat()}, about=name)
                asked += 1
    return asked


def _last() -> dict[str, datetime]:
    return {run.name: run.last_at for run in db.session.scalars(select(ScheduleRun))}


def _news(due: Mapping[str, datetime], ahead: datetime) -> dict[str, datetime]:
    last = _last()
    return {
        name: at
        for name, at in due.items()
        if name not in last or last[name] < at or last[name] > ahead
    }


def _carry_out(payload: Mapping[str, Any]) -> None:
    each = schedules().get(str(payload["name"]))
    if each is None:
        raise outbox.Unwanted("no longer done by the clock")
    each.do(date.fromisoformat(payload["on"]))
