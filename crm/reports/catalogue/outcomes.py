"""What came back, by kind and channel."""

from collections.abc import Iterator, Sequence

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import func, select

from crm.core import db
from crm.core.charts import Bar, Chart, bars
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row
from crm.outreach.channels import channels
from crm.outreach.models import ActionTarget, Outcome
from crm.outreach.outcome_kinds import outcome_kinds
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.queries import number_of, tally
from crm.reports.rules import ANY, Reckoning, channel_label, once


def rows(asked: Question) -> Iterator[Row]:
    """One row a kind and channel, in the order the kinds are offered."""
    result = db.session.execute(
        select(
            Outcome.kind,
            ActionTarget.channel,
            func.count(Outcome.id),
            func.count(ActionTarget.target_id.distinct()),
            func.max(Outcome.received_on),
        )
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .where(*asked.wanted.of_targets())
        .group_by(Outcome.kind, ActionTarget.channel)
    ).all()
    kinds, ways = list(outcome_kinds()), list(channels())
    for kind, channel, many, targets, last in sorted(
        result, key=lambda row: (_place(kinds, row[0]), row[0], _place(ways, row[1]), row[1])
    ):
        known = outcome_kinds().get(kind)
        label = str(known.label) if known else kind
        yield label, channel_label(channel), many, targets, last, (kind, channel)


def _place(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """Every outcome has one kind and belongs to one action's target."""
    total = number_of(
        select(func.count(Outcome.id)).where(
            Outcome.action_target_id.in_(select(ActionTarget.id).where(*asked.wanted.of_targets()))
        )
    )
    done = tally(asked.wanted)
    came = ngettext("%(many)s outcome was recorded", "%(many)s outcomes were recorded", total,
                    many=number(total))  # fmt: skip
    return Reckoning(
        Reconciliation(rows_total, 0, 0, total),
        [_("%(came)s, each of one kind, to %(total)s.", came=came, total=once(done))],
    )


CHART_TITLE = _l("What came back")


def chart(shown: Sequence[Row]) -> Chart:
    """How many outcomes of each kind."""
    sums: dict[str, int] = {}
    for row in shown:
        sums[row[0]] = sums.get(row[0], 0) + row[2]
    return bars(CHART_TITLE, [Bar(label, many) for label, many in sums.items()])


REPORT = Report(
    name="outcomes",
    order=60,
    icon="envelope-open",
    title=_l("Outcomes"),
    description=_l(
        "What came back to the outreach of the period, whenever it came, by kind and channel."
    ),
    columns=(
        Column("outcome", _l("What came back"), width=28),
        Column("channel", _l("On what"), width=20),
        Column("many", _l("How many"), Kind.NUMBER, 10),
        Column("targets", _l("Targets"), Kind.NUMBER, 10),
        Column("last", _l("Latest"), Kind.DATE, 12),
    ),
    rows=rows,
    reckon=reckon,
    counts="many",
    unsummed=frozenset({"targets"}),
    lists_outcomes={"many": ANY, "targets": ANY},
    chart=chart,
    chart_title=CHART_TITLE,
    narrow=lambda row: {"outcome": row[-1][0], "channel": row[-1][1]},
)
