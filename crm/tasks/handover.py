"""Open tasks that still go to who held a post before."""

from collections.abc import Collection, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.members.queries import in_scope
from crm.targets.handover import Hanging, Provider
from crm.tasks.models import Task, TaskTarget
from crm.tasks.operations import held, set_done
from crm.tasks.rules import OPEN, State


def find(target_ids: Collection[int], user: Any) -> Sequence[Hanging]:
    """Open tasks to these targets with something left to do, in one's chapters. One statement.

    What a pack carries follows its pack.
    """
    scope = access.scope(user, Can.ASSIGN_TASKS)
    if not scope:
        return []
    rows = db.session.execute(
        select(Task.id, Task.title, Task.carrier, TaskTarget.target_id)
        .join(TaskTarget, TaskTarget.task_id == Task.id)
        .where(
            TaskTarget.target_id.in_(target_ids),
            TaskTarget.done < TaskTarget.pieces,
            Task.state.in_(OPEN),
            in_scope(Task.chapter_id, scope),
        )
        .order_by(Task.due_on, Task.id)
    )
    return [
        Hanging(
            key=str(task_id),
            target_id=target_id,
            told=_("to be reached by the task “%(title)s”", title=title),
            link=("tasks.page", {"task_id": task_id}),
            movable=carrier is None,
        )
        for task_id, title, carrier, target_id in rows
    ]


def repoint(key: str, from_id: int, to_id: int, *, by: User) -> None:
    """What is left to do for one goes to the other; what was done stays with whom it reached."""
    task = held(int(key))
    if not access.may(by, Can.ASSIGN_TASKS, task.chapter_id):
        raise Refused(_("You cannot hand out tasks in this chapter."))
    rows = {
        row.target_id: row
        for row in db.session.scalars(select(TaskTarget).where(TaskTarget.task_id == task.id))
    }
    old = rows.get(from_id)
    if old is None or old.done >= old.pieces or task.state not in OPEN:
        return
    left = old.pieces - old.done
    old.pieces = old.done
    there = rows.get(to_id)
    if there is None:
        there = TaskTarget(task_id=task.id, target_id=to_id, pieces=left, done=0)
        db.session.add(there)
        rows[to_id] = there
    else:
        there.pieces += left
    if not old.pieces:
        db.session.delete(rows.pop(from_id))
    db.session.flush()
    set_done(task, list(rows.values()), State(task.state))
    audit.record(
        "repoint_task",
        "task",
        task.id,
        by=by,
        changes={"target_id": [from_id, to_id], "pieces": left},
    )


OF_TASKS = Provider("task", find, repoint)
