"""How tasks follow two that are made one: nothing is asked twice, and sums stay sums."""

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Column, Table, func, or_, select, update

from crm.core import db
from crm.core.merging import AFTERWARDS, EXACT, WAYS, Merging
from crm.members import merging as members
from crm.outreach.channels import per_piece_names
from crm.tasks.models import Task, TaskTarget

_TASKS: Table = Task.__table__  # type: ignore[assignment]


def _aimed(work: Merging, column: Column[Any]) -> None:
    """A task that goes to both goes to one: pieces add up, what is counted as one act is one."""
    table, journal = column.table, work.journal
    there = {row["task_id"]: row for row in journal.rows(table, target_id=work.kept_id)}
    for other in journal.rows(table, target_id=work.merged_id):
        row = there.get(other["task_id"])
        if row is None:
            journal.update(table, other, target_id=work.kept_id)
            continue
        [task] = journal.rows(_TASKS, id=other["task_id"])
        adds = task["channel"] in per_piece_names()
        journal.delete(table, other)
        if adds:
            journal.update(
                table,
                row,
                pieces=row["pieces"] + other["pieces"],
                done=row["done"] + other["done"],
            )
            continue
        pieces, done = (max(row[name], other[name]) for name in ("pieces", "done"))
        gone = {
            "pieces": row["pieces"] + other["pieces"] - pieces,
            "done": row["done"] + other["done"] - done,
        }
        journal.update(table, row, pieces=pieces, done=done)
        journal.update(_TASKS, task, **{name: task[name] - gone[name] for name in gone})


def _settle(kept_id: int, merged_id: int) -> None:
    """Sums of tasks are those of their targets again."""
    ids = db.session.scalars(
        select(TaskTarget.task_id).where(
            or_(TaskTarget.target_id == kept_id, TaskTarget.target_id == merged_id)
        )
    ).all()
    sums = select(func.sum(TaskTarget.pieces), func.sum(TaskTarget.done)).where(
        TaskTarget.task_id == Task.id
    )
    pieces = sums.with_only_columns(func.sum(TaskTarget.pieces)).scalar_subquery()
    done = sums.with_only_columns(func.sum(TaskTarget.done)).scalar_subquery()
    db.session.execute(
        update(Task).where(Task.id.in_(set(ids))).values(pieces=pieces, done=done),
        execution_options={"synchronize_session": False},
    )


WAYS["task_target.target_id"] = _aimed
EXACT["task_target"] = _l("A task that went to both was worked on since, and cannot be parted.")
AFTERWARDS["target"].append(_settle)
members.MOVES["task.member_id"] = _l("Tasks")
