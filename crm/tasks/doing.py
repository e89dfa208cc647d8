"""What is done with one's own tasks: begin, do, do in part, give back, ask for help, take one.

Whoever does a task is a user, or a member whose own page was opened by a link or a card, without
an account. Done logs the outreach: the task is what authorises it, and it is logged once, however
often the button is pressed, from however many phones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from crm.accounts.models import User
from crm.campaigns.queries import only_ask
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.members import keys
from crm.members.models import Chapter, Membership
from crm.members.queries import is_visible, open_on
from crm.outreach.channels import channels
from crm.outreach.models import Action, ActionTarget
from crm.outreach.operations import BEFORE_REDO, log_action
from crm.tasks import rules
from crm.tasks.carriers import Carrier, carrier_of, handed
from crm.tasks.models import Task, TaskAction
from crm.tasks.operations import carry, follow, held, set_done, targets_of
from crm.tasks.rules import OPEN, State


@dataclass(frozen=True)
class Doer:
    """Who does something: a user, the member they are, or a member by their own page alone.

    Neither: the program.
    """

    by: User | None = None
    member_id: int | None = None

    @classmethod
    def of(cls, user: User) -> "Doer":
        """A user with the member they are, if one is known."""
        member = keys.of_user(user.id)
        return cls(user, member.id if member is not None else None)

    @property
    def is_program(self) -> bool:
        """Whether nobody in particular does it."""
        return self.by is None and self.member_id is None

    def may_hand_out(self, task: Task) -> bool:
        """Whether they answer for tasks of its chapter."""
        return self.is_program or (
            self.by is not None and access.may(self.by, Can.ASSIGN_TASKS, task.chapter_id)
        )

    def owns(self, task: Task) -> bool:
        """Whether the task is theirs to do."""
        if task.member_id is not None:
            return task.member_id == self.member_id
        return not task.in_pool and self.by is not None and task.leader_id == self.by.id

    def may_do(self, task: Task) -> bool:
        """Whether they may do it: their own, or one of a chapter they hand out in."""
        return self.owns(task) or self.may_hand_out(task)

    def told(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Changes with who it was, where no user is in the entry."""
        return {**changes, "done_by_id": self.member_id} if self.by is None else dict(changes)


@dataclass(frozen=True)
class Done:
    """What pressing “I did it” came to."""

    task: Task
    action_id: int | None = None
    #: It had been pressed before: nothing was written.
    repeated: bool = False


def _mine(task_id: int, doer: Doer) -> Task:
    task = held(task_id)
    if not doer.may_do(task):
        raise Refused(_("This task is somebody else's by now."))
    return task


def start(*, task_id: int, doer: Doer) -> Task:
    """Say that one is at it."""
    task = _mine(task_id, doer)
    rules.refuse_closed(task.state)
    if task.state == State.NEEDS_ACTION:
        task.state, task.started_at = State.IN_PROCESS.value, db.now()
        db.session.flush()
        changes = doer.told({"state": [State.NEEDS_ACTION.value, task.state]})
        audit.record("start_task", "task", task.id, by=doer.by, changes=changes)
    return task


def turn_of(task: Task) -> str:
    """What a form is sent back with, so that a second press is known: changes with each logging."""
    logged = select(func.count()).where(TaskAction.task_id == task.id)
    return f"{db.session.scalar(logged)}.{task.done}"


def finish(
    *,
    task_id: int,
    doer: Doer,
    today: date,
    turn: str | None = None,
    done: Mapping[int, int] | None = None,
    on: date | None = None,
    minutes: int | None = None,
) -> Done:
    """Do all that is left of a task, or the `done` of it by target, and log it.

    `turn` is what `turn_of` said when the button was shown; what was logged since is not logged
    again. A carried task logs nothing: its carrier is told.
    """
    db.take_turn(f"task-{task_id}")
    task = _mine(task_id, doer)
    if task.state == State.COMPLETED or (turn is not None and turn != turn_of(task)):
        return Done(task, repeated=True)
    rules.refuse_closed(task.state)
    rules.check_minutes(minutes)
    rows = targets_of(task.id)
    left = {row.target_id: row.pieces - row.done for row in rows}
    now = rules.check_done(left, left if done is None else done) if rows else {}
    if (carrier := carrier_of(task)) is not None:
        return _carried(carrier, task, now, doer, today)
    action = _log(task, now, doer, on=on or today, minutes=minutes, today=today)
    for row in rows:
        row.done += now.get(row.target_id, 0)
    was = task.state
    is_all = all(row.done == row.pieces for row in rows)
    set_done(task, rows, State.COMPLETED if is_all else State.IN_PROCESS)
    if action is None and minutes:
        task.minutes = (task.minutes or 0) + minutes
    db.session.flush()
    changes: dict[str, Any] = {"state": [was, task.state]}
    if now:
        changes["pieces_done"] = now
    if minutes:
        changes["minutes"] = minutes
    if action is not None:
        changes["action_id"] = action.id
    audit.record(
        "finish_task" if is_all else "do_part_of_task",
        "task",
        task.id,
        by=doer.by,
        changes=doer.told(changes),
    )
    if is_all:
        follow(task, today=on or today)
    return Done(task, action.id if action is not None else None)


