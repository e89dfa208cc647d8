"""A report as a message: what it was asked, how it adds up, its first rows, and the way to it.

It is computed as its page and files are (`answering`), with the rights its reader has at that
moment: whoever lost them gets nothing, and it ends. No member is named in it: a report about
members has no rows in it at all, and others say what their files say.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Flask, current_app
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from crm.accounts.models import User
from crm.core import access, audit, db, history, links, mail, mail_pictures, outbox, schedule
from crm.core.access import Can
from crm.core.i18n import LANGUAGES
from crm.core.outbox import Job, Turn
from crm.core.schedule import Monthly, Schedule, Weekly
from crm.core.tables import Column, Kind, Row
from crm.members.disclosure import Exit, Viewer, first_name
from crm.reports.answering import Answer, answer
from crm.reports.catalogue import Report, find_report
from crm.reports.forms import Asked, parse
from crm.reports.models import ReportSubscription
from crm.reports.rules import written
from crm.reports.subscriptions import (
    EVERIES,
    PERIODS,
    Every,
    asked_for,
    given_of,
    period_of,
    unsubscribe,
)

NAME = "scheduled_report"
KIND = mail.Kind(NAME, _l("Reports you asked for"), why=_l("you asked for this report by mail"))
_SCHEDULES = {
    Every.WEEK: _l("Reports asked for every Monday"),
    Every.MONTH: _l("Reports asked for every month"),
}
#: Rows and columns of its table.
ROWS, COLUMNS = 10, 4


def init_app(app: Flask) -> None:
    """Register the message, what writes it, the clock, and how entries are told."""
    mail.add_kind(app, KIND)
    outbox.job(app, Job(NAME, _l("Mail a report"), write, alone=True))
    for every, when in ((Every.WEEK, Weekly(0, 7)), (Every.MONTH, Monthly(1, 7))):
        schedule.add(
            app,
            Schedule(f"reports-{every}", _SCHEDULES[every], when, lambda on, e=every: ask(e, on)),  # type: ignore[misc]
        )
    history.add_kind(
        app,
        "report_subscription",
        history.Kind(
            _l("Report by mail"),
            verbs={
                "mail_report": _l("Asked for by mail"),
                "stop_report_mail": _l("Mailed no more"),
            },
            fields={
                "report": _l("Report"),
                "every": _l("How often"),
                "period": _l("Period"),
                "filters": _l("Filters"),
            },
            values={
                "every": lambda value: EVERIES.get(value, value),
                "period": lambda value: PERIODS.get(value, value),
            },
        ),
    )


def ask(every: str, on: date) -> None:
    """Ask for all that come that often."""
    if not mail.is_configured():
        return
    ids = db.session.scalars(
        select(ReportSubscription.id)
        .where(ReportSubscription.every == every)
        .order_by(ReportSubscription.id)
    ).all()
    outbox.put_many(
        NAME, [{"payload": {"id": each, "on": on.isoformat()}, "about": NAME} for each in ids]
    )


def write(payload: Mapping[str, Any], _turn: Turn) -> None:
    """Mail one report. Reckoning takes a while, and holds up nobody who writes."""
    on = date.fromisoformat(payload["on"])
    kept = db.session.get(ReportSubscription, payload["id"])
    if kept is None or (kept.last_on is not None and kept.last_on >= on):
        return
    user = db.session.get_one(User, kept.user_id)
    report = find_report(kept.report)
    if report is None or not user.active or not access.may(user, Can.SEE_REPORTS):
        with db.unit_of_work():
            unsubscribe(
                kept.id,
                by=None,
                reason=_("Whoever asked for it may not see it any more, or it is gone."),
            )
        return
    language = user.language if user.language in LANGUAGES else mail.usual_language()
    with force_locale(language):
        values = message_of(report, kept, user, on)
    address, name, number_ = user.email, first_name(user.name), kept.id
    with db.unit_of_work():
        again = db.session.get(ReportSubscription, number_, populate_existing=True)
        if again is None:
            return
        mail.send(
            NAME,
            to=address,
            language=language,
            name=name,
            key=f"report:{number_}:{on.isoformat()}",
            **values,
        )
        again.last_on = on
        _note(again, on)


def _note(kept: ReportSubscription, on: date) -> None:
    """That a report left is recorded, as of one that is downloaded."""
    audit.record(
        "export",
        "report",
        None,
        by=None,
        changes={"report": kept.report, "format": "mail", "filters": given_of(kept),
                 "user_id": kept.user_id, "on": on},
    )  # fmt: skip


def message_of(report: Report, kept: ReportSubscription, user: User, on: date) -> dict[str, Any]:
    """What the message says, in the language that is set."""
    given, meant_on = asked_for(kept, report, on)
    asked = parse(given, report, Viewer.of(user), on=meant_on)
    shown = asked.shown
    address = links.absolute("reports.page", name=report.name, **asked.address)
    values: dict[str, Any] = {
        "subject": _("%(report)s: %(period)s", report=report.title,
                     period=str(PERIODS[period_of(kept)]).lower()),
        "title": str(report.title),
        "facts": [(label, value) for label, value in asked.told(Exit.MAIL)],
        "problems": asked.problems,
        "told": "", "table": [], "more": False, "link": address, "shows": "",
        "list_link": links.absolute("reports.index"),
    }  # fmt: skip
    if asked.problems:
        # A campaign, chapter or list that is not there any more: said, and nothing reckoned.
        return values
    found = _answered(shown, asked, user)
    values["told"] = " ".join([str(found.reckoning), *found.limits])
    if not shown.shows_people and found.rows:
        values["table"] = _table(shown, found)
        values["more"] = len(found.rows) > ROWS
        if found.chart is not None and found.chart.rows:
            values["shows"] = f"{found.chart.title}. {found.chart.summary}"
            values["pictures"] = {"chart": found.chart.still(mail_pictures.WIDTH)}
    return values


def _answered(report: Report, asked: Asked, user: User) -> Answer:
    question = asked.question(Viewer.of(user), Exit.EXPORT)
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return answer(app, report, question)


def _table(report: Report, found: Answer) -> list[list[str]]:
    """The heads, the first rows and the totals; few columns, for a small screen."""
    places = _places(report)
    columns = [report.columns[place] for place in places]
    rows = [[str(column.label) for column in columns]]
    rows += [
        [said(column, row[place]) for place, column in zip(places, columns, strict=True)]
        for row in found.rows[:ROWS]
    ]
    totals: Row = found.totals
    last = [said(column, totals[place]) for place, column in zip(places, columns, strict=True)]
    return [*rows, [_("Total"), *last[1:]]]


def _places(report: Report) -> list[int]:
    """Where the columns stand that a message has room for: the first, a share, the numbers."""
    columns = list(enumerate(report.columns))
    # A rate is what its report is asked for, wherever it stands.
    numbers = [place for place, column in columns if place and column.kind is Kind.SHARE][:1]
    numbers += [place for place, column in columns if place and column.kind is Kind.NUMBER]
    others = [place for place in range(1, len(report.columns)) if place not in numbers]
    return sorted([0, *(numbers + others)[: COLUMNS - 1]])


def said(column: Column, value: Any) -> str:
    """A cell as text, the way the reader writes it, and no longer than a small screen has room."""
    text = written(column, value)
    return text if len(text) <= 60 else f"{text[:59]}…"
