"""What each campaign did, and how far it is towards its goal; and what was done with each ask."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import func, select

from crm.campaigns.goals import told as goal_told
from crm.campaigns.models import Ask, Campaign
from crm.core import db
from crm.core.charts import Bar, Chart, bars
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row, Share
from crm.outreach import kept
from crm.outreach.channels import awaited_names
from crm.outreach.filters import NONE
from crm.outreach.models import ActionTarget
from crm.outreach.queries import counted
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.dimensions import ASK
from crm.reports.measures import MEASURES
from crm.reports.queries import answers_by, progress, repeated_by_asks, sums_by, tally
from crm.reports.rules import ANSWERED, Reckoning, once, once_sentence


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


BY_CAMPAIGN = Report(
    name="activity-by-campaign",
    about=_l("Campaign"),
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
    leads=lambda key, row, _given: (
        ("campaigns.page", {"slug": row[-1]}) if key == "progress" and row is not None else None
    ),
    chart=chart,
    chart_title=CHART_TITLE,
    lists_outcomes={"answers": ANSWERED, "rate": ANSWERED},
    narrow=lambda row: {"campaign": row[-1]},
    record=lambda row: ("campaigns.page", {"slug": row[-1]}),
)


def rows_by_ask(asked: Question) -> Iterator[Row]:
    """One row an ask, the busiest first; then what was done without one."""
    done = sums_by(asked.wanted, ASK)
    rates = MEASURES["rate"].by(asked.wanted, [ASK])
    words = {
        ask_id: (text, campaign)
        for ask_id, text, campaign in db.session.execute(
            select(Ask.id, Ask.text, Campaign.name)
            .join(Campaign, Campaign.id == Ask.campaign_id)
            .where(Ask.id.in_([key for key in done if key]))
        )
    }
    for key in sorted(done, key=lambda key: (not key, -done[key].pieces, key)):
        each, rate = done[key], rates.get((key,), Share(0, 0))
        text, campaign = words[key] if key else (_("Without an ask"), "")
        yield (
            text, campaign, each.pieces, each.actions, rate.n, rate, each.last, str(key or NONE)
        )  # fmt: skip


def reckon_by_ask(asked: Question, rows_total: int) -> Reckoning:
    """What actions with several asks repeat."""
    total = tally(asked.wanted)
    actions, shared = repeated_by_asks(asked.wanted)
    said = []
    if shared:
        said = [
            _("The lines add up to %(sum)s.", sum=number(rows_total)),
            ngettext(
                "%(shared)s of these repeat one action with several asks, counted for each.",
                "%(shared)s of these repeat %(num)s actions with several asks, counted for each.",
                actions,
                shared=number(shared),
            ),
            _("Counted once that is %(total)s.", total=once(total)),
        ]
    rate = MEASURES["rate"].by(asked.wanted, []).get((), Share(0, 0))
    return Reckoning(
        Reconciliation(rows_total, shared, 0, total.total),
        said or [once_sentence(total)],
        total.actions,
        {"answers": rate.n, "rate": rate},
    )


ASKS_TITLE = _l("Outreach by ask")


def _with_campaign(row: Row) -> str:
    """Two campaigns may ask the same."""
    return f"{row[0]} · {row[1]}" if row[1] else row[0]


BY_ASK = replace(
    BY_CAMPAIGN,
    about=_l("Ask"),
    title=_l("Activity by ask"),
    description=_l("What was done with each ask of a campaign, and how it was answered."),
    columns=(
        Column("ask", _l("Ask"), width=40),
        Column("campaign", _l("Campaign"), width=32),
        Column("pieces", _l("Outreach"), Kind.NUMBER, 10),
        Column("actions", _l("Actions"), Kind.NUMBER, 10),
        Column("answers", _l("Answers"), Kind.NUMBER, 10),
        Column("rate", _l("Answer rate"), Kind.SHARE, 18),
        Column("last", _l("Last action"), Kind.DATE, 12),
    ),
    rows=rows_by_ask,
    reckon=reckon_by_ask,
    unsummed=frozenset(),
    chart=lambda shown: bars(ASKS_TITLE, [Bar(_with_campaign(row), row[2]) for row in shown[:10]]),
    chart_title=ASKS_TITLE,
    beneath={"campaign": "ask"},
    narrow=lambda row: {"ask": row[-1]},
    record=None,
    leads=None,
)

REPORT = replace(
    BY_CAMPAIGN,
    title=_l("Activity by campaign and ask"),
    ways={"campaign": BY_CAMPAIGN, "ask": BY_ASK},
)
