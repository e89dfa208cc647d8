"""Where outreach went: how often targets of each state, and of each country, were reached."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, select

from crm.core import db
from crm.core.tiles import US, WORLD
from crm.outreach.kept import reach_in_terms
from crm.outreach.models import ActionTarget, Outcome
from crm.outreach.outcome_kinds import answer_names
from crm.outreach.queries import ActionFilter
from crm.targets.models import Post, Target, TargetIdentifier, Term
from crm.targets.rules import area_name

#: The code by which a government lies on the map of the world.
_SCHEME = "iso3166-alpha3"


@dataclass(frozen=True)
class Place:
    """A state of the United States, or a country by its government."""

    code: str
    name: str
    #: Times its targets were reached: by a piece, or by an act.
    times: int
    targets: int
    #: The government; None for a state, which has several targets.
    target_id: int | None = None
    #: Of the targets those that gave an answer; 0 where it was not asked for.
    answered: int = 0


@dataclass(frozen=True)
class Where:
    """All that was reached, by place; `elsewhere` are times that lie on neither map."""

    states: Sequence[Place]
    countries: Sequence[Place]
    elsewhere: int

    @property
    def times(self) -> int:
        """All of it."""
        return _sum(self.states) + _sum(self.countries) + self.elsewhere


def _sum(places: Iterable[Place]) -> int:
    return sum(place.times for place in places)


def where(wanted: ActionFilter, *, answers: bool = False) -> Where:
    """Sums by the state of the post that was held that day, or the country: one statement.

    With `answers` also how many targets of each place gave one.
    """
    if answers:
        reached: Any = ActionTarget
        answered, asked = _answered(), wanted.of_targets()
    else:
        # Kept sums where they know the filter: rows are one by one only where they must be.
        reached, answered, asked = reach_in_terms(wanted).c, literal(0), []
    statement = (
        select(
            Post.area,
            TargetIdentifier.identifier,
            func.sum(reached.pieces),
            func.count(reached.target_id.distinct()),
            func.min(Target.id),
            func.min(Target.name),
            answered,
        )
        .join(Target, Target.id == reached.target_id)
        .outerjoin(Term, Term.id == reached.term_id)
        .outerjoin(Post, Post.id == Term.post_id)
        .outerjoin(
            TargetIdentifier,
            (TargetIdentifier.target_id == Target.id) & (TargetIdentifier.scheme == _SCHEME),
        )
        .where(*asked)
        .group_by(Post.area, TargetIdentifier.identifier)
    )
    if answers:
        statement = statement.outerjoin(_came, _came.c.action_target_id == ActionTarget.id)
    states, countries, elsewhere = list[Place](), list[Place](), 0
    for area, code, times, targets, target_id, name, came in db.session.execute(statement):
        if code in WORLD.places:
            countries.append(Place(code, name, int(times), targets, target_id, came))
        elif area is not None and area in US.places:
            states.append(Place(area, area_name(area), int(times), targets, None, came))
        else:
            elsewhere += int(times)
    return Where(_sorted(states), _sorted(countries), elsewhere)


#: Each contact that was answered once, so that no sum beside it grows.
_came = (
    select(Outcome.action_target_id)
    .where(Outcome.kind.in_(answer_names()))
    .distinct()
    .subquery("came")
)


def _answered() -> ColumnElement[int]:
    answerer = case((_came.c.action_target_id.is_not(None), ActionTarget.target_id))
    return func.count(answerer.distinct())


def _sorted(places: Iterable[Place]) -> list[Place]:
    return sorted(places, key=lambda place: (-place.times, place.name))
