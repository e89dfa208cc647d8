"""What the tasks of a pack are told: how many of a member's pieces are done, and what follows.

A member's pieces are one task, which prepares them and logs nothing: posting does. `as_tasks` makes
the tasks and takes their answers.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from sqlalchemy import case, func, select

from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can
from crm.mailings.models import Mailing, Piece, Posting
from crm.mailings.rules import State
from crm.tasks import rules as task_rules
from crm.tasks.models import Task, TaskTarget
from crm.tasks.operations import Draft, add_tasks, cancel, carry, held, set_done, targets_of

#: Ids of one statement.
_AT_ONCE = 1_000


def tasks_of(piece_ids: Iterable[int]) -> list[int]:
    """The tasks of these pieces."""
    ids, found = list(piece_ids), set[int]()
    for some in db.batches(ids, _AT_ONCE):
        found.update(
            task_id
            for task_id in db.session.scalars(
                select(Piece.task_id)
                .where(Piece.id.in_(some), Piece.task_id.is_not(None))
                .distinct()
            )
            if task_id is not None
        )
    return sorted(found)


def tell(task_ids: Iterable[int], *, by: User | None, today: date) -> None:
    """Let tasks know how many of their pieces are done, and of how many they are now."""
    wanted = sorted(task_ids)
    done: dict[int, dict[int, int]] = defaultdict(dict)
    there: dict[int, dict[int, int]] = defaultdict(dict)
    for some in db.batches(wanted, _AT_ONCE):
        for task_id, target_id, number, ready in db.session.execute(
            select(
                Piece.task_id,
                Piece.target_id,
                func.count(),
                func.sum(case((Piece.state == State.TO_PREPARE, 0), else_=1)),
            )
            .where(Piece.task_id.in_(some))
            .group_by(Piece.task_id, Piece.target_id)
        ):
            there[task_id][target_id] = number
            done[task_id][target_id] = int(ready)
    for task_id in wanted:
        if not there[task_id]:
            _drop(task_id, by)
            continue
        _fit(task_id, there[task_id], by)
        carry(task_id, done[task_id], by=by, today=today)


def _drop(task_id: int, by: User | None) -> None:
    """Call off a task of which nothing is left to do."""
    task = db.session.get_one(Task, task_id)
    if task.state in task_rules.OPEN:
        cancel([task_id], by=_of_tasks(by, task.chapter_id))


def _fit(task_id: int, there: dict[int, int], by: User | None) -> None:
    """Let a task ask for the pieces it has now: some were given back, or go to a successor."""
    task, rows = held(task_id), targets_of(task_id)
    if {row.target_id: row.pieces for row in rows} == there:
        return
    before = task.pieces
    kept = []
    for row in rows:
        if (number := there.get(row.target_id)) is None:
            db.session.delete(row)
        else:
            row.pieces, row.done = number, min(row.done, number)
            kept.append(row)
    known = {row.target_id for row in rows}
    for target_id, number in there.items():
        if target_id not in known:
            kept.append(TaskTarget(task_id=task_id, target_id=target_id, pieces=number, done=0))
            db.session.add(kept[-1])
    db.session.flush()
    set_done(task, kept, None if task.state in task_rules.OPEN else task_rules.State(task.state))
    audit.record("fit_task", "task", task_id, by=by, changes={"pieces": [before, task.pieces]})


def _of_tasks(by: User | None, chapter_id: int) -> User | None:
    """The user, where they may hand out tasks; else it is the pack that does it."""
    return by if by is not None and access.may(by, Can.ASSIGN_TASKS, chapter_id) else None


def open_tasks(mailing_id: int) -> list[int]:
    """Tasks of the pack that are not done."""
    return list(
        db.session.scalars(
            select(Task.id)
            .where(
                Task.id.in_(select(Piece.task_id).where(Piece.mailing_id == mailing_id)),
                Task.state.in_(task_rules.OPEN),
            )
            .order_by(Task.id)
        )
    )


def call_off(task_ids: Iterable[int], *, by: User | None, reason: str | None) -> None:
    """Cancel tasks of a pack that is put away."""
    wanted = list(task_ids)
    if wanted:
        chapter_id = db.session.get_one(Task, wanted[0]).chapter_id
        cancel(wanted, by=_of_tasks(by, chapter_id), reason=reason)


def follow(mailing: Mailing, posting: Posting, *, by: User | None, today: date) -> None:
    """Make the first task that follows; the others follow that. Once a pack, at its first posting.

    It is the leader's, who posted: whether an answer came is seen where the answers come in.
    """
    if not mailing.then:
        return
    step, rest = mailing.then[0], mailing.then[1:]
    targets = list(
        db.session.scalars(select(Piece.target_id).where(Piece.posting_id == posting.id).distinct())
    )
    add_tasks(
        [
            Draft(
                title=str(step["title"]),
                chapter_id=mailing.chapter_id,
                leader_id=by.id if by is not None else mailing.made_by_id,
                campaign_id=mailing.campaign_id,
                targets=dict.fromkeys(sorted(targets), 1)
                if len(targets) <= task_rules.MOST_TARGETS
                else {},
                due_on=posting.posted_on + timedelta(days=int(step["days"])),
                origin="follow-up",
                then=rest,
            )
        ],
        by=_of_tasks(by, mailing.chapter_id),
        today=today,
        client_key=f"pack-{mailing.id}-then",
    )
