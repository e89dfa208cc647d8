"""Who handed out the task that outreach came of: they are asked whether it was answered."""

from collections.abc import Collection, Mapping

from sqlalchemy import select

from crm.core import db
from crm.outreach import asking
from crm.tasks.models import Task, TaskAction


def led(action_ids: Collection[int]) -> Mapping[int, int]:
    """By action the leader of its task: one statement."""
    rows = db.session.execute(
        select(TaskAction.action_id, Task.leader_id)
        .join(Task, Task.id == TaskAction.task_id)
        .where(TaskAction.action_id.in_(action_ids))
        .order_by(Task.id)
    )
    return {action_id: user_id for action_id, user_id in rows if user_id is not None}


asking.LEADERS.append(led)
