"""What those who hand out work do with tasks: make them, give them to others, move them, call them
off; and what is common to all who finish one. What members do with their own is in `doing`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, insert, literal, select, union_all

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.members.models import Chapter, Member, Membership
from crm.members.queries import below, open_on
from crm.outreach.channels import channels
from crm.targets.models import Target
from crm.tasks import mailed, rules
from crm.tasks.carriers import carrier_of, handed
from crm.tasks.models import Task, TaskTarget
from crm.tasks.rules import OPEN, State
from crm.texts.models import Text


@dataclass(frozen=True)
class Draft:
    """A task to be made. `targets` maps ids to pieces; `then` are steps, `{"title", "days"}`."""

    title: str
    chapter_id: int
    member_id: int | None = None
    in_pool: bool = False
    leader_id: int | None = None
    campaign_id: int | None = None
    channel: str | None = None
    text_id: int | None = None
    targets: Mapping[int, int] = field(default_factory=dict)
    due_on: date | None = None
    note: str | None = None
    carrier: str | None = None
    origin: str = "hand"
    then: Sequence[Mapping[str, Any]] = ()
    repeats: str | None = None
    repeats_until: date | None = None
    first_id: int | None = None


def add_tasks(
    drafts: Sequence[Draft], *, by: User | None, today: date, client_key: str
) -> list[Task]:
    """Make tasks, all or none. A repeat of the same `client_key` returns what the first made.

    A fixed number of statements for each five hundred. Raises `Refused`.
    """
    if not drafts:
        raise Refused(_("Nobody would get anything: choose people, or the pool."), "who")
    keys = [f"{client_key}-{number}" for number in range(len(drafts))]
    db.take_turn(client_key)
    if db.session.scalar(select(Task.id).where(Task.client_key == keys[0])) is not None:
        return _made_with(client_key)
    _check(drafts, by=by, today=today)
    values = [_values(draft, key, by) for draft, key in zip(drafts, keys, strict=True)]
    db.session.execute(insert(Task), values)
    tasks = _made_with(client_key)
    _insert_targets(tasks, drafts)
    audit.record_each(
        "add_task",
        "task",
        {task.id: _told(draft) for task, draft in zip(tasks, drafts, strict=True)},
        by=by,
    )
    mailed.given(tasks, by=by, today=today)
    return tasks


def _made_with(client_key: str) -> list[Task]:
    found = select(Task).where(Task.client_key.startswith(f"{client_key}-", autoescape=True))
    numbered = {str(task.client_key): task for task in db.session.scalars(found)}
    return [numbered[key] for key in sorted(numbered, key=lambda key: (len(key), key))]


def _values(draft: Draft, key: str, by: User | None) -> dict[str, Any]:
    return {
        "title": draft.title.strip(),
        "note": draft.note or None,
        "chapter_id": draft.chapter_id,
        "campaign_id": draft.campaign_id,
        "channel": draft.channel,
        "text_id": draft.text_id,
        "member_id": draft.member_id,
        "in_pool": draft.in_pool,
        "leader_id": draft.leader_id if draft.leader_id is not None else by.id if by else None,
        "due_on": draft.due_on,
        "pieces": sum(draft.targets.values()),
        "repeats": draft.repeats,
        "repeats_until": draft.repeats_until,
        "then": [dict(step) for step in draft.then],
        "first_id": draft.first_id,
        "carrier": draft.carrier,
        "origin": draft.origin,
        "client_key": key,
        "made_by_id": by.id if by else None,
    }


def _insert_targets(tasks: Sequence[Task], drafts: Sequence[Draft]) -> None:
    rows = [
        {"task_id": task.id, "target_id": target, "pieces": pieces}
        for task, draft in zip(tasks, drafts, strict=True)
        for target, pieces in draft.targets.items()
    ]
    if rows:
        db.session.execute(insert(TaskTarget), rows)


def _told(draft: Draft) -> dict[str, Any]:
    told = {
        "title": draft.title.strip(),
        "note": draft.note,
        "chapter_id": draft.chapter_id,
        "campaign_id": draft.campaign_id,
        "channel": draft.channel,
        "text_id": draft.text_id,
        "member_id": draft.member_id,
        "in_pool": draft.in_pool or None,
        "due_on": draft.due_on,
        "targets": dict(draft.targets),
        "repeats": draft.repeats,
        "repeats_until": draft.repeats_until,
        "then": [dict(step) for step in draft.then],
        "carrier": draft.carrier,
        "first_id": draft.first_id,
        "origin": draft.origin,
    }
    return {name: value for name, value in told.items() if value not in (None, {}, [])}


# What must be true of a new task


def _check(drafts: Sequence[Draft], *, by: User | None, today: date) -> None:
    if len(drafts) > rules.MOST_TASKS:
        raise Refused(_("At most %(most)s tasks at once.", most=rules.MOST_TASKS), "who")
    if sum(len(draft.targets) for draft in drafts) > rules.MOST_LINES:
        raise Refused(_("That is too much for one step: hand it out in parts."), "who")
    for draft in drafts:
        _check_shape(draft)
    chapter_ids = {draft.chapter_id for draft in drafts}
    if by is not None:
        mine = access.scope(by, Can.ASSIGN_TASKS)
        if any(not mine.includes(each) for each in chapter_ids):
            raise Refused(_("You cannot hand out tasks in this chapter."), "chapter")
    _check_references(drafts, chapter_ids)
    for chapter_id in chapter_ids:
        refuse_strangers(
            {d.member_id for d in drafts if d.chapter_id == chapter_id and d.member_id is not None},
            chapter_id,
            today=today,
        )


def _check_shape(draft: Draft) -> None:
    if not draft.title.strip() or len(draft.title) > 200:
        raise Refused(_("Say what is to be done."), "title")
    if draft.in_pool and draft.member_id is not None:
        raise Refused(_("A task is somebody's, or it lies in the pool."), "who")
    if len(draft.targets) > rules.MOST_TARGETS:
        raise Refused(_("At most %(most)s targets a task.", most=rules.MOST_TARGETS), "aim")
    if any(not 1 <= pieces <= rules.MOST_PIECES for pieces in draft.targets.values()):
        raise Refused(
            _("Give a number of pieces from 1 to %(most)s.", most=rules.MOST_PIECES), "pieces"
        )
    rules.check_day(draft.due_on)
    rules.check_day(draft.repeats_until, "repeats_until")
    if draft.repeats is not None:
        if draft.repeats not in set(rules.Repeats):
            raise Refused(_("Choose one of the list."), "repeats")
        if draft.due_on is None:
            raise Refused(_("What comes again needs a first day."), "due_on")
        if draft.repeats_until is not None and draft.repeats_until < draft.due_on:
            raise Refused(_("The last day is before the first."), "repeats_until")
    rules.check_steps(draft.then)
    if draft.channel is None:
        return
    way = channels().get(draft.channel)
    if way is None:
        raise Refused(_("There is no such channel."), "channel")
    if draft.campaign_id is None:
        raise Refused(
            _("Choose the campaign: what is done is logged as outreach of it."), "campaign"
        )
    if way.needs_target and not draft.targets:
        raise Refused(_("Say whom it goes to: choose at least one target."), "aim")
    if not way.per_piece and any(pieces != 1 for pieces in draft.targets.values()):
        raise Refused(_("This is counted as one act: leave the pieces at 1."), "pieces")


def _check_references(drafts: Sequence[Draft], chapter_ids: Collection[int]) -> None:
    """Campaigns, texts, targets and chapters must exist: one statement for five hundred targets."""
    wanted: list[tuple[str, Any, Collection[int], str, str]] = [
        ("g", Campaign.id, _ids(d.campaign_id for d in drafts),
         _("This campaign does not exist."), "campaign"),
        ("x", Text.id, _ids(d.text_id for d in drafts), _("This text does not exist."), "text"),
        ("c", Chapter.id, chapter_ids, _("This chapter does not exist."), "chapter"),
    ]  # fmt: skip
    parts = [select(literal(what), key).where(key.in_(ids)) for what, key, ids, _s, _f in wanted]
    known: dict[str, set[int]] = {}
    for what, number in db.session.execute(union_all(*parts)):
        known.setdefault(what, set()).add(number)
    for what, _key, ids, sentence, name in wanted:
        if set(ids) - known.get(what, set()):
            raise Refused(sentence, name)
    targets = sorted({target for draft in drafts for target in draft.targets})
    for some in db.batches(targets):
        there = db.session.scalar(
            select(func.count()).where(Target.id.in_(some), Target.merged_into_id.is_(None))
        )
        if there != len(some):
            raise Refused(_("One of these targets does not exist."), "aim")


def _ids(found: Iterable[int | None]) -> set[int]:
    return {each for each in found if each is not None}


def refuse_strangers(member_ids: Collection[int], chapter_id: int, *, today: date) -> None:
    """Raise `Refused` unless all are members of the chapter or below it today."""
    if not member_ids:
        return
    there = set(
        db.session.scalars(
            select(Member.id)
            .join(Membership, Membership.member_id == Member.id)
            .where(
                Member.id.in_(member_ids),
                Membership.chapter_id.in_(below(chapter_id)),
                open_on(today),
                Member.merged_into_id.is_(None),
                Member.forgotten_at.is_(None),
            )
        )
    )
    if set(member_ids) - there:
        raise Refused(_("One of these people is not a member of this chapter."), "who")


# One task, held for this transaction


def held(task_id: int) -> Task:
    """The task as it is now; nobody else changes it meanwhile. Raises NoResultFound."""
    return db.session.scalars(
        select(Task)
        .where(Task.id == task_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def targets_of(task_id: int) -> list[TaskTarget]:
    """Its targets with their numbers, in the order of their ids."""
    return list(
        db.session.scalars(
            select(TaskTarget)
            .where(TaskTarget.task_id == task_id)
            .order_by(TaskTarget.target_id)
            .execution_options(populate_existing=True)
        )
    )


def set_done(task: Task, rows: Sequence[TaskTarget], state: State | None = None) -> None:
    """Sum up what its targets say; the state follows, unless it is told."""
    task.done = sum(row.done for row in rows)
    task.pieces = sum(row.pieces for row in rows)
    then = state or rules.state_of(task.pieces, task.done, started=task.started_at is not None)
    if then != State.NEEDS_ACTION and task.started_at is None:
        task.started_at = db.now()
    task.finished_at = db.now() if then == State.COMPLETED else None
    if then == State.COMPLETED:
        task.help = None
    task.state = then.value
    db.session.flush()


def carry(task_id: int, done: Mapping[int, int], *, by: User | None, today: date) -> None:
    """Say how far a carried task is: `done` are the numbers of all its targets, not what is new.

    Targets it does not name are done not at all. What was called off stays so.
    """
    task, rows = held(task_id), targets_of(task_id)
    before = {row.target_id: row.done for row in rows}
    after = {row.target_id: min(row.pieces, max(0, done.get(row.target_id, 0))) for row in rows}
    if task.state == State.CANCELLED or before == after:
        return
    was = task.state
    for row in rows:
        row.done = after[row.target_id]
    set_done(task, rows)
    audit.record(
        "carry_task",
        "task",
        task.id,
        by=by,
        changes={"done": [sum(before.values()), task.done], "state": [was, task.state]},
    )
    if task.state == State.COMPLETED and was != State.COMPLETED:
        follow(task, today=today)


# What comes after


def follow(task: Task, *, today: date) -> list[Task]:
    """What finishing, or calling off, a task makes: the next of its series, the next step.

    The series is the leader's doing, so its next task asks nobody for rights anew.
    """
    next_one = come_again(task, today=today)
    drafts: list[tuple[str, Draft]] = []
    if task.state == State.COMPLETED and task.then:
        step, rest = task.then[0], task.then[1:]
        asked = dict.fromkeys((row.target_id for row in targets_of(task.id)), 1)
        drafts.append(
            (
                "then",
                _like(
                    task,
                    title=str(step["title"]),
                    due_on=rules.step_due(step, today),
                    targets=asked,
                    then=rest,
                    note=None,
                    channel=None,
                    text_id=None,
                    repeats=None,
                    repeats_until=None,
                    carrier=None,
                    origin="follow-up",
                ),
            )
        )
    made = (_made_once(draft, f"after-{task.id}-{what}") for what, draft in drafts)
    return [each for each in (next_one, *made) if each is not None]


def come_again(task: Task, *, today: date) -> Task | None:
    """The next task of a series, once; None where it is there already, or the series is over."""
    if task.repeats is None or task.due_on is None:
        return None
    first = db.session.scalar(select(Task.due_on).where(Task.id == task.first_id))
    due = rules.next_due(
        first or task.due_on, task.due_on, task.repeats, after=today, until=task.repeats_until
    )
    if due is None:
        return None
    again = {row.target_id: row.pieces for row in targets_of(task.id)}
    draft = _like(task, due_on=due, targets=again, then=task.then)
    return _made_once(draft, f"after-{task.id}-again")


def _made_once(draft: Draft, key: str) -> Task | None:
    """The task that follows; None where an earlier finish of the same one has made it."""
    if db.session.scalar(select(Task.id).where(Task.client_key == key)) is not None:
        return None
    task = Task(**_values(draft, key, None))
    db.session.add(task)
    db.session.flush()
    _insert_targets([task], [draft])
    audit.record("add_task", "task", task.id, by=None, changes=_told(draft))
    return task


def _like(task: Task, **changes: Any) -> Draft:
    given: dict[str, Any] = {
        name: getattr(task, name)
        for name in (
            "title", "chapter_id", "member_id", "in_pool", "leader_id", "campaign_id", "channel",
            "text_id", "note", "carrier", "origin", "repeats", "repeats_until",
        )
    }  # fmt: skip
    return Draft(**{**given, "first_id": task.first_id or task.id, **changes})


# Many at once


def _held(task_ids: Collection[int], by: User | None) -> list[Task]:
    """Open tasks of these ids that the user may hand out, by due day; others raise `Refused`."""
    mine = access.scope(by, Can.ASSIGN_TASKS) if by is not None else None
    found: list[Task] = []
    wanted = sorted(set(task_ids))
    for some in db.batches(wanted):
        found += db.session.scalars(
            select(Task)
            .where(Task.id.in_(some))
            .order_by(Task.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    if mine is not None and any(not mine.includes(task.chapter_id) for task in found):
        raise Refused(_("One of these tasks is not of your chapters."))
    found = [task for task in found if task.state in OPEN]
    if not found:
        raise Refused(_("Tick tasks that are still open."))
    return sorted(found, key=lambda task: (task.due_on or date.max, task.id))


def assign(
    task_ids: Collection[int],
    *,
    to: Sequence[int] = (),
    in_pool: bool = False,
    leader_id: int | None = None,
    by: User | None,
    today: date,
) -> int:
    """Give open tasks to a member, to several alike, to the pool, or to a leader; how many.

    What was done of a task so far stays done by who did it: only what is left goes on.
    """
    if [bool(to), in_pool, leader_id is not None].count(True) != 1:
        raise Refused(_("Say who gets them."), "to")
    tasks = _held(task_ids, by)
    for chapter_id in {task.chapter_id for task in tasks}:
        refuse_strangers(set(to), chapter_id, today=today)
    changes: dict[int, dict[str, Any]] = {}
    parts = rules.deal(tasks, len(to)) if to else [tasks]
    members: Sequence[int | None] = to or [None]
    for member_id, part in zip(members, parts, strict=True):
        for task in part:
            after: dict[str, Any] = {"member_id": member_id, "in_pool": in_pool, "help": None}
            if leader_id is not None:
                after["leader_id"] = leader_id
            if differs := audit.difference(task, after):
                changes[task.id] = differs
                _hand(task, after, by)
    db.session.flush()
    audit.record_each("assign_task", "task", changes, by=by)
    mailed.given([task for task in tasks if task.id in changes], by=by, today=today)
    return len(changes)


def _hand(task: Task, after: Mapping[str, Any], by: User | None) -> None:
    if after["in_pool"] and not task.in_pool and (carrier := carrier_of(task)) is not None:
        carrier.give_back(task, by)
    for name, value in after.items():
        setattr(task, name, value)
    if not task.done:
        task.state, task.started_at = State.NEEDS_ACTION.value, None
    if not task.in_pool:
        handed(task, by)


def move(task_ids: Collection[int], *, due_on: date | None, by: User | None) -> int:
    """Another day, or none, for open tasks; how many changed."""
    rules.check_day(due_on)
    changes = {}
    for task in _held(task_ids, by):
        if task.repeats is not None and due_on is None:
            raise Refused(_("What comes again needs a day."), "due_on")
        if differs := audit.difference(task, {"due_on": due_on}):
            changes[task.id] = differs
            task.due_on = due_on
    db.session.flush()
    audit.record_each("move_task", "task", changes, by=by)
    return len(changes)


def cancel(
    task_ids: Collection[int],
    *,
    by: User | None,
    reason: str | None = None,
    today: date | None = None,
    whole_series: bool = False,
) -> int:
    """Call off open tasks; how many. A recurring one comes again, unless the series ends too.

    Without `today` no series goes on.
    """
    changes: dict[int, dict[str, Any]] = {}
    tasks = _held(task_ids, by)
    for task in tasks:
        after = {"state": State.CANCELLED.value, "help": None}
        changes[task.id] = audit.difference(task, after) | ({"reason": reason} if reason else {})
        for name, value in after.items():
            setattr(task, name, value)
        task.finished_at = db.now()
    db.session.flush()
    audit.record_each("cancel_task", "task", changes, by=by)
    if today is not None and not whole_series:
        for task in tasks:
            if task.repeats is not None:
                follow(task, today=today)
    return len(tasks)


def edit_task(task_id: int, *, by: User | None, **given: Any) -> Task:
    """Change what a task says: title, note, due day, text, repetition, steps, who answers for it.

    Whom it goes to and who does it stay: those have ways of their own.
    """
    task = held(task_id)
    if by is not None and not access.may(by, Can.ASSIGN_TASKS, task.chapter_id):
        raise Refused(_("You cannot hand out tasks in this chapter."))
    rules.refuse_closed(task.state)
    if task.carrier is not None and given.get("repeats"):
        # The next one would have nothing to carry out: its pieces are this one's.
        raise Refused(_("What a pack asks for does not come again by itself."), "repeats")
    checked = _like(task, **{**given, "targets": {}, "channel": None})
    _check_shape(checked)
    _check_references([checked], [task.chapter_id])
    after = {**given, "title": checked.title.strip()}
    if "then" in after:
        after["then"] = [dict(step) for step in after["then"]]
    if changes := audit.difference(task, after):
        for name, value in after.items():
            setattr(task, name, value)
        db.session.flush()
        audit.record("edit_task", "task", task.id, by=by, changes=changes)
    return task
