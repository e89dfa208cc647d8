"""What outreach tells a member of themself: what they did, their hours, and nothing of others.

And what of it a forgotten member leaves behind: counts, pictures, words in notes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased

from crm.campaigns.models import Campaign, Position
from crm.core import db
from crm.core.i18n import day, today
from crm.core.shell import number
from crm.members import forgetting, own_data
from crm.members.forgetting import FreeText
from crm.members.own_data import Asked, Section
from crm.members.rules import school_year
from crm.outreach.channels import Channel, channels
from crm.outreach.models import (
    Action,
    ActionMember,
    ActionPhoto,
    ActionRevision,
    ActionTarget,
    Commitment,
    Outcome,
)
from crm.outreach.outcome_kinds import outcome_kinds
from crm.targets.models import ContactPoint, Target

#: What a member's own page lists; their file has all.
LISTED = 50
#: Targets named in a line.
_NAMED = 5


@dataclass(frozen=True)
class Part:
    """A member's own part in an action."""

    action_id: int
    channel: Channel
    happened_on: date
    campaign: str
    #: "4 postcards": what they did, not what all did.
    words: str
    pieces: int
    minutes: int | None
    role: str | None
    targets: Sequence[str]

    @property
    def names(self) -> str:
        """The targets, the first few by name."""
        more = len(self.targets) - _NAMED
        names = ", ".join(self.targets[:_NAMED])
        return _("%(names)s and %(num)s more", names=names, num=more) if more > 0 else names


def parts(member_id: int, *, limit: int | None = None) -> list[Part]:
    """Their parts in actions that were not undone, the newest first: two statements."""
    wanted = (
        select(
            Action.id,
            Action.channel,
            Action.happened_on,
            Campaign.name,
            Campaign.title,
            ActionMember.pieces,
            ActionMember.minutes,
            ActionMember.role,
        )
        .join(Action, Action.id == ActionMember.action_id)
        .join(Campaign, Campaign.id == Action.campaign_id)
        .where(ActionMember.member_id == member_id, Action.undone_at.is_(None))
        .order_by(Action.happened_on.desc(), Action.id.desc())
    )
    rows = db.session.execute(wanted.limit(limit) if limit else wanted).all()
    names = _targets([row[0] for row in rows])
    ways = channels()
    return [
        Part(number, ways[channel], on, title or name, ways[channel].count(pieces), pieces, minutes,
             role, names.get(number, ()))
        for number, channel, on, name, title, pieces, minutes, role in rows
    ]  # fmt: skip


