"""What tasks tell a member of themself, and what of them a forgotten member leaves."""

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select, update

from crm.core import audit, db
from crm.core.i18n import day
from crm.members import forgetting, own_data
from crm.members.forgetting import FreeText
from crm.members.own_data import Asked, Section
from crm.tasks.board_views import STATES
from crm.tasks.models import Task
from crm.tasks.rules import OPEN


def _section(asked: Asked) -> Section | None:
    """A member's file: every task that is or was theirs."""
    found = db.session.scalars(
        select(Task).where(Task.member_id == asked.member.id).order_by(Task.id.desc())
    ).all()
    if not found:
        return None
    rows = [
        (
            task.title,
            str(STATES[task.state]),
            day(task.due_on),
            str(task.done) if task.pieces else "",
            str(task.minutes or ""),
            task.help or "",
        )
        for task in found
    ]
    heads = (
        _("Task"), _("State"), _("Due"), _("Pieces done"), _("Minutes"), _("Help you asked for"),
    )  # fmt: skip
    return Section("tasks", _("Your tasks"), heads=heads, rows=rows)


own_data.SECTIONS |= {85: _section}


def leave(member_ids: Sequence[int], by: Any) -> None:
    """Open tasks of who is forgotten go to the pool; what they asked for help with goes."""
    open_ids = db.session.scalars(
        select(Task.id).where(Task.member_id.in_(member_ids), Task.state.in_(OPEN))
    ).all()
    db.session.execute(
        update(Task).where(Task.member_id.in_(member_ids)).values(help=None),
        execution_options={"synchronize_session": "fetch"},
    )
    db.session.execute(
        update(Task).where(Task.id.in_(open_ids)).values(member_id=None, in_pool=True),
        execution_options={"synchronize_session": "fetch"},
    )
    audit.record_each("return_task", "task", {each: {"in_pool": True} for each in open_ids}, by=by)


def _task(row: Task) -> tuple[str, str | None]:
    return _("The task %(title)s", title=row.title), f"/tasks/{row.id}"


forgetting.LEAVING["task"] = leave
forgetting.TEXTS |= {"task": FreeText(Task, ("title", "note", "help", "then"), _task)}
