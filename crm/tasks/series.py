"""Recurring tasks come again by the clock, and not only when somebody finishes one.

What a leader expects of “every week”: on the day after one was missed, the next is there, for its
own day. The missed one stays and is late: it may still be done, or be called off. Finishing it
later makes no second one. Where three of a series lie open nobody does them, and no fourth is
added: the leader sees that, and ends the series or gives it to somebody else. Holidays are days
like others.
"""

from datetime import date
from typing import Any

from flask import Flask
from flask_babel import lazy_gettext as _l
from sqlalchemy import String, cast, exists, func, or_, select
from sqlalchemy.orm import aliased

from crm.core import db, schedule
from crm.core.schedule import Daily, Schedule
from crm.members.models import Chapter, Member, Membership
from crm.members.queries import open_on, present
from crm.tasks import mailed
from crm.tasks.models import Task
from crm.tasks.operations import come_again, held
from crm.tasks.rules import OPEN

#: Open tasks of one series, at most.
MOST_OPEN = 3


def init_app(app: Flask) -> None:
    """Let it be done at night, before anybody is reminded."""
    schedule.add(
        app, Schedule("recurring-tasks", _l("Recurring tasks come again"), Daily(4, 20), go_on)
    )


def go_on(on: date) -> list[Task]:
    """Make the next task of every series whose last one's day has passed; those that were made."""
    db.take_turn("recurring-tasks")
    made = [
        task for task_id in _missed(on) if (task := come_again(held(task_id), today=on)) is not None
    ]
    mailed.given(made, by=None, today=on)
    return made


def _missed(on: date) -> list[int]:
    """The last tasks of series that are open and past their day: one statement."""
    after, others = aliased(Task), aliased(Task)
    series: Any = func.coalesce(Task.first_id, Task.id)
    open_in_series = (
        select(func.count())
        .where(func.coalesce(others.first_id, others.id) == series, others.state.in_(OPEN))
        .scalar_subquery()
    )
    still_here = (
        select(Membership.id)
        .join(Member, Member.id == Membership.member_id)
        .where(Membership.member_id == Task.member_id, open_on(on), *present())
        .exists()
    )
    found = (
        select(Task.id)
        .join(Chapter, Chapter.id == Task.chapter_id)
        .where(
            Task.repeats.is_not(None),
            Task.state.in_(OPEN),
            Task.due_on < on,
            Chapter.closed_on.is_(None),
            or_(Task.member_id.is_(None), still_here),
            ~exists().where(after.client_key == "after-" + cast(Task.id, String) + "-again"),
            open_in_series < MOST_OPEN,
        )
        .order_by(Task.id)
    )
    return list(db.session.scalars(found))
