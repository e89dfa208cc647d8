"""Tasks asked of the database: one filter for the board, its file and the panels of other pages."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import joinedload, selectinload

from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.access import Scope
from crm.members.models import Chapter, Membership
from crm.members.queries import in_scope, open_on
from crm.outreach.models import Action, ActionTarget
from crm.tasks.models import Task, TaskAction, TaskTarget
from crm.tasks.rules import OPEN, Due, State
from crm.texts import queries as texts
from crm.texts.models import Text

#: What a task is shown with.
_WHOLE = (
    joinedload(Task.chapter),
    joinedload(Task.campaign),
    joinedload(Task.text),
    joinedload(Task.leader),
    selectinload(Task.targets).joinedload(TaskTarget.target),
)
#: Instead of a number, in a filter: of no leader, no campaign; of neither a member nor the pool.
NOBODY = -1
#: An answer is late after this.
WAITS = timedelta(weeks=3)


@dataclass(frozen=True)
class TaskFilter:
    """Which tasks. `state`: one of `State`, `open`, or `all`; `only`: what stands out."""

    state: str = "open"
    chapter_ids: frozenset[int] | None = None
    member_id: int | None = None
    leader_id: int | None = None
    campaign_id: int | None = None
    target_id: int | None = None
    due: str | None = None
    #: help | unanswered | pool | left | dated
    only: str | None = None
    #: The first and the last day on which they are due.
    since: date | None = None
    until: date | None = None


def visible(scope: Scope) -> Select[Task]:
    """Tasks of the chapters of a scope."""
    return select(Task).where(in_scope(Task.chapter_id, scope))


def conditions(wanted: TaskFilter, scope: Scope, today: date) -> list[ColumnElement[bool]]:
    """What a filter asks of a task."""
    found: list[ColumnElement[bool]] = [in_scope(Task.chapter_id, scope)]
    if wanted.state == "open":
        found.append(Task.state.in_(OPEN))
    elif wanted.state != "all":
        found.append(Task.state == wanted.state)
    if wanted.chapter_ids is not None:
        found.append(Task.chapter_id.in_(wanted.chapter_ids))
    for column, value in (
        (Task.member_id, wanted.member_id),
        (Task.leader_id, wanted.leader_id),
        (Task.campaign_id, wanted.campaign_id),
    ):
        if value == NOBODY:
            found.append(column.is_(None))
            if column is Task.member_id:
                found.append(Task.in_pool.is_(False))
        elif value is not None:
            found.append(column == value)
    if wanted.since is not None:
        found.append(Task.due_on >= wanted.since)
    if wanted.until is not None:
        found.append(Task.due_on <= wanted.until)
    if wanted.target_id is not None:
        found.append(
            exists().where(TaskTarget.task_id == Task.id, TaskTarget.target_id == wanted.target_id)
        )
    if wanted.due:
        found.append(_due(wanted.due, today))
    if wanted.only:
        found.append(_only(wanted.only, today))
    return found


def _due(word: str, today: date) -> ColumnElement[bool]:
    week = today + timedelta(days=7)
    return {
        Due.OVERDUE.value: and_(Task.due_on < today, Task.state.in_(OPEN)),
        Due.TODAY.value: Task.due_on == today,
        Due.WEEK.value: and_(Task.due_on >= today, Task.due_on < week),
        Due.LATER.value: Task.due_on >= week,
        Due.NONE.value: Task.due_on.is_(None),
    }.get(word, true())


def _only(word: str, today: date) -> ColumnElement[bool]:
    if word == "help":
        return Task.help.is_not(None)
    if word == "pool":
        return Task.in_pool.is_(True)
    if word == "dated":
        return Task.due_on.is_not(None)
    if word == "unanswered":
        return is_unanswered(today)
    return and_(Task.member_id.is_not(None), Task.state.in_(OPEN), ~is_there(today))


def is_unanswered(today: date) -> ColumnElement[bool]:
    """Whether outreach of the task waits for an answer longer than `WAITS`."""
    return exists(
        select(1)
        .select_from(TaskAction)
        .join(ActionTarget, ActionTarget.action_id == TaskAction.action_id)
        .where(
            TaskAction.task_id == Task.id,
            ActionTarget.awaiting,
            ActionTarget.happened_on <= today - WAITS,
        )
    )


def is_there(today: date) -> ColumnElement[bool]:
    """Whether who has the task is still a member of its chapter or of one below it."""
    own = select(Chapter.path).where(Chapter.id == Task.chapter_id).scalar_subquery()
    return exists(
        select(1)
        .select_from(Membership)
        .join(Chapter, Chapter.id == Membership.chapter_id)
        .where(Membership.member_id == Task.member_id, open_on(today), Chapter.path.like(own + "%"))
        .correlate(Task)
    )


def tasks(wanted: TaskFilter, scope: Scope, *, today: date) -> Select[Task]:
    """The tasks of a filter: what is due first comes first, what is done last came last."""
    found = select(Task).where(*conditions(wanted, scope, today))
    if wanted.state in (State.COMPLETED, State.CANCELLED):
        return found.order_by(Task.finished_at.desc(), Task.id.desc())
    return found.order_by(Task.due_on.is_(None), Task.due_on, Task.id)


def counts(wanted: TaskFilter, scope: Scope, *, today: date) -> dict[str, int]:
    """State → how many tasks of the filter, whatever state it asks for: one statement."""
    rows = db.session.execute(
        select(Task.state, func.count())
        .where(*conditions(TaskFilter(**{**vars(wanted), "state": "all"}), scope, today))
        .group_by(Task.state)
    )
    return {state: number for state, number in rows}  # noqa: C416


@dataclass(frozen=True)
class Flags:
    """What stands out of some tasks, by id."""

    unanswered: frozenset[int]
    undone: frozenset[int]
    left: frozenset[int]


def flags(task_ids: Collection[int], *, today: date) -> Flags:
    """What stands out of these tasks: one statement."""
    found: dict[str, set[int]] = {"unanswered": set(), "undone": set(), "left": set()}
    if task_ids:
        some = Task.id.in_(task_ids)
        parts = (
            select(literal("unanswered"), Task.id).where(some, is_unanswered(today)),
            select(literal("undone"), TaskAction.task_id)
            .join(Action, Action.id == TaskAction.action_id)
            .where(TaskAction.task_id.in_(task_ids), Action.undone_at.is_not(None)),
            select(literal("left"), Task.id).where(
                some, Task.member_id.is_not(None), Task.state.in_(OPEN), ~is_there(today)
            ),
        )
        for what, task_id in db.session.execute(union_all(*parts)):
            found[what].add(task_id)
    return Flags(*(frozenset(ids) for ids in found.values()))


def task(task_id: int, where: ColumnElement[bool]) -> Task:
    """One task with what its page shows; raises NoResultFound for one the reader may not see."""
    return db.session.scalars(
        select(Task)
        .where(Task.id == task_id, where)
        .options(*_WHOLE)
        .execution_options(populate_existing=True)
    ).one()


def seen_by(
    *, scope: Scope | None, member_id: int | None, user_id: int | None, pools: Collection[int] = ()
) -> ColumnElement[bool]:
    """Tasks somebody may see: of chapters they hand out in, their own, the pool of theirs."""
    own: list[ColumnElement[bool]] = [in_scope(Task.chapter_id, scope) if scope else false()]
    if member_id is not None:
        own.append(Task.member_id == member_id)
    if user_id is not None:
        own.append(of_leader(user_id))
    if pools:
        own.append(and_(Task.in_pool, Task.chapter_id.in_(pools), Task.state.in_(OPEN)))
    return or_(*own)


def of_leader(user_id: int) -> ColumnElement[bool]:
    """Tasks that are nobody's but the leader's own."""
    return and_(Task.leader_id == user_id, Task.member_id.is_(None), Task.in_pool.is_(False))


def mine(member_id: int | None, user_id: int | None) -> ColumnElement[bool]:
    """Tasks that are theirs to do."""
    own: list[ColumnElement[bool]] = []
    if member_id is not None:
        own.append(Task.member_id == member_id)
    if user_id is not None:
        own.append(of_leader(user_id))
    return or_(*own) if own else false()


def open_of(where: ColumnElement[bool], *, limit: int) -> Sequence[Task]:
    """Open tasks by due day, with chapter, campaign and targets: two statements."""
    return db.session.scalars(
        select(Task)
        .where(where, Task.state.in_(OPEN))
        .options(*_WHOLE)
        .order_by(Task.due_on.is_(None), Task.due_on, Task.id)
        .limit(limit)
        .execution_options(populate_existing=True)
    ).all()


def lately_done(where: ColumnElement[bool], *, since: date, limit: int) -> Sequence[Task]:
    """What was finished, the latest first: one statement."""
    return db.session.scalars(
        select(Task)
        .where(where, Task.state == State.COMPLETED, Task.finished_at >= _moment(since))
        .order_by(Task.finished_at.desc(), Task.id.desc())
        .limit(limit)
    ).all()


def _moment(day: date) -> Any:
    return db.now().replace(year=day.year, month=day.month, day=day.day, hour=0, minute=0)


@dataclass(frozen=True)
class Logged:
    """Outreach a task logged."""

    action_id: int
    channel: str
    pieces: int
    happened_on: date
    undone: bool
    waits: int


def logged_by(task_id: int) -> list[Logged]:
    """What a task logged, the latest first: one statement."""
    waits = (
        select(func.count())
        .where(ActionTarget.action_id == Action.id, ActionTarget.awaiting)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(
            Action.id,
            Action.channel,
            Action.pieces,
            Action.happened_on,
            Action.undone_at.is_not(None),
            waits,
        )
        .join(TaskAction, TaskAction.action_id == Action.id)
        .where(TaskAction.task_id == task_id)
        .order_by(Action.id.desc())
    )
    return [Logged(*row) for row in rows]


def series_of(task: Task) -> tuple[int | None, int | None]:
    """The tasks before and after one in its series: one statement."""
    first = task.first_id or task.id
    ids = list(
        db.session.scalars(
            select(Task.id)
            .where(or_(Task.id == first, Task.first_id == first))
            .order_by(Task.due_on.is_(None), Task.due_on, Task.id)
        )
    )
    if task.id not in ids:
        return None, None
    place = ids.index(task.id)
    before = ids[place - 1] if place else None
    return before, ids[place + 1] if place + 1 < len(ids) else None


def counts_of_campaign(campaign_id: int, scope: Scope, *, today: date) -> Mapping[str, int]:
    """State → tasks of a campaign in the scope, and `overdue`: one statement."""
    late = func.count(case((and_(Task.state.in_(OPEN), Task.due_on < today), 1)))
    rows = db.session.execute(
        select(Task.state, func.count(), late)
        .where(Task.campaign_id == campaign_id, in_scope(Task.chapter_id, scope))
        .group_by(Task.state)
    ).all()
    found = {state: number for state, number, _late in rows}
    return {**found, "overdue": sum(int(row[2] or 0) for row in rows)}


def campaign_choices(scope: Scope) -> list[tuple[int, str, str]]:
    """Campaigns that have tasks in the scope: id, slug and name."""
    there = exists().where(Task.campaign_id == Campaign.id, in_scope(Task.chapter_id, scope))
    rows = db.session.execute(
        select(Campaign.id, Campaign.slug, Campaign.name).where(there).order_by(Campaign.name)
    )
    return [(number, slug, name) for number, slug, name in rows]


def leader_ids(scope: Scope) -> Select[int]:
    """Users who answer for tasks in the scope."""
    found: Any = select(Task.leader_id).where(
        in_scope(Task.chapter_id, scope), Task.leader_id.is_not(None)
    )
    result: Select[int] = found.distinct()
    return result


def text_choices(drafts: Scope, *, had: int | None = None) -> list[tuple[str, str]]:
    """Texts in use that whoever writes in `drafts` may read, and the one the task has."""
    rows = db.session.execute(
        _readable(drafts, had)
        .where(Text.retired_at.is_(None) | (Text.id == (had or 0)))
        .order_by(Text.name)
        .limit(500)
    )
    return [(slug, name) for slug, name, _id in rows]


def text_id_of(slug: str | None, drafts: Scope, *, had: int | None = None) -> int | None:
    """The text of a slug; 0, which none has, where the reader may read none of it."""
    if not slug:
        return None
    found = _readable(drafts, had).where(Text.slug == slug).with_only_columns(Text.id)
    return db.session.scalar(found) or 0


def _readable(drafts: Scope, had: int | None) -> Select[str, str, int]:
    """Drafts of other chapters are not seen, unless the task has one."""
    return select(Text.slug, Text.name, Text.id).where(
        texts.readable(drafts) | (Text.id == (had or 0))
    )