def _carried(carrier: Carrier, task: Task, now: Mapping[int, int], doer: Doer, today: date) -> Done:
    """Tell the carrier; where it did not say how far the task is now, say it."""
    before = {row.target_id: row.done for row in targets_of(task.id)}
    audit.record(
        "tell_carrier", "task", task.id, by=doer.by, changes=doer.told({"pieces_done": now})
    )
    carrier.finish(task, now, doer.by, today)
    if {row.target_id: row.done for row in targets_of(task.id)} == before:
        after = {target: number + now.get(target, 0) for target, number in before.items()}
        carry(task.id, after, by=doer.by, today=today)
    return Done(held(task.id))


def _log(
    task: Task, now: Mapping[int, int], doer: Doer, *, on: date, minutes: int | None, today: date
) -> Action | None:
    """The outreach that was done; None for a task that logs none."""
    if task.channel is None or task.campaign_id is None:
        if on > today:
            raise Refused(_("This date is in the future. Log what has been done."), "on")
        return None
    way = channels()[task.channel]
    pieces = sum(now.values()) if way.per_piece and now else 1
    number = db.session.scalar(select(func.count()).where(TaskAction.task_id == task.id))
    member_id = task.member_id
    action = log_action(
        channel=task.channel,
        client_key=f"task-{task.id}-{number}",
        origin="task",
        by=_logger(task, doer),
        today=today,
        campaign_id=task.campaign_id,
        happened_on=on,
        pieces=pieces,
        targets=dict(now) if way.per_piece else dict.fromkeys(now, 1),
        members={member_id: pieces} if member_id is not None else {},
        minutes=minutes or None,
        chapter_ids=[task.chapter_id],
        ask_ids=only_ask(task.campaign_id),
    )
    db.session.add(TaskAction(task_id=task.id, action_id=action.id))
    return action


def _logger(task: Task, doer: Doer) -> User | None:
    """Who logs it: the user where they may anyway; else the task is what authorises it."""
    if doer.by is None or not access.may(doer.by, Can.LOG_OUTREACH, task.chapter_id):
        return None
    sees = access.scope(doer.by, Can.SEE_MEMBERS)
    if task.member_id is not None and not is_visible(task.member_id, sees):
        return None
    return doer.by


def reopen(*, task_id: int, doer: Doer) -> Task:
    """Let what is closed be done again: what its outreach still says is done stays done."""
    task = _mine(task_id, doer)
    if task.state in OPEN:
        return task
    if task.carrier is not None and task.state == State.COMPLETED:
        raise Refused(_("All of it is done. Change that where it is carried out."))
    rows, was = targets_of(task.id), task.state
    if task.carrier is None:
        kept = _still_logged(task.id) if task.channel is not None else {}
        for row in rows:
            row.done = min(row.pieces, kept.get(row.target_id, 0))
        if rows and all(row.done == row.pieces for row in rows):
            raise Refused(_("All of it is logged as outreach. Undo that first."))
        if task.channel is None:
            # Its time is told anew with what is done anew, and not on top.
            task.minutes = None
    task.started_at = None
    set_done(task, rows, State.IN_PROCESS if any(row.done for row in rows) else State.NEEDS_ACTION)
    audit.record(
        "reopen_task",
        "task",
        task.id,
        by=doer.by,
        changes=doer.told({"state": [was, task.state], "done": task.done}),
    )
    return task


