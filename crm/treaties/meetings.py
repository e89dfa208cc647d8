"""What can be done with meetings: plan one, move it, say who came. Earlier plans stay."""

from collections.abc import Iterable
from datetime import date
from re import compile as pattern
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select

from crm.accounts.models import User
from crm.core import audit, db
from crm.core.errors import Refused
from crm.treaties import queries
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.models import TreatyAttendance, TreatyMeeting, TreatyMeetingDate
from crm.treaties.rules import Standing, Status

KINDS = {
    "meeting": _l("Meeting of States Parties"),
    "review conference": _l("Review Conference"),
    "special meeting": _l("Special Meeting of States Parties"),
    "amendment conference": _l("Amendment Conference"),
    "intersessional": _l("Intersessional Meeting"),
    "preparatory": _l("Preparatory Meeting"),
}
MODES = {"in person": _l("in person"), "online": _l("online"), "hybrid": _l("hybrid")}
CAPACITIES = {
    "party": _l("State Party"),
    "signatory": _l("Signatory"),
    "observer": _l("Observer"),
}
#: Each state in the capacity that follows from its status on the first day.
BY_STATUS = "status"
#: Days a meeting lasts at most, with a pause between its parts.
LONGEST = 366

_KEY = pattern(r"[A-Za-z0-9][A-Za-z0-9-]{0,19}")


def plan_meeting(
    *, treaty: str, key: str, name: str, kind: str, by: User | None, **dates: Any
) -> TreatyMeeting:
    """Enter a meeting with its days (as `move_meeting` takes them). Raises `Refused`."""
    if treaty not in INSTRUMENTS:
        raise Refused(_("Choose a treaty."), field="treaty")
    if kind not in KINDS:
        raise Refused(_("Choose what kind of meeting it is."), field="kind")
    if not _KEY.fullmatch(key):
        raise Refused(
            _("A short name has letters, digits and hyphens: 18MSP, 2RevCon."), field="key"
        )
    taken = select(TreatyMeeting.id).where(TreatyMeeting.treaty == treaty, TreatyMeeting.key == key)
    if db.session.scalar(taken) is not None:
        raise Refused(_("There is a meeting %(key)s of this treaty already.", key=key), field="key")
    values = _dates(treaty, **dates)
    meeting = TreatyMeeting(treaty=treaty, key=key, name=name, kind=kind)
    db.session.add(meeting)
    db.session.flush()
    _add_dates(meeting, values, by)
    audit.record(
        "plan_meeting", "treaty_meeting", meeting.id, by=by,
        changes={"treaty": treaty, "key": key, "name": name, "kind": kind, **values},
    )  # fmt: skip
    return meeting


def move_meeting(meeting: TreatyMeeting, *, by: User | None, **dates: Any) -> TreatyMeetingDate:
    """Give a meeting (with its days loaded) other days; those it had stay as its history.

    `starts_on`, `ends_on`, `place`, `mode`, `note`, `source`. Raises `Refused`.
    """
    values = _dates(meeting.treaty, **dates)
    last = meeting.dates[-1] if meeting.dates else None
    what = ("starts_on", "ends_on", "place", "mode", "note")
    if last is not None and all(getattr(last, name) == values[name] for name in what):
        raise Refused(_("It is planned like that already."))
    row = _add_dates(meeting, values, by)
    audit.record("move_meeting", "treaty_meeting", meeting.id, by=by, changes=values)
    return row


def _dates(
    treaty: str,
    *,
    starts_on: date,
    ends_on: date,
    source: str,
    place: str | None = None,
    mode: str = "in person",
    note: str | None = None,
) -> dict[str, Any]:
    if mode not in MODES:
        raise Refused(_("Choose how it is held."), field="mode")
    if starts_on < INSTRUMENTS[treaty].adopted_on:
        raise Refused(_("The treaty did not exist yet on that day."), field="starts_on")
    if ends_on < starts_on:
        raise Refused(_("It ends before it begins."), field="ends_on")
    if (ends_on - starts_on).days > LONGEST:
        raise Refused(_("It would last longer than a year."), field="ends_on")
    return {
        "starts_on": starts_on, "ends_on": ends_on, "place": place or None, "mode": mode,
        "note": note or None, "source": source,
    }  # fmt: skip


def _add_dates(
    meeting: TreatyMeeting, values: dict[str, Any], by: User | None
) -> TreatyMeetingDate:
    row = TreatyMeetingDate(meeting_id=meeting.id, entered_by_id=by.id if by else None, **values)
    db.session.add(row)
    db.session.flush()
    return row


def record_attendance(
    meeting: TreatyMeeting,
    target_ids: Iterable[int],
    *,
    capacity: str = BY_STATUS,
    source: str | None = None,
    by: User | None,
) -> int:
    """Say that states took part, and as what; gives how many are new or in another capacity.

    `meeting` has its days loaded. Raises `Refused`.
    """
    wanted = dict.fromkeys(target_ids)
    if not wanted:
        raise Refused(_("Tick or paste at least one state."), field="names")
    if capacity != BY_STATUS and capacity not in CAPACITIES:
        raise Refused(_("Choose in which capacity they came."), field="capacity")
    codes = {each.target_id: each.iso3 for each in queries.states()}
    if strangers := [number for number in wanted if number not in codes]:
        raise Refused(_("%(number)s of them are no states.", number=len(strangers)), field="names")
    standings = queries.standings(meeting.treaty, meeting.dates[-1].starts_on)
    known = {row.target_id: row for row in db.session.scalars(
        select(TreatyAttendance).where(TreatyAttendance.meeting_id == meeting.id)
    )}  # fmt: skip
    changed: dict[str, str] = {}
    for number in wanted:
        came_as = capacity
        if capacity == BY_STATUS:
            standing = standings.get(codes[number])
            came_as = capacity_of(standing) if standing else "observer"
        row = known.get(number)
        if row is None:
            row = TreatyAttendance(
                meeting_id=meeting.id, target_id=number, entered_by_id=by.id if by else None,
            )  # fmt: skip
            db.session.add(row)
        elif row.capacity == came_as:
            continue
        row.capacity, row.source = came_as, source or row.source
        changed[codes[number]] = came_as
    if changed:
        db.session.flush()
        audit.record("record_attendance", "treaty_meeting", meeting.id, by=by, changes=changed)
    return len(changed)


def take_back_attendance(meeting_id: int, target_id: int, *, by: User | None) -> None:
    """A state did not take part after all."""
    db.session.execute(
        delete(TreatyAttendance).where(
            TreatyAttendance.meeting_id == meeting_id, TreatyAttendance.target_id == target_id
        )
    )
    audit.record(
        "take_back_attendance", "treaty_meeting", meeting_id, by=by,
        changes={"target_id": target_id},
    )  # fmt: skip


def capacity_of(standing: Standing) -> str:
    """As what a state takes part: who has not joined does so as an observer."""
    if standing.status is Status.PARTY:
        return "party"
    return "signatory" if standing.status is Status.SIGNATORY else "observer"
