"""The numbers of the front page, in as few statements as can be and none that grows with the rows.

What sums up a year comes from the kept sums; whom a month reached is asked of each target, which
an index answers; everything that is one number is part of one statement.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ScalarSelect, case, exists, func, select

from crm.campaigns.goals import figure_values
from crm.campaigns.models import Campaign, Goal
from crm.campaigns.queries import is_running
from crm.core import db
from crm.members.models import Chapter
from crm.outreach.kept import KeptChapter, KeptDone, KeptReach
from crm.outreach.models import (
    Action,
    ActionChapter,
    ActionMember,
    ActionTarget,
    Commitment,
    Outcome,
)
from crm.outreach.outcome_kinds import answer_names
from crm.reports import funnel
from crm.reports.queries import Progress
from crm.reports.rules import month_back, month_of
from crm.targets.models import Target
from crm.tasks.models import Task
from crm.tasks.rules import OPEN

#: Days after which an answer that is waited for is stale.
STALE = timedelta(days=30)


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


class MonthSum(NamedTuple):
    """What one channel did in one month."""

    channel: str
    month: date
    pieces: int
    actions: int


def months(first: date, chapter_ids: Collection[int] | None = None) -> list[MonthSum]:
    """Sums by channel and month since the first of one, of all or of some chapters.

    What several of these chapters did together counts once: kept sums know it of each chapter
    alone, so that the actions of several are read.
    """
    if chapter_ids is not None and len(chapter_ids) != 1:
        return _months_of_several(first, chapter_ids)
    of = KeptDone if chapter_ids is None else KeptChapter
    statement = (
        select(of.channel, of.month, func.sum(of.pieces), func.sum(of.actions))
        .where(of.month >= first)
        .group_by(of.channel, of.month)
        .having(func.sum(of.actions) > 0)
    )
    if chapter_ids is not None:
        statement = statement.where(KeptChapter.chapter_id.in_(chapter_ids))
    return [
        MonthSum(channel, month, int(pieces), int(actions))
        for channel, month, pieces, actions in db.session.execute(statement)
    ]


def _months_of_several(first: date, chapter_ids: Collection[int]) -> list[MonthSum]:
    theirs = select(ActionChapter.action_id).where(
        ActionChapter.chapter_id.in_(chapter_ids), ActionChapter.happened_on >= first
    )
    days = db.session.execute(
        select(Action.channel, Action.happened_on, func.sum(Action.pieces), func.count())
        .where(Action.undone_at.is_(None), Action.happened_on >= first, Action.id.in_(theirs))
        .group_by(Action.channel, Action.happened_on)
    )
    found: dict[tuple[str, date], tuple[int, int]] = {}
    for channel, day, pieces, actions in days:
        key = (channel, month_of(day))
        before = found.get(key, (0, 0))
        found[key] = (before[0] + int(pieces), before[1] + int(actions))
    return [MonthSum(*key, *numbers) for key, numbers in found.items()]


def answers(first: date, chapter_ids: Collection[int] | None = None) -> dict[date, int]:
    """Answers that came, by day: one statement."""
    statement = (
        select(Outcome.received_on, func.count(Outcome.id))
        .where(Outcome.received_on >= first, Outcome.kind.in_(answer_names()))
        .group_by(Outcome.received_on)
    )
    if chapter_ids is not None:
        statement = statement.join(ActionTarget, ActionTarget.id == Outcome.action_target_id).where(
            _theirs(ActionTarget.action_id, chapter_ids)
        )
    return {day: int(count) for day, count in db.session.execute(statement)}


def _theirs(action_id: Any, chapter_ids: Collection[int]) -> Any:
    return exists().where(
        ActionChapter.action_id == action_id, ActionChapter.chapter_id.in_(chapter_ids)
    )


@dataclass(frozen=True)
class Whole:
    """Numbers of everything: whom this month and the last reached, the funnel, what is stale."""

    reached: int
    reached_before: int
    in_packs: int
    in_tasks: int
    answered: int
    moved: int
    unanswered: int
    overdue: int
    quiet: int

    def funnel(self, posted: int) -> funnel.Funnel:
        """The funnel, with what the kept sums know was posted."""
        return funnel.Funnel(self.in_packs, self.in_tasks, posted, self.answered, self.moved)


def whole(first: date, today: date) -> Whole:
    """One statement."""
    month, before = month_of(today), month_back(today, 1)
    last = month - timedelta(days=1)
    row = db.session.execute(
        select(
            _reached(month, today), _reached(before, last),
            *funnel.steps(first, today),
            _unanswered(today), _overdue(today), _quiet(today),
        )
    ).one()  # fmt: skip
    return Whole(*(int(each or 0) for each in row))


def _reached(since: date, until: date) -> ScalarSelect[int]:
    ever = select(KeptReach.target_id).distinct().subquery()
    contact = exists().where(
        ActionTarget.target_id == ever.c.target_id,
        ActionTarget.happened_on.between(since, until),
    )
    return select(func.count()).select_from(ever).where(contact).scalar_subquery()


def _unanswered(today: date) -> ScalarSelect[int]:
    some = (
        select(ActionTarget.id)
        .where(ActionTarget.awaiting.is_(True), ActionTarget.happened_on <= today - STALE)
        .limit(COUNTED + 1)
        .subquery()
    )
    return select(func.count()).select_from(some).scalar_subquery()


#: How far what is stale is counted.
COUNTED = 1000


def _overdue(today: date) -> ScalarSelect[int]:
    return (
        select(func.count(Commitment.id))
        .where(Commitment.state == "open", Commitment.due_on < today)
        .scalar_subquery()
    )


def _quiet(today: date) -> ScalarSelect[int]:
    """Campaigns that are on and of which nothing was logged for a month and more."""
    logged = exists().where(
        KeptDone.campaign_id == Campaign.id, KeptDone.month >= month_back(today, 1)
    )
    return select(func.count(Campaign.id)).where(is_running(today), ~logged).scalar_subquery()


@dataclass(frozen=True)
class Theirs:
    """Numbers of a leader's chapters."""

    done: int
    open: int
    overdue: int
    took_part: int


