"""What the ledger says on a date, of each state and of all together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from flask import has_request_context, request
from sqlalchemy import Select, and_, select
from sqlalchemy.orm import aliased

from crm.core import db
from crm.targets.models import Target, TargetIdentifier
from crm.treaties import rules
from crm.treaties.instruments import INSTRUMENTS, Instrument
from crm.treaties.models import TreatyEvent
from crm.treaties.obligations import Obligation, obligations
from crm.treaties.rules import Counts, Event, Standing

#: The scheme of the code by which the ledger knows a state.
SCHEME = "iso3166-alpha3"


class State(NamedTuple):
    """A government that has an alpha-3 code."""

    iso3: str
    target_id: int
    name: str
    region: str | None
    sub_region: str | None


def instrument(treaty: str) -> Instrument:
    """The treaty of a key. Raises KeyError."""
    return INSTRUMENTS[treaty]


#: Built once: making a statement costs more than what it reads. Tables instead of models, whose
#: rows are slower to read.
_rows = TreatyEvent.__table__.c
_later = TreatyEvent.__table__.alias()
_codes = TargetIdentifier.__table__.c
_targets = Target.__table__.c
_STATES = (
    select(
        _codes.identifier, _targets.id, _targets.name, _targets.region, _targets.sub_region
    )
    .join(Target.__table__, _targets.id == _codes.target_id)
    .where(_codes.scheme == SCHEME, _targets.merged_into_id.is_(None))
    .order_by(_targets.sort_name, _codes.identifier)
)  # fmt: skip
_EVENTS = (
    select(
        _rows.id, _rows.treaty, _codes.identifier, _rows.kind, _rows.happened_on, _rows.day_known,
        _rows.until, _rows.article, _rows.year, _rows.source,
    )
    .select_from(
        TreatyEvent.__table__.outerjoin(_later, _later.c.corrects_id == _rows.id).join(
            TargetIdentifier.__table__,
            and_(_codes.target_id == _rows.target_id, _codes.scheme == SCHEME),
        )
    )
    .where(_rows.kind != "retraction")
)  # fmt: skip
_HELD = _EVENTS.where(_later.c.id.is_(None)).order_by(_rows.happened_on, _rows.id)
_REPLACED = _EVENTS.where(_later.c.id.is_not(None))


#: Where a page's request keeps the events.
_READ = "crm.treaty_events"


def states() -> list[State]:
    """All states, by name."""
    return list(map(State._make, db.session.execute(_STATES).all()))


def effective() -> Select[Any]:
    """The rows that hold: neither replaced by another nor taken back."""
    later = aliased(TreatyEvent)
    return (
        select(TreatyEvent)
        .outerjoin(later, later.corrects_id == TreatyEvent.id)
        .where(later.id.is_(None), TreatyEvent.kind != "retraction")
    )


def events(treaty: str | None = None, *, target_id: int | None = None) -> list[Event]:
    """The events that hold, by day, of a treaty or both, of a government or all: one statement.

    All of them are read once a page, as a page writes nothing.
    """
    if treaty is None and target_id is None and has_request_context() and request.method == "GET":
        kept: dict[str, list[Event]] = request.environ
        if _READ not in kept:
            kept[_READ] = list(map(Event._make, db.session.execute(_HELD).all()))
        return kept[_READ]
    wanted = _HELD
    if treaty is not None:
        wanted = wanted.where(_rows.treaty == treaty)
    if target_id is not None:
        wanted = wanted.where(_rows.target_id == target_id)
    return list(map(Event._make, db.session.execute(wanted).all()))


def replaced() -> list[Event]:
    """The rows that were corrected or taken back."""
    return list(map(Event._make, db.session.execute(_REPLACED).all()))


@dataclass(frozen=True)
class Ledger:
    """The states and all events that hold, read once for whatever is asked of them."""

    states: list[State]
    events: list[Event]

    @property
    def codes(self) -> list[str]:
        """Alpha-3 codes of the states, in the order of their names."""
        return [state.iso3 for state in self.states]

    def of(self, treaty: str) -> list[Event]:
        """The events of one treaty."""
        return [event for event in self.events if event.treaty == treaty]

    def standings(self, treaty: str, on: date) -> dict[str, Standing]:
        """Where every state stands on a day, by alpha-3 code, in the order of their names."""
        return rules.standings(instrument(treaty), on, self.of(treaty), self.codes)

    def counts(self, treaty: str, on: date, among: Collection[str] | None = None) -> Counts:
        """States by where they stand on a day: all, or those of some codes."""
        found = self.standings(treaty, on).values()
        return rules.count(
            treaty, on, (each for each in found if among is None or each.state in among)
        )

    def obligations(self, treaty: str, on: date) -> dict[str, list[Obligation]]:
        """What every state that has joined has to do, and how it stands, by alpha-3 code."""
        theirs: dict[str, list[Event]] = {}
        for event in self.of(treaty):
            theirs.setdefault(event.state, []).append(event)
        return {
            code: due
            for code, standing in self.standings(treaty, on).items()
            if (due := obligations(instrument(treaty), standing, theirs.get(code, ()), on))
        }

    def nth(self, treaty: str, number: int, among: Collection[str] | None = None) -> Event | None:
        """The consent of the n-th state, of all or among some; None when there is none yet."""
        found = rules.deposits(self.of(treaty), among)
        return found[number - 1] if 0 < number <= len(found) else None


def ledger() -> Ledger:
    """Read all of it: two statements."""
    return Ledger(states(), events())


def standings(treaty: str, on: date) -> dict[str, Standing]:
    """Where every state stands on a day, by alpha-3 code, in the order of their names."""
    return Ledger(states(), events(treaty)).standings(treaty, on)


def counts(treaty: str, on: date) -> Counts:
    """States by where they stand on a day."""
    return Ledger(states(), events(treaty)).counts(treaty, on)


def nth(treaty: str, number: int) -> Event | None:
    """The consent of the n-th state to join, by day of deposit."""
    return Ledger([], events(treaty)).nth(treaty, number)


def number_of(treaty: str, iso3: str, on: date) -> int | None:
    """Which state to join it was, by day of deposit; None when it has not."""
    return rules.standings(instrument(treaty), on, events(treaty), [iso3])[iso3].number


def obligations_of(iso3: str, on: date) -> dict[str, list[Obligation]]:
    """What one state has to do, by treaty. Raises NoResultFound for a code there is not."""
    target_id = db.session.scalars(
        select(TargetIdentifier.target_id).where(
            TargetIdentifier.scheme == SCHEME, TargetIdentifier.identifier == iso3
        )
    ).one()
    ours = events(target_id=target_id)
    found = {}
    for key, treaty in INSTRUMENTS.items():
        theirs = [event for event in ours if event.treaty == key]
        standing = rules.standings(treaty, on, theirs, [iso3])[iso3]
        found[key] = obligations(treaty, standing, theirs, on)
    return found


def is_empty() -> bool:
    """Whether nothing has been entered yet."""
    return db.session.scalar(select(TreatyEvent.id).limit(1)) is None


def code_of(target_id: int) -> str | None:
    """The alpha-3 code of a target; None of one that is no state."""
    return db.session.scalar(
        select(TargetIdentifier.identifier).where(
            TargetIdentifier.scheme == SCHEME, TargetIdentifier.target_id == target_id
        )
    )


def state_ids() -> dict[str, int]:
    """Target ids by alpha-3 code."""
    return {state.iso3: state.target_id for state in states()}


def standings_of(target_ids: Sequence[int], on: date) -> dict[int, dict[str, Standing]]:
    """For governments: their standing by treaty. Others of the targets are left out."""
    wanted = {state.iso3: state.target_id for state in states() if state.target_id in target_ids}
    if not wanted:
        return {}
    found: dict[int, dict[str, Standing]] = {number: {} for number in wanted.values()}
    everything = events()
    for key, treaty in INSTRUMENTS.items():
        ours = [event for event in everything if event.treaty == key]
        for code, standing in rules.standings(treaty, on, ours, wanted).items():
            found[wanted[code]][key] = standing
    return found
