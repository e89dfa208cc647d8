"""How far a list is: who was contacted, who answered, who moved, and who is still untouched.

A target **moved** when, on or after the day of its first contact that is counted, its position on
an ask improved, it took a step in a treaty, or it gave an answer of a kind that says so. That the
contact came before does not say it was the cause.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Select,
    Subquery,
    exists,
    func,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import aliased

from crm.campaigns.models import Ask, Position
from crm.core import db
from crm.core.paging import SIZE, Page
from crm.outreach.models import ActionTarget, Outcome
from crm.outreach.outcome_kinds import answer_names, move_names
from crm.outreach.queries import ActionFilter
from crm.targets.list_queries import ids
from crm.targets.models import Target
from crm.treaties.models import TreatyEvent
from crm.treaties.rules import CONSENTS

#: Steps of a state in a treaty that are a move towards it.
STEPS = ("signature", *CONSENTS, "provisional_application")


@dataclass(frozen=True)
class Totals:
    """How many of a list's targets."""

    listed: int
    contacted: int
    answered: int
    moved: int

    @property
    def untouched(self) -> int:
        """Those whom nothing has reached."""
        return self.listed - self.contacted


@dataclass(frozen=True)
class Reached:
    """A target of a list and how far it is."""

    target: Target
    actions: int
    last_on: date | None
    answered_on: date | None
    moved_on: date | None


def totals(is_on: ColumnElement[bool], wanted: ActionFilter) -> Totals:
    """The list in four numbers: one statement."""
    parts = _Parts(is_on, wanted)
    counts: Select[Any] = select(  # type: ignore[assignment]
        func.count(),
        func.count(parts.reached.c.last_on),
        func.count(parts.answered.c.day),
        func.count(parts.moved.c.day),
    ).select_from(parts.listed)
    row = db.session.execute(parts.joined(counts)).one()
    return Totals(*(int(number) for number in row))


