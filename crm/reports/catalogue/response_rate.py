"""How often outreach is answered, always with n, and after how many days."""

from collections.abc import Iterator, Sequence

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup
from sqlalchemy import ColumnElement, and_, case, exists, func, select, true

from crm.core import db
from crm.core.charts import Bar, bars
from crm.core.tables import Column, Kind, Row, Share
from crm.outreach import kept
from crm.outreach.channels import channels
from crm.outreach.models import ActionTarget, Outcome
from crm.outreach.outcome_kinds import answer_names
from crm.outreach.windows import windows
from crm.reports.catalogue import Question, Report
from crm.reports.catalogue.activity_by_target import reckoned
from crm.reports.queries import awaited_names, is_answer
from crm.reports.rules import (
    ANSWERED,
    RETURNED,
    WITHOUT_SUBSTANCE,
    Reckoning,
    channel_label,
    median_days,
)


def rows(asked: Question) -> Iterator[Row]:
    """One row a channel: what reached targets, and the part that was answered."""
    reached = _reached(asked)
    waiting = kept.awaited_by_channel(asked.wanted)
    if waiting is None:
        waiting = _pieces(asked, ActionTarget.awaiting.is_(True))
    closed = _pieces(
        asked,
        ActionTarget.closed_on.is_not(None),
        ~exists().where(Outcome.action_target_id == ActionTarget.id),
    )
    answered = _answered(asked)
    force = windows()
    answer = and_(*is_answer())
    came: dict[str, tuple[int, int]] = {}
    spans: dict[str, list[tuple[int, int]]] = {}
    for channel, received_on, happened_on, answers, returned in db.session.execute(
        select(
            ActionTarget.channel,
            Outcome.received_on,
            ActionTarget.happened_on,
            func.sum(case((answer, 1), else_=0)),
            func.sum(case((Outcome.kind == RETURNED, 1), else_=0)),
        )
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .where(*asked.wanted.of_targets())
        .group_by(ActionTarget.channel, Outcome.received_on, ActionTarget.happened_on)
    ):
        before = came.get(channel, (0, 0))
        came[channel] = (before[0] + answers, before[1] + returned)
        spans.setdefault(channel, []).append(((received_on - happened_on).days, answers))
    for name in [*channels(), *sorted(set(reached) - set(channels()))]:
        if name not in reached:
            continue
        pieces = reached[name]
        answers, returned = came.get(name, (0, 0))
        any_, real = answered.get(name, (0, 0))
        waits = name in awaited_names()
        yield (
            channel_label(name), pieces, answers, returned,
            Share(any_, pieces) if waits else None,
            Share(real, pieces) if waits else None,
            median_days(spans.get(name, [])),
            waiting.get(name, 0), closed.get(name, 0),
            _window(force.told(name)) if waits else "",
            name,
        )  # fmt: skip


def _reached(asked: Question) -> dict[str, int]:
    """Pieces that reached targets, by channel."""
    sums = kept.reach(asked.wanted, "campaign_id", days=False)
    rows = db.session.execute(
        select(sums.c.channel, func.sum(sums.c.pieces)).group_by(sums.c.channel)
    )
    return {channel: int(pieces) for channel, pieces in rows}


def _pieces(asked: Question, *which: ColumnElement[bool]) -> dict[str, int]:
    """Of the pieces that reached targets those of some kind, by channel."""
    sums = db.session.execute(
        select(ActionTarget.channel, func.sum(ActionTarget.pieces))
        .where(*asked.wanted.of_targets(), *which)
        .group_by(ActionTarget.channel)
    )
    return {channel: int(pieces) for channel, pieces in sums}


def _answered(asked: Question) -> dict[str, tuple[int, int]]:
    """By channel how many pieces were answered, and with substance.

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
        select(ActionTarget.channel, capped(came.c.all), capped(came.c.real))
        .select_from(came)
        .join(ActionTarget, ActionTarget.id == came.c.action_target_id)
        .where(ActionTarget.channel.in_(awaited_names()), *asked.wanted.of_targets())
        .group_by(ActionTarget.channel)
    )
    return {channel: (int(every), int(with_)) for channel, every, with_ in sums}


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
        "once, however much came back of it. The window is how long an answer may take before its "
        "leader is asked; what is closed was asked about twice, or somebody closed it."
    )
    return reckoned(rows_total, asked, told)


CHART_TITLE = _l("Answer rate by channel")


def chart(shown: Sequence[Row]) -> Markup:
    """The rates, on a scale to all."""
    rates = [row for row in shown if row[4] is not None]
    longest = max((row[4].ratio for row in rates), default=0)
    return bars(
        CHART_TITLE,
        [Bar(row[0], row[4].ratio, str(row[4])) for row in rates],
        most=max(longest, 1.0),
    )


REPORT = Report(
    name="response-rate",
    order=70,
    icon="reply",
    title=_l("Response rate"),
    description=_l(
        "How often outreach was answered, with the n it rests on. An acknowledgement or a form "
        "reply is an answer, and not one of substance."
    ),
    columns=(
        Column("channel", _l("Channel"), width=20),
        Column("pieces", _l("Reached"), Kind.NUMBER, 10),
        Column("answers", _l("Answers"), Kind.NUMBER, 10),
        Column("returned", _l("Undeliverable"), Kind.NUMBER, 14),
        Column("rate", _l("Answer rate"), Kind.SHARE, 20),
        Column("substance", _l("Of substance"), Kind.SHARE, 20),
        Column("days", _l("Median days"), Kind.NUMBER, 12),
        Column("waiting", _l("Waiting"), Kind.NUMBER, 10),
        Column("closed", _l("Closed without answer"), Kind.NUMBER, 14),
        Column("window", _l("Window"), width=14),
    ),
    rows=rows,
    reckon=reckon,
    unsummed=frozenset({"days"}),
    plain=frozenset({"days", "substance", "waiting", "closed"}),
    lists_outcomes={"answers": ANSWERED, "rate": ANSWERED, "returned": RETURNED},
    chart=chart,
    chart_title=CHART_TITLE,
    narrow=lambda row: {"channel": row[-1]},
)
