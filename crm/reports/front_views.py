"""The front page, and the page behind its funnel."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import func, select

from crm.campaigns.goals import told as goal_told
from crm.core import access, db
from crm.core.access import Can, requires
from crm.core.i18n import timezone_name, today
from crm.core.paging import page_number, page_of
from crm.outreach.list_progress import moved
from crm.outreach.queries import ActionFilter
from crm.reports import front as front_page
from crm.reports import funnel
from crm.reports.rules import ANSWERED, month_back
from crm.reports.views import blueprint


@blueprint.get("/")
@requires(Can.SEE)
def front() -> Any:
    """Today: what was done, and what comes next. Members see their tasks first."""
    if access.may(current_user, Can.DO_TASKS) and not access.may(current_user, Can.SEE_REPORTS):
        return redirect(url_for("tasks.today"), 303)
    day = today()
    return render_template(
        "reports/front.html",
        greeting=_greeting(),
        last_month=front_page.last_month(day),
        goal_told=goal_told,
        today=day,
        **front_page.content(current_user, day),
    )


def _greeting() -> str:
    name = current_user.name.split()[0] if current_user.name.strip() else ""
    hour = datetime.now(ZoneInfo(timezone_name())).hour
    if hour < 12:
        return _("Good morning, %(name)s", name=name)
    if hour < 18:
        return _("Good afternoon, %(name)s", name=name)
    return _("Good evening, %(name)s", name=name)


@blueprint.get("/funnel")
@requires(Can.SEE_REPORTS)
def funnel_page() -> Any:
    """The four steps of twelve months, by campaign, each with its records; and who moved."""
    day = today()
    since = month_back(day, front_page.MONTHS - 1)
    lines = funnel.by_campaign(since, day)
    page = page_of(funnel.movers(since, day), number=page_number(), scalars=False)
    count = page.total
    if page.capped:
        of_all = moved(ActionFilter(since=since, until=day))
        count = db.session.scalar(select(func.count()).select_from(of_all)) or 0
    return render_template(
        "reports/funnel.html",
        since=since,
        until=day,
        lines=lines,
        found=funnel.of_lines(lines, count),
        page=page,
        answered=ANSWERED,
    )
