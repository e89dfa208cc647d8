"""Meetings of the treaties, with all days that were ever planned, and who came."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from crm.core import db
from crm.targets.models import Target, TargetIdentifier
from crm.treaties.models import TreatyAttendance, TreatyMeeting, TreatyMeetingDate
from crm.treaties.queries import SCHEME


@dataclass(frozen=True)
class Planned:
    """A meeting and its days as they are planned now."""

    meeting: TreatyMeeting
    dates: TreatyMeetingDate

    @property
    def moved(self) -> bool:
        """Whether it was first planned otherwise."""
        return len(self.meeting.dates) > 1


@dataclass(frozen=True)
class Attended:
    """A state that took part."""

    row: TreatyAttendance
    target: Target
    iso3: str


def meetings() -> list[Planned]:
    """All, the last first: one statement."""
    wanted = select(TreatyMeeting).options(joinedload(TreatyMeeting.dates))
    rows = db.session.scalars(wanted).unique()
    found = [Planned(row, row.dates[-1]) for row in rows if row.dates]
    return sorted(found, key=lambda each: (each.dates.starts_on, each.meeting.id), reverse=True)


def meeting(meeting_id: int) -> TreatyMeeting:
    """One, with its days. Raises `NoResultFound`."""
    return db.session.scalars(
        select(TreatyMeeting)
        .options(selectinload(TreatyMeeting.dates))
        .where(TreatyMeeting.id == meeting_id)
    ).one()


def attendance(meeting_id: int) -> list[Attended]:
    """Who took part, by name."""
    rows = db.session.execute(
        select(TreatyAttendance, Target, TargetIdentifier.identifier)
        .join(Target, Target.id == TreatyAttendance.target_id)
        .join(
            TargetIdentifier,
            (TargetIdentifier.target_id == Target.id) & (TargetIdentifier.scheme == SCHEME),
        )
        .where(TreatyAttendance.meeting_id == meeting_id)
        .order_by(Target.sort_name, Target.id)
    )
    return [Attended(*row) for row in rows]


def attended_by(target_id: int) -> list[tuple[TreatyAttendance, Planned]]:
    """The meetings a state took part in, the last first: two statements."""
    rows = db.session.scalars(
        select(TreatyAttendance)
        .options(joinedload(TreatyAttendance.meeting).selectinload(TreatyMeeting.dates))
        .where(TreatyAttendance.target_id == target_id)
    )
    found = [(row, Planned(row.meeting, row.meeting.dates[-1])) for row in rows]
    return sorted(found, key=lambda pair: pair[1].dates.starts_on, reverse=True)


def upcoming(planned: list[Planned], today: date) -> list[Planned]:
    """Those that are not over, the next first."""
    return [each for each in reversed(planned) if each.dates.ends_on >= today]
