"""The ledger as it was entered: every row of a state, those that were replaced among them."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import aliased, joinedload

from crm.core import db
from crm.targets.models import Target, TargetIdentifier
from crm.treaties.models import TreatyEvent
from crm.treaties.queries import SCHEME
from crm.treaties.rules import Event


@dataclass(frozen=True)
class Entry:
    """A row of the ledger, and the row that replaced it or took it back, if one did."""

    row: TreatyEvent
    later: TreatyEvent | None

    @property
    def holds(self) -> bool:
        """Whether it counts."""
        return self.later is None and self.row.kind != "retraction"


def government(iso3: str) -> Target:
    """The government of an alpha-3 code. Raises `NoResultFound`."""
    return db.session.scalars(
        select(Target)
        .join(TargetIdentifier, TargetIdentifier.target_id == Target.id)
        .where(
            TargetIdentifier.scheme == SCHEME,
            TargetIdentifier.identifier == iso3.upper(),
            Target.merged_into_id.is_(None),
        )
    ).one()


def entries(target_id: int) -> list[Entry]:
    """All rows of a state, the latest day first, with who entered them: one statement.

    Rows that took another back are not told apart: that other names them.
    """
    rows = db.session.scalars(
        select(TreatyEvent)
        .options(joinedload(TreatyEvent.entered_by))
        .where(TreatyEvent.target_id == target_id)
        .order_by(TreatyEvent.happened_on.desc(), TreatyEvent.id.desc())
    ).all()
    later = {row.corrects_id: row for row in rows if row.corrects_id is not None}
    return [Entry(row, later.get(row.id)) for row in rows if row.kind != "retraction"]


def as_events(entries: list[Entry], iso3: str) -> list[Event]:
    """The entries that hold, as the rules read them."""
    return [
        Event(row.id, row.treaty, iso3, row.kind, row.happened_on, row.day_known, row.until,
              row.article, row.year, row.source)
        for row in (entry.row for entry in entries if entry.holds)
    ]  # fmt: skip


def entry(event_id: int) -> TreatyEvent:
    """One row that holds. Raises `NoResultFound`, also when it was replaced."""
    later = aliased(TreatyEvent)
    return db.session.scalars(
        select(TreatyEvent)
        .options(joinedload(TreatyEvent.target))
        .outerjoin(later, later.corrects_id == TreatyEvent.id)
        .where(TreatyEvent.id == event_id, TreatyEvent.kind != "retraction", later.id.is_(None))
    ).one()


def state_of(target_id: int) -> tuple[str, list[Event]] | None:
    """The code of a government and its events that hold; None for who is no state.

    One statement.
    """
    later = aliased(TreatyEvent)
    row = TreatyEvent
    rows = db.session.execute(
        select(TargetIdentifier.identifier, row)
        .outerjoin(row, row.target_id == TargetIdentifier.target_id)
        .outerjoin(later, later.corrects_id == row.id)
        .where(
            TargetIdentifier.target_id == target_id,
            TargetIdentifier.scheme == SCHEME,
            later.id.is_(None),
        )
        .order_by(row.happened_on, row.id)
    ).all()
    if not rows:
        return None
    found = [Entry(each, None) for _code, each in rows if each is not None]
    return rows[0][0], as_events(found, rows[0][0])
