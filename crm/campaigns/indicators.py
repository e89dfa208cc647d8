"""What an indicator can have counted by the system. Rooms above offer their counts here.

Most counts are one number of a statement: those of a whole page are asked for in one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Flask, current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from crm.campaigns import indicator_rules
from crm.campaigns.goals import OFFERED
from crm.campaigns.indicator_rules import Course, Point
from crm.campaigns.models import Ask, Indicator, IndicatorValue, Position
from crm.core import db
from crm.treaties import queries
from crm.treaties.figures import figure
from crm.treaties.queries import Ledger, State

_KEY = "crm_indicators"
#: The statement has a column for each, and databases end at some hundreds.
_AT_ONCE = 200


@dataclass(frozen=True)
class Asked:
    """What one indicator asks a count: of all campaigns or one, since the strategy began."""

    since: date
    campaign_id: int | None = None
    channel: str | None = None
    figure: str | None = None


@dataclass(frozen=True, kw_only=True)
class Count:
    """Something the system counts: a number for what is asked, on a day."""

    name: str
    label: Any
    #: Which of `campaign`, `channel`, `figure` it is asked with.
    asks: Sequence[str] = ()
    unit: Any = ""
    #: Where the number comes from, in words.
    source: Any
    #: The number as a part of a statement …
    sql: Callable[[Asked, date], ColumnElement[Any]] | None = None
    #: … or all that are asked for at once.
    values: Callable[[Sequence[Asked], date], Sequence[float | None]] | None = None
    #: The endpoint and values of the records behind the number.
    leads: Callable[[Asked, date], tuple[str, dict[str, Any]]] | None = None


def init_app(app: Flask) -> None:
    """Begin with what this room and those below know: positions and the treaty ledger."""
    app.extensions[_KEY] = {}
    offer(app, SUPPORTERS, FIGURE)


def offer(app: Flask, *counts: Count) -> None:
    """Let indicators be counted so."""
    app.extensions[_KEY] |= {each.name: each for each in counts}


def counts() -> Mapping[str, Count]:
    """What is offered, by name."""
    found: Mapping[str, Count] = current_app.extensions[_KEY]
    return found


def asked_of(indicator: Indicator, since: date) -> Asked:
    """What an indicator asks its count."""
    kept = indicator.asked
    campaign = kept.get("campaign", "")
    return Asked(
        since=since,
        campaign_id=int(campaign) if campaign else None,
        channel=kept.get("channel") or None,
        figure=kept.get("figure") or None,
    )


@dataclass(frozen=True)
class Measured:
    """An indicator on a day, and whose word its value is."""

    indicator: Indicator
    course: Course
    #: Where the actual value comes from; empty without one.
    source: str
    link: str | None
    #: The records behind a counted value.
    leads: tuple[str, dict[str, Any]] | None = None

    @property
    def standing(self) -> indicator_rules.Standing:
        """How it stands."""
        return self.course.standing

    @property
    def standing_told(self) -> str:
        """The same in words."""
        return str(indicator_rules.STANDINGS[self.standing])

    def written(self, value: float | None) -> str:
        """A value of it with the unit."""
        return indicator_rules.written(value, self.unit)

    @property
    def unit(self) -> str:
        """What its numbers are of."""
        if self.indicator.unit:
            return self.indicator.unit
        known = counts().get(self.indicator.count or "")
        return str(known.unit) if known else ""


def measured(indicators: Iterable[Indicator], *, since: date, on: date) -> dict[int, Measured]:
    """Indicators on a day, by id: one statement for all that outreach counts, two for figures.

    Their `values` are loaded. `since` is the first day of their strategy.
    """
    listed = list(indicators)
    found = _counted([each for each in listed if each.count], since, on)
    return {
        each.id: _measured(each, found.get(each.id) if each.count else None, since, on)
        for each in listed
    }


def _measured(indicator: Indicator, value: float | None, since: date, on: date) -> Measured:
    standing = [each for each in indicator.values if each.withdrawn_at is None]
    source, link, leads = "", None, None
    if indicator.count:
        actual = Point(on, value) if value is not None else None
        count = counts().get(indicator.count)
        source = str(count.source) if count else _("The count is not there any more.")
        if count and count.leads and actual:
            leads = count.leads(asked_of(indicator, since), on)
    else:
        entered = latest(standing, "actual", on)
        actual = Point(entered.on, entered.value) if entered else None
        source, link = (entered.source or "", entered.link) if entered else ("", None)
    baseline = latest(standing, "baseline", date.max)
    targets: dict[date, Point] = {}
    for each in sorted(standing, key=lambda each: each.id):
        if each.kind == "target":
            # Of two targets for one day the later entry is meant.
            targets[each.on] = Point(each.on, each.value)
    course = Course(
        on=on,
        baseline=Point(baseline.on, baseline.value) if baseline else None,
        targets=[targets[day] for day in sorted(targets)],
        actual=actual,
        falls=indicator.falls,
    )
    return Measured(indicator, course, source, link, leads)


def latest(values: Iterable[IndicatorValue], kind: str, on: date) -> IndicatorValue | None:
    """The value of a kind that is known on a day; of two of one day the later entry."""
    known = [each for each in values if each.kind == kind and each.on <= on]
    return max(known, key=lambda each: (each.on, each.id)) if known else None


def _counted(indicators: Sequence[Indicator], since: date, on: date) -> dict[int, float]:
    offered = counts()
    wanted = [each for each in indicators if each.count in offered]
    found: dict[int, float] = {}
    in_one = [each for each in wanted if offered[each.count or ""].sql]
    for some in db.batches(in_one, _AT_ONCE):
        parts = [
            sql(asked_of(each, since), on).label(f"i{each.id}")
            for each in some
            if (sql := offered[each.count or ""].sql)
        ]
        row = db.session.execute(select(*parts)).one()
        found |= {
            each.id: float(value)
            for each, value in zip(some, row, strict=True)
            if value is not None
        }
    for name in sorted({each.count or "" for each in wanted}):
        if (values := offered[name].values) is None:
            continue
        of_it = [each for each in wanted if each.count == name]
        answers = values([asked_of(each, since) for each in of_it], on)
        found |= {
            each.id: float(value)
            for each, value in zip(of_it, answers, strict=True)
            if value is not None
        }
    return found


def _figures(asked: Sequence[Asked], on: date) -> list[float | None]:
    """As goals read them: what is offered counts states that did something, nobody else."""
    events = queries.events()
    codes = sorted({event.state for event in events})
    ledger = Ledger([State(code, 0, code, None, None) for code in codes], events)
    return [
        float(figure(each.figure, on=on, ledger=ledger).value)
        if each.figure and each.figure in OFFERED
        else None
        for each in asked
    ]


def _supporters(asked: Asked, on: date) -> ColumnElement[Any]:
    """Targets whose last known position on an ask is in favour: supporters and champions."""
    later = aliased(Position)
    known = [Position.withdrawn_at.is_(None), Position.seen_on <= on]
    if asked.campaign_id is not None:
        of_campaign = select(Ask.id).where(Ask.campaign_id == asked.campaign_id)
        known.append(Position.ask_id.in_(of_campaign))
    superseded = exists().where(
        later.target_id == Position.target_id,
        later.ask_id == Position.ask_id,
        later.withdrawn_at.is_(None),
        later.seen_on <= on,
        or_(
            later.seen_on > Position.seen_on,
            and_(later.seen_on == Position.seen_on, later.id > Position.id),
        ),
    )
    return (
        select(func.count(Position.target_id.distinct()))
        .where(Position.support >= 1, *known, ~superseded)
        .scalar_subquery()
    )


SUPPORTERS = Count(
    name="supporters",
    label=_l("Targets in favour: supporters and champions on that day"),
    asks=("campaign",),
    unit=_l("targets"),
    source=_l("Counted from the positions that were recorded here"),
    sql=_supporters,
)
FIGURE = Count(
    name="figure",
    label=_l("A figure of the treaty ledger"),
    asks=("figure",),
    unit=_l("states"),
    source=_l("The treaty ledger, by the depositary’s list and entries since"),
    values=_figures,
    leads=lambda asked, on: ("treaties.index", {}),
)
