"""How often outreach is answered, always with n, and after how many days."""

from collections.abc import Iterator, Sequence

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from sqlalchemy import and_, case, func, select

from crm.core import db
from crm.core.charts import Bar, bars
from crm.core.tables import Column, Kind, Row, Share
from crm.outreach.channels import channels
from crm.outreach.models import ActionTarget, Outcome
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
    reached = {
        channel: int(pieces)
        for channel, pieces in db.session.execute(
            select(ActionTarget.channel, func.sum(ActionTarget.pieces))
            .where(*asked.wanted.of_targets())
            .group_by(ActionTarget.channel)
        )
    }
    answer = and_(*is_answer())
    substantive = and_(answer, Outcome.kind.not_in(sorted(WITHOUT_SUBSTANCE)))
    came: dict[str, tuple[int, int, int]] = {}
    spans: dict[str, list[tuple[int, int]]] = {}
    for channel, received_on, happened_on, answers, real, returned in db.session.execute(
        select(
            ActionTarget.channel,
            Outcome.received_on,
            ActionTarget.happened_on,
            func.sum(case((answer, 1), else_=0)),
            func.sum(case((substantive, 1), else_=0)),
            func.sum(case((Outcome.kind == RETURNED, 1), else_=0)),
        )
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .where(*asked.wanted.of_targets())
        .group_by(ActionTarget.channel, Outcome.received_on, ActionTarget.happened_on)
    ):
        before = came.get(channel, (0, 0, 0))
        came[channel] = (before[0] + answers, before[1] + real, before[2] + returned)
        spans.setdefault(channel, []).append(((received_on - happened_on).days, answers))
    for name in [*channels(), *sorted(set(reached) - set(channels()))]:
        if name not in reached:
            continue
        pieces = reached[name]
        answers, real, returned = came.get(name, (0, 0, 0))
        waits = name in awaited_names()
        yield (
            channel_label(name), pieces, answers, returned,
            Share(answers, pieces) if waits else None,
            Share(real, pieces) if waits else None,
            median_days(spans.get(name, [])),
            name,
        )  # fmt: skip


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """The rate is of what reached targets: each target of a meeting may answer."""
    told = _("Rates are of what reached targets, where an answer is waited for.")
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
    ),
    rows=rows,
    reckon=reckon,
    unsummed=frozenset({"days"}),
    plain=frozenset({"days", "substance"}),
    lists_outcomes={"answers": ANSWERED, "rate": ANSWERED, "returned": RETURNED},
    chart=chart,
    chart_title=CHART_TITLE,
    narrow=lambda row: {"channel": row[-1]},
)
