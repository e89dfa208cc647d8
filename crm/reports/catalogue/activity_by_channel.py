"""What was done through each channel, whom it reached, and how it was answered."""

from collections.abc import Iterator, Sequence

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core.charts import Bar, Chart, bars
from crm.core.tables import Column, Kind, Row, Share
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.dimensions import CHANNEL, channel_place
from crm.reports.measures import MEASURES
from crm.reports.queries import sums_by, tally
from crm.reports.rules import ANSWERED, Reckoning, channel_label, once_sentence


def rows(asked: Question) -> Iterator[Row]:
    """One row a channel, in the order channels have everywhere."""
    done = sums_by(asked.wanted, CHANNEL)
    reached = MEASURES["targets"].by(asked.wanted, [CHANNEL])
    rates = MEASURES["rate"].by(asked.wanted, [CHANNEL])
    for channel in sorted(done, key=lambda name: (channel_place(name), name)):
        each, rate = done[channel], rates.get((channel,))
        yield (
            channel_label(channel), each.pieces, each.actions, reached.get((channel,), 0),
            rate.n if rate else None, rate or Share(0, 0), each.last, channel,
        )  # fmt: skip


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """Every action has one channel, so the rows add up as they are."""
    total = tally(asked.wanted)
    return Reckoning(
        Reconciliation(rows_total, 0, 0, total.total),
        [once_sentence(total), _("Every action has exactly one channel.")],
        total.actions,
        {"targets": MEASURES["targets"].by(asked.wanted, []).get((), 0)},
    )


CHART_TITLE = _l("Outreach by channel")


def chart(shown: Sequence[Row]) -> Chart:
    """How much went through each channel."""
    return bars(CHART_TITLE, [Bar(row[0], row[1]) for row in shown])


REPORT = Report(
    name="activity-by-channel",
    order=45,
    icon="send",
    title=_l("Activity by channel"),
    description=_l("What was done by post, phone, mail and meeting, whom it reached, and answers."),
    columns=(
        Column("channel", _l("Channel"), width=24),
        Column("pieces", _l("Outreach"), Kind.NUMBER, 10),
        Column("actions", _l("Actions"), Kind.NUMBER, 10),
        Column("targets", _l("Targets reached"), Kind.NUMBER, 14),
        Column("answers", _l("Answers"), Kind.NUMBER, 10),
        Column("rate", _l("Answer rate"), Kind.SHARE, 18),
        Column("last", _l("Last action"), Kind.DATE, 12),
    ),
    rows=rows,
    reckon=reckon,
    chart=chart,
    chart_title=CHART_TITLE,
    lists_outcomes={"answers": ANSWERED, "rate": ANSWERED},
    narrow=lambda row: {"channel": row[-1]},
    leads=lambda key, _row, given: (
        ("reports.page", {"name": "activity-by-target", **given}) if key == "targets" else None
    ),
)