def theirs(chapter_ids: Collection[int], today: date) -> Theirs:
    """Tasks done this month, open and overdue, and members who took part: one statement."""
    month = month_of(today)
    task = Task.chapter_id.in_(chapter_ids)
    is_open = Task.state.in_(OPEN)
    took_part = (
        select(func.count(ActionMember.member_id.distinct()))
        .join(Action, Action.id == ActionMember.action_id)
        .where(
            Action.undone_at.is_(None),
            Action.id.in_(
                select(ActionChapter.action_id).where(
                    ActionChapter.chapter_id.in_(chapter_ids),
                    ActionChapter.happened_on.between(month, today),
                )
            ),
        )
        .scalar_subquery()
    )
    done, waiting, late, members = db.session.execute(
        select(
            func.count(case((Task.finished_at >= funnel.begins(month), 1))).filter(
                Task.state == "completed"
            ),
            func.count(case((is_open, 1))),
            func.count(case((is_open & (Task.due_on < today), 1))),
            took_part,
        ).where(task)
    ).one()
    return Theirs(done, waiting, late, members or 0)


def chapters(first: date, limit: int) -> list[tuple[str, str, int]]:
    """The chapters that did most since, as slug, name and pieces: one statement."""
    total = func.sum(KeptChapter.pieces)
    rows = db.session.execute(
        select(Chapter.slug, Chapter.name, total)
        .join(Chapter, Chapter.id == KeptChapter.chapter_id)
        .where(KeptChapter.month >= first)
        .group_by(Chapter.slug, Chapter.name)
        .having(total > 0)
        .order_by(total.desc(), Chapter.name)
        .limit(limit)
    )
    return [(slug, name, int(pieces)) for slug, name, pieces in rows]


def campaigns(today: date, limit: int) -> Sequence[tuple[Campaign, list[Progress]]]:
    """Campaigns that are on, those that end first before, with their goals: one statement.

    One more where a goal is a figure of the treaty ledger.
    """
    running = (
        select(Campaign.id)
        .where(is_running(today))
        .order_by(Campaign.ends_on.is_(None), Campaign.ends_on, Campaign.id)
        .limit(limit)
        .subquery()
    )
    done = (
        select(func.coalesce(func.sum(KeptDone.pieces), 0))
        .where(
            KeptDone.campaign_id == Goal.campaign_id,
            Goal.channel.is_(None) | (KeptDone.channel == Goal.channel),
        )
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(Campaign, Goal, done)
        .join(running, running.c.id == Campaign.id)
        .outerjoin(Goal, Goal.campaign_id == Campaign.id)
        .order_by(Campaign.ends_on.is_(None), Campaign.ends_on, Campaign.id, Goal.due_on, Goal.id)
    ).all()
    figures = figure_values([goal for _campaign, goal, _done in rows if goal is not None], today)
    found: dict[int, tuple[Campaign, list[Progress]]] = {}
    for campaign, goal, amount in rows:
        _of_it, goals = found.setdefault(campaign.id, (campaign, []))
        if goal is not None:
            goals.append(Progress(goal, figures.get(goal.id, int(amount))))
    return list(found.values())
