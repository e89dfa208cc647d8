"""The hours of a chapter: a line a member, how much of it is signed, and how all of it adds up."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal, select, union_all

from crm.core import db
from crm.core.access import Scope
from crm.members.models import Member
from crm.members.queries import visible_members
from crm.outreach.models import Action, ActionChapter, ActionMember
from crm.tasks.hours import Days, of_action, of_chapters, of_task
from crm.tasks.models import HoursSigned, Task


@dataclass(frozen=True)
class Whole:
    """How the hours of a chapter add up: `seen + others + unnamed = actions + tasks`."""

    #: Minutes of the members on the list, of members the reader does not see, and of nobody named.
    seen: int
    others: int
    unnamed: int
    #: Minutes of the chapter's actions, and of tasks that logged none.
    actions: int
    tasks: int
    #: Of those on the list.
    signed: int
    members: int

    @property
    def unsigned(self) -> int:
        """Of those on the list: what nobody signed for, or what has changed since."""
        return self.seen - self.signed

    @property
    def all(self) -> int:
        """Everything, once."""
        return self.actions + self.tasks


def _work(chapter_ids: Collection[int], year: Days) -> Any:
    """Each member's part in each action and each task of the chapters: minutes, and if signed."""
    of_signed_action = (HoursSigned.member_id == ActionMember.member_id) & (
        HoursSigned.action_id == ActionMember.action_id
    )
    of_signed_task = (HoursSigned.member_id == Task.member_id) & (HoursSigned.task_id == Task.id)
    return union_all(
        select(
            ActionMember.member_id.label("member_id"),
            ActionMember.minutes.label("minutes"),
            _signed(ActionMember.minutes).label("signed"),
            literal(0).label("is_task"),
        )
        .join(Action, Action.id == ActionMember.action_id)
        .outerjoin(HoursSigned, of_signed_action)
        .where(*of_action(year), Action.id.in_(of_chapters(chapter_ids, year))),
        select(Task.member_id, Task.minutes, _signed(Task.minutes), literal(1))
        .outerjoin(HoursSigned, of_signed_task)
        .where(*of_task(year), Task.chapter_id.in_(chapter_ids)),
    ).subquery()


def _signed(minutes: Any) -> Any:
    return case((HoursSigned.minutes == minutes, minutes), else_=0)


def by_member(chapter_ids: Collection[int], year: Days, sees: Scope) -> Select[Any]:
    """(member id, minutes, signed) of those the reader sees who have hours, by name."""
    work = _work(chapter_ids, year)
    theirs = (
        select(
            work.c.member_id,
            func.sum(work.c.minutes).label("minutes"),
            func.sum(work.c.signed).label("signed"),
        )
        .group_by(work.c.member_id)
        .subquery()
    )
    return (
        select(theirs.c.member_id, theirs.c.minutes, theirs.c.signed)
        .join(Member, Member.id == theirs.c.member_id)
        .where(Member.id.in_(_seen(sees)))
        .order_by(Member.search, Member.id)
    )


def whole(chapter_ids: Collection[int], year: Days, sees: Scope) -> Whole:
    """How all of it adds up: two statements."""
    work = _work(chapter_ids, year)
    is_seen: ColumnElement[bool] = work.c.member_id.in_(_seen(sees))
    in_all, seen, signed, tasks, members = db.session.execute(
        select(
            func.sum(work.c.minutes),
            func.sum(case((is_seen, work.c.minutes), else_=0)),
            func.sum(case((is_seen, work.c.signed), else_=0)),
            func.sum(case((work.c.is_task == 1, work.c.minutes), else_=0)),
            func.count(func.distinct(case((is_seen, work.c.member_id)))),
        )
    ).one()
    actions = db.session.scalar(
        select(func.sum(Action.minutes)).where(
            Action.undone_at.is_(None), Action.id.in_(of_chapters(chapter_ids, year))
        )
    )
    named, of_tasks = int(in_all or 0), int(tasks or 0)
    return Whole(
        seen=int(seen or 0),
        others=named - int(seen or 0),
        unnamed=int(actions or 0) - (named - of_tasks),
        actions=int(actions or 0),
        tasks=of_tasks,
        signed=int(signed or 0),
        members=members,
    )


@dataclass(frozen=True)
class OfChapter:
    """What a chapter's members spent, named or not, and what of it is signed."""

    minutes: int
    signed: int


def by_chapter(chapter_ids: Collection[int], year: Days) -> dict[int, OfChapter]:
    """The hours of each chapter: joint work counts in each. Three statements."""
    minutes: dict[int, int] = {}
    signed: dict[int, int] = {}
    theirs = (
        ActionChapter.chapter_id.in_(chapter_ids),
        ActionChapter.happened_on.between(year.first, year.last),
        Action.undone_at.is_(None),
    )
    of_actions = db.session.execute(
        select(ActionChapter.chapter_id, func.sum(Action.minutes))
        .join(Action, Action.id == ActionChapter.action_id)
        .where(*theirs, Action.minutes > 0)
        .group_by(ActionChapter.chapter_id)
    )
    of_signatures = db.session.execute(
        select(ActionChapter.chapter_id, func.sum(ActionMember.minutes))
        .join(Action, Action.id == ActionChapter.action_id)
        .join(ActionMember, ActionMember.action_id == Action.id)
        .join(
            HoursSigned,
            (HoursSigned.member_id == ActionMember.member_id)
            & (HoursSigned.action_id == ActionMember.action_id)
            & (HoursSigned.minutes == ActionMember.minutes),
        )
        .where(*theirs)
        .group_by(ActionChapter.chapter_id)
    )
    of_tasks = db.session.execute(
        select(Task.chapter_id, func.sum(Task.minutes), func.sum(_signed(Task.minutes)))
        .outerjoin(
            HoursSigned,
            (HoursSigned.member_id == Task.member_id) & (HoursSigned.task_id == Task.id),
        )
        .where(*of_task(year), Task.chapter_id.in_(chapter_ids))
        .group_by(Task.chapter_id)
    )
    for chapter_id, spent in of_actions:
        minutes[chapter_id] = int(spent or 0)
    for chapter_id, spent in of_signatures:
        signed[chapter_id] = int(spent or 0)
    for chapter_id, spent, word in of_tasks:
        minutes[chapter_id] = minutes.get(chapter_id, 0) + int(spent)
        signed[chapter_id] = signed.get(chapter_id, 0) + int(word)
    return {
        chapter_id: OfChapter(spent, signed.get(chapter_id, 0))
        for chapter_id, spent in minutes.items()
    }


def repeated_by_chapters(chapter_ids: Collection[int], year: Days) -> int:
    """Minutes that the sums of chapters tell more than once: those of joint work."""
    joint = (
        select((Action.minutes * (func.count() - 1)).label("more"))
        .join(ActionChapter, ActionChapter.action_id == Action.id)
        .where(
            ActionChapter.chapter_id.in_(chapter_ids),
            ActionChapter.happened_on.between(year.first, year.last),
            Action.undone_at.is_(None),
            Action.minutes > 0,
        )
        .group_by(Action.id, Action.minutes)
        .having(func.count() > 1)
        .subquery()
    )
    return int(db.session.scalar(select(func.sum(joint.c.more))) or 0)


def _seen(sees: Scope) -> Any:
    return visible_members(sees).with_only_columns(Member.id)