def refuse_redo(action: Action, kept: Mapping[str, Any]) -> None:
    """Refuse to bring back outreach of a task that was opened again, or done again, since.

    What the task says is done, other actions hold already: it would be counted twice.
    """
    task_id = db.session.scalar(select(TaskAction.task_id).where(TaskAction.action_id == action.id))
    if task_id is None:
        return
    task, there = held(task_id), _still_logged(task_id)
    of_kept = {row["target_id"] for row in kept["targets"]}
    done = {row.target_id: row.done for row in targets_of(task_id) if row.target_id in of_kept}
    if done:
        is_again = any(number <= there.get(target, 0) for target, number in done.items())
    else:
        is_again = task.state in OPEN or _is_logged(task_id)
    if is_again:
        raise Refused(
            _(
                "The task “%(task)s” was opened again since this was undone. Do it there: so it is "
                "counted once.",
                task=task.title,
            )
        )


BEFORE_REDO.append(refuse_redo)


def _is_logged(task_id: int) -> bool:
    """Whether an action of the task counts."""
    found = (
        select(Action.id)
        .join(TaskAction, TaskAction.action_id == Action.id)
        .where(TaskAction.task_id == task_id, Action.undone_at.is_(None))
    )
    return db.session.scalar(found.limit(1)) is not None


def _still_logged(task_id: int) -> dict[int, int]:
    """Target → pieces that actions of the task hold; undone ones hold none."""
    rows = db.session.execute(
        select(ActionTarget.target_id, func.sum(ActionTarget.pieces))
        .join(TaskAction, TaskAction.action_id == ActionTarget.action_id)
        .where(TaskAction.task_id == task_id)
        .group_by(ActionTarget.target_id)
    )
    return {target: int(pieces) for target, pieces in rows}


def give_back(*, task_id: int, doer: Doer, reason: str | None = None) -> Task:
    """Put a task into the pool of its chapter. What was done of it stays done."""
    task = _mine(task_id, doer)
    rules.refuse_closed(task.state)
    if task.in_pool:
        return task
    was = task.member_id
    if (carrier := carrier_of(task)) is not None:
        carrier.give_back(task, doer.by)
    task.member_id, task.in_pool, task.help = None, True, None
    if not task.done:
        task.state, task.started_at = State.NEEDS_ACTION.value, None
    db.session.flush()
    changes = doer.told({"member_id": [was, None], "in_pool": [False, True]})
    audit.record("return_task", "task", task.id, by=doer.by, changes=changes, reason=reason)
    return task


def take(*, task_id: int, doer: Doer, today: date) -> Task:
    """Take one out of the pool: who is first gets it."""
    task = held(task_id)
    if doer.member_id is not None and task.chapter_id in pools_of(doer.member_id, today):
        values: dict[str, Any] = {"member_id": doer.member_id}
    elif doer.by is not None and doer.may_hand_out(task):
        values = {"leader_id": doer.by.id}
    else:
        raise Refused(_("This is not in a pool of your chapter."))
    if not task.in_pool or task.state not in OPEN:
        if doer.owns(task):
            return task
        raise Refused(_("Somebody else was quicker: this task is taken."))
    task.in_pool = False
    for name, value in values.items():
        setattr(task, name, value)
    db.session.flush()
    audit.record("take_task", "task", task_id, by=doer.by, changes=doer.told(values))
    handed(task, doer.by)
    return task


def pools_of(member_id: int, today: date) -> frozenset[int]:
    """Chapters whose pool is theirs: where they are a member, and those above. One statement."""
    paths = db.session.scalars(
        select(Chapter.path)
        .join(Membership, Membership.chapter_id == Chapter.id)
        .where(Membership.member_id == member_id, open_on(today))
    )
    return frozenset(int(part) for path in paths for part in path.strip("/").split("/") if part)


def ask_help(*, task_id: int, words: str, doer: Doer) -> Task:
    """Ask the leader for help, in one's own words."""
    task = _mine(task_id, doer)
    rules.refuse_closed(task.state)
    if not words.strip() or len(words) > 500:
        raise Refused(_("Say what you need, in a sentence."), "words")
    if changes := audit.difference(task, {"help": words.strip()}):
        task.help = words.strip()
        db.session.flush()
        # The words themselves stay with the task, and go with whoever is forgotten.
        changes = {"help": [bool(changes["help"][0]), True]}
        audit.record("ask_help", "task", task.id, by=doer.by, changes=doer.told(changes))
    return task


def helped(*, task_id: int, doer: Doer) -> Task:
    """Say that help was given, or is not needed any more."""
    task = _mine(task_id, doer)
    if task.help is not None:
        task.help = None
        db.session.flush()
        changes = doer.told({"help": [True, False]})
        audit.record("give_help", "task", task.id, by=doer.by, changes=changes)
    return task
