"""The hours of some chapters, or of all together, for reports.

Of some it is what `hours_sums` says. Of all it is the same, but what months came to is mostly read
from what is kept (`outreach.kept_months`): the scan of all outreach takes seconds at a million
actions.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from flask import Flask
from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased

from crm.core import db
from crm.core.access import Scope
from crm.members.models import Member
from crm.members.queries import visible_members
from crm.outreach import kept_months
from crm.outreach.kept_months import Monthly, Told, add
from crm.outreach.models import Action, ActionChapter, ActionMember
from crm.outreach.queries import ActionFilter
from crm.tasks import hours_sums
from crm.tasks.hours import Days
from crm.tasks.hours_sums import Spent, Whole, signed_outreach, tasks_by, together
from crm.tasks.models import Task

#: Ids of some chapters; None: all there are.
Chapters = Collection[int] | None

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


def _filter(year: Days) -> ActionFilter:
    return ActionFilter(since=year.first, until=year.last)


#: Tasks of whatever chapter.
_ANY = Task.chapter_id.is_not(None)


def _minutes(monthly: Monthly, year: Days) -> dict[int, int]:
    return {key: minutes for (key,), (minutes,) in monthly(_filter(year)).items()}


@dataclass(frozen=True)
class Hours:
    """Minutes and signed minutes of each member the reader sees, by name; and all of it."""

    members: list[tuple[int, int, int]]
    whole: Whole


def hours(chapter_ids: Chapters, year: Days, sees: Scope) -> Hours:
    """What members spent, and how all of it adds up."""
    if chapter_ids is not None:
        rows = db.session.execute(hours_sums.by_member(chapter_ids, year, sees))
        members = [(each, int(minutes), int(signed)) for each, minutes, signed in rows]
        return Hours(members, whole(chapter_ids, year, sees))
    outreach, tasks = _minutes(OF_MEMBERS, year), tasks_by(Task.member_id, year, _ANY)
    signatures = signed_outreach(ActionMember.member_id, *_done(_filter(year)))
    spent = together(outreach, signatures, tasks)
    ids = db.session.scalars(
        visible_members(sees).with_only_columns(Member.id).order_by(Member.search, Member.id)
    )
    members = [(each, spent[each].minutes, spent[each].signed) for each in ids if each in spent]
    seen = sum(minutes for _id, minutes, _word in members)
    [(actions,)] = OF_ACTIONS(_filter(year)).values()
    of_whole = Whole(
        seen=seen,
        others=sum(each.minutes for each in spent.values()) - seen,
        unnamed=actions - sum(outreach.values()),
        actions=actions,
        tasks=sum(minutes for minutes, _word in tasks.values()),
        signed=sum(word for _id, _minutes, word in members),
        members=len(members),
    )
    return Hours(members, of_whole)


def whole(chapter_ids: Chapters, year: Days, sees: Scope) -> Whole:
    """How all of it adds up, alone."""
    if chapter_ids is not None:
        return hours_sums.whole(chapter_ids, year, sees)
    return hours(None, year, sees).whole


def by_chapter(chapter_ids: Chapters, year: Days) -> dict[int, Spent]:
    """The hours of each chapter: joint work counts in each."""
    if chapter_ids is not None:
        return hours_sums.by_chapter(chapter_ids, year)
    return together(
        _minutes(OF_CHAPTERS, year),
        signed_outreach(ActionChapter.chapter_id, *_done(_filter(year))),
        tasks_by(Task.chapter_id, year, _ANY),
    )


def repeated_by_chapters(chapter_ids: Chapters, year: Days) -> int:
    """Minutes that the sums of chapters tell more than once: those of joint work."""
    if chapter_ids is not None:
        return hours_sums.repeated_by_chapters(chapter_ids, year)
    [(once,)] = OF_ACTIONS(_filter(year)).values()
    return sum(_minutes(OF_CHAPTERS, year).values()) - once
