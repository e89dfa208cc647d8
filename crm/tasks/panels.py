"""What pages of lower rooms show of tasks: a target's, a member's, a campaign's, the front page."""

from datetime import timedelta
from typing import Any

from flask_login import current_user
from sqlalchemy import Select, and_, case, func, or_, select

from crm.core import access, db
from crm.core.access import Can
from crm.core.i18n import today
from crm.members.models import Chapter, Member
from crm.members.queries import in_scope
from crm.tasks import queries, rules
from crm.tasks.models import Task
from crm.tasks.queries import TaskFilter
from crm.tasks.rules import OPEN
from crm.texts.kinds import KINDS

#: What is due so soon is told on the front page.
SOON = timedelta(days=3)
#: Tasks a panel lists; the board has all.
LISTED = 8


def open_tasks(wanted: TaskFilter) -> dict[str, Any] | None:
    """Open tasks of a filter, where the reader hands out tasks: one statement."""
    scope = access.scope(current_user, Can.ASSIGN_TASKS)
    if not scope:
        return None
    day = today()
    rows = db.session.execute(
        queries.tasks(wanted, scope, today=day)
        .join(Chapter, Chapter.id == Task.chapter_id)
        .with_only_columns(Task.id, Task.title, Task.due_on, Task.pieces, Task.done, Chapter.name)
        .limit(LISTED + 1)
    ).all()
    if not rows:
        return None
    return {
        "tasks": [
            (row, rules.due_of(row.due_on, day), rules.due_words(row.due_on, day))
            for row in rows[:LISTED]
        ],
        "more": len(rows) > LISTED,
    }


def of_target(target: Any) -> dict[str, Any] | None:
    """Open tasks to a target."""
    found = open_tasks(TaskFilter(target_id=target.id))
    return found and {**found, "all": {"target": target.id}}


def of_member(member: Any) -> dict[str, Any] | None:
    """A member's open tasks."""
    found = open_tasks(TaskFilter(member_id=member.id))
    return found and {**found, "all": {"member": member.id}}


def of_text(text: Any) -> dict[str, Any] | None:
    """The way from a text that is sent or said to tasks with it, for those who hand out tasks."""
    if text.retired_at is not None or not access.scope(current_user, Can.ASSIGN_TASKS):
        return None
    if KINDS[text.kind].to_members:
        # It is sent, and nobody's task.
        return None
    return {"text": text, "channel": next(iter(KINDS[text.kind].channels), "")}


def of_campaign(campaign: Any) -> dict[str, Any] | None:
    """Tasks of a campaign by state, for those who hand out tasks: one statement."""
    scope = access.scope(current_user, Can.ASSIGN_TASKS)
    if not scope:
        return None
    counts = queries.counts_of_campaign(campaign.id, scope, today=today())
    return {"campaign": campaign, "counts": counts}


def _members_of(user_id: int) -> Select[int]:
    return select(Member.id).where(
        Member.user_id == user_id, Member.forgotten_at.is_(None), Member.merged_into_id.is_(None)
    )


def of_front(user: Any) -> dict[str, Any] | None:
    """What needs a leader today: of the tasks they handed out, and of their own.

    Counted are those that the board lists: a task in a chapter that they lead no more, or that is
    another's, is not theirs to look after.
    """
    scope = access.scope(user, Can.ASSIGN_TASKS)
    if not scope:
        return None
    day = today()
    mine = and_(Task.leader_id == user.id, in_scope(Task.chapter_id, scope))
    soon = day + SOON
    theirs = or_(queries.of_leader(user.id), Task.member_id.in_(_members_of(user.id)))
    late = and_(Task.state.in_(OPEN), Task.due_on < day)
    # From the tasks on: whatever waits for an answer anywhere may be a million.
    waiting = (
        select(func.count())
        .select_from(Task)
        .where(mine, queries.is_unanswered(day))
        .scalar_subquery()
    )
    own = (
        select(func.count())
        .select_from(Task)
        .where(theirs, Task.state.in_(OPEN), Task.due_on <= soon)
        .scalar_subquery()
    )
    overdue, helping, unanswered, near = db.session.execute(
        select(
            func.count(case((late, 1))),
            func.count(case((Task.help.is_not(None), 1))),
            waiting,
            own,
        ).where(mine, Task.state.in_(OPEN))
    ).one()
    if not (overdue or helping or unanswered or near):
        return None
    return {
        "leader": user.id,
        "overdue": overdue,
        "helping": helping,
        "near": near or 0,
        "unanswered": unanswered or 0,
    }
