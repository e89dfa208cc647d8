"""From what was handed out to who moved: four steps over a period, each told in words.

The steps count different things, and say so. What was handed out: pieces of packs, and of tasks
that no pack made. Posted: all pieces and acts logged, also what nobody had handed out. Answered:
answers to this outreach, where one is waited for. Moved: targets whose position rose, that took a
step in a treaty or said so, after a contact of the period; that the contact came before does not
say it was the cause.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import ScalarSelect, Select, func, select

from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.charts import Bar, Chart, funnel
from crm.core.i18n import timezone_name
from crm.core.shell import number
from crm.mailings.models import Mailing, Piece
from crm.outreach.channels import awaited_names
from crm.outreach.kept import KeptAnswer, KeptDone
from crm.outreach.list_progress import moved
from crm.outreach.outcome_kinds import answer_names
from crm.outreach.queries import ActionFilter
from crm.targets.models import Target
from crm.tasks.models import Task

#: A task that was called off was not handed out; one that a pack made has its pieces there.
_CALLED_OFF = "cancelled"


@dataclass(frozen=True)
class Funnel:
    """The four steps, and how what was handed out divides."""

    in_packs: int
    in_tasks: int
    posted: int
    answered: int
    moved: int

    @property
    def handed_out(self) -> int:
        """Pieces given to somebody."""
        return self.in_packs + self.in_tasks

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it has happened."""
        return not (self.handed_out or self.posted or self.answered or self.moved)

    @property
    def chart(self) -> Chart:
        """The drawing."""
        return funnel(
            _("From handed out to moved"),
            [
                Bar(_("Handed out"), self.handed_out),
                Bar(_("Posted or done"), self.posted),
                Bar(_("Answered"), self.answered),
                Bar(
                    _("Moved"),
                    self.moved,
                    ngettext("%(many)s target", "%(many)s targets", self.moved,
                             many=number(self.moved)),
                ),
            ],
        )  # fmt: skip


class Line(NamedTuple):
    """A campaign's part of the first three steps; targets that moved are not divided."""

    slug: str
    name: str
    in_packs: int
    in_tasks: int
    posted: int
    answered: int


def steps(since: date, until: date) -> list[ScalarSelect[int]]:
    """Packs, tasks, answers, moved: parts of a statement. What was posted the kept sums tell."""
    return [
        _packs(since).with_only_columns(func.count(Piece.id)).scalar_subquery(),
        _tasks(since).with_only_columns(func.coalesce(func.sum(Task.pieces), 0)).scalar_subquery(),
        _answers(since, until).with_only_columns(func.sum(KeptAnswer.outcomes)).scalar_subquery(),
        select(func.count()).select_from(moved(_wanted(since, until))).scalar_subquery(),
    ]


def begins(day: date) -> datetime:
    """The moment a day begins where the reader is."""
    return datetime.combine(day, time(), ZoneInfo(timezone_name()))


def _wanted(since: date, until: date) -> ActionFilter:
    return ActionFilter(since=since, until=until)


def _packs(since: date) -> Select[Any]:
    return (
        select(Piece.id)
        .join(Mailing, Mailing.id == Piece.mailing_id)
        .where(Mailing.made_at >= begins(since))
    )


def _tasks(since: date) -> Select[Any]:
    of_packs = select(Piece.task_id).where(Piece.task_id.is_not(None))
    return select(Task.id).where(
        Task.made_at >= begins(since),
        Task.state != _CALLED_OFF,
        Task.pieces > 0,
        Task.id.not_in(of_packs),
    )


def _answers(since: date, until: date) -> Select[Any]:
    """Rows of kept sums; `since` is the first of a month, and nothing is done after `until`."""
    return select(KeptAnswer.id).where(
        # What came before the outreach cannot answer it.
        KeptAnswer.received >= since,
        KeptAnswer.kind.in_(answer_names()),
        KeptAnswer.channel.in_(awaited_names()),
        KeptAnswer.month.between(since, until),
    )


def by_campaign(since: date, until: date) -> list[Line]:
    """The first three steps of each campaign that has any of them: five statements."""
    posted = select(KeptDone.campaign_id, func.sum(KeptDone.pieces)).where(KeptDone.month >= since)
    parts = [
        _pairs(_packs(since).with_only_columns(Mailing.campaign_id, func.count(Piece.id)),
               Mailing.campaign_id),
        _pairs(_tasks(since).with_only_columns(Task.campaign_id, func.sum(Task.pieces)),
               Task.campaign_id),
        _pairs(posted, KeptDone.campaign_id),
        _pairs(
            _answers(since, until).with_only_columns(
                KeptAnswer.campaign_id, func.sum(KeptAnswer.outcomes)
            ),
            KeptAnswer.campaign_id,
        ),
    ]  # fmt: skip
    known: dict[int | None, tuple[str, str]] = {
        campaign_id: (slug, name)
        for campaign_id, slug, name in db.session.execute(
            select(Campaign.id, Campaign.slug, Campaign.name)
        )
    }
    found = [
        Line(*known.get(campaign_id, ("", _("No campaign"))),
             *(part.get(campaign_id, 0) for part in parts))
        for campaign_id in dict.fromkeys(key for part in parts for key in part)
    ]  # fmt: skip
    some = [line for line in found if any(line[2:])]
    return sorted(some, key=lambda line: (-line.posted, -line.in_packs - line.in_tasks, line.name))


def _pairs(statement: Any, by: Any) -> dict[int | None, int]:
    return {key: int(amount or 0) for key, amount in db.session.execute(statement.group_by(by))}


def movers(since: date, until: date) -> Select[Any]:
    """The targets that moved, with the day of the last move, that first."""
    found = moved(_wanted(since, until))
    return (
        select(Target.id, Target.name, Target.kind, found.c.day)
        .join(found, found.c.target_id == Target.id)
        .order_by(found.c.day.desc(), Target.sort_name, Target.id)
    )


def of_lines(lines: Sequence[Line], moved: int) -> Funnel:
    """The steps again, from what each campaign did."""
    return Funnel(
        in_packs=sum(line.in_packs for line in lines),
        in_tasks=sum(line.in_tasks for line in lines),
        posted=sum(line.posted for line in lines),
        answered=sum(line.answered for line in lines),
        moved=moved,
    )
