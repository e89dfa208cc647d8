"""What pages of other rooms show of outreach: a target's time line, a member's part, a campaign's
progress, the front page's latest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import url_for
from flask_babel import format_date
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import func, select

from crm.campaigns import goals
from crm.campaigns.models import Goal
from crm.campaigns.rules import Progress
from crm.core import access, db
from crm.core.access import Can
from crm.core.i18n import today
from crm.members.departures import Left
from crm.members.disclosure import Exit, Viewer
from crm.outreach.channels import channels
from crm.outreach.history import (
    entries,
    newest,
    sums_of_target,
    timeline,
    waiting,
    waiting_rows,
)
from crm.outreach.models import Action, ActionMember, ActionPhoto
from crm.outreach.queries import ActionFilter

#: Entries of a time line on a record's page; the list has the rest.
ENTRIES = 20
#: What waits for an answer on the front page.
WAITING = 5


def of_target(target: Any) -> dict[str, Any]:
    """Sums by channel and campaign, last contact, the time line: five statements."""
    sums = sums_of_target(target.id)
    return {
        "target": target,
        "sums": sums,
        "actions": sum(each.actions for each in sums),
        "last_on": max((each.last_on for each in sums), default=None),
        "timeline": timeline(target.id, ENTRIES, to=Viewer.of(current_user)) if sums else (),
        "may_log": access.may(current_user, Can.LOG_OUTREACH),
    }


def of_member(member: Any) -> dict[str, Any]:
    """What a member did: five statements."""
    totals = db.session.execute(
        select(
            Action.channel,
            func.count(),
            func.sum(ActionMember.pieces),
            func.sum(ActionMember.minutes),
        )
        .join(Action, Action.id == ActionMember.action_id)
        .where(ActionMember.member_id == member.id)
        .group_by(Action.channel)
    ).all()
    latest = db.session.execute(
        select(ActionMember.action_id, ActionMember.pieces)
        .join(Action, Action.id == ActionMember.action_id)
        .where(ActionMember.member_id == member.id)
        .order_by(Action.happened_on.desc(), Action.id.desc())
        .limit(ENTRIES)
    ).all()
    ways = channels()
    by_channel = sorted(totals, key=lambda row: ways[row[0]].order)
    return {
        "member": member,
        "sums": [(ways[name], ways[name].count(pieces)) for name, _n, pieces, _m in by_channel],
        "actions": sum(row[1] for row in totals),
        "minutes": sum(row[3] or 0 for row in totals) or None,
        "entries": [
            (entry, entry.channel.count(pieces))
            for entry, (_id, pieces) in zip(
                entries([row[0] for row in latest]), latest, strict=True
            )
        ],
    }


def photos_of_member(member_id: int) -> list[Left]:
    """Pictures of actions the member took part in that may show them: for a withdrawal to list."""
    rows = db.session.execute(
        select(ActionPhoto.added_at, Action.id, Action.happened_on, Action.channel)
        .join(Action, Action.id == ActionPhoto.action_id)
        .join(ActionMember, ActionMember.action_id == Action.id)
        .where(
            ActionMember.member_id == member_id,
            ActionPhoto.shows == "members",
            Action.undone_at.is_(None),
        )
        .order_by(ActionPhoto.added_at.desc())
    )
    ways = channels()
    return [
        Left(
            at,
            Exit.PAGE,
            _(
                "A picture of %(channel)s of %(day)s",
                channel=ways[channel].label,
                day=format_date(happened_on, "medium"),
            ),
            None,
            url_for("outreach.page", action_id=action_id),
        )
        for at, action_id, happened_on, channel in rows
    ]


@dataclass(frozen=True)
class GoalProgress:
    """A goal (`150 postcards`) and how far it is."""

    what: str
    progress: Progress
    #: The day the treaty ledger was read on, of a goal that is a figure of it.
    read_on: date | None = None

    @property
    def percent(self) -> int:
        """Whole percents done, at most 100."""
        return int(self.progress.share * 100)


def of_campaign(campaign: Any) -> dict[str, Any]:
    """Progress to the goals (the page has loaded them), numbers by channel, the latest.

    Four statements, one more where a goal is a figure of the treaty ledger.
    """
    sums = sums_of_campaigns([campaign.id]).get(campaign.id, {})
    figures = goals.figure_values(campaign.goals, today())
    ways = channels()
    return {
        "campaign": campaign,
        "goals": [_progress(goal, sums, figures, campaign.starts_on) for goal in campaign.goals],
        "sums": [
            (channel, channel.count(sums[name])) for name, channel in ways.items() if name in sums
        ],
        "entries": newest(ActionFilter(campaign_id=campaign.id), 8),
        "may_log": access.may(current_user, Can.LOG_OUTREACH),
    }


def sums_of_campaigns(campaign_ids: list[int]) -> dict[int, dict[str, int]]:
    """Pieces and acts by campaign and channel, each counted once: one index read."""
    found: dict[int, dict[str, int]] = {}
    for campaign_id, channel, pieces in db.session.execute(
        select(Action.campaign_id, Action.channel, func.sum(Action.pieces))
        .where(Action.campaign_id.in_(campaign_ids), Action.undone_at.is_(None))
        .group_by(Action.campaign_id, Action.channel)
    ):
        found.setdefault(campaign_id, {})[channel] = int(pieces)
    return found


def _progress(
    goal: Goal, sums: Mapping[str, int], figures: Mapping[int, int], starts_on: date
) -> GoalProgress:
    if goal.figure:
        done = figures[goal.id]
    else:
        done = sum(sums.values()) if goal.channel is None else sums.get(goal.channel, 0)
    progress = Progress(
        done=done,
        number=goal.number,
        starts_on=starts_on,
        due_on=goal.due_on,
        today=today(),
        is_figure=goal.figure is not None,
    )
    on = goals.read_on(goal, today())
    return GoalProgress(goals.words(goal), progress, on if goal.figure else None)


def of_front(_user: Any) -> dict[str, Any]:
    """What has waited longest for an answer: one statement."""
    return {
        "waiting": waiting(waiting_rows().limit(WAITING), today=today(), with_chapters=False),
    }


def latest_of_front(user: Any) -> dict[str, Any]:
    """Latest activity: four statements."""
    return {
        "entries": newest(ActionFilter(), 8),
        "may_log": access.may(user, Can.LOG_OUTREACH),
    }
