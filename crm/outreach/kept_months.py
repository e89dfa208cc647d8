"""What scans say of whole months, kept, because at a million actions a scan makes a person wait.

What a month's actions come to stays the same until somebody writes to one of them. So each night
the answers of all months are kept; triggers of the database (migration 0009) mark the month of
whatever a change touches, within its transaction; and a reader takes what is kept of the months
without a mark and scans the other days: mostly those of the present month. So the answer is the
scan's at any moment, and nothing here is of its own: backups leave it out.

This is for what sums cannot keep (`outreach.kept`): actions counted once though they reached
several of something, latest days, different people. It has to add up over months: an action lies in
one.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Flask, current_app
from sqlalchemy import JSON, UniqueConstraint, delete, func, insert, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from crm.core import db
from crm.outreach.channels import awaited_names, per_piece_names
from crm.outreach.kept import PAST
from crm.outreach.models import Action
from crm.outreach.queries import ActionFilter


class KeptMonth(db.Model):
    """The answer of a scan for a month."""

    __tablename__ = "kept_month"
    __audited__ = False
    __table_args__ = (UniqueConstraint("name", "month"), {"info": db.DERIVED})

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    #: The first day of it.
    month: Mapped[date]
    #: By column, those of the keys first: lists within lists take several times as long to read.
    answer: Mapped[list[Any]] = mapped_column(JSON)


class KeptStale(db.Model):
    """A month whose answers are not what the rows say any more; without a month, all."""

    __tablename__ = "kept_stale"
    __audited__ = False
    __table_args__ = {"info": db.DERIVED}

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[date | None] = mapped_column(index=True)


#: By key, values as JSON has them: numbers and texts, a day as one.
Told = dict[tuple[Any, ...], Sequence[Any]]


def add(one: Any, other: Any) -> Any:
    """The sum; of nothing known, nothing."""
    return other if one is None else one if other is None else one + other


def latest(one: Any, other: Any) -> Any:
    """The later of two days, as texts that begin with one."""
    return other if one is None else one if other is None else max(one, other)


@dataclass(frozen=True, kw_only=True)
class Monthly:
    """A scan whose answers of months are kept."""

    name: str
    #: What it says of all that a filter asks; nothing but days may change between two months.
    scan: Callable[[ActionFilter], Told]
    #: How each value of two spans becomes that of both.
    joins: tuple[Callable[[Any, Any], Any], ...]
    #: What it is kept for: the filter without its days.
    kept_for: tuple[ActionFilter, ...] = (ActionFilter(),)

    def __call__(self, wanted: ActionFilter) -> Told:
        """What the scan says, mostly from what is kept; of one snapshot looked up once."""
        memo = db.session.info.get(db.SNAPSHOT)
        if memo is None:
            return self._asked(wanted)
        key = (self.name, wanted)
        if key not in memo:
            memo[key] = self._asked(wanted)
        told: Told = memo[key]
        return told

    def _asked(self, wanted: ActionFilter) -> Told:
        asked = wanted.with_(since=None, until=None)
        if PAST in db.session.info or asked not in self.kept_for:
            return self.scan(wanted)
        months, begins = self._kept(wanted, asked)
        spans = list(_others(wanted, sorted(months), begins))
        if not months or len(spans) > SPANS:
            return self.scan(wanted)
        told: Told = {}
        for columns in months.values():
            self._join(told, self._rows(columns))
        for since, until in spans:
            self._join(told, self.scan(asked.with_(since=since, until=until)).items())
        return told

    def _join(self, told: Told, rows: Iterable[tuple[tuple[Any, ...], Sequence[Any]]]) -> None:
        joins = list(enumerate(self.joins))
        for key, values in rows:
            there: Any = told.get(key)
            if there is None:
                told[key] = list(values)
                continue
            for place, join in joins:
                there[place] = join(there[place], values[place])

    def columns(self, told: Told) -> list[Any]:
        """An answer as it is kept."""
        rows = ((*key, *values) for key, values in told.items())
        return [list(column) for column in zip(*rows, strict=True)]

    def _rows(self, columns: list[Any]) -> Iterator[tuple[tuple[Any, ...], Sequence[Any]]]:
        keys = len(columns) - len(self.joins)
        for row in zip(*columns, strict=True):
            yield row[:keys], row[keys:]

    def _kept(
        self, wanted: ActionFilter, asked: ActionFilter
    ) -> tuple[dict[date, list[Any]], date | None]:
        """By month what is kept and lies in the days asked for; and the first day there is."""
        marked = select(KeptStale.id).where(
            or_(KeptStale.month.is_(None), KeptStale.month == KeptMonth.month)
        )
        first = select(func.min(Action.happened_on)).scalar_subquery()
        statement = select(KeptMonth.month, KeptMonth.answer, first).where(
            KeptMonth.name == _name(self, asked), ~marked.exists()
        )
        if wanted.since is not None:
            statement = statement.where(KeptMonth.month >= wanted.since)
        rows = db.session.execute(statement).all()
        until = wanted.until or date.max
        months = {month: told for month, told, _first in rows if _next(month) - DAY <= until}
        return months, rows[0][2] if rows else None


#: Spans of days that are scanned apart; of more the whole is scanned.
SPANS = 8
#: Seconds the nightly work takes at most: who writes meanwhile may have to wait.
PATIENCE = 5.0
DAY = timedelta(days=1)


def _name(monthly: Monthly, asked: ActionFilter) -> str:
    """What it is kept under. How channels are counted is part of it: a program that counts them
    otherwise must not read what an earlier one kept.
    """
    counted = (sorted(names) for names in (per_piece_names(), awaited_names()))
    return ":".join([monthly.name, asked.kind or "", *map(",".join, counted)])


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _others(
    wanted: ActionFilter, months: Sequence[date], begins: date | None
) -> Iterator[tuple[date | None, date | None]]:
    """The days asked for that are in none of the months; nothing was done before `begins`."""
    since = wanted.since
    if months and begins is not None and begins >= months[0]:
        since = months[0]
    for month in months:
        if since is None or since < month:
            yield since, month - DAY
        since = _next(month)
    if wanted.until is None or since is None or since <= wanted.until:
        yield since, wanted.until


def offer(app: Flask, *monthlies: Monthly) -> None:
    """Keep what these scans say."""
    found = app.extensions.setdefault("crm_kept_months", {})
    found.update({each.name: each for each in monthlies})


def _offered() -> list[Monthly]:
    return list(current_app.extensions.get("crm_kept_months", {}).values())


def _months() -> list[date]:
    """From the first month of outreach to the last."""
    first, last = db.session.execute(
        select(func.min(Action.happened_on), func.max(Action.happened_on))
    ).one()
    if first is None:
        return []
    months = [first.replace(day=1)]
    while _next(months[-1]) <= last:
        months.append(_next(months[-1]))
    return months


def fold(*, patience: float = PATIENCE) -> None:
    """Keep the answers of all months that have none, the latest first. In a unit of work.

    What takes longer than `patience` is left to the next night. Marks go before the rows are
    read, so that what is written meanwhile leaves one.
    """
    until = time.monotonic() + patience
    connection = db.session.connection()
    if connection.scalar(select(KeptStale.id).where(KeptStale.month.is_(None)).limit(1)):
        connection.execute(delete(KeptStale).where(KeptStale.month.is_(None)))
        connection.execute(delete(KeptMonth))
    names = {
        _name(each, asked): (each, asked) for each in _offered() for asked in each.kept_for
    }  # fmt: skip
    connection.execute(delete(KeptMonth).where(KeptMonth.name.not_in(names)))
    there = {(name, month) for name, month in connection.execute(
        select(KeptMonth.name, KeptMonth.month)
    )}  # fmt: skip
    stale = set(connection.scalars(select(KeptStale.month).distinct()))
    for month in reversed(_months()):
        missing = [name for name in names if month in stale or (name, month) not in there]
        if not missing:
            continue
        if time.monotonic() > until:
            return
        connection.execute(delete(KeptStale).where(KeptStale.month == month))
        connection.execute(
            delete(KeptMonth).where(KeptMonth.month == month, KeptMonth.name.in_(missing))
        )
        connection.execute(insert(KeptMonth), [
            {"name": name, "month": month, "answer": _answer(*names[name], month)}
            for name in missing
        ])  # fmt: skip


def _answer(monthly: Monthly, asked: ActionFilter, month: date) -> list[Any]:
    return monthly.columns(monthly.scan(asked.with_(since=month, until=_next(month) - DAY)))


def rebuild() -> None:
    """Keep all anew, however long it takes. In a unit of work."""
    connection = db.session.connection()
    connection.execute(delete(KeptStale))
    connection.execute(delete(KeptMonth))
    fold(patience=float("inf"))


def wrong() -> dict[str, int]:
    """How many of the answers that are read are not what the scan says; empty when all is well."""
    marked = set(db.session.scalars(select(KeptStale.month)))
    if None in marked:
        return {}
    differing = 0
    for monthly in _offered():
        for asked in monthly.kept_for:
            rows = db.session.execute(
                select(KeptMonth.month, KeptMonth.answer).where(
                    KeptMonth.name == _name(monthly, asked), KeptMonth.month.not_in(marked)
                )
            ).all()
            for month, told in rows:
                scanned = _answer(monthly, asked, month)
                # In whatever order the database gave them.
                differing += {*zip(*told, strict=True)} != {*zip(*scanned, strict=True)}
    return {"kept_month": differing} if differing else {}
