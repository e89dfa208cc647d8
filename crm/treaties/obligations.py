"""What a treaty asks of a state and by when, and what the ledger knows of it. Pure.

The ledger knows what was entered, not what is so: a day that passed without an entry is told as
that, and nobody is said to violate anything. Whether a state ever had stockpiles or contaminated
areas it knows only where an event says so (an extension, a declaration).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import MAXYEAR, date, timedelta
from enum import StrEnum

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.treaties.instruments import FIRST_REPORT_DAYS, REPORT_DAY, Deadline, Instrument
from crm.treaties.rules import Event, Standing, Status


class ObligationStatus(StrEnum):
    """How an obligation stands on a day. The value is for files."""

    #: Completion was declared, or the report submitted.
    MET = "met"
    DUE = "due"
    #: Due on a day that an extension gave.
    EXTENDED = "extended"
    #: The day passed, and a request to extend it is there.
    OVERDUE = "overdue"
    NO_REQUEST = "overdue_without_request"
    #: The day passed and the ledger holds nothing on it, not even that there is anything to do.
    NOT_RECORDED = "not_recorded"
    #: The day of the deposit is not known, so no other is.
    DAY_UNKNOWN = "day_not_known"
    #: The state withdrew.
    ENDED = "not_applicable"


#: As people read it.
LABELS = {
    ObligationStatus.MET: _l("met"),
    ObligationStatus.DUE: _l("due"),
    ObligationStatus.EXTENDED: _l("extended"),
    ObligationStatus.OVERDUE: _l("overdue, extension requested"),
    ObligationStatus.NO_REQUEST: _l("overdue without a request"),
    ObligationStatus.NOT_RECORDED: _l("no declaration in the ledger"),
    ObligationStatus.DAY_UNKNOWN: _l("day not known"),
    ObligationStatus.ENDED: _l("not applicable since the withdrawal"),
}


@dataclass(frozen=True, slots=True)
class Obligation:
    """Something a state has to do under a treaty, by when, and how it stands."""

    treaty: str
    article: str
    label: str
    #: None where the day of the deposit is not known.
    due_on: date | None
    status: ObligationStatus
    #: The day before any extension.
    first_due_on: date | None = None
    met_on: date | None = None
    #: Until when an extension was asked for, of what is overdue.
    requested_until: date | None = None
    note: str = ""


def years_after(day: date, years: int) -> date:
    """The same day so many years later; of 29 February the last of that month."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def first_report_due(in_force_on: date) -> date:
    """Article 7(1): 180 days after entry into force for the state."""
    return in_force_on + timedelta(days=FIRST_REPORT_DAYS)


def obligations(
    treaty: Instrument, standing: Standing, events: Iterable[Event], on: date
) -> list[Obligation]:
    """What a state has to do under a treaty, as of a day; nothing for who has not joined.

    `events` are the state's own of that treaty. Of the yearly reports it is the last one due and
    the next.
    """
    if standing.consented_on is None:
        return []
    since = min(standing.consented_on, standing.in_force_on or standing.consented_on)
    known = [event for event in events if since <= event.on <= on and event.treaty == treaty.key]
    found = [_deadline(treaty, each, standing, known, on) for each in treaty.deadlines]
    found += _reports(treaty, standing, known, on)
    left_on = standing.withdrawn_on
    if standing.status is Status.WITHDRAWN and left_on:
        # A report that fell due after it left was never due of it.
        found = [
            _ended(each)
            for each in found
            if each.article != "7" or each.due_on is None or each.due_on <= left_on
        ]
    return found


def _ended(obligation: Obligation) -> Obligation:
    if obligation.status is ObligationStatus.MET:
        return obligation
    return replace(obligation, status=ObligationStatus.ENDED, requested_until=None, note="")


def _deadline(
    treaty: Instrument, deadline: Deadline, standing: Standing, events: Sequence[Event], on: date
) -> Obligation:
    label = str(deadline.label)
    ours = [event for event in events if event.article == deadline.article]
    met_on = _last(ours, "completion_declared")
    if standing.in_force_on is None:
        status = ObligationStatus.MET if met_on else ObligationStatus.DAY_UNKNOWN
        return Obligation(treaty.key, deadline.article, label, None, status, met_on=met_on)
    first = years_after(standing.in_force_on, deadline.years)
    granted = [event.until for event in ours if event.kind == "extension_granted" and event.until]
    due = max([first, *granted])
    asked = [event.until for event in ours if event.kind == "extension_requested" and event.until]
    requested = max((until for until in asked if until > due), default=None)
    has_to = any(event.kind != "completion_declared" for event in ours)
    note = ""
    if met_on:
        status = ObligationStatus.MET
    elif on <= due:
        status = ObligationStatus.EXTENDED if due > first else ObligationStatus.DUE
    elif requested:
        status = ObligationStatus.OVERDUE
    elif has_to:
        status = ObligationStatus.NO_REQUEST
    else:
        status = ObligationStatus.NOT_RECORDED
        note = _("The ledger does not say whether there was anything to do.")
    return Obligation(
        treaty.key, deadline.article, label, due, status, first_due_on=first, met_on=met_on,
        requested_until=None if met_on else requested, note=note,
    )  # fmt: skip


def _last(events: Iterable[Event], kind: str) -> date | None:
    return max((event.on for event in events if event.kind == kind), default=None)


def _reports(
    treaty: Instrument, standing: Standing, events: Iterable[Event], on: date
) -> list[Obligation]:
    submitted = [event for event in events if event.kind == "report_submitted"]
    label = _("First transparency report")
    if standing.in_force_on is None:
        return [Obligation(treaty.key, "7", label, None, ObligationStatus.DAY_UNKNOWN)]
    first = first_report_due(standing.in_force_on)
    earliest = min((event.on for event in submitted), default=None)
    found = [_report(treaty, label, first, earliest, on)]
    for due in _report_days(first, on):
        year = due.year - 1
        met_on = min((event.on for event in submitted if event.year == year), default=None)
        found.append(
            _report(treaty, _("Transparency report for %(year)s", year=year), due, met_on, on)
        )
    return found


def _report(treaty: Instrument, label: str, due: date, met_on: date | None, on: date) -> Obligation:
    status = (
        ObligationStatus.MET
        if met_on
        else ObligationStatus.DUE
        if on <= due
        else ObligationStatus.NOT_RECORDED
    )
    return Obligation(treaty.key, "7", label, due, status, first_due_on=due, met_on=met_on)


def _report_days(first: date, on: date) -> list[date]:
    """The last day of a yearly report before `on`, where there is one, and the next."""
    start = max(first, date(on.year - 1, *REPORT_DAY))
    years = range(start.year, min(start.year + 4, MAXYEAR + 1))
    days = [date(year, *REPORT_DAY) for year in years]
    later = [day for day in days if day > first]
    past, coming = [day for day in later if day < on], [day for day in later if day >= on]
    return past[-1:] + coming[:1]
