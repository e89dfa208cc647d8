"""What the ledger says on a date, of each state and of all together."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from crm.core import db
from crm.targets.models import Target, TargetIdentifier
from crm.treaties import rules
from crm.treaties.instruments import INSTRUMENTS, Instrument
from crm.treaties.models import TreatyEvent
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


def states() -> list[State]:
    """All states, by name."""
    code = TargetIdentifier.identifier
    found = db.session.execute(
        select(code, Target.id, Target.name, Target.region, Target.sub_region)
        .join(Target, Target.id == TargetIdentifier.target_id)
        .where(TargetIdentifier.scheme == SCHEME, Target.merged_into_id.is_(None))
        .order_by(Target.sort_name, code)
    )
    return [State._make(row) for row in found]


def effective() -> Select[Any]:
    """The rows that hold: neither replaced by another nor taken back."""
    later = aliased(TreatyEvent)
    return (
        select(TreatyEvent)
        .outerjoin(later, later.corrects_id == TreatyEvent.id)
        .where(later.id.is_(None), TreatyEvent.kind != "retraction")
    )


def events(treaty: str | None = None, *, target_id: int | None = None) -> list[Event]:
    """The events that hold, by day, of a treaty or both, of a government or all: one statement."""
    row = TreatyEvent
    wanted = (
        effective()
        .join(
            TargetIdentifier,
            (TargetIdentifier.target_id == row.target_id) & (TargetIdentifier.scheme == SCHEME),
        )
        .with_only_columns(
            row.id, row.treaty, TargetIdentifier.identifier, row.kind, row.happened_on,
            row.day_known, row.until, row.article, row.year, row.source,
        )
        .order_by(row.happened_on, row.id)
    )  # fmt: skip
    if treaty is not None:
        wanted = wanted.where(row.treaty == treaty)
    if target_id is not None:
        wanted = wanted.where(row.target_id == target_id)
    return [Event._make(found) for found in db.session.execute(wanted)]


def standings(treaty: str, on: date) -> dict[str, Standing]:
    """Where every state stands on a day, by alpha-3 code, in the order of their names."""
    codes = [state.iso3 for state in states()]
    return rules.standings(instrument(treaty), on, events(treaty), codes)


def counts(treaty: str, on: date) -> Counts:
    """States by where they stand on a day."""
    return rules.count(treaty, on, standings(treaty, on).values())


def is_empty() -> bool:
    """Whether nothing has been entered yet."""
    return db.session.scalar(select(TreatyEvent.id).limit(1)) is None


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
