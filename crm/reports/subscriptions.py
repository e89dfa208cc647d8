"""A report that is mailed by the clock: who gets which, with which filters, for which period.

The period moves: last week, last month, this school year. It is kept with the filters, as an
address would have it (`period=month`), in place of their days.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.core.i18n import today
from crm.members.disclosure import Viewer
from crm.members.rules import school_year_starts
from crm.reports import periods
from crm.reports.catalogue import Report, find_report
from crm.reports.forms import heeds, parse
from crm.reports.models import ReportSubscription
from crm.reports.rules import month_back, month_of

#: Reports one person has mailed.
MOST = 30


class Every(StrEnum):
    """How often it comes."""

    WEEK = "week"
    MONTH = "month"


class Period(StrEnum):
    """Of which days it tells."""

    WEEK = "week"
    MONTH = "month"
    SCHOOL_YEAR = "school-year"
    ALL = "all"
    LAST_QUARTER = "last-quarter"
    THIS_TERM = "this-term"
    LAST_TERM = "last-term"
    LAST_12_MONTHS = "last-12-months"


EVERIES: Mapping[str, Any] = {
    Every.WEEK: _l("Every Monday"),
    Every.MONTH: _l("On the first of the month"),
}
PERIODS: Mapping[str, Any] = {
    Period.WEEK: _l("Last week"),
    Period.MONTH: _l("Last month"),
    Period.LAST_QUARTER: periods.NAMES["last-quarter"],
    Period.THIS_TERM: periods.NAMES["this-term"],
    Period.LAST_TERM: periods.NAMES["last-term"],
    Period.SCHOOL_YEAR: _l("This school year"),
    Period.LAST_12_MONTHS: periods.NAMES["last-12-months"],
    Period.ALL: _l("From the beginning"),
}
#: What a report's address calls the same days.
_NAMED = {
    "last-week": Period.WEEK,
    "last-month": Period.MONTH,
    "this-school-year": Period.SCHOOL_YEAR,
}
#: What may not be over when it is mailed, by the name that an address gives it.
_GOES_ON: Mapping[str, str] = {
    Period.THIS_TERM: "this-term",
    Period.SCHOOL_YEAR: "this-school-year",
}
#: Parts of a report's address that are kept.
_NOT_KEPT = frozenset({"since", "until", "sort", "page", "period", "as_of"})


def days_of(period: str, on: date) -> dict[str, str]:
    """The days of a period, as a filter has them, for a message of `on`."""
    first, last = on, on - timedelta(days=1)
    if period == Period.WEEK:
        monday = on - timedelta(days=on.weekday())
        first, last = monday - timedelta(days=7), monday - timedelta(days=1)
    elif period == Period.MONTH:
        first, last = month_back(month_of(on), 1), month_of(on) - timedelta(days=1)
    elif period == Period.SCHOOL_YEAR:
        # On the first day of one it tells of the year that is over.
        first = school_year_starts(last)
    elif period in periods.NAMES and period != Period.ALL:
        # What is over is told whole, what is on up to the day before.
        is_over = period in (Period.LAST_QUARTER, Period.LAST_TERM)
        named = periods.days_of(period, on if is_over else last)
        first, last = named.first or first, min(named.last or last, last)
    else:
        return {"until": last.isoformat()}
    return {"since": first.isoformat(), "until": last.isoformat()}


def days_for(report: Report, period: str, on: date) -> dict[str, str]:
    """The same for a report; none for one that tells of no days, as what is wrong today."""
    return days_of(period, on) if heeds(report, "period") else {}


def asked_for(kept: ReportSubscription, report: Report, on: date) -> tuple[dict[str, str], date]:
    """What a message of `on` asks, as an address has it, and the day on which that is meant.

    Compared, a period that goes on is called by its name on the last day it is told of: what lies
    before some days of a term is no term.
    """
    given, period = given_of(kept), period_of(kept)
    if "compare" in given and period in _GOES_ON and heeds(report, "period"):
        return {**given, "period": _GOES_ON[period]}, on - timedelta(days=1)
    return {**given, **days_for(report, period, on)}, today()


def period_named(name: str | None) -> str:
    """What is mailed of a report whose address names a period; last month without one."""
    if name in set(Period):
        return str(name)
    return _NAMED.get(name or "", Period.MONTH)


def given_of(kept: ReportSubscription) -> dict[str, str]:
    """Its filters as an address has them, without a period."""
    return {name: value for name, value in parse_qsl(kept.query) if name not in _NOT_KEPT}


def period_of(kept: ReportSubscription) -> str:
    """Of which days it tells."""
    found = dict(parse_qsl(kept.query)).get("period", "")
    return found if found in set(Period) else Period.MONTH


def of_user(user_id: int) -> Sequence[ReportSubscription]:
    """What somebody has mailed, by report."""
    return db.session.scalars(
        select(ReportSubscription)
        .where(ReportSubscription.user_id == user_id)
        .order_by(ReportSubscription.report, ReportSubscription.id)
    ).all()


def subscribe(
    *, report: str, given: Mapping[str, str], every: str, period: str, by: User
) -> ReportSubscription:
    """Have a report mailed. The same one again changes how often it comes."""
    known = find_report(report)
    if known is None or not access.may(by, Can.SEE_REPORTS):
        raise Refused(_("You may not see this report."))
    if every not in set(Every):
        raise Refused(_("Choose one of the list."), "every")
    if period not in set(Period):
        raise Refused(_("Choose one of the list."), "period")
    # As it will be asked: with the days the period has then, in place of those of the address.
    asked = {name: value for name, value in given.items() if name not in _NOT_KEPT}
    asked |= days_for(known, period, today())
    if problems := parse(asked, known, Viewer.of(by)).problems:
        raise Refused(" ".join(problems))
    kept_ = sorted((name, value) for name, value in given.items()
                   if name not in _NOT_KEPT and value)  # fmt: skip
    query = urlencode([*kept_, ("period", period)])
    db.take_turn(f"report-mail-{by.id}")
    theirs = ReportSubscription.user_id == by.id
    found = db.session.scalars(
        select(ReportSubscription).where(
            theirs, ReportSubscription.report == report, ReportSubscription.query == query
        )
    ).one_or_none()
    if found is not None and found.every == every:
        return found
    if found is None:
        if (db.session.scalar(select(func.count()).where(theirs)) or 0) >= MOST:
            raise Refused(_("You have %(most)s reports mailed already. Stop one first.", most=MOST))
        found = ReportSubscription(user_id=by.id, report=report, query=query)
        db.session.add(found)
    found.every = every
    db.session.flush()
    audit.record(
        "mail_report",
        "report_subscription",
        found.id,
        by=by,
        changes={"report": report, "every": every, "period": period, "filters": dict(kept_)},
    )
    return found


def unsubscribe(subscription_id: int, *, by: User | None, reason: str | None = None) -> None:
    """Have it mailed no more. Raises `NoResultFound` where it is not one's own."""
    wanted = select(ReportSubscription).where(ReportSubscription.id == subscription_id)
    if by is not None:
        wanted = wanted.where(ReportSubscription.user_id == by.id)
    kept = db.session.scalars(wanted).one()
    db.session.delete(kept)
    db.session.flush()
    audit.record(
        "stop_report_mail",
        "report_subscription",
        subscription_id,
        by=by,
        changes={"report": kept.report, "every": kept.every},
        reason=reason,
    )