def _targets(action_ids: Collection[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    ids = sorted(action_ids)
    for some in db.batches(ids):
        rows = db.session.execute(
            select(ActionTarget.action_id, Target.name)
            .join(Target, Target.id == ActionTarget.target_id)
            .where(ActionTarget.action_id.in_(some))
            .order_by(Target.sort_name, Target.id)
        )
        for action_id, name in rows:
            found.setdefault(action_id, []).append(name)
    return found


@dataclass(frozen=True)
class Hours:
    """Minutes of a member: in all, of this school year, and by month (its first day)."""

    all: int
    this_year: int
    months: Sequence[tuple[date, int]]


def hours(member_id: int, on: date) -> Hours:
    """Their minutes: one statement."""
    rows = db.session.execute(
        select(Action.happened_on, func.sum(ActionMember.minutes))
        .join(Action, Action.id == ActionMember.action_id)
        .where(
            ActionMember.member_id == member_id,
            ActionMember.minutes.is_not(None),
            Action.undone_at.is_(None),
        )
        .group_by(Action.happened_on)
        .order_by(Action.happened_on.desc())
    ).all()
    months: dict[date, int] = {}
    for happened_on, minutes in rows:
        first = happened_on.replace(day=1)
        months[first] = months.get(first, 0) + int(minutes or 0)
    # July begins a school year, so that a month lies in one.
    this_year = sum(m for d, m in months.items() if school_year(d) == school_year(on))
    return Hours(sum(months.values()), this_year, list(months.items()))


def said(minutes: int) -> str:
    """Minutes as people say them: `2 h 15 min`."""
    whole, rest = divmod(minutes, 60)
    if not whole:
        return _("%(minutes)s min", minutes=rest)
    return _("%(hours)s h", hours=number(whole)) if not rest else _(
        "%(hours)s h %(minutes)s min", hours=number(whole), minutes=rest
    )  # fmt: skip


# Panels


def did(member: Any) -> dict[str, Any]:
    """A member's own page: what they did, with totals by channel."""
    totals = db.session.execute(
        select(Action.channel, func.count(), func.sum(ActionMember.pieces))
        .join(Action, Action.id == ActionMember.action_id)
        .where(ActionMember.member_id == member.id, Action.undone_at.is_(None))
        .group_by(Action.channel)
    ).all()
    ways = channels()
    sums = sorted(totals, key=lambda row: ways[row[0]].order)
    return {
        "sums": [(ways[name], ways[name].count(int(pieces))) for name, _n, pieces in sums],
        "actions": sum(row[1] for row in totals),
        "parts": parts(member.id, limit=LISTED),
        "said": said,
    }


def worked(member: Any) -> dict[str, Any]:
    """A member's own page: their hours."""
    found = hours(member.id, today())
    return {
        "hours": found,
        "said": said,
        "months": [
            (own_data.month_name(first), said(minutes)) for first, minutes in found.months[:12]
        ],
    }


def stays(member: Any) -> dict[str, Any] | None:
    """Before somebody is forgotten: how much stays counted, and pictures of them alone."""
    mine, others = ActionMember.__table__.alias(), aliased(ActionMember)
    alone = ~exists().where(others.action_id == mine.c.action_id, others.member_id != member.id)
    photos = db.session.execute(
        select(ActionPhoto.id, ActionPhoto.action_id, Action.happened_on)
        .join(mine, mine.c.action_id == ActionPhoto.action_id)
        .join(Action, Action.id == ActionPhoto.action_id)
        .where(mine.c.member_id == member.id, ActionPhoto.shows != "nobody", alone)
        .order_by(ActionPhoto.id)
    ).all()
    count = db.session.scalar(
        select(func.count()).select_from(ActionMember).where(ActionMember.member_id == member.id)
    )
    return {
        "count": ngettext("%(num)s action", "%(num)s actions", count or 0),
        "photos": [(action_id, day(on)) for _id, action_id, on in photos],
    }


# A member's file


def _section(asked: Asked) -> Section:
    rows = [
        (
            day(part.happened_on),
            part.words,
            part.campaign,
            ", ".join(part.targets),
            str(part.minutes or ""),
            part.role or "",
        )
        for part in parts(asked.member.id)
    ]
    heads = (_("Day"), _("What you did"), _("Campaign"), _("To whom"), _("Minutes"), _("As"))
    return Section(
        "outreach", _("What you did"), heads=heads, rows=rows,
        empty=_("You are not named in any outreach yet."),
    )  # fmt: skip


def _hours_section(asked: Asked) -> Section | None:
    found = hours(asked.member.id, asked.today)
    if not found.months:
        return None
    rows = [(own_data.month_name(first), said(minutes)) for first, minutes in found.months]
    facts = [(_("This school year"), said(found.this_year)), (_("In all"), said(found.all))]
    return Section("hours", _("Your hours"), facts=facts, heads=(_("Month"), _("Time")), rows=rows)


def _answers_section(asked: Asked) -> Section | None:
    """A member's file: what came back to them."""
    found = db.session.execute(
        select(Outcome.received_on, Outcome.kind, Target.name, ActionTarget.channel)
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .join(Target, Target.id == ActionTarget.target_id)
        .where(Outcome.member_id == asked.member.id)
        .order_by(Outcome.received_on.desc(), Outcome.id.desc())
    ).all()
    if not found:
        return None
    kinds, ways = outcome_kinds(), channels()
    return Section(
        "answers",
        _("Answers that came to you"),
        heads=(_("Day"), _("From"), _("What came back"), _("On what")),
        rows=[
            (day(on), name, str(kinds[kind].label) if kind in kinds else kind,
             str(ways[channel].label))
            for on, kind, name, channel in found
        ],
    )  # fmt: skip


own_data.SECTIONS |= {80: _section, 85: _answers_section, 90: _hours_section}


# Words in which a member may stand


def _action(row: Action) -> tuple[str, str | None]:
    return _("Outreach of %(day)s", day=day(row.happened_on)), f"/outreach/{row.id}"


def _revision(row: ActionRevision) -> tuple[str, str | None]:
    return _("What outreach was before a correction"), f"/outreach/{row.action_id}"


def _outcome(row: Outcome) -> tuple[str, str | None]:
    action_id = db.session.scalar(
        select(ActionTarget.action_id).where(ActionTarget.id == row.action_target_id)
    )
    return _("An answer of %(day)s", day=day(row.received_on)), f"/outreach/{action_id}"


def _commitment(row: Commitment) -> tuple[str, str | None]:
    return _("A commitment of %(day)s", day=day(row.made_on)), f"/outreach/commitments/{row.id}"


def _campaign(row: Campaign) -> tuple[str, str | None]:
    return _("The campaign %(name)s", name=row.name), f"/campaigns/{row.slug}"


def _position(row: Position) -> tuple[str, str | None]:
    return _("Where a target stands"), f"/targets/{row.target_id}"


def _target(row: Target) -> tuple[str, str | None]:
    return _("The note on %(name)s", name=row.name), f"/targets/{row.id}"


def _contact(row: ContactPoint) -> tuple[str, str | None]:
    return _("The note on a way to reach a target"), (
        f"/targets/{row.target_id}" if row.target_id else None
    )


def _is_target(name: str) -> bool:
    return db.session.scalar(select(Target.id).where(Target.search == name).limit(1)) is not None


forgetting.NAMESAKES["target"] = _is_target
forgetting.TEXTS |= {
    "action": FreeText(Action, ("note", "place", "details"), _action),
    "action_revision": FreeText(ActionRevision, ("reason", "snapshot"), _revision),
    "outcome": FreeText(Outcome, ("summary",), _outcome),
    "commitment": FreeText(Commitment, ("text", "evidence"), _commitment),
    "campaign": FreeText(Campaign, ("summary", "description"), _campaign),
    "position": FreeText(Position, ("evidence",), _position),
    "target": FreeText(Target, ("note",), _target),
    "contact_point": FreeText(ContactPoint, ("note",), _contact),
}
