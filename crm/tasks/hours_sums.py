"""The hours of a chapter: a line a member, how much of it is signed, and how all of it adds up."""

from collections import Counter
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
class Spent:
    """What a member, or a chapter's members, named or not, spent; and what of it is signed."""

    minutes: int
    signed: int


def by_chapter(chapter_ids: Collection[int], year: Days) -> dict[int, Spent]:
    """The hours of each chapter: joint work counts in each. Three statements."""
    theirs = (
        ActionChapter.chapter_id.in_(chapter_ids),
        ActionChapter.happened_on.between(year.first, year.last),
        Action.undone_at.is_(None),
    )
    minutes = {
        chapter_id: int(spent or 0)
        for chapter_id, spent in db.session.execute(
            select(ActionChapter.chapter_id, func.sum(Action.minutes))
            .join(Action, Action.id == ActionChapter.action_id)
            .where(*theirs, Action.minutes > 0)
            .group_by(ActionChapter.chapter_id)
        )
    }
    signatures = signed_outreach(ActionChapter.chapter_id, *theirs)
    tasks = tasks_by(Task.chapter_id, year, Task.chapter_id.in_(chapter_ids))
    return together(minutes, signatures, tasks)


def together(
    minutes: dict[int, int], signatures: dict[int, int], tasks: dict[int, tuple[int, int]]
) -> dict[int, Spent]:
    """Outreach, what of it is signed, and tasks (with what of these is): by chapter or member."""
    spent, signed = Counter(minutes), Counter(signatures)
    for key, (more, word) in tasks.items():
        spent[key] += more
        signed[key] += word
    return {key: Spent(many, signed[key]) for key, many in spent.items()}


def signed_outreach(by: Any, *asked: ColumnElement[bool]) -> dict[int, int]:
    """Signed minutes of outreach by a column: from the signatures, which are few. Conditions may
    ask of the action, and by chapter of `ActionChapter`.
    """
    signed = (
        select(HoursSigned.member_id, HoursSigned.action_id, HoursSigned.minutes)
        .where(HoursSigned.action_id.is_not(None))
        .cte("signed")
        .prefix_with("MATERIALIZED")
    )
    part = (
        (ActionMember.action_id == signed.c.action_id)
        & (ActionMember.member_id == signed.c.member_id)
        & (ActionMember.minutes == signed.c.minutes)
    )
    rows = (
        select(by, func.sum(ActionMember.minutes))
        .select_from(signed)
        .join(ActionMember, part)
        .join(Action, Action.id == ActionMember.action_id)
    )
    if by is ActionChapter.chapter_id:
        rows = rows.join(ActionChapter, ActionChapter.action_id == Action.id)
    rows = rows.where(ActionMember.minutes > 0, *asked).group_by(by)
    return {key: int(minutes) for key, minutes in db.session.execute(rows)}


def tasks_by(by: Any, year: Days, *asked: ColumnElement[bool]) -> dict[int, tuple[int, int]]:
    """Minutes of tasks that logged no outreach, and what of these is signed; by a column."""
    rows = (
        select(by, func.sum(Task.minutes), func.sum(_signed(Task.minutes)))
        .outerjoin(
            HoursSigned,
            (HoursSigned.member_id == Task.member_id) & (HoursSigned.task_id == Task.id),
        )
        .where(*of_task(year), *asked)
        .group_by(by)
    )
    return {key: (int(spent), int(word)) for key, spent, word in db.session.execute(rows)}


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