def page_of_list(
    is_on: ColumnElement[bool], wanted: ActionFilter, *, total: int, number: int, size: int = SIZE
) -> Page:
    """A page of the list: two statements. The untouched first, then whose contact is longest ago.

    Who they are is found out first, so that what came of it is asked for those few alone.
    """
    number = min(number, max(1, -(-total // size)))
    some = _in_order(is_on, wanted).limit(size).offset((number - 1) * size)
    found = db.session.scalars(some).all()
    return Page(all_of_list(Target.id.in_(found), wanted), number, size, total, capped=False)


def all_of_list(is_on: ColumnElement[bool], wanted: ActionFilter) -> Sequence[Reached]:
    """All of the list, in the same order: one statement."""
    return _read(_rows(is_on, wanted))


def _read(rows: Select[Any]) -> list[Reached]:
    return [
        Reached(target, actions or 0, last_on, answered_on, moved_on)
        for target, actions, last_on, answered_on, moved_on in db.session.execute(rows)
    ]


def _in_order(is_on: ColumnElement[bool], wanted: ActionFilter) -> Select[int]:
    parts = _Parts(is_on, wanted)
    reached, last_on = parts.reached, parts.reached.c.last_on
    return (
        select(Target.id)
        .select_from(parts.listed)
        .join(Target, Target.id == parts.listed.c.id)
        .outerjoin(reached, reached.c.target_id == Target.id)
        .order_by(last_on.is_not(None), last_on, Target.sort_name, Target.id)
    )


def _rows(is_on: ColumnElement[bool], wanted: ActionFilter) -> Select[Any]:
    parts = _Parts(is_on, wanted)
    last_on = parts.reached.c.last_on
    found = select(
        Target, parts.reached.c.actions, last_on, parts.answered.c.day, parts.moved.c.day
    ).select_from(parts.listed)
    found = parts.joined(found.join(Target, Target.id == parts.listed.c.id))
    return found.order_by(last_on.is_not(None), last_on, Target.sort_name, Target.id)


def moved(wanted: ActionFilter) -> Subquery:
    """Of all targets, those that moved, and when last: `target_id, day`.

    Moves are few, so they are found first, and a contact before each of them is looked for; what
    has reached everybody is never added up.
    """
    parts = _OfAll(wanted)
    moves = parts.moves().subquery("moves")
    contact = exists().where(
        ActionTarget.target_id == moves.c.target_id,
        ActionTarget.happened_on <= moves.c.day,
        *wanted.of_targets(),
    )
    return (
        select(moves.c.target_id, func.max(moves.c.day).label("day"))
        .where(contact, *parts.days(moves.c.day))
        .group_by(moves.c.target_id)
        .subquery("moved")
    )


class _Parts:
    """What a list's targets are joined with. Each is grouped by target first, so no row repeats."""

    def __init__(self, is_on: ColumnElement[bool], wanted: ActionFilter):
        self.wanted = wanted
        self.listed: CTE = ids(is_on).cte("listed")
        self.reached = self._reached()
        self.answered = self._answered()
        self.moved = self._moved()

    def joined(self, statement: Select[Any]) -> Select[Any]:
        """The list's targets with what is known of each."""
        for part in (self.reached, self.answered, self.moved):
            statement = statement.outerjoin(part, part.c.target_id == self.listed.c.id)
        return statement

    def _of_list(self, target_id: Any) -> ColumnElement[bool]:
        found: ColumnElement[bool] = target_id.in_(select(self.listed.c.id))
        return found

    def days(self, day: Any) -> list[ColumnElement[bool]]:
        """That a day lies in the period that is asked for."""
        asked: list[ColumnElement[bool]] = []
        if self.wanted.since is not None:
            asked.append(day >= self.wanted.since)
        if self.wanted.until is not None:
            asked.append(day <= self.wanted.until)
        return asked

    def _reached(self) -> Subquery:
        return (
            select(
                ActionTarget.target_id,
                func.count().label("actions"),
                func.min(ActionTarget.happened_on).label("first_on"),
                func.max(ActionTarget.happened_on).label("last_on"),
            )
            .where(self._of_list(ActionTarget.target_id), *self.wanted.of_targets())
            .group_by(ActionTarget.target_id)
            .subquery("reached")
        )

    def _outcomes(self, kinds: Sequence[str]) -> list[ColumnElement[bool]]:
        asked = [
            Outcome.kind.in_(kinds),
            self._of_list(ActionTarget.target_id),
            *self.days(Outcome.received_on),
        ]
        if self.wanted.campaign_id is not None:
            asked.append(ActionTarget.campaign_id == self.wanted.campaign_id)
        return asked

    def _answered(self) -> Subquery:
        return (
            select(ActionTarget.target_id, func.max(Outcome.received_on).label("day"))
            .join(Outcome, Outcome.action_target_id == ActionTarget.id)
            .where(*self._outcomes(answer_names()))
            .group_by(ActionTarget.target_id)
            .subquery("answered")
        )

    def _moved(self) -> Subquery:
        moves = self.moves().subquery()
        return (
            select(moves.c.target_id, func.max(moves.c.day).label("day"))
            .join(self.reached, self.reached.c.target_id == moves.c.target_id)
            .where(moves.c.day >= self.reached.c.first_on, *self.days(moves.c.day))
            .group_by(moves.c.target_id)
            .subquery("moved")
        )

    def moves(self) -> CompoundSelect[Any]:
        """Whatever says that a target moved: `target_id, day`."""
        return union_all(self._told_moves(), self._improved(), self._treaty_steps())

    def _told_moves(self) -> Select[int, date]:
        return (
            select(ActionTarget.target_id.label("target_id"), Outcome.received_on.label("day"))
            .join(Outcome, Outcome.action_target_id == ActionTarget.id)
            .where(*self._outcomes(move_names()))
        )

    def _improved(self) -> Select[int, date]:
        """Entries of a position that are better than the one before them on the same ask."""
        entries = select(
            Position.target_id,
            Position.seen_on.label("day"),
            Position.support,
            func.lag(Position.support)
            .over(
                partition_by=(Position.target_id, Position.ask_id),
                order_by=(Position.seen_on, Position.id),
            )
            .label("before"),
        ).where(Position.withdrawn_at.is_(None), self._of_list(Position.target_id))
        if self.wanted.campaign_id is not None:
            asks = select(Ask.id).where(Ask.campaign_id == self.wanted.campaign_id)
            entries = entries.where(Position.ask_id.in_(asks))
        found = entries.subquery()
        return select(found.c.target_id, found.c.day).where(found.c.support > found.c.before)

    def _treaty_steps(self) -> Select[int, date]:
        later = aliased(TreatyEvent)
        return select(TreatyEvent.target_id, TreatyEvent.happened_on).where(
            TreatyEvent.kind.in_(STEPS),
            self._of_list(TreatyEvent.target_id),
            ~select(later.id).where(later.corrects_id == TreatyEvent.id).exists(),
        )


class _OfAll(_Parts):
    """The same of every target there is."""

    def __init__(self, wanted: ActionFilter):
        self.wanted = wanted

    def _of_list(self, target_id: Any) -> ColumnElement[bool]:
        return true()
