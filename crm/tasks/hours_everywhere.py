"""The hours of all chapters together: what `hours_sums` says of them, for reports.

What months came to is mostly read from what is kept (`outreach.kept_months`): the scan of all
outreach takes seconds at a million actions.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from flask import Flask
from sqlalchemy import case, exists, func, select
from sqlalchemy.orm import aliased

from crm.core import db
from crm.core.access import Scope
from crm.members.models import Member
from crm.members.queries import visible_members
from crm.outreach import kept_months
from crm.outreach.kept_months import Monthly, Told, add
from crm.outreach.models import Action, ActionChapter, ActionMember
from crm.outreach.queries import ActionFilter
from crm.tasks.hours import Days, of_task
from crm.tasks.hours_sums import OfChapter, Whole
from crm.tasks.models import HoursSigned, Task

# A name of its own: a statement may tell chapters apart itself.
_did = aliased(ActionChapter)


def _done(wanted: ActionFilter) -> list[Any]:
    """Outreach that some chapter did."""
    return [*wanted.of_actions(), exists().where(_did.action_id == Action.id)]


def _of_members(wanted: ActionFilter) -> Told:
    rows = db.session.execute(
        select(ActionMember.member_id, func.sum(ActionMember.minutes))
        .join(Action, Action.id == ActionMember.action_id)
        .where(ActionMember.minutes > 0, *_done(wanted), *wanted.few(ActionMember.action_id))
        .group_by(ActionMember.member_id)
    )
    return {(member_id,): (int(minutes or 0),) for member_id, minutes in rows}


OF_MEMBERS = Monthly(name="minutes of members", scan=_of_members, joins=(add,))


def _of_chapters(wanted: ActionFilter) -> Told:
    rows = db.session.execute(
        select(ActionChapter.chapter_id, func.sum(Action.minutes))
        .join(Action, Action.id == ActionChapter.action_id)
        .where(Action.minutes > 0, *wanted.of_actions(), *wanted.few(ActionChapter.action_id))
        .group_by(ActionChapter.chapter_id)
    )
    return {(chapter_id,): (int(minutes or 0),) for chapter_id, minutes in rows}


#: Joint work counts in each of its chapters.
OF_CHAPTERS = Monthly(name="minutes of chapters", scan=_of_chapters, joins=(add,))


def _of_actions(wanted: ActionFilter) -> Told:
    minutes = db.session.scalar(
        select(func.sum(Action.minutes)).where(Action.minutes > 0, *_done(wanted))
    )
    return {(): (int(minutes or 0),)}


OF_ACTIONS = Monthly(name="minutes of actions", scan=_of_actions, joins=(add,))


def init_app(app: Flask) -> None:
    """Have their answers kept."""
    kept_months.offer(app, OF_MEMBERS, OF_CHAPTERS, OF_ACTIONS)


@dataclass(frozen=True)
class Everywhere:
    """Minutes and signed minutes of each member the reader sees, by name; and all of it."""

    members: list[tuple[int, int, int]]
    whole: Whole


def _filter(year: Days) -> ActionFilter:
    return ActionFilter(since=year.first, until=year.last)


def _of_signatures(year: Days, key: Any) -> dict[int, int]:
    """Signed minutes of outreach by a column: from the signatures, which are few."""
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
        select(key, func.sum(ActionMember.minutes))
        .select_from(signed)
        .join(ActionMember, part)
        .join(Action, Action.id == ActionMember.action_id)
    )
    if key is ActionChapter.chapter_id:
        rows = rows.join(ActionChapter, ActionChapter.action_id == Action.id)
    rows = rows.where(ActionMember.minutes > 0, *_done(_filter(year))).group_by(key)
    return {each: int(minutes) for each, minutes in db.session.execute(rows)}


def _of_tasks(year: Days, key: Any) -> dict[int, tuple[int, int]]:
    """Minutes of tasks that logged no outreach, and what of these is signed; by a column."""
    signed = case((HoursSigned.minutes == Task.minutes, Task.minutes), else_=0)
    rows = (
        select(key, func.sum(Task.minutes), func.sum(signed))
        .outerjoin(
            HoursSigned,
            (HoursSigned.member_id == Task.member_id) & (HoursSigned.task_id == Task.id),
        )
        .where(*of_task(year), Task.chapter_id.is_not(None))
        .group_by(key)
    )
    return {each: (int(spent), int(word)) for each, spent, word in db.session.execute(rows)}


def everywhere(year: Days, sees: Scope) -> Everywhere:
    """What `hours_sums.by_member` and `hours_sums.whole` say of all chapters together."""
    minutes = Counter({key: spent for (key,), (spent,) in OF_MEMBERS(_filter(year)).items()})
    signed = Counter(_of_signatures(year, ActionMember.member_id))
    tasks = 0
    for member_id, (spent, word) in _of_tasks(year, Task.member_id).items():
        minutes[member_id] += spent
        signed[member_id] += word
        tasks += spent
    seen = db.session.scalars(
        visible_members(sees).with_only_columns(Member.id).order_by(Member.search, Member.id)
    )
    members = [(each, minutes[each], signed[each]) for each in seen if each in minutes]
    [(actions,)] = OF_ACTIONS(_filter(year)).values()
    of_seen = sum(spent for _id, spent, _word in members)
    named = minutes.total()
    whole = Whole(
        seen=of_seen,
        others=named - of_seen,
        unnamed=actions - (named - tasks),
        actions=actions,
        tasks=tasks,
        signed=sum(word for _id, _spent, word in members),
        members=len(members),
    )
    return Everywhere(members, whole)


def by_chapter(year: Days) -> dict[int, OfChapter]:
    """What `hours_sums.by_chapter` says of all of them."""
    minutes = Counter({key: spent for (key,), (spent,) in OF_CHAPTERS(_filter(year)).items()})
    signed = Counter(_of_signatures(year, ActionChapter.chapter_id))
    for chapter_id, (spent, word) in _of_tasks(year, Task.chapter_id).items():
        minutes[chapter_id] += spent
        signed[chapter_id] += word
    return {each: OfChapter(spent, signed[each]) for each, spent in minutes.items()}


def repeated_by_chapters(year: Days) -> int:
    """Minutes that the sums of chapters tell more than once: those of joint work."""
    [(once,)] = OF_ACTIONS(_filter(year)).values()
    return sum(spent for (spent,) in OF_CHAPTERS(_filter(year)).values()) - once
