"""What the front page tells: this month's numbers, the year by month, campaigns and their goals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import exists, select

from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.charts import Chart, stacked
from crm.members.models import Chapter
from crm.outreach.channels import channels
from crm.outreach.models import Action
from crm.reports import queries
from crm.reports.queries import DaySum
from crm.reports.rules import Tally, month_back, month_name, month_of, months_between
from crm.targets.models import Target

#: Months in the chart.
MONTHS = 12
#: Campaigns shown.
CAMPAIGNS = 6


@dataclass(frozen=True)
class Stat:
    """A number of this month beside the same of the month before."""

    label: str
    now: int
    before: int

    @property
    def change(self) -> int:
        """How much more than in the month before."""
        return self.now - self.before


@dataclass(frozen=True)
class Beginning:
    """What an empty database has already: the three steps of a start."""

    has_campaign: bool
    has_targets: bool
    has_chapter: bool

    @property
    def step(self) -> int:
        """The step that comes next, from 1."""
        if not (self.has_campaign and self.has_chapter):
            return 1
        return 3 if self.has_targets else 2


def beginning() -> Beginning | None:
    """Where a new user stands; None once something is logged. One statement."""
    logged, campaign, targets, chapter = db.session.execute(
        select(
            exists().where(Action.id.is_not(None)),
            exists().where(Campaign.id.is_not(None)),
            exists().where(Target.id.is_not(None)),
            exists().where(Chapter.id.is_not(None)),
        )
    ).one()
    return None if logged else Beginning(campaign, targets, chapter)


def year(today: date) -> list[DaySum]:
    """The sums of the last twelve months by channel and day: what chart and numbers are made of."""
    first = month_back(today, MONTHS - 1)
    return queries.by_known_day(first, today)


def stats(sums: Sequence[DaySum], today: date) -> list[Stat]:
    """This month's numbers beside last month's."""
    first, before = month_of(today), month_back(today, 1)
    last = date.fromordinal(first.toordinal() - 1)
    now, then = _between(sums, first, today), _between(sums, before, last)
    [reached, reached_before] = queries.reached_and_answered([(first, today), (before, last)])
    return [
        Stat(_("Pieces and acts"), sum(s.pieces for s in now), sum(s.pieces for s in then)),
        Stat(_("Actions logged"), sum(s.actions for s in now), sum(s.actions for s in then)),
        Stat(_("Targets reached"), reached[0], reached_before[0]),
        Stat(_("Answers received"), reached[1], reached_before[1]),
    ]


def _between(sums: Sequence[DaySum], first: date, last: date) -> list[DaySum]:
    return [each for each in sums if first <= each.day <= last]


def told(sums: Sequence[DaySum], today: date) -> str:
    """This month's pieces and acts in words: `120 postcards and 2 meetings`."""
    found: dict[str, int] = {}
    for each in _between(sums, month_of(today), today):
        found[each.channel] = found.get(each.channel, 0) + each.pieces
    return Tally(found, 0).told


def chart(sums: Sequence[DaySum], today: date) -> Chart:
    """The last twelve months, stacked by channel."""
    months = months_between(month_back(today, MONTHS - 1), today)
    found: dict[tuple[str, date], int] = {}
    for each in sums:
        key = (each.channel, month_of(each.day))
        found[key] = found.get(key, 0) + each.pieces
    return stacked(
        _("Outreach over the last 12 months"),
        [month_name(month, short=True) for month in months],
        [
            (str(channel.label), [found.get((name, month), 0) for month in months])
            for name, channel in channels().items()
        ],
    )


def campaigns(today: date) -> list[dict[str, Any]]:
    """Campaigns that are on, with the progress of their goals: three statements."""
    running = queries.running_campaigns(today, CAMPAIGNS)
    goals = queries.progress({campaign.id for campaign in running}) if running else {}
    return [{"campaign": campaign, "goals": goals.get(campaign.id, [])[:2]} for campaign in running]
