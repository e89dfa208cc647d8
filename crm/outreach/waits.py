"""What waits for an answer, moved on: by the clock, by what somebody says, by an office left.

The rules stand in `window_rules`; here many rows take a step in a few statements. Nothing of it
makes up an answer: what is closed can still be answered, and is not opened by that.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from crm.accounts.models import User
from crm.core import audit, db
from crm.outreach import window_rules as rules
from crm.outreach.models import Action, ActionTarget
from crm.outreach.window_rules import LEFT_OFFICE, Wait
from crm.outreach.windows import AT_ONCE, days_of_rows, windows
from crm.targets.models import Term

#: Rows one step of the job takes: nobody who writes waits longer for it than a moment.
MOST = 2_000


@dataclass(frozen=True)
class Asked:
    """What the clock brought: the sittings (actions) to ask about, and how many rows it closed."""

    action_ids: frozenset[int]
    closed: int
    #: Whether there may be more.
    more: bool = False


def is_due(today: date) -> ColumnElement[bool]:
    """Whether a row has something to ask, by the date: `Wait.is_due` as a condition.

    What waited before there were windows, and that no job has dated yet, is due once the longest
    of the usual windows is over.
    """
    longest = max(rules.DEFAULTS.values())
    return and_(
        ActionTarget.awaiting.is_(True),
        or_(
            ActionTarget.ask_on <= today,
            and_(ActionTarget.asked > 0, ActionTarget.said_on.is_(None)),
            and_(
                ActionTarget.ask_on.is_(None),
                ActionTarget.happened_on <= today - timedelta(days=longest),
            ),
        ),
    )


def by_the_clock(today: date) -> Asked:
    """Take rows that are due a step on: asked once, once again, then closed. `MOST` of them.

    In batches, each of two statements; rows of one batch that take the same step are one update.
    """
    force, last, closed = windows(), (date.min, 0), 0
    action_ids: set[int] = set()
    due = (ActionTarget.awaiting.is_(True), ActionTarget.ask_on <= today)
    read = 0
    while read < MOST and (rows := _after(due, last)):
        read += len(rows)
        last = (rows[-1].ask_on, rows[-1].id)
        steps: dict[Wait, list[int]] = defaultdict(list)
        ends: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            then = rules.by_the_clock(_wait(row), today, force.again)
            steps[then].append(row.id)
            if then.closed_on is None:
                action_ids.add(row.action_id)
            else:
                ends[row.action_id].append(row.target_id)
        # Who asks first and who asks again differ in one number only: the count goes up by one.
        _set([each for then, ids in steps.items() if then.closed_on is None for each in ids],
             asked=ActionTarget.asked + 1, said_on=None,
             ask_on=today + timedelta(days=force.again))  # fmt: skip
        _close(ends, [i for then, ids in steps.items() if then.closed_on for i in ids],
               today, rules.NO_ANSWER, None)  # fmt: skip
        closed += sum(map(len, ends.values()))
    return Asked(frozenset(action_ids), closed, more=read >= MOST)


def _after(asked: Sequence[ColumnElement[bool]], last: tuple[date, int]) -> Sequence[Any]:
    day, row_id = last
    return db.session.execute(
        select(
            ActionTarget.id,
            ActionTarget.action_id,
            ActionTarget.target_id,
            ActionTarget.ask_on,
            ActionTarget.asked,
            ActionTarget.said_on,
        )
        .where(
            *asked,
            or_(
                ActionTarget.ask_on > day,
                and_(ActionTarget.ask_on == day, ActionTarget.id > row_id),
            ),
        )
        .order_by(ActionTarget.ask_on, ActionTarget.id)
        .limit(AT_ONCE)
    ).all()


def _wait(row: Any) -> Wait:
    return Wait(row.ask_on, row.asked, row.said_on)


def wait_of(row: ActionTarget) -> Wait:
    """Where a row stands."""
    return Wait(row.ask_on, row.asked, row.said_on, row.closed_on, row.closed_why)


def take(row: ActionTarget, then: Wait) -> None:
    """Let one row stand where a rule says."""
    row.ask_on, row.asked, row.said_on = then.ask_on, then.asked, then.said_on
    row.closed_on, row.closed_why = then.closed_on, then.closed_why
    if then.closed_on is not None:
        row.awaiting = False


def _set(row_ids: Sequence[int], **values: Any) -> None:
    if row_ids:
        # What was answered since it was read waits no more, and is left alone.
        still = (ActionTarget.id.in_(row_ids), ActionTarget.awaiting.is_(True))
        db.session.execute(
            update(ActionTarget).where(*still).values(**values),
            execution_options={"synchronize_session": False},
        )


def _close(
    of_actions: Mapping[int, Sequence[int]],
    row_ids: Sequence[int],
    today: date,
    why: str,
    by: User | None,
) -> None:
    """Close rows; `of_actions` says for the record which targets of which actions they are."""
    _set(row_ids, awaiting=False, closed_on=today, closed_why=why)
    audit.record_each(
        "close_waiting",
        "action",
        {each: {"targets": sorted(ids), "why": why} for each, ids in of_actions.items()},
        by=by,
    )


# Who left


def _has_left() -> ColumnElement[bool]:
    """Whether the person a row reached holds the post no more that they held that day.

    A term whose day has passed says nothing as long as no list was read that says who followed:
    most are elected again.
    """
    then, now = aliased(Term), aliased(Term)
    return exists().where(
        then.id == ActionTarget.term_id,
        then.is_current.is_(False),
        ~exists().where(
            now.target_id == ActionTarget.target_id,
            now.post_id == then.post_id,
            now.is_current.is_(True),
        ),
    )


def close_of_who_left(
    today: date, *, target_ids: Collection[int] | None = None, by: User | None = None
) -> int:
    """Close what waits for somebody who has left the post it was sent to; how many rows, `MOST` at
    most.
    """
    count = 0
    asked = [ActionTarget.awaiting.is_(True), ActionTarget.term_id.is_not(None), _has_left()]
    if target_ids is not None:
        asked.append(ActionTarget.target_id.in_(target_ids))
    last = 0
    while count < MOST and (
        rows := db.session.execute(
            select(ActionTarget.id, ActionTarget.action_id, ActionTarget.target_id)
            .where(*asked, ActionTarget.id > last)
            .order_by(ActionTarget.id)
            .limit(AT_ONCE)
        ).all()
    ):
        last = rows[-1].id
        of_actions: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            of_actions[row.action_id].append(row.target_id)
        _close(of_actions, [row.id for row in rows], today, LEFT_OFFICE, by)
        count += len(rows)
    return count


# What asks today


def asked_on(today: date) -> Sequence[int]:
    """The sittings that were asked about on this day, and nobody has said anything since."""
    next_on = today + timedelta(days=windows().again)
    return db.session.scalars(
        select(ActionTarget.action_id)
        .where(
            ActionTarget.awaiting.is_(True),
            ActionTarget.ask_on == next_on,
            ActionTarget.asked > 0,
            ActionTarget.said_on.is_(None),
        )
        .distinct()
    ).all()


# What waited before there were windows


@dataclass
class Spread:
    """How far the spreading is, from one step to the next."""

    #: Of each leader, how many old sittings there are, and how many have their day.
    sittings: dict[str, int]
    placed: dict[str, int]
    #: The sitting a step ended in, and its day.
    last: tuple[int, str] | None = None


def date_old(today: date, spread: Spread | None = None) -> tuple[int, Spread | None]:
    """Give rows that no window was said for the day they are asked about: `MOST` of them.

    What is over already is spread: of each leader some sittings a day, the oldest first, so that
    nobody finds five hundred questions one morning. Returns how many rows, and where the next step
    goes on; None when nothing is left.
    """
    undated = (ActionTarget.awaiting.is_(True), ActionTarget.ask_on.is_(None))
    so_far = spread or _begin(undated)
    days: dict[int, date] = {}
    if so_far.last is not None:
        days[so_far.last[0]] = date.fromisoformat(so_far.last[1])
    force, count = windows(), 0
    while count < MOST and (rows := _undated(undated)):
        own = days_of_rows([row.id for row in rows], force)
        values = []
        for row in rows:
            ask_on = own.get(row.id, today)
            if ask_on <= today:
                if row.action_id not in days:
                    days[row.action_id] = _place(row.logged_by_id, today, so_far)
                ask_on = days[row.action_id]
            values.append({"id": row.id, "ask_on": ask_on})
        db.session.execute(update(ActionTarget), values)
        last = rows[-1].action_id
        so_far.last = (last, days[last].isoformat()) if last in days else None
        count += len(values)
    return count, so_far if count >= MOST else None


def _begin(undated: Sequence[ColumnElement[bool]]) -> Spread:
    of_leaders = (
        select(Action.logged_by_id, func.count(func.distinct(Action.id)))
        .join(ActionTarget, ActionTarget.action_id == Action.id)
        .where(*undated)
        .group_by(Action.logged_by_id)
    )
    return Spread({str(row[0]): row[1] for row in db.session.execute(of_leaders)}, {})


def _place(leader_id: int | None, today: date, spread: Spread) -> date:
    """The day of one more old sitting of this leader."""
    key = str(leader_id)
    place = spread.placed.get(key, 0)
    spread.placed[key] = place + 1
    return today + timedelta(days=place // rules.old_a_day(spread.sittings.get(key, 1)))


def _undated(undated: Sequence[ColumnElement[bool]]) -> Sequence[Any]:
    """Some of those rows, the oldest sitting first; what was dated is met no more."""
    return db.session.execute(
        select(
            ActionTarget.id, ActionTarget.action_id, ActionTarget.happened_on, Action.logged_by_id
        )
        .join(Action, Action.id == ActionTarget.action_id)
        .where(*undated)
        .order_by(ActionTarget.happened_on, ActionTarget.action_id, ActionTarget.id)
        .limit(AT_ONCE)
    ).all()
