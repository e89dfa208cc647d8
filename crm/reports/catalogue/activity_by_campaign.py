"""What each campaign did, and how far it is towards its goal."""

from collections.abc import Iterator, Sequence

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from crm.campaigns.goals import told as goal_told
from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.charts import Bar, Chart, bars
from crm.core.tables import Column, Kind, Row, Share
from crm.outreach import kept
from crm.outreach.models import ActionTarget
from crm.outreach.queries import counted
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.queries import answers_by, awaited_names, progress, tally
from crm.reports.rules import ANSWERED, Reckoning, once_sentence


def rows(asked: Question) -> Iterator[Row]:
    """One row a campaign, the busiest first."""
    done = counted(asked.wanted)
    sums = (
        select(
            done.c.campaign_id,
            func.sum(done.c.pieces).label("pieces"),
            func.count().label("actions"),
            func.max(done.c.happened_on).label("last"),
        )
        .group_by(done.c.campaign_id)
        .subquery()
    )
    busy = db.session.execute(
        select(
            Campaign.id, Campaign.name, Campaign.slug,
            sums.c.pieces, sums.c.actions, sums.c.last,
        )
        .join(sums, sums.c.campaign_id == Campaign.id)
        .order_by(sums.c.pieces.desc(), Campaign.name, Campaign.id)
    ).all()  # fmt: skip
    reached = kept.reach(asked.wanted, "campaign_id", days=False)
    awaited = {
        campaign_id: int(pieces)
        for campaign_id, pieces in db.session.execute(
            select(reached.c.campaign_id, func.sum(reached.c.pieces))
            .where(reached.c.channel.in_(awaited_names()))
            .group_by(reached.c.campaign_id)
        ).all()
    }
    answers = answers_by(ActionTarget.campaign_id, asked.wanted)
    goals = progress({row.id for row in busy})
    for campaign_id, name, slug, pieces, actions, last in busy:
        came = answers.get(campaign_id, 0)
        of_it = goals.get(campaign_id, [])
        yield (
            name, int(pieces), actions, came, Share(came, awaited.get(campaign_id, 0)), last,
            "; ".join(goal_told(each.goal) for each in of_it),
            Share(of_it[0].done, of_it[0].goal.number) if of_it else None,
            slug,
        )  # fmt: skip


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """Every action belongs to one campaign, so the rows add up as they are."""
    total = tally(asked.wanted)
    return Reckoning(
        Reconciliation(rows_total, 0, 0, total.total),
        [once_sentence(total), _("Every action belongs to exactly one campaign.")],
        total.actions,
    )


CHART_TITLE = _l("Outreach by campaign")


def chart(shown: Sequence[Row]) -> Chart:
    """How much each campaign did."""
    return bars(CHART_TITLE, [Bar(row[0], row[1]) for row in shown[:10]])


REPORT = Report(
    name="activity-by-campaign",
    order=20,
    icon="flag",
    title=_l("Activity by campaign"),
    description=_l(
        "What each campaign did and how it was answered. Progress counts the whole campaign, "
        "whatever the filter."
    ),
    columns=(
        Column("campaign", _l("Campaign"), width=36),
        Column("pieces", _l("Outreach"), Kind.NUMBER, 10),
        Column("actions", _l("Actions"), Kind.NUMBER, 10),
        Column("answers", _l("Answers"), Kind.NUMBER, 10),
        Column("rate", _l("Answer rate"), Kind.SHARE, 18),
        Column("last", _l("Last action"), Kind.DATE, 12),
        Column("goal", _l("Goal"), width=36),
        Column("progress", _l("Progress"), Kind.SHARE, 18),
    ),
    rows=rows,
    reckon=reckon,
    unsummed=frozenset({"progress"}),
    plain=frozenset({"progress"}),
    chart=chart,
    chart_title=CHART_TITLE,
    lists_outcomes={"answers": ANSWERED, "rate": ANSWERED},
    narrow=lambda row: {"campaign": row[-1]},
    record=lambda row: ("campaigns.page", {"slug": row[-1]}),
)
