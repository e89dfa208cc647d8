"""Promises asked of the database: one filter for the list, the report and the panels.

Where one stands is told of a day: what was settled later was open then.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, or_, select
from sqlalchemy.orm import aliased

from crm.campaigns.models import Campaign
from crm.core import db
from crm.members.disclosure import Viewer
from crm.outreach.commitments import BROKEN, KEPT, OPEN, STATES, WHOSE
from crm.outreach.models import ActionTarget, Commitment, Outcome
from crm.outreach.plain import Plain, of_any_member, without_members
from crm.outreach.queries import ActionFilter
from crm.outreach.whom import targets_meant
from crm.targets.models import Target

#: What a list can be asked for beside a state: settled is kept or broken.
SETTLED, OVERDUE, ALL = "settled", "overdue", "all"


@dataclass(frozen=True)
class CommitmentFilter:
    """Which promises. Of `wanted`, the campaign, what it asks of targets, and the period, in which
    they are due.
    """

    wanted: ActionFilter = field(default_factory=ActionFilter)
    #: open | kept | broken | settled | overdue; None for all.
    state: str | None = None
    whose: str | None = None
    #: Only those that are of no campaign.
    apart: bool = False

    def conditions(self, on: date) -> list[ColumnElement[bool]]:
        """Conditions on `Commitment`, of what was promised until a day."""
        asked: list[ColumnElement[bool]] = [Commitment.made_on <= on]
        wanted = self.wanted
        if wanted.campaign_id is not None:
            asked.append(Commitment.campaign_id == wanted.campaign_id)
        if self.apart:
            asked.append(Commitment.campaign_id.is_(None))
        if wanted.since is not None:
            asked.append(Commitment.due_on >= wanted.since)
        if wanted.until is not None:
            asked.append(Commitment.due_on <= wanted.until)
        if wanted.target_id is not None:
            asked.append(Commitment.target_id == wanted.target_id)
        meant = targets_meant(wanted.with_(target_id=None))
        if len(meant) > 1:
            asked.append(Commitment.target_id.in_(select(Target.id).where(*meant).correlate(None)))
        if self.whose is not None:
            asked.append(Commitment.whose == self.whose)
        if self.state == OPEN:
            asked.append(is_open(on))
        elif self.state == OVERDUE:
            asked.append(is_overdue(on))
        elif self.state == SETTLED:
            asked.append(~is_open(on))
        elif self.state in (KEPT, BROKEN):
            asked += [~is_open(on), Commitment.state == self.state]
        return asked


def is_open(on: date) -> ColumnElement[bool]:
    """Whether one was open on a day."""
    return or_(Commitment.settled_on.is_(None), Commitment.settled_on > on)


def is_overdue(on: date) -> ColumnElement[bool]:
    """Whether one was open on a day and due before it."""
    return and_(Commitment.due_on.is_not(None), Commitment.due_on < on, is_open(on))


@dataclass(frozen=True)
class Line:
    """A promise as lists show it, on a day."""

    id: int
    target_id: int
    target: str
    campaign: str | None
    campaign_slug: str | None
    #: The outreach it came of.
    action_id: int | None
    whose: str
    text: str
    made_on: date
    due_on: date | None
    state: str
    settled_on: date | None
    evidence: str | None
    #: Days since it was due, of one that is open.
    late: int
    record: Commitment

    @property
    def label(self) -> Any:
        """Where it stands, in a word."""
        return STATES.get(self.state, self.state)

    @property
    def whose_label(self) -> Any:
        """Whose promise it is."""
        return WHOSE.get(self.whose, self.whose)

    @property
    def tone(self) -> str:
        """The colour of its badge."""
        if self.state == OPEN:
            return "warn" if self.late else "plain"
        return {KEPT: "good", BROKEN: "bad"}.get(self.state, "plain")


def found(wanted: CommitmentFilter, on: date) -> Select[Any]:
    """Ids: overdue and open ones first, those due first at the top; then the last settled."""
    return select(Commitment.id).where(*wanted.conditions(on)).order_by(*_urgent(on))


def _urgent(on: date) -> list[Any]:
    open_ = is_open(on)
    return [
        case((open_, 0), else_=1),
        case((open_, case((Commitment.due_on.is_(None), 1), else_=0)), else_=0),
        case((open_, Commitment.due_on)),
        Commitment.settled_on.desc(),
        Commitment.id,
    ]


def _whole() -> Any:
    target = aliased(Target)
    return (
        select(Commitment, target.name, Campaign.name, Campaign.slug, ActionTarget.action_id)
        .join(target, target.id == Commitment.target_id)
        .outerjoin(Campaign, Campaign.id == Commitment.campaign_id)
        .outerjoin(Outcome, Outcome.id == Commitment.outcome_id)
        .outerjoin(ActionTarget, ActionTarget.id == Outcome.action_target_id)
    )


def first_lines(wanted: CommitmentFilter, limit: int, *, on: date, to: Viewer | None) -> list[Line]:
    """The most urgent ones: one statement where there are none, seven more at most for names."""
    asked = _whole().where(*wanted.conditions(on)).order_by(*_urgent(on)).limit(limit)
    return _told(db.session.execute(asked).all(), on=on, to=to)


def lines(ids: Sequence[int], *, on: date, to: Viewer | None) -> list[Line]:
    """These promises in this order, in words this reader may read: eight statements at most."""
    rows = db.session.execute(_whole().where(Commitment.id.in_(ids))).all()
    made = {each.id: each for each in _told(rows, on=on, to=to)}
    return [made[each] for each in ids if each in made]


def _told(rows: Sequence[Any], *, on: date, to: Viewer | None) -> list[Line]:
    plain = in_plain([(row[0], row[4]) for row in rows], to=to)
    return [
        Line(
            id=each.id,
            target_id=each.target_id,
            target=name,
            campaign=campaign,
            campaign_slug=slug,
            action_id=action_id,
            whose=each.whose,
            text=plain(each.text),
            made_on=each.made_on,
            due_on=each.due_on,
            state=state,
            settled_on=each.settled_on if state != OPEN else None,
            evidence=plain.maybe(each.evidence) if state != OPEN else None,
            late=max((on - each.due_on).days, 0) if state == OPEN and each.due_on else 0,
            record=each,
        )
        for each, name, campaign, slug, action_id in rows
        for state in [state_on(each, on)]
    ]


def state_on(commitment: Commitment, on: date) -> str:
    """Where it stood on a day."""
    if commitment.settled_on is None or commitment.settled_on > on:
        return OPEN
    return commitment.state


def in_plain(kept: Collection[tuple[Commitment, int | None]], *, to: Viewer | None) -> Plain:
    """What takes names out of the words of promises, each with the outreach it came of.

    Of those that came of none nobody is known to have taken part: there any member's full name
    goes.
    """
    plain = without_members([action for _each, action in kept if action], to=to)
    alone = [
        text for each, action in kept if not action for text in (each.text, each.evidence) if text
    ]
    return of_any_member(alone, to=to).then(plain) if alone else plain
