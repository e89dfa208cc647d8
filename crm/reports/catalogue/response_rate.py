"""How often outreach is answered, always with n, and after how many days."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import ColumnElement, and_, case, exists, func, select, true

from crm.core import db
from crm.core.charts import Bar, Chart, bars
from crm.core.tables import Column, Kind, Row, Share
from crm.outreach import kept
from crm.outreach.channels import awaited_names, channels
from crm.outreach.filters import NONE
from crm.outreach.models import ActionTarget, Outcome
from crm.outreach.outcome_kinds import answer_names
from crm.outreach.window_rules import ADDRESSES, ANY, Windows
from crm.outreach.windows import windows
from crm.reports.catalogue import Question, Report
from crm.reports.catalogue.activity_by_target import reckoned
from crm.reports.queries import (
    address_label,
    address_place,
    is_answer,
    outcomes_first,
    target_names,
)
from crm.reports.rules import (
    ANSWERED,
    RETURNED,
    SUBSTANCE,
    WITHOUT_SUBSTANCE,
    Reckoning,
    channel_label,
    median_days,
)


@dataclass(frozen=True)
class _Facts:
    """What is known of one row."""

    pieces: int
    #: Of these: where an answer is waited for.
    awaited: int
    answers: int
    returned: int
    any: int
    substance: int
    #: Answers that came within their window.
    in_time: int
    days: int | None
    waiting: int
    closed: int
    window: str

    @property
    def cells(self) -> Row:
        """In the order of the columns; no rate where nothing is waited for."""
        waits = self.awaited > 0
        return (
            self.pieces, self.answers, self.returned,
            Share(self.any, self.awaited) if waits else None,
            Share(self.substance, self.awaited) if waits else None,
            self.days,
            Share(self.in_time, self.answers) if self.answers else None,
            self.waiting, self.closed, self.window,
        )  # fmt: skip


def _facts(asked: Question, what: Any) -> dict[Any, _Facts]:
    """By a column of `ActionTarget`: what reached targets, and the part that was answered."""
    if (sums := kept.pieces_by(asked.wanted, what.key, awaited_names())) is not None:
        reached, awaited, waiting = sums
    else:
        reached, awaited, waiting = _sums(asked, what)
    closed = _closed(asked, what)
    answered = _answered(asked, what)
    force = windows()
    first = outcomes_first()
    answer = and_(*is_answer(first.c.kind))
    came: dict[Any, tuple[int, int]] = {}
    spans: dict[Any, list[tuple[int, int]]] = {}
    in_time: dict[Any, int] = {}
    waited = db.days_between(first.c.received_on, ActionTarget.happened_on).label("waited")
    for key, days, answers, returned, within in db.session.execute(
        select(
            what,
            waited,
            func.sum(case((answer, 1), else_=0)),
            func.sum(case((first.c.kind == RETURNED, 1), else_=0)),
            func.sum(case((and_(answer, waited <= _days_in(force)), 1), else_=0)),
        )
        .select_from(first)
        .join(ActionTarget, ActionTarget.id == first.c.action_target_id)
        .where(*asked.wanted.of_targets())
        .group_by(what, waited)
    ):
        before = came.get(key, (0, 0))
        came[key] = (before[0] + answers, before[1] + returned)
        spans.setdefault(key, []).append((days, answers))
        in_time[key] = in_time.get(key, 0) + within
    told = _windows(asked, what, force)
    found = {}
    for key, pieces in reached.items():
        answers, returned = came.get(key, (0, 0))
        any_, real = answered.get(key, (0, 0))
        found[key] = _Facts(
            pieces=pieces,
            awaited=awaited.get(key, 0),
            answers=answers,
            returned=returned,
            any=any_,
            substance=real,
            in_time=in_time.get(key, 0),
            days=median_days(spans.get(key, [])),
            waiting=waiting.get(key, 0),
            closed=closed.get(key, 0),
            window=told.get(key, ""),
        )
    return found


def _days_in(force: Windows) -> ColumnElement[int]:
    """How long an answer may take, by the channel and the kind of address of a row."""
    by_address = {
        name: case(
            {address: force.days(name, address) for address in ADDRESSES},
            value=ActionTarget.went_to,
            else_=force.days(name, ANY),
        )
        for name in awaited_names()
    }
    return case(by_address, value=ActionTarget.channel)


def _windows(asked: Question, what: Any, force: Windows) -> dict[Any, str]:
    """By the same column how long an answer may take: of a channel as it is set, of anything else
    as what was sent there says.
    """
    if what is ActionTarget.channel:
        return {name: _window(force.told(name)) for name in awaited_names()}
    days: dict[Any, list[int]] = {}
    for key, channel, went in db.session.execute(
        kept.ways(asked.wanted, what.key, awaited_names())
    ):
        days.setdefault(key, []).append(force.days(channel, went or ANY))
    return {key: _window((min(each), max(each))) for key, each in days.items()}


def rows(asked: Question) -> Iterator[Row]:
    """One row a channel."""
    facts = _facts(asked, ActionTarget.channel)
    for name in [*channels(), *sorted(set(facts) - set(channels()))]:
        if name in facts:
            yield channel_label(name), *facts[name].cells, name


def rows_by_target(asked: Question) -> Iterator[Row]:
    """One row a target, most reached first."""
    facts = _facts(asked, ActionTarget.target_id)
    names = target_names(facts)
    for target_id in sorted(facts, key=lambda each: (-facts[each].pieces, names[each][1], each)):
        yield names[target_id][0], *facts[target_id].cells, target_id


def rows_by_address(asked: Question) -> Iterator[Row]:
    """One row a kind of address."""
    facts = _facts(asked, ActionTarget.went_to)
    for went in sorted(facts, key=address_place):
        yield address_label(went), *facts[went].cells, went or NONE


def _sums(asked: Question, what: Any) -> tuple[dict[Any, int], dict[Any, int], dict[Any, int]]:
    """Pieces that reached targets, by a column; of these, where one waits for an answer, and where
    it is still waited for: one statement.
    """
    pieces = ActionTarget.pieces
    awaits = case((ActionTarget.channel.in_(awaited_names()), pieces), else_=0)
    waiting = case((ActionTarget.awaiting.is_(True), pieces), else_=0)
    sums = db.session.execute(
        select(what, func.sum(pieces), func.sum(awaits), func.sum(waiting))
        .where(*asked.wanted.of_targets())
        .group_by(what)
    ).all()
    reached, awaited, waited = ({row[0]: int(row[at]) for row in sums} for at in (1, 2, 3))
    return reached, awaited, waited


def _closed(asked: Question, what: Any) -> dict[Any, int]:
    """Pieces that were closed without an answer, by a column: from those, which are few."""
    closed = (
        select(what.label("what"), ActionTarget.pieces)
        .where(
            ActionTarget.closed_on.is_not(None),
            ~exists().where(Outcome.action_target_id == ActionTarget.id),
            *asked.wanted.of_targets(),
        )
        .cte("closed")
        .prefix_with("MATERIALIZED")
    )
    sums = select(closed.c.what, func.sum(closed.c.pieces)).group_by(closed.c.what)
    return {key: int(pieces) for key, pieces in db.session.execute(sums)}


def _answered(asked: Question, what: Any) -> dict[Any, tuple[int, int]]:
    """By a column how many pieces were answered, and with substance.

    A piece is answered once, however much came back of it: of those who wrote each counts once, of
    the others every answer, and no target more than reached it. An act is answered or not.
    """
    real = Outcome.kind.not_in(sorted(WITHOUT_SUBSTANCE))

    def people(which: ColumnElement[bool]) -> ColumnElement[int]:
        named = func.count(func.distinct(case((which, Outcome.member_id))))
        others = func.sum(case((and_(which, Outcome.member_id.is_(None)), 1), else_=0))
        return named + others

    came = (
        select(
            Outcome.action_target_id,
            people(true()).label("all"),
            people(real).label("real"),
        )
        .where(Outcome.kind.in_(answer_names()))
        .group_by(Outcome.action_target_id)
        .cte("came")
        .prefix_with("MATERIALIZED")
    )

    def capped(number: ColumnElement[int]) -> ColumnElement[int]:
        return func.sum(case((number > ActionTarget.pieces, ActionTarget.pieces), else_=number))

    sums = db.session.execute(
        select(what, capped(came.c.all), capped(came.c.real))
        .select_from(came)
        .join(ActionTarget, ActionTarget.id == came.c.action_target_id)
        .where(ActionTarget.channel.in_(awaited_names()), *asked.wanted.of_targets())
        .group_by(what)
    )
    return {key: (int(every), int(with_)) for key, every, with_ in sums}


def _window(days: tuple[int, int]) -> str:
    """`14 days`, or `35–56 days` where it depends on the address."""
    least, most = days
    if least == most:
        return ngettext("%(num)s day", "%(num)s days", most)
    return _("%(least)s–%(most)s days", least=least, most=most)


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """The rate is of what reached targets: each target of a meeting may answer."""
    told = _(
        "Rates are of what reached targets, where an answer is waited for; each piece is answered "
        "once, however much came back of it. The window (below each name) is how long an answer "
        "may take before its leader is asked; what is closed was asked about twice, or somebody "
        "closed it."
    )
    return reckoned(rows_total, asked, told)


CHART_TITLE = _l("Answer rate by channel")


def chart(shown: Sequence[Row]) -> Chart:
    """The rates, on a scale to all."""
    return _rates(CHART_TITLE, shown)


def chart_of_rows(shown: Sequence[Row]) -> Chart:
    """The rates of those that were written to most."""
    return _rates(_l("Answer rate"), sorted(shown, key=lambda row: -row[1])[:10])


def _rates(title: Any, shown: Sequence[Row]) -> Chart:
    rates = [row for row in shown if row[4] is not None]
    longest = max((row[4].ratio for row in rates), default=0)
    return bars(
        title,
        [Bar(row[0], row[4].ratio, str(row[4])) for row in rates],
        most=max(longest, 1.0),
    )


_COUNTED = (
    Column("pieces", _l("Reached"), Kind.NUMBER, 10),
    Column("answers", _l("Answers"), Kind.NUMBER, 10),
    Column("returned", _l("Undeliverable"), Kind.NUMBER, 14),
    Column("rate", _l("Answer rate"), Kind.SHARE, 20),
    Column("substance", _l("Of substance"), Kind.SHARE, 20),
    Column("days", _l("Median days"), Kind.NUMBER, 12),
    Column("in_time", _l("Within the window"), Kind.SHARE, 20),
    Column("waiting", _l("Waiting"), Kind.NUMBER, 10),
    Column("closed", _l("Closed without answer"), Kind.NUMBER, 14),
    Column("window", _l("Window"), width=14),
)

BY_CHANNEL = Report(
    name="response-rate",
    about=_l("Channel"),
    order=70,
    icon="reply",
    title=_l("Response rate"),
    description=_l(
        "How often outreach was answered, with the n it rests on. An acknowledgement or a form "
        "reply is an answer, and not one of substance."
    ),
    columns=(Column("channel", _l("Channel"), width=20), *_COUNTED),
    rows=rows,
    reckon=reckon,
    unsummed=frozenset({"days"}),
    plain=frozenset({"days"}),
    lists_outcomes={
        "answers": ANSWERED,
        "rate": ANSWERED,
        "substance": SUBSTANCE,
        "in_time": ANSWERED,
        "returned": RETURNED,
    },
    beneath={"window": "channel"},
    parts={"waiting": {"state": "waiting"}, "closed": {"state": "closed"}},
    compares=("pieces", "rate", "substance"),
    chart=chart,
    chart_title=CHART_TITLE,
    narrow=lambda row: {"channel": row[-1]},
)

BY_TARGET = replace(
    BY_CHANNEL,
    about=_l("Target"),
    title=_l("Response rate by target"),
    columns=(Column("target", _l("Target"), width=36), *_COUNTED),
    beneath={"window": "target"},
    rows=rows_by_target,
    chart=chart_of_rows,
    chart_title=_l("Answer rate"),
    narrow=lambda row: {"target": str(row[-1])},
    record=lambda row: ("targets.page", {"target_id": row[-1]}),
)

BY_ADDRESS = replace(
    BY_CHANNEL,
    about=_l("Kind of address"),
    title=_l("Response rate by kind of address"),
    columns=(Column("address", _l("Kind of address"), width=28), *_COUNTED),
    beneath={"window": "address"},
    rows=rows_by_address,
    chart=chart_of_rows,
    chart_title=_l("Answer rate"),
    narrow=lambda row: {"went": row[-1]},
)

REPORT = replace(
    BY_CHANNEL, ways={"channel": BY_CHANNEL, "target": BY_TARGET, "address": BY_ADDRESS}
)
